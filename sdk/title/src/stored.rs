//! A title file at rest.

use std::io::{Read, Seek};

use colophon_crypto::{Engine, frames};

use crate::container::DirectoryHead;
use crate::content::{ContentReader, GroupMemory};
use crate::signature::{self, SignatureElement};
use crate::structure::Structure;
use crate::tail::TailKind;
use crate::{Form, Metadata, PROFILE, Progress, TitleRefused, VersionId, VersionSalt};

/// A title file at rest, parsed once: everything that copies of it need and that does not
/// depend on the copy. It holds no content and no key.
#[derive(Clone, Debug)]
pub struct StoredTitle {
    pub(crate) metadata: Metadata,
    pub(crate) form: Form,
    version: VersionId,
    pub(crate) salt: VersionSalt,
    pub(crate) commitment: [u8; 32],
    /// The prefix, as the directory of every copy lists it.
    pub(crate) prefix: DirectoryHead,
    pub(crate) metadata_sha256: [u8; 32],
    pub(crate) validation_sha256: [u8; 32],
    pub(crate) validation_xml_sha256: [u8; 32],
    /// The signatures of the version, as they were found and one by one.
    pub(crate) signatures_xml: Option<Vec<u8>>,
    pub(crate) signatures: Vec<SignatureElement>,
    fingerprint: [u8; 32],
}

impl StoredTitle {
    /// Reads and checks the structure of a title file at rest; not its content, and not its
    /// signatures.
    ///
    /// # Errors
    ///
    /// [`TitleRefused`], see its variants.
    pub fn read<R: Read + Seek>(
        engine: &dyn Engine,
        mut reader: R,
    ) -> Result<StoredTitle, TitleRefused> {
        let structure = Structure::read(engine, &mut reader)?;
        StoredTitle::from_structure(engine, structure)
    }

    /// Reads a title file at rest and checks every byte of it, for which no key is needed.
    ///
    /// # Errors
    ///
    /// [`TitleRefused`], see its variants.
    pub fn verify<R: Read + Seek>(
        engine: &dyn Engine,
        mut reader: R,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<StoredTitle, TitleRefused> {
        let structure = Structure::read(engine, &mut reader)?;
        let bytes_total = structure
            .validation
            .entries
            .iter()
            .map(|entry| entry.stored)
            .sum();
        let mut content = ContentReader {
            engine,
            reader: &mut reader,
            memory: &mut GroupMemory::default(),
        };
        let mut bytes_done = 0;
        for entry in structure.listed() {
            content.check(entry)?;
            bytes_done += entry.listed.stored;
            progress(Progress {
                bytes_done,
                bytes_total,
            });
        }
        StoredTitle::from_structure(engine, structure)
    }

    fn from_structure(
        engine: &dyn Engine,
        structure: Structure,
    ) -> Result<StoredTitle, TitleRefused> {
        if structure.tail.kind != TailKind::AtRest {
            return Err(TitleRefused::NotAtRest);
        }
        let signatures_xml = structure.tail.signatures;
        let signatures = signatures_xml
            .as_deref()
            .map(signature::split)
            .transpose()?;
        let signed = signatures_xml.as_deref().unwrap_or_default();
        let validation = structure.validation;
        Ok(StoredTitle {
            fingerprint: fingerprint(engine, &structure.validation_sha256, signed),
            metadata: structure.metadata,
            form: validation.form,
            version: validation.version,
            salt: validation.salt,
            commitment: validation.commitment,
            prefix: DirectoryHead::of(&structure.prefix),
            metadata_sha256: structure.metadata_sha256,
            validation_sha256: structure.validation_sha256,
            validation_xml_sha256: structure.validation_xml_sha256,
            signatures: signatures.unwrap_or_default(),
            signatures_xml,
        })
    }

    /// Length of the part that all copies share, in bytes.
    #[must_use]
    pub fn prefix_length(&self) -> u64 {
        self.prefix.length
    }

    /// What the title says of itself.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// How the content key reaches readers.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// The id of the version.
    #[must_use]
    pub fn version(&self) -> &VersionId {
        &self.version
    }

    /// The salt of the version.
    #[must_use]
    pub fn salt(&self) -> &VersionSalt {
        &self.salt
    }

    /// A digest that names every byte of the file: over the digest of `validation.xml`, which
    /// lists the digests of everything before it, and over the signatures. It is known
    /// without reading the content, which [`StoredTitle::verify`] holds against it.
    #[must_use]
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// About how much memory this value takes, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let metadata = &self.metadata;
        let optional = [&metadata.publisher, &metadata.language, &metadata.copyright];
        let texts = [&metadata.book_id, &metadata.book_id_type, &metadata.title]
            .into_iter()
            .chain(&metadata.authors)
            .chain(optional.into_iter().flatten());
        let texts: usize = texts.map(|text| text.len() + size_of::<String>()).sum();
        let signatures = self.signatures.iter();
        let signatures: usize = signatures
            .map(|signature| signature.octets().len() + size_of::<SignatureElement>())
            .sum();
        let signatures_xml = self.signatures_xml.as_ref().map_or(0, Vec::len);
        size_of::<StoredTitle>() + texts + signatures + signatures_xml + self.prefix.records.len()
    }
}

/// See [`StoredTitle::fingerprint`].
pub(crate) fn fingerprint(
    engine: &dyn Engine,
    validation_sha256: &[u8; 32],
    signatures_xml: &[u8],
) -> [u8; 32] {
    let parts: [&[u8]; 4] = [
        PROFILE.as_bytes(),
        b"fingerprint",
        validation_sha256,
        signatures_xml,
    ];
    engine.digest(&[&frames(&parts)])
}
