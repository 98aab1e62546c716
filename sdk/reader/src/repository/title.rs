//! A title in its repository.

use std::collections::BTreeMap;
use std::io::BufReader;

use colophon_crypto::Portable;
use colophon_title::license::{self, LicenseReport, Location, RightKind};
use colophon_title::{
    EntryPath, MediaType, Metadata, SignatureReport, SignatureStatus, SignerRole, SignerRoles,
    TrustRoots,
};
use wasmtime::Store;

use super::bindings::{self, contract};
use super::content::{ProtectedEntry, WINDOW_BYTES};
use super::count_store::{CountStore, LockedCounts};
use super::failure::RepositoryFailure;
use super::limits::{FUEL_PER_CALL, InstanceState};

/// What is known at the moment of use.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// The time, in seconds since 1970.
    pub now_unix_s: i64,
    /// Where this is, as far as it is known.
    pub location: Option<Location>,
    /// What programs and devices show of themselves.
    pub shown: Vec<Vec<u8>>,
}

/// A right may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// How often it may still be used, this time included; any number of times if absent.
    pub remaining: Option<u32>,
    /// When this ends, in seconds since 1970.
    pub until_unix_s: Option<i64>,
}

/// What a title says of itself, as its repository found it.
#[derive(Clone, Debug)]
pub struct Described {
    /// The metadata.
    pub metadata: Metadata,
    /// Whom the copy was made for.
    pub owner: String,
    /// The id of the copy.
    pub copy_id: Vec<u8>,
    /// The entries of the publication, in order, with the lengths of their content.
    pub entries: Vec<(EntryPath, u64)>,
    /// The signatures, all intact.
    pub signatures: Vec<SignatureReport>,
    /// The document of the license, which was verified.
    pub license_document: Vec<u8>,
    /// The kind of the one fact about the machine that has changed since it was activated.
    pub changed_fact: Option<String>,
}

impl Described {
    /// What the license says.
    ///
    /// # Errors
    ///
    /// [`license::LicenseRefused`] if these roots do not stand behind it.
    pub fn license(&self, roots: &TrustRoots) -> Result<LicenseReport, license::LicenseRefused> {
        license::verify(&Portable, &self.license_document, roots)
    }
}

/// One title, open in an instance of its repository.
pub struct ProtectedTitle {
    store: Store<InstanceState>,
    instance: bindings::Repository,
    described: Described,
    /// The lengths of the entries described.
    sizes: BTreeMap<EntryPath, u64>,
    counts: CountStore,
}

impl ProtectedTitle {
    pub(super) fn new(
        store: Store<InstanceState>,
        instance: bindings::Repository,
        description: contract::Description,
        counts: CountStore,
    ) -> Result<ProtectedTitle, RepositoryFailure> {
        let described = described(description).ok_or(RepositoryFailure::Answer)?;
        Ok(ProtectedTitle {
            store,
            instance,
            sizes: described.entries.iter().cloned().collect(),
            described,
            counts,
        })
    }

    /// What the title says of itself.
    #[must_use]
    pub fn described(&self) -> &Described {
        &self.described
    }

    /// Work of the last call into the repository, opening included: about one unit an instruction.
    /// Whoever shows a title sees by it how far a call was from the limit.
    #[must_use]
    pub fn last_call_work(&self) -> u64 {
        let left = self.store.get_fuel().unwrap_or_default();
        FUEL_PER_CALL.saturating_sub(left)
    }

    /// Whether a right could be used now. Uses nothing.
    ///
    /// # Errors
    ///
    /// [`RepositoryFailure::Denied`]: why not; others see there.
    pub fn judge(
        &mut self,
        kind: RightKind,
        circumstances: &Circumstances,
    ) -> Result<Permission, RepositoryFailure> {
        let (_counts, told) = self.counted(circumstances)?;
        let judged = self
            .instance
            .colophon_repository_protected_title()
            .call_judge(&mut self.store, right(kind), &told);
        let permission = judged.map_err(RepositoryFailure::of_call)??;
        Ok(permitted(&permission))
    }

    /// Uses a right once. When this gives the permission, the use has been written down.
    ///
    /// # Errors
    ///
    /// [`RepositoryFailure::Denied`]: why it may not be used; others see there. Nothing may be
    /// done then.
    pub fn exercise(
        &mut self,
        kind: RightKind,
        circumstances: &Circumstances,
    ) -> Result<Permission, RepositoryFailure> {
        // Other readers of this person wait until the use is written down.
        let (counts, told) = self.counted(circumstances)?;
        let used = self
            .instance
            .colophon_repository_protected_title()
            .call_exercise(&mut self.store, right(kind), &told);
        let permission = used.map_err(RepositoryFailure::of_call)??;
        if let Some(keep) = &permission.keep {
            counts.write(keep).map_err(RepositoryFailure::Counts)?;
        }
        Ok(permitted(&permission))
    }

