//! The content of an entry as a stream.

use std::io::{self, Read, Seek, SeekFrom};

use colophon_title::EntryPath;

use super::failure::RepositoryFailure;
use super::title::ProtectedTitle;

/// How much is asked of the repository at once.
pub(super) const WINDOW_BYTES: usize = 256 << 10;

/// The content of one entry. Every read is a call into the repository.
pub struct ProtectedEntry<'t> {
    title: &'t mut ProtectedTitle,
    path: EntryPath,
    size: u64,
    position: u64,
}

impl<'t> ProtectedEntry<'t> {
    pub(super) fn new(title: &'t mut ProtectedTitle, path: EntryPath, size: u64) -> Self {
        ProtectedEntry {
            title,
            path,
            size,
            position: 0,
        }
    }

    /// Length of the content in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Read for ProtectedEntry<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let length = u32::try_from(out.len()).unwrap_or(u32::MAX);
        let content = self.title.read(&self.path, self.position, length);
        let content = content.map_err(failed)?;
        let Some(out) = out.get_mut(..content.len()) else {
            return Err(failed(RepositoryFailure::Answer));
        };
        out.copy_from_slice(&content);
        self.position += content.len() as u64;
        Ok(content.len())
    }
}

impl Seek for ProtectedEntry<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

fn failed(failure: RepositoryFailure) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, failure)
}
