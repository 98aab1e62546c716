//! The component: the contract of `wit/repository` on one side, a [`Session`] on the other.

use std::cell::RefCell;

use colophon_crypto::Portable;
use colophon_title::license::{Line, Location, RightKind};
use colophon_title::{SignatureStatus, SignerRole};

use self::bindings::colophon::repository::title_file;
use self::bindings::exports::colophon::repository::protected_title::{
    self as contract, Circumstances, Denial, Description, Guest, Permission, Refusal, Right,
};
use crate::own_key::{own_key, pinned_roots};
use crate::{Device, FileBytes, Moment, Own, Refused, SealedCounts, Session, Trust, WindowedFile};

/// The most content that is given out at once, in bytes.
const CONTENT_BYTES_MAX: usize = 1 << 20;

mod bindings {
    #![expect(
        unsafe_code,
        reason = "generated from the contract: values cross the boundary as raw memory"
    )]

    wit_bindgen::generate!({
        path: "../../wit/repository/0.1",
        world: "repository",
        generate_all,
    });

    export!(Component with_types_in self);

    use super::Component;
}

/// The bytes of the one file the reader lets an instance see.
struct ImportedFile;

impl FileBytes for ImportedFile {
    fn length(&self) -> u64 {
        title_file::length()
    }

    fn bytes(&self, offset: u64, length: u32) -> Result<Vec<u8>, String> {
        title_file::read(offset, length)
    }
}

type Opened = Session<'static, WindowedFile<ImportedFile>>;

thread_local! {
    /// The title of this instance, once it is open.
    static SESSION: RefCell<Option<Opened>> = const { RefCell::new(None) };
}

fn with_session<T>(act: impl FnOnce(&mut Opened) -> T) -> Option<T> {
    SESSION.with_borrow_mut(|session| session.as_mut().map(act))
}

struct Component;

impl Guest for Component {
    fn open(device: contract::Device, trust: contract::Trust) -> Result<Description, Refusal> {
        open(&device, &trust).map_err(|refused| refusal(&refused))
    }

    fn judge(right: Right, circumstances: Circumstances) -> Result<Permission, Denial> {
        let place = circumstances.location.as_ref().and_then(location);
        let counts = sealed_counts(circumstances.kept.as_ref());
        let moment = Moment {
            now_unix_s: circumstances.now_unix_s,
            location: place.as_ref(),
            shown: &circumstances.shown,
            counts: &counts,
        };
        let judged = with_session(|session| session.judge(kind(right), &moment));
        let permission = judged.ok_or_else(no_title)?.map_err(denial)?;
        Ok(Permission {
            remaining: permission.remaining,
            until_unix_s: permission.until_unix_s,
            keep: None,
        })
    }

    fn exercise(right: Right, circumstances: Circumstances) -> Result<Permission, Denial> {
        let place = circumstances.location.as_ref().and_then(location);
        let counts = sealed_counts(circumstances.kept.as_ref());
        let moment = Moment {
            now_unix_s: circumstances.now_unix_s,
            location: place.as_ref(),
            shown: &circumstances.shown,
            counts: &counts,
        };
        let used = with_session(|session| session.exercise(kind(right), &moment));
        let used = used.ok_or_else(no_title)?.map_err(denial)?;
        Ok(Permission {
            remaining: used.permission.remaining,
            until_unix_s: used.permission.until_unix_s,
            keep: used.keep.map(|keep| contract::Kept {
                counts: keep.counts,
                witness: keep.witness,
            }),
        })
    }

    fn read(path: String, offset: u64, length: u32) -> Result<Vec<u8>, Refusal> {
        let length = usize::try_from(length).unwrap_or(CONTENT_BYTES_MAX);
        let mut content = vec![0; length.min(CONTENT_BYTES_MAX)];
        let given = with_session(|session| session.read(&path, offset, &mut content))
            .unwrap_or(Err(Refused::OneTitle))
            .map_err(|refused| refusal(&refused))?;
        content.truncate(given);
        Ok(content)
    }
}