    /// Makes ready for a question about a right: the counts, which nobody else touches until they
    /// are dropped, and what the repository is told of them and of the moment.
    fn counted(
        &mut self,
        circumstances: &Circumstances,
    ) -> Result<(LockedCounts, contract::Circumstances), RepositoryFailure> {
        let counts = self.counts.lock().map_err(RepositoryFailure::Counts)?;
        let kept = counts.read().map_err(RepositoryFailure::Counts)?;
        self.refuel()?;
        Ok((counts, told(circumstances, kept)))
    }

    /// Opens an entry for reading at any position. What cannot be read is an
    /// [`io::Error`](std::io::Error) with the [`RepositoryFailure`] inside.
    ///
    /// # Errors
    ///
    /// [`RepositoryFailure::NoSuchEntry`].
    pub fn entry_reader(
        &mut self,
        path: &EntryPath,
    ) -> Result<BufReader<ProtectedEntry<'_>>, RepositoryFailure> {
        let size = self.sizes.get(path).copied();
        let size = size.ok_or_else(|| RepositoryFailure::NoSuchEntry { path: path.clone() })?;
        let entry = ProtectedEntry::new(self, path.clone(), size);
        Ok(BufReader::with_capacity(WINDOW_BYTES, entry))
    }

    /// Some content of an entry from `offset` on, nothing at its end.
    pub(super) fn read(
        &mut self,
        path: &EntryPath,
        offset: u64,
        length: u32,
    ) -> Result<Vec<u8>, RepositoryFailure> {
        self.refuel()?;
        let read = self
            .instance
            .colophon_repository_protected_title()
            .call_read(&mut self.store, path.as_str(), offset, length);
        Ok(read.map_err(RepositoryFailure::of_call)??)
    }

    fn refuel(&mut self) -> Result<(), RepositoryFailure> {
        let fuel = self.store.set_fuel(FUEL_PER_CALL);
        fuel.map_err(RepositoryFailure::Engine)
    }
}

fn right(kind: RightKind) -> contract::Right {
    match kind {
        RightKind::View => contract::Right::View,
        RightKind::Print => contract::Right::Print,
        RightKind::Copy => contract::Right::Copy,
    }
}

fn told(circumstances: &Circumstances, kept: Option<contract::Kept>) -> contract::Circumstances {
    let letters = |place: &Location| String::from_utf8_lossy(&place.country).into_owned();
    let location = circumstances.location.as_ref();
    contract::Circumstances {
        now_unix_s: circumstances.now_unix_s,
        location: location.map(|place| contract::Location {
            country: letters(place),
            region: place.region.as_ref().map(ToString::to_string),
            city: place.city.as_ref().map(ToString::to_string),
            postal_code: place.postal_code.as_ref().map(ToString::to_string),
        }),
        shown: circumstances.shown.clone(),
        kept,
    }
}

fn permitted(permission: &contract::Permission) -> Permission {
    Permission {
        remaining: permission.remaining,
        until_unix_s: permission.until_unix_s,
    }
}

/// What the repository said, unless it makes no sense.
fn described(description: contract::Description) -> Option<Described> {
    let metadata = description.metadata;
    let entry = |entry: contract::Entry| Some((EntryPath::parse(&entry.path).ok()?, entry.size));
    let signatures = description.signatures.into_iter();
    let mut required_signatures = SignerRoles::new();
    for role in &metadata.required_signatures {
        required_signatures.insert(SignerRole::from_word(role)?);
    }
    let cover = metadata.cover.as_deref().map(EntryPath::parse);
    Some(Described {
        owner: description.owner,
        copy_id: description.copy_id,
        entries: description
            .entries
            .into_iter()
            .map(entry)
            .collect::<Option<_>>()?,
        signatures: signatures.map(signature).collect::<Option<_>>()?,
        license_document: description.license,
        changed_fact: description.changed_fact,
        metadata: Metadata {
            book_id: metadata.book_id,
            book_id_type: metadata.book_id_type,
            title: metadata.title,
            authors: metadata.authors,
            publisher: metadata.publisher,
            language: metadata.language,
            copyright: metadata.copyright,
            media_type: MediaType::parse(&metadata.media_type).ok()?,
            cover: cover.transpose().ok()?,
            required_signatures,
        },
    })
}

fn signature(signature: contract::Signature) -> Option<SignatureReport> {
    Some(SignatureReport {
        role: SignerRole::from_word(&signature.role)?,
        subject: signature.subject,
        issuer: signature.issuer,
        certificate_sha256: signature.certificate_sha256.try_into().ok()?,
        issued_at_unix_s: signature.issued_at_unix_s,
        per_copy: signature.per_copy,
        status: match signature.trusted {
            true => SignatureStatus::Valid,
            false => SignatureStatus::Untrusted,
        },
    })
}
