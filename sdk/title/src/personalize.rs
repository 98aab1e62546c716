//! The tail of a copy.

use std::borrow::Cow;

use colophon_crypto::Engine;

use crate::container::TailWriter;
use crate::keys::{copy_hash, is_committed, seal_content_key};
use crate::license::{
    LicenseSigningFailed, LicenseTerms, LicenseTermsRefused, LicensedCopy, SignedLicense,
};
use crate::signature::{self, Signer, SigningFailed, StatementTerms};
use crate::{Bookplate, ContentKey, CopyId, EntryPath, Form, Level, StoredTitle, names};

/// What a copy is made with.
pub struct CopyTerms<'a> {
    /// The level: 2, 3 or 5.
    pub level: Level,
    /// The owner's name or whatever else the retailer binds; at levels 3 and 5 only.
    pub bookplate: Option<&'a str>,
    /// The id of the copy.
    pub copy_id: CopyId,
    /// When the copy is issued, as its signatures say. A license says when it is granted.
    pub issued_at_unix_s: i64,
    /// Who signs this copy.
    pub signers: &'a [&'a dyn Signer],
    /// The license of the copy: at level 5 always, below where one is wanted.
    pub license: Option<LicenseTerms<'a>>,
}

/// The tail of a copy: the copy's bytes are the first [`StoredTitle::prefix_length`] bytes of
/// the file at rest, then these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The digest everything of the copy is bound by.
    pub copy_hash: [u8; 32],
    /// The license that is in it.
    pub license: Option<SignedLicense>,
}

/// Why a copy could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersonalizeError {
    /// The title version is not kept in the form that the level needs.
    #[error("a copy at level {level} cannot be made of a {form} title version")]
    Form {
        /// The level asked for.
        level: Level,
        /// The form of the version.
        form: Form,
    },
    /// The key is not the one the title version was sealed with.
    #[error("the content key is not that of the title version")]
    Key,
    /// A copy at level 3 or 5 without a bookplate.
    #[error("a copy at level {level} needs a bookplate")]
    BookplateMissing {
        /// The level asked for.
        level: Level,
    },
    /// A copy at level 2 with a bookplate, which it could not carry.
    #[error("a copy at level 2 cannot carry a bookplate")]
    BookplateForbidden,
    /// The bookplate is empty, longer than 1024 bytes, or holds control characters.
    #[error("the bookplate is empty, longer than 1024 bytes, or holds control characters")]
    Bookplate,
    /// A copy at level 5 without a license for a persona, or a persona below level 5.
    #[error("a copy at level {level} and its license do not agree on a persona")]
    Persona {
        /// The level asked for.
        level: Level,
    },
    /// No license can be made out of the terms.
    #[error("the license of the copy could not be made")]
    License(#[from] LicenseTermsRefused),
    /// The license could not be signed.
    #[error("the license of the copy could not be signed")]
    LicenseSigning(#[from] LicenseSigningFailed),
    /// A signer could not sign.
    #[error("the copy could not be signed")]
    Signing(#[from] SigningFailed),
}

/// More than the tail entries of a copy take, signatures left out: their headers, the
/// bookplate, the seal, their records and the end of the directory.
const TAIL_ROOM: usize = 2048;

/// Makes the tail of a copy. Equal arguments give equal bytes, if the signers do.
///
/// What this costs depends on the number of entries and the signatures, not on the content.
///
/// # Errors
///
/// [`PersonalizeError`], see its variants.
pub fn personalize(
    engine: &dyn Engine,
    title: &StoredTitle,
    key: &ContentKey,
    terms: &CopyTerms<'_>,
) -> Result<Tail, PersonalizeError> {
    let level = terms.level;
    if level.form() != Some(title.form) {
        return Err(PersonalizeError::Form {
            level,
            form: title.form,
        });
    }
    if !is_committed(engine, key, &title.salt, &title.commitment) {
        return Err(PersonalizeError::Key);
    }
    let names_persona = terms
        .license
        .is_some_and(|license| license.persona.is_some());
    if names_persona != (level == Level::FullyIndividualized) {
        return Err(PersonalizeError::Persona { level });
    }
    let bookplate = bookplate(terms)?;
    let bookplate_xml = bookplate.as_ref().map(Bookplate::to_xml);
    let copy_hash = copy_hash(
        engine,
        level,
        &title.metadata_sha256,
        &title.validation_sha256,
        bookplate_xml.as_deref().unwrap_or_default(),
    );
    let signatures_xml = signatures(engine, title, terms, copy_hash)?;
    let seal = seal_content_key(engine, &copy_hash, key);
    let license = match &terms.license {
        Some(license) => {
            let copy = LicensedCopy {
                metadata: &title.metadata,
                copy_hash: &copy_hash,
                owner: terms.bookplate,
                sealed_key: &seal,
            };
            let unsigned = license.license(engine, &copy)?;
            Some(license.sign(engine, &unsigned)?)
        }
        None => None,
    };
    // At level 5 the key is in the license alone.
    let seal = (level != Level::FullyIndividualized).then_some(seal.as_slice());
    let entries = [
        (names::SIGNATURES, signatures_xml.as_deref()),
        (names::BOOKPLATE, bookplate_xml.as_deref()),
        (names::SEAL, seal),
        (names::RIGHTS, license.as_ref().map(SignedLicense::document)),
    ];
    Ok(Tail {
        bytes: write(title, &entries),
        copy_hash,
        license,
    })
}

fn bookplate(terms: &CopyTerms<'_>) -> Result<Option<Bookplate>, PersonalizeError> {
    let level = terms.level;
    match (level.has_bookplate(), terms.bookplate) {
        (false, None) => Ok(None),
        (false, Some(_)) => Err(PersonalizeError::BookplateForbidden),
        (true, None) => Err(PersonalizeError::BookplateMissing { level }),
        (true, Some(owner)) => {
            let bookplate = Bookplate::new(owner, terms.copy_id);
            bookplate.map(Some).ok_or(PersonalizeError::Bookplate)
        }
    }
}

/// The signatures of the version, and after them those of the copy.
fn signatures<'t>(
    engine: &dyn Engine,
    title: &'t StoredTitle,
    terms: &CopyTerms<'_>,
    copy_hash: [u8; 32],
) -> Result<Option<Cow<'t, [u8]>>, PersonalizeError> {
    if terms.signers.is_empty() {
        return Ok(title.signatures_xml.as_deref().map(Cow::Borrowed));
    }
    let statement = StatementTerms {
        validation_sha256: title.validation_xml_sha256,
        issued_at_unix_s: terms.issued_at_unix_s,
        copy_hash: Some(copy_hash),
    };
    let all = signature::sign_all(engine, &title.signatures, terms.signers, &statement)?;
    Ok(Some(Cow::Owned(signature::assemble(&all))))
}

fn write(title: &StoredTitle, entries: &[(&'static str, Option<&[u8]>)]) -> Vec<u8> {
    let content: usize = entries
        .iter()
        .filter_map(|(_, content)| *content)
        .map(<[u8]>::len)
        .sum();
    let mut tail = TailWriter::after(&title.prefix, content + TAIL_ROOM);
    for (name, content) in entries {
        if let Some(content) = content {
            tail.stored(&EntryPath::fixed(name), content);
        }
    }
    tail.finish()
}
