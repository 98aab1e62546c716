//! The reader's side.

mod adoption;
mod entry;
mod locked;
mod publication;

use std::io::{Read, Seek, Write};

use colophon_crypto::Engine;

pub use self::adoption::AdoptionError;
pub use self::entry::EntryReader;
use self::entry::OpenEntry;
pub use self::locked::LockedTitle;
pub use self::publication::PublicationError;
use crate::content::{ContentReader, GroupMemory, VersionKey};
use crate::keys::{copy_hash, is_committed, unseal_content_key};
use crate::license::{self, LicenseReport, PersonaKey};
use crate::signature::{self, SignatureReport, SignatureStatus, SignedState, SignerRoles};
use crate::structure::Structure;
use crate::tail::TailKind;
use crate::{
    Bookplate, ContentKey, EntryPath, Level, Metadata, Progress, SealedFile, TitleRefused,
    TrustRoots,
};

/// A title file that was found intact in structure, whose key was unsealed and whose
/// signatures were verified. Content is checked as it is read.
pub struct OpenTitle<'e, R> {
    engine: &'e dyn Engine,
    reader: R,
    memory: GroupMemory,
    read_last: Option<(EntryPath, OpenEntry)>,
    structure: Structure,
    key: ContentKey,
    level: Level,
    copy_hash: [u8; 32],
    bookplate: Option<Bookplate>,
    license: Option<LicenseReport>,
    signatures: Vec<SignatureReport>,
}

