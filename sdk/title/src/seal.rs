//! Sealing: a title file at rest out of an inspected source.

mod entries;
mod packed;

use std::io::{Read, Seek, Write};

use colophon_crypto::{Engine, Randomness};

use self::entries::{EntrySealer, Treatment};
use crate::container_xml::container_xml;
use crate::encryption::{EncryptedResource, Encryption, is_obfuscation};
use crate::keys::commitment;
use crate::metadata::MetadataRefused;
use crate::signature::{self, Signer, SigningFailed, StatementTerms};
use crate::source::{EntryRole, ObfuscatedFont, Source, SourceRefused};
use crate::stored::fingerprint;
use crate::validation::Validation;
use crate::xml::Caps;
use crate::{ContentKey, EntryPath, Form, Metadata, Progress, VersionId, VersionSalt, names};

/// What a title version is sealed with.
pub struct SealTerms<'a> {
    /// The id of the new version.
    pub version: VersionId,
    /// Its salt.
    pub salt: VersionSalt,
    /// Its content key, never used for another version.
    pub key: &'a ContentKey,
    /// How the key will reach readers.
    pub form: Form,
    /// What the title says of itself.
    pub metadata: &'a Metadata,
    /// Who signs the version: at most one of each role.
    pub signers: &'a [&'a dyn Signer],
    /// When the signatures are issued.
    pub issued_at_unix_s: i64,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedFile {
    /// Length of the file in bytes.
    pub length: u64,
    /// Length of the part that all copies share, in bytes.
    pub prefix_length: u64,
    /// Names every byte of the file; see
    /// [`StoredTitle::fingerprint`](crate::StoredTitle::fingerprint).
    pub fingerprint: [u8; 32],
}

