//! A copy at level 5 before it is opened: everything but its content.

use std::io::{Read, Seek};

use colophon_crypto::Engine;

use super::{Copy, publication};
use crate::content::{ContentReader, GroupMemory};
use crate::license::LicenseReport;
use crate::signature::SignatureReport;
use crate::structure::Structure;
use crate::tail::TailKind;
use crate::{Bookplate, EntryPath, Level, Metadata, Progress, TitleRefused, TrustRoots};

/// A copy at level 5 that was found in order as far as that needs no key: its structure, its
/// license, and its signatures. Nobody can read its content with this.
pub struct LockedTitle<'e, R> {
    engine: &'e dyn Engine,
    reader: R,
    structure: Structure,
    bookplate: Option<Bookplate>,
    license: LicenseReport,
    signatures: Vec<SignatureReport>,
}

impl<'e, R: Read + Seek> LockedTitle<'e, R> {
    /// Reads a copy at level 5.
    ///
    /// # Errors
    ///
    /// [`TitleRefused`], see its variants; [`TitleRefused::NotLicensed`] at any other level.
    pub fn read(
        engine: &'e dyn Engine,
        mut reader: R,
        roots: &TrustRoots,
    ) -> Result<LockedTitle<'e, R>, TitleRefused> {
        let structure = Structure::read(engine, &mut reader)?;
        let (bookplate_xml, document) = match &structure.tail.kind {
            TailKind::AtRest => return Err(TitleRefused::NoKey),
            TailKind::Sealed { .. } => return Err(TitleRefused::NotLicensed),
            TailKind::Licensed { bookplate, license } => (bookplate, license),
        };
        let level = Level::FullyIndividualized;
        let copy = Copy::read(engine, &structure, level, Some(bookplate_xml))?;
        let license = copy.license(engine, &structure, document, roots)?;
        let signatures = copy.signatures(engine, &structure, roots)?;
        Ok(LockedTitle {
            engine,
            reader,
            bookplate: copy.bookplate,
            structure,
            license,
            signatures,
        })
    }

    /// What the title says of itself.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.structure.metadata
    }

    /// Whom the copy was made for.
    #[must_use]
    pub fn bookplate(&self) -> Option<&Bookplate> {
        self.bookplate.as_ref()
    }

    /// The license of the copy.
    #[must_use]
    pub fn license(&self) -> &LicenseReport {
        &self.license
    }

    /// The signatures, all intact.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureReport] {
        &self.signatures
    }

    /// The entries of the publication, in order.
    pub fn entries(&self) -> impl Iterator<Item = &EntryPath> {
        self.structure.publication().map(|entry| &entry.listed.path)
    }

    /// Which fonts of the publication are obfuscated, as `META-INF/encryption.xml` says it in an
    /// EPUB without protection; nothing where none is.
    #[must_use]
    pub fn font_encryption_xml(&self) -> Option<Vec<u8>> {
        publication::font_encryption_xml(&self.structure)
    }

    /// Checks every byte of the file as it is stored. That it can be decrypted is shown by
    /// opening it alone.
    ///
    /// # Errors
    ///
    /// [`TitleRefused`], see its variants.
    pub fn verify(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), TitleRefused> {
        let listed = &self.structure.validation.entries;
        let bytes_total = listed.iter().map(|entry| entry.stored).sum();
        let mut bytes_done = 0_u64;
        let mut content = ContentReader {
            engine: self.engine,
            reader: &mut self.reader,
            memory: &mut GroupMemory::default(),
        };
        for entry in self.structure.listed() {
            content.check(entry)?;
            bytes_done = bytes_done.saturating_add(entry.listed.stored);
            progress(Progress {
                bytes_done,
                bytes_total,
            });
        }
        Ok(())
    }
}
