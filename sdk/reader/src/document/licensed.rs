//! Copies at level 5: judged from outside, opened on an activated reader.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use colophon_activation::InvalidFacts;
use colophon_crypto::Portable;
use colophon_title::container::ContainerWriter;
use colophon_title::license::RightKind;
use colophon_title::{EntryPath, LockedTitle, MediaType};

use super::Content;
use crate::repository::{
    Activated, Circumstances, CountStore, Permission, ProtectedTitle, Repository,
    RepositoryFailure, Trust,
};
use crate::{Document, Machine, OpenError};

/// A reader that was activated: what it takes to open copies at level 5.
pub struct ActivatedReader {
    activated: Activated,
    repository: Repository,
    machine: Machine,
    trust: Trust,
    counts: CountStore,
}

/// Why a copy at level 5 does not open on an activated reader, or a right to it may not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnlockError {
    /// Too little is known about this machine.
    #[error("this machine cannot be recognized")]
    Machine(#[source] InvalidFacts),
    /// The secure repository refuses, and says why.
    #[error(transparent)]
    Repository(#[from] RepositoryFailure),
    /// The copy is locked.
    #[error("this copy opens on an activated device only")]
    Locked,
    /// The copy is none at level 5.
    #[error("this copy is not at level 5")]
    NotLocked,
}

impl ActivatedReader {
    /// Makes an activation ready to use on a machine, under the roots of `trust`. What is counted
    /// is kept in `counts`.
    ///
    /// # Errors
    ///
    /// [`RepositoryFailure`] if its secure repository does not run here.
    pub fn new(
        activated: Activated,
        machine: Machine,
        trust: Trust,
        counts: CountStore,
    ) -> Result<ActivatedReader, RepositoryFailure> {
        Ok(ActivatedReader {
            repository: activated.repository()?,
            activated,
            machine,
            trust,
            counts,
        })
    }

    /// The activation.
    #[must_use]
    pub fn activated(&self) -> &Activated {
        &self.activated
    }

    fn open(&self, path: &Path) -> Result<ProtectedTitle, UnlockError> {
        let facts = self.machine.facts(&Portable, self.activated.salt());
        let device = self.activated.device(&facts.map_err(UnlockError::Machine)?);
        let file = File::open(path).map_err(RepositoryFailure::File)?;
        let counts = self.counts.clone();
        Ok(self
            .repository
            .open(&device, &self.trust, counts, BufReader::new(file))?)
    }
}

/// A copy at level 5.
pub(super) struct LicensedCopy {
    /// All that is known without its key.
    pub(super) outside: LockedTitle<'static, BufReader<File>>,
    /// The copy in its secure repository.
    inside: Option<ProtectedTitle>,
}

impl LicensedCopy {
    pub(super) fn locked(outside: LockedTitle<'static, BufReader<File>>) -> LicensedCopy {
        LicensedCopy {
            outside,
            inside: None,
        }
    }

    pub(super) fn is_locked(&self) -> bool {
        self.inside.is_none()
    }

    pub(super) fn read_entry(
        &mut self,
        path: &EntryPath,
        out: &mut dyn Write,
    ) -> Result<u64, OpenError> {
        match &mut self.inside {
            Some(title) => read_entry(title, path, out),
            None => Err(OpenError::NeedsActivation),
        }
    }

    /// Writes the publication: an EPUB as an archive, anything else as the file it was.
    pub(super) fn write_publication(&mut self, out: &mut File) -> Result<(), CopyingFailed> {
        let Some(title) = &mut self.inside else {
            return Err(CopyingFailed::Content(OpenError::NeedsActivation));
        };
        let entries = title.described().entries.clone();
        if !self.outside.metadata().media_type.is_epub() {
            let [(path, _)] = entries.as_slice() else {
                let files = entries.len();
                return Err(CopyingFailed::SeveralFiles(files));
            };
            return pour(title, path, &mut |bytes| out.write_all(bytes));
        }
        let mut archive = ContainerWriter::new(out);
        archive.stored(&named("mimetype")?, MediaType::EPUB.as_bytes())?;
        for (path, size) in &entries {
            let mut entry = archive.begin(path, *size)?;
            pour(title, path, &mut |bytes| entry.write(bytes))?;
            entry.finish()?;
        }
        if let Some(fonts) = self.outside.font_encryption_xml() {
            archive.stored(&named("META-INF/encryption.xml")?, &fonts)?;
        }
        archive.finish()?;
        Ok(())
    }
}

/// Why a publication was not copied out.
pub(super) enum CopyingFailed {
    /// Its content cannot be read.
    Content(OpenError),
    /// It cannot be written.
    Write(io::Error),
    /// It is no EPUB and holds so many files.
    SeveralFiles(usize),
}

impl From<io::Error> for CopyingFailed {
    fn from(error: io::Error) -> CopyingFailed {
        CopyingFailed::Write(error)
    }
}

/// The path of an entry that every EPUB may have.
fn named(path: &str) -> io::Result<EntryPath> {
    EntryPath::parse(path).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// Gives the content of an entry to `sink`, piece by piece.
fn pour(
    title: &mut ProtectedTitle,
    path: &EntryPath,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), CopyingFailed> {
    let entry = title.entry_reader(path);
    let mut entry =
        entry.map_err(|failure| CopyingFailed::Content(OpenError::Protected(failure)))?;
    loop {
        let piece = entry.fill_buf();
        let piece = piece.map_err(|error| CopyingFailed::Content(of_reading(error)))?;
        let length = piece.len();
        if length == 0 {
            return Ok(());
        }
        sink(piece)?;
        entry.consume(length);
    }
}

impl Document {
    /// Opens a locked copy. That uses no right yet: [`exercise`](Document::exercise) comes before
    /// anything of its content can be read.
    ///
    /// # Errors
    ///
    /// [`UnlockError`]; the copy stays locked.
    pub fn unlock(&mut self, reader: &ActivatedReader) -> Result<(), UnlockError> {
        match &mut self.content {
            Content::Licensed(copy) => {
                copy.inside = Some(reader.open(&self.path)?);
                Ok(())
            }
            Content::Title(_) | Content::Clear(_) => Err(UnlockError::NotLocked),
        }
    }

    /// Whether a right to the copy could be used now; uses nothing. A copy below level 5 is not
    /// held against a license: everything may be done.
    ///
    /// # Errors
    ///
    /// [`UnlockError`]: why not.
    pub fn judge(
        &mut self,
        right: RightKind,
        circumstances: &Circumstances,
    ) -> Result<Permission, UnlockError> {
        match self.protected()? {
            Some(title) => Ok(title.judge(right, circumstances)?),
            None => Ok(UNLIMITED),
        }
    }

    /// Uses a right to the copy once. When this returns, the use is written down.
    ///
    /// # Errors
    ///
    /// [`UnlockError`]: why it may not be used; nothing may be done then.
    pub fn exercise(
        &mut self,
        right: RightKind,
        circumstances: &Circumstances,
    ) -> Result<Permission, UnlockError> {
        match self.protected()? {
            Some(title) => Ok(title.exercise(right, circumstances)?),
            None => Ok(UNLIMITED),
        }
    }

    /// The copy in its repository; nothing below level 5.
    fn protected(&mut self) -> Result<Option<&mut ProtectedTitle>, UnlockError> {
        match &mut self.content {
            Content::Licensed(copy) => match &mut copy.inside {
                Some(title) => Ok(Some(title)),
                None => Err(UnlockError::Locked),
            },
            Content::Title(_) | Content::Clear(_) => Ok(None),
        }
    }
}

const UNLIMITED: Permission = Permission {
    remaining: None,
    until_unix_s: None,
};

/// Writes an entry of an unlocked copy to `out`; gives its length in bytes.
fn read_entry(
    title: &mut ProtectedTitle,
    path: &EntryPath,
    out: &mut dyn Write,
) -> Result<u64, OpenError> {
    let mut entry = title.entry_reader(path).map_err(OpenError::Protected)?;
    io::copy(&mut entry, out).map_err(of_reading)
}

/// What the repository says of content stands inside the errors of reading it.
fn of_reading(error: io::Error) -> OpenError {
    match error.downcast() {
        Ok(failure) => OpenError::Protected(failure),
        Err(error) => OpenError::Read(error),
    }
}