fn open(device: &contract::Device, trust: &contract::Trust) -> Result<Description, Refused> {
    if with_session(|_| ()).is_some() {
        return Err(Refused::OneTitle);
    }
    let device = Device {
        persona: &device.persona,
        machine: &device.machine,
        facts: &device.facts,
        sealed_key: &device.sealed_key,
    };
    let trust = Trust {
        roots: &trust.roots,
        revocation_lists: &trust.revocation_lists,
    };
    let file = WindowedFile::new(ImportedFile);
    let own_key = own_key()?;
    let own = Own {
        roots: &pinned_roots(&own_key)?,
        key: &own_key,
    };
    let session = Session::open(&Portable, own, &device, &trust, file)?;
    let description = description(&session);
    SESSION.set(Some(session));
    Ok(description)
}

fn description(session: &Opened) -> Description {
    let title = session.title();
    let bookplate = title.bookplate();
    let entries = title.entry_sizes().map(|(path, size)| contract::Entry {
        path: path.to_string(),
        size,
    });
    Description {
        metadata: metadata(session),
        owner: bookplate.map_or_else(String::new, |bookplate| bookplate.owner.clone()),
        copy_id: bookplate.map_or_else(Vec::new, |bookplate| bookplate.copy_id.as_bytes().to_vec()),
        entries: entries.collect(),
        signatures: signatures(session),
        license: title.license_document().unwrap_or_default().to_vec(),
        changed_fact: session.changed_fact().map(|kind| kind.name().to_owned()),
    }
}

fn metadata(session: &Opened) -> contract::Metadata {
    let metadata = session.title().metadata();
    let required = SignerRole::ALL.into_iter();
    let required = required.filter(|role| metadata.required_signatures.contains(*role));
    contract::Metadata {
        book_id: metadata.book_id.clone(),
        book_id_type: metadata.book_id_type.clone(),
        title: metadata.title.clone(),
        authors: metadata.authors.clone(),
        publisher: metadata.publisher.clone(),
        language: metadata.language.clone(),
        copyright: metadata.copyright.clone(),
        media_type: metadata.media_type.to_string(),
        cover: metadata.cover.as_ref().map(ToString::to_string),
        required_signatures: required.map(|role| role.to_string()).collect(),
    }
}

fn signatures(session: &Opened) -> Vec<contract::Signature> {
    let reports = session.title().signatures().iter();
    reports
        .map(|report| contract::Signature {
            role: report.role.to_string(),
            subject: report.subject.clone(),
            issuer: report.issuer.clone(),
            certificate_sha256: report.certificate_sha256.to_vec(),
            issued_at_unix_s: report.issued_at_unix_s,
            per_copy: report.per_copy,
            trusted: report.status == SignatureStatus::Valid,
        })
        .collect()
}

fn kind(right: Right) -> RightKind {
    match right {
        Right::View => RightKind::View,
        Right::Print => RightKind::Print,
        Right::Copy => RightKind::Copy,
    }
}

fn sealed_counts(kept: Option<&contract::Kept>) -> SealedCounts {
    kept.map_or_else(SealedCounts::default, |kept| SealedCounts {
        counts: kept.counts.clone(),
        witness: kept.witness.clone(),
    })
}

/// A place that cannot be named is an unknown one.
fn location(place: &contract::Location) -> Option<Location> {
    let line = |text: &Option<String>| text.as_deref().and_then(|text| Line::parse(text).ok());
    Some(Location {
        region: line(&place.region),
        city: line(&place.city),
        postal_code: line(&place.postal_code),
        ..Location::country(&place.country)?
    })
}

/// The causes in words, from the outermost to the innermost.
fn refusal(refused: &Refused) -> Refusal {
    let mut detail = refused.to_string();
    let mut cause = std::error::Error::source(refused);
    while let Some(inner) = cause {
        detail.push_str(": ");
        detail.push_str(&inner.to_string());
        cause = inner.source();
    }
    Refusal {
        reason: refused.reason().to_owned(),
        detail,
    }
}

fn denial(denied: crate::Denial) -> Denial {
    Denial {
        reason: denied.reason().to_owned(),
        detail: denied.to_string(),
    }
}

fn no_title() -> Denial {
    Denial {
        reason: Refused::OneTitle.reason().to_owned(),
        detail: Refused::OneTitle.to_string(),
    }
}