/// Why sealing failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The source could not be read or is not what it was inspected as.
    #[error("the source could not be read")]
    Source(#[from] SourceRefused),
    /// The title file could not be written.
    #[error("the title file could not be written")]
    Write(#[source] std::io::Error),
    /// A field of the metadata cannot be written.
    #[error("the metadata cannot be written")]
    Metadata(#[from] MetadataRefused),
    /// The metadata names another media type than the source has.
    #[error("the metadata is for another media type than the source has")]
    MediaType,
    /// The metadata names a cover that the source does not have.
    #[error("the source has no cover image {path}")]
    NoCover {
        /// What the metadata names.
        path: EntryPath,
    },
    /// An EPUB without `META-INF/container.xml`.
    #[error("the source has no META-INF/container.xml")]
    NoContainer,
    /// An entry has a path that a title file uses for itself, or that is too long.
    #[error("the source may not have an entry {path}")]
    ReservedPath {
        /// The entry.
        path: EntryPath,
    },
    /// A resource is under an encryption that is not font obfuscation.
    #[error("{path} is already encrypted")]
    Encrypted {
        /// The entry.
        path: EntryPath,
    },
    /// There is nothing in the source that would be encrypted.
    #[error("the source has nothing to protect")]
    NothingToProtect,
    /// More entries, or longer paths, than the documents of a title file can list; or an
    /// entry of more than 256 TiB.
    #[error("the source is too large for a title file")]
    TooLarge,
    /// A signer could not sign.
    #[error("the title could not be signed")]
    Signing(#[from] SigningFailed),
}

/// Seals `source` into a title file at rest: encrypted, signed, without a seal or a license.
///
/// The file is written in one pass. `out` must be able to seek because the checksum of a large
/// entry stands in front of it.
///
/// # Errors
///
/// [`SealError`], see its variants. What was written to `out` is then of no use.
pub fn seal<R: Read + Seek, W: Write + Seek>(
    engine: &dyn Engine,
    random: &mut dyn Randomness,
    source: &mut Source<R>,
    terms: &SealTerms<'_>,
    out: W,
    progress: &mut dyn FnMut(Progress),
) -> Result<SealedFile, SealError> {
    let plan = plan(source, terms.metadata)?;
    let bytes_total = plan.bytes_total();
    let mut sealer = EntrySealer::new(engine, random, terms, out, progress, bytes_total);
    let metadata = terms.metadata;
    sealer.stored(
        names::MIMETYPE,
        metadata.media_type.of_title_file().as_bytes(),
    )?;
    match plan.container {
        Container::FromSource { index, size } => {
            let path = EntryPath::fixed(names::CONTAINER);
            sealer.source_entry(source, index, &path, size, Treatment::Clear)?;
        }
        Container::Made => {
            let content = plan.entries.iter().map(|entry| &entry.path);
            sealer.document(
                names::CONTAINER,
                &container_xml(content, &metadata.media_type),
            )?;
        }
    }
    for entry in &plan.entries {
        sealer.source_entry(
            source,
            entry.index,
            &entry.path,
            entry.size,
            entry.treatment,
        )?;
    }
    let resources = sealer
        .listed()
        .iter()
        .filter_map(EncryptedResource::of)
        .collect();
    let encryption = Encryption {
        resources,
        fonts: plan.fonts,
    };
    sealer.document(
        names::ENCRYPTION,
        &within(encryption.to_xml(), &Caps::LIST)?,
    )?;
    sealer.document(
        names::METADATA,
        &within(metadata.to_xml(), &Caps::DOCUMENT)?,
    )?;
    let (entries, digests) = sealer.close_list();
    let validation = Validation {
        form: terms.form,
        version: terms.version,
        salt: terms.salt,
        commitment: commitment(engine, terms.key, &terms.salt),
        entries,
        digests,
    };
    let validation = within(validation.to_xml(), &Caps::LIST)?;
    let validation_xml_sha256 = engine.digest(&[&validation]);
    let (mut container, validation_sha256) = sealer.finish(validation)?;
    let prefix_length = container.position();
    let statement = StatementTerms {
        validation_sha256: validation_xml_sha256,
        issued_at_unix_s: terms.issued_at_unix_s,
        copy_hash: None,
    };
    let signatures = signature::sign_all(engine, &[], terms.signers, &statement)?;
    let mut signatures_xml = Vec::new();
    if !signatures.is_empty() {
        signatures_xml = signature::assemble(&signatures);
        let path = EntryPath::fixed(names::SIGNATURES);
        container
            .stored(&path, &signatures_xml)
            .map_err(SealError::Write)?;
    }
    let (_, length) = container.finish().map_err(SealError::Write)?;
    let fingerprint = fingerprint(engine, &validation_sha256, &signatures_xml);
    Ok(SealedFile {
        length,
        prefix_length,
        fingerprint,
    })
}

/// What becomes of the source's entries.
struct Plan {
    container: Container,
    /// All others, in the order of the source.
    entries: Vec<Planned>,
    /// Those of them that the publisher obfuscated.
    fonts: Vec<ObfuscatedFont>,
}

impl Plan {
    fn bytes_total(&self) -> u64 {
        let container = match self.container {
            Container::FromSource { size, .. } => size,
            Container::Made => 0,
        };
        self.entries
            .iter()
            .fold(container, |total, entry| total.saturating_add(entry.size))
    }
}

enum Container {
    FromSource { index: usize, size: u64 },
    Made,
}

struct Planned {
    index: usize,
    path: EntryPath,
    size: u64,
    treatment: Treatment,
}

fn plan<R: Read + Seek>(source: &Source<R>, metadata: &Metadata) -> Result<Plan, SealError> {
    metadata.check()?;
    if metadata.media_type != *source.media_type() {
        return Err(SealError::MediaType);
    }
    let is_epub = metadata.media_type.is_epub();
    let mut container = None;
    let mut entries = Vec::new();
    for (index, entry) in source.entries().iter().enumerate() {
        let treatment = match entry.role {
            EntryRole::Container => {
                container = Some(Container::FromSource {
                    index,
                    size: entry.size,
                });
                continue;
            }
            // Its content is merged into the title file's own.
            EntryRole::Encryption => continue,
            EntryRole::Content => Treatment::Encrypted,
            EntryRole::Meta
            | EntryRole::Package
            | EntryRole::Navigation
            | EntryRole::Cover
            | EntryRole::ObfuscatedFont => Treatment::Clear,
        };
        let reserved = || SealError::ReservedPath {
            path: entry.path.clone(),
        };
        let path = if is_epub {
            Some(entry.path.clone())
        } else {
            names::content(&entry.path)
        };
        let path = path
            .filter(|path| !names::is_reserved(path))
            .ok_or_else(reserved)?;
        entries.push(Planned {
            index,
            path,
            size: entry.size,
            treatment,
        });
    }
    if let Some(path) = &metadata.cover
        && !entries.iter().any(|entry| entry.path == *path)
    {
        return Err(SealError::NoCover { path: path.clone() });
    }
    let fonts = fonts(source, &entries)?;
    if !entries
        .iter()
        .any(|entry| matches!(entry.treatment, Treatment::Encrypted))
    {
        return Err(SealError::NothingToProtect);
    }
    let container = match (is_epub, container) {
        (false, _) => Container::Made,
        (true, Some(container)) => container,
        (true, None) => return Err(SealError::NoContainer),
    };
    Ok(Plan {
        container,
        entries,
        fonts,
    })
}

/// The obfuscated fonts that are there, each once.
fn fonts<R: Read + Seek>(
    source: &Source<R>,
    entries: &[Planned],
) -> Result<Vec<ObfuscatedFont>, SealError> {
    let mut fonts: Vec<ObfuscatedFont> = Vec::new();
    for font in source.obfuscated_fonts() {
        let Some(entry) = entries.iter().find(|entry| entry.path == font.path) else {
            continue;
        };
        if !is_obfuscation(&font.algorithm) || entry.treatment != Treatment::Clear {
            return Err(SealError::Encrypted {
                path: font.path.clone(),
            });
        }
        if !fonts.iter().any(|other| other.path == font.path) {
            fonts.push(font.clone());
        }
    }
    Ok(fonts)
}

fn within(document: Vec<u8>, caps: &Caps) -> Result<Vec<u8>, SealError> {
    if document.len() <= caps.bytes_max {
        Ok(document)
    } else {
        Err(SealError::TooLarge)
    }
}