impl<'e, R: Read + Seek> OpenTitle<'e, R> {
    /// Opens a copy at level 2 or 3.
    ///
    /// A copy without signatures, or with signatures nobody trusted stands behind, opens:
    /// see [`OpenTitle::missing_signatures`].
    ///
    /// # Errors
    ///
    /// [`TitleRefused`], see its variants.
    pub fn open(
        engine: &'e dyn Engine,
        mut reader: R,
        roots: &TrustRoots,
    ) -> Result<OpenTitle<'e, R>, TitleRefused> {
        let structure = Structure::read(engine, &mut reader)?;
        let (bookplate_xml, seal, license) = match &structure.tail.kind {
            TailKind::AtRest => return Err(TitleRefused::NoKey),
            TailKind::Licensed { .. } => return Err(TitleRefused::LicenseRequired),
            TailKind::Sealed {
                bookplate,
                seal,
                license,
            } => (bookplate.as_deref(), seal, license.as_deref()),
        };
        let level = match bookplate_xml {
            Some(_) => Level::IndividuallySealed,
            None => Level::SourceSealed,
        };
        let copy = Copy::read(engine, &structure, level, bookplate_xml)?;
        let license = match license {
            Some(document) => Some(copy.license(engine, &structure, document, roots)?),
            None => None,
        };
        let key = unseal_content_key(engine, &copy.hash, seal);
        let key = key.map_err(|_| TitleRefused::Seal)?;
        copy.opened(engine, reader, structure, roots, key, license)
    }

    /// Opens a copy at level 5 with the key of the persona it was made for. Opening is no use of
    /// a right: whoever shows the content asks [`License::exercise`] first.
    ///
    /// # Errors
    ///
    /// [`TitleRefused`], see its variants; [`TitleRefused::License`] also where no trusted root
    /// stands behind the licensor.
    ///
    /// [`License::exercise`]: crate::license::License::exercise
    pub fn open_licensed(
        engine: &'e dyn Engine,
        mut reader: R,
        roots: &TrustRoots,
        persona: &dyn PersonaKey,
    ) -> Result<OpenTitle<'e, R>, TitleRefused> {
        let structure = Structure::read(engine, &mut reader)?;
        let (bookplate_xml, document) = match &structure.tail.kind {
            TailKind::AtRest => return Err(TitleRefused::NoKey),
            TailKind::Sealed { .. } => return Err(TitleRefused::NotLicensed),
            TailKind::Licensed { bookplate, license } => (bookplate, license),
        };
        let level = Level::FullyIndividualized;
        let copy = Copy::read(engine, &structure, level, Some(bookplate_xml))?;
        let report = copy.license(engine, &structure, document, roots)?;
        let sealed = report
            .license
            .enabling_bits(persona.public_key_spki_der())
            .and_then(|bits| persona.decrypt(bits).ok())
            .ok_or(TitleRefused::OtherPersona)?;
        let key = unseal_content_key(engine, &copy.hash, &sealed);
        let key = key.map_err(|_| TitleRefused::Seal)?;
        copy.opened(engine, reader, structure, roots, key, Some(report))
    }

    /// What the title says of itself.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.structure.metadata
    }

    /// The level of the copy.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Whom the copy was made for; none at level 2.
    #[must_use]
    pub fn bookplate(&self) -> Option<&Bookplate> {
        self.bookplate.as_ref()
    }

    /// The digest everything of the copy is bound by.
    #[must_use]
    pub fn copy_hash(&self) -> &[u8; 32] {
        &self.copy_hash
    }

    /// The license of the copy: at level 5 always, below it where there is one.
    #[must_use]
    pub fn license(&self) -> Option<&LicenseReport> {
        self.license.as_ref()
    }

    /// The document of the license, if the copy has one.
    #[must_use]
    pub fn license_document(&self) -> Option<&[u8]> {
        match &self.structure.tail.kind {
            TailKind::AtRest => None,
            TailKind::Sealed { license, .. } => license.as_deref(),
            TailKind::Licensed { license, .. } => Some(license),
        }
    }

    /// The signatures, all intact.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureReport] {
        &self.signatures
    }

    /// The signatures that the title must have and that are not there or not trusted: with
    /// any of them missing, the origin is unproven.
    #[must_use]
    pub fn missing_signatures(&self) -> SignerRoles {
        let mut trusted = SignerRoles::new();
        for report in &self.signatures {
            match report.status {
                SignatureStatus::Valid => trusted.insert(report.role),
                SignatureStatus::Untrusted => {}
            }
        }
        self.metadata().required_signatures.without(trusted)
    }

    /// The entries of the publication, in order.
    pub fn entries(&self) -> impl Iterator<Item = &EntryPath> {
        self.entry_sizes().map(|(path, _)| path)
    }

    /// The entries of the publication, in order, each with the length of its content in bytes.
    pub fn entry_sizes(&self) -> impl Iterator<Item = (&EntryPath, u64)> {
        let entries = self.structure.publication();
        entries.map(|entry| (&entry.listed.path, entry.listed.size))
    }

    /// Length of an entry's content in bytes, if the publication has the entry.
    #[must_use]
    pub fn entry_size(&self, path: &EntryPath) -> Option<u64> {
        let entry = self.structure.find(path);
        entry.map(|entry| entry.listed.size).ok()
    }

    /// Writes an entry's content to `out` and gives its length in bytes. Nothing is held in
    /// memory but one segment, or one entry of those that are encrypted whole and the 64 KiB
    /// at most that it shares a digest with.
    ///
    /// # Errors
    ///
    /// [`TitleRefused`], see its variants. What was written before is to be thrown away.
    pub fn read_entry(
        &mut self,
        path: &EntryPath,
        out: &mut dyn Write,
    ) -> Result<u64, TitleRefused> {
        let entry = self.structure.find(path)?;
        let key = VersionKey {
            key: &self.key,
            salt: &self.structure.validation.salt,
        };
        let mut content = ContentReader {
            engine: self.engine,
            reader: &mut self.reader,
            memory: &mut self.memory,
        };
        content.pour(entry, key, &mut |bytes| out.write_all(bytes))?;
        Ok(entry.listed.size)
    }

    /// Opens an entry for reading at any position.
    ///
    /// # Errors
    ///
    /// [`TitleRefused`], see its variants.
    pub fn entry_reader(&mut self, path: &EntryPath) -> Result<EntryReader<'_, R>, TitleRefused> {
        let entry = self.structure.find(path)?;
        let key = VersionKey {
            key: &self.key,
            salt: &self.structure.validation.salt,
        };
        let content = ContentReader {
            engine: self.engine,
            reader: &mut self.reader,
            memory: &mut self.memory,
        };
        EntryReader::open(content, entry, key)
    }

    /// Reads some of an entry's content at a position; nothing at its end and beyond. It is for
    /// those who cannot keep a borrow of the title: the entry that was read last stays open, and
    /// is opened anew when another was read in between.
    ///
    /// # Errors
    ///
    /// [`TitleRefused`], see its variants.
    pub fn read_at(
        &mut self,
        path: &EntryPath,
        position: u64,
        out: &mut [u8],
    ) -> Result<usize, TitleRefused> {
        let mut content = ContentReader {
            engine: self.engine,
            reader: &mut self.reader,
            memory: &mut self.memory,
        };
        let last = self.read_last.take();
        let (path, mut open) = match last.filter(|(last, _)| last == path) {
            Some(last) => last,
            None => {
                let entry = self.structure.find(path)?;
                let key = VersionKey {
                    key: &self.key,
                    salt: &self.structure.validation.salt,
                };
                (path.clone(), OpenEntry::open(&mut content, entry, key)?)
            }
        };
        let given = open.read_at(&mut content, position, out);
        self.read_last = Some((path, open));
        given
    }

    /// Checks every byte of the file.
    ///
    /// # Errors
    ///
    /// [`TitleRefused`], see its variants.
    pub fn verify(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), TitleRefused> {
        let structure = &self.structure;
        let key = VersionKey {
            key: &self.key,
            salt: &structure.validation.salt,
        };
        let mut content = ContentReader {
            engine: self.engine,
            reader: &mut self.reader,
            memory: &mut self.memory,
        };
        let bytes_total = structure
            .validation
            .entries
            .iter()
            .map(|entry| entry.size)
            .sum();
        let mut bytes_done: u64 = 0;
        for entry in structure.listed() {
            content.pour(entry, key, &mut |bytes| {
                bytes_done = bytes_done.saturating_add(bytes.len() as u64);
                progress(Progress {
                    bytes_done,
                    bytes_total,
                });
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The content key. Whoever has the copy has it too; a center that takes over a title a
    /// publisher has sealed keeps it with the title.
    #[must_use]
    pub fn content_key(&self) -> &ContentKey {
        &self.key
    }

    /// Writes the title version of a level 2 copy as a file at rest: without the seal, with
    /// the signatures of the version. Copies of it are made like those of any other title.
    ///
    /// # Errors
    ///
    /// [`AdoptionError`], see its variants. Content is not checked: see [`OpenTitle::verify`].
    pub fn write_at_rest<W: Write>(&mut self, out: W) -> Result<SealedFile, AdoptionError> {
        if self.level != Level::SourceSealed {
            return Err(AdoptionError::Individual);
        }
        adoption::write_at_rest(self.engine, &mut self.reader, &self.structure, out)
    }

    /// Writes the publication that was sealed: an EPUB as an archive with the source's
    /// resources, anything else as the file it was.
    ///
    /// # Errors
    ///
    /// [`PublicationError`], see its variants. What was written before is to be thrown away.
    pub fn write_publication<W: Write + Seek>(&mut self, out: W) -> Result<(), PublicationError> {
        let structure = &self.structure;
        let key = VersionKey {
            key: &self.key,
            salt: &structure.validation.salt,
        };
        let content = ContentReader {
            engine: self.engine,
            reader: &mut self.reader,
            memory: &mut self.memory,
        };
        if structure.metadata.media_type.is_epub() {
            publication::write_epub(content, structure, key, out)
        } else {
            publication::write_file(content, structure, key, out)
        }
    }
}

/// What makes a copy this copy.
struct Copy {
    level: Level,
    bookplate: Option<Bookplate>,
    hash: [u8; 32],
}

impl Copy {
    fn read(
        engine: &dyn Engine,
        structure: &Structure,
        level: Level,
        bookplate_xml: Option<&[u8]>,
    ) -> Result<Copy, TitleRefused> {
        Ok(Copy {
            level,
            bookplate: bookplate_xml.map(Bookplate::from_xml).transpose()?,
            hash: copy_hash(
                engine,
                level,
                &structure.metadata_sha256,
                &structure.validation_sha256,
                bookplate_xml.unwrap_or_default(),
            ),
        })
    }

    /// The license of a document, which must be that of this copy.
    fn license(
        &self,
        engine: &dyn Engine,
        structure: &Structure,
        document: &[u8],
        roots: &TrustRoots,
    ) -> Result<LicenseReport, TitleRefused> {
        let report = license::verify(engine, document, roots)?;
        if report.license.is_about(&structure.metadata, &self.hash) {
            Ok(report)
        } else {
            Err(TitleRefused::OtherLicense)
        }
    }

    /// The signatures of the copy, all of which must be intact.
    fn signatures(
        &self,
        engine: &dyn Engine,
        structure: &Structure,
        roots: &TrustRoots,
    ) -> Result<Vec<SignatureReport>, TitleRefused> {
        let state = SignedState {
            validation_sha256: structure.validation_xml_sha256,
            copy_hash: Some(self.hash),
        };
        match &structure.tail.signatures {
            Some(document) => Ok(signature::verify_all(engine, document, &state, roots)?),
            None => Ok(Vec::new()),
        }
    }

    /// The copy opened, if `key` is the key of its title version and its signatures are intact.
    fn opened<'e, R>(
        self,
        engine: &'e dyn Engine,
        reader: R,
        structure: Structure,
        roots: &TrustRoots,
        key: ContentKey,
        license: Option<LicenseReport>,
    ) -> Result<OpenTitle<'e, R>, TitleRefused> {
        let validation = &structure.validation;
        if !is_committed(engine, &key, &validation.salt, &validation.commitment) {
            return Err(TitleRefused::Commitment);
        }
        let signatures = self.signatures(engine, &structure, roots)?;
        Ok(OpenTitle {
            engine,
            reader,
            memory: GroupMemory::default(),
            read_last: None,
            structure,
            key,
            level: self.level,
            copy_hash: self.hash,
            bookplate: self.bookplate,
            license,
            signatures,
        })
    }
}
