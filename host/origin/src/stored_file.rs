//! An object of a directory store, opened for reading at any place.

use std::fs::{File, Metadata};
use std::io::{self, IoSliceMut};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2};
use thiserror::Error;

/// Why bytes of an open object could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file was written to, cut or replaced in place after it was opened. Its bytes are no
    /// longer those of one title version, so none are given.
    #[error("the stored file was changed while it was open")]
    Changed,
    /// The operating system could not read.
    #[error("the stored file could not be read")]
    Io(#[source] io::Error),
}

/// What identifies a state of a file: another file, or the same one after a change, differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether the content can be the same. The time of the last status change does not matter
    /// here: a new name or another hard link (backups make them) changes no byte.
    fn holds_same_bytes(&self, other: &Stamp) -> bool {
        (self.size, self.modified) == (other.size, other.modified)
    }
}

/// An object opened for reading. Any number of readers may share it; none moves another's place.
#[derive(Debug)]
pub struct StoredFile {
    file: File,
    stamp: Stamp,
}

impl StoredFile {
    /// Takes over a descriptor; `None` if it is not of a regular file.
    pub(crate) fn from_descriptor(descriptor: OwnedFd) -> io::Result<Option<Self>> {
        let file = File::from(descriptor);
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        // Downloads read front to back, and the kernel reads further ahead when told so. This is
        // a hint; a file system that refuses it still serves.
        let _refused = fadvise(&file, 0, None, Advice::Sequential);
        Ok(Some(Self {
            file,
            stamp: Stamp::of(&metadata),
        }))
    }

    /// Length in bytes when it was opened.
    pub fn size(&self) -> u64 {
        self.stamp.size
    }

    /// The file itself, for readers that want `Read` and `Seek`. Its read position is shared.
    pub fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Reads up to `buffer.len()` bytes from `offset` on; 0 only at the end. Waits for the disk.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, ReadError> {
        let read = retrying(|| pread(&self.file, &mut *buffer, offset));
        self.checked(read.map_err(|errno| ReadError::Io(errno.into()))?, offset)
    }

    /// As [`StoredFile::read_at`], but only what is in the page cache already; `None` if that is
    /// nothing, or if the file system cannot say.
    pub(crate) fn read_at_once(
        &self,
        buffer: &mut [u8],
        offset: u64,
    ) -> Result<Option<usize>, ReadError> {
        let read = retrying(|| {
            let mut buffers = [IoSliceMut::new(buffer)];
            preadv2(&self.file, &mut buffers, offset, ReadWriteFlags::NOWAIT)
        });
        match read {
            Ok(length) => self.checked(length, offset).map(Some),
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM | Errno::INVAL) => {
                Ok(None)
            }
            Err(errno) => Err(ReadError::Io(errno.into())),
        }
    }

    /// Looks at the file again after reading: a writer stamps it before the first byte changes, so
    /// bytes read before an unchanged stamp are bytes of the state that was opened.
    fn checked(&self, length: usize, offset: u64) -> Result<usize, ReadError> {
        self.check_unchanged()?;
        let ends_early = length == 0 && offset < self.stamp.size;
        if ends_early {
            Err(ReadError::Changed)
        } else {
            Ok(length)
        }
    }

    /// Whether the file still is what was opened.
    pub(crate) fn check_unchanged(&self) -> Result<(), ReadError> {
        let now = Stamp::of(&self.file.metadata().map_err(ReadError::Io)?);
        if now.holds_same_bytes(&self.stamp) {
            Ok(())
        } else {
            Err(ReadError::Changed)
        }
    }
}

fn retrying(mut read: impl FnMut() -> Result<usize, Errno>) -> Result<usize, Errno> {
    loop {
        match read() {
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn opened(bytes: &[u8]) -> (tempfile::NamedTempFile, StoredFile) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let descriptor = OwnedFd::from(File::open(file.path()).unwrap());
        let stored = StoredFile::from_descriptor(descriptor).unwrap().unwrap();
        (file, stored)
    }

    fn backdate(file: &File) {
        let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        file.set_modified(long_ago).unwrap();
    }

    #[test]
    fn reads_at_any_place_and_gives_nothing_past_the_end() {
        let (_file, stored) = opened(b"0123456789");
        let mut buffer = [0; 4];
        assert_eq!(stored.read_at(&mut buffer, 8).unwrap(), 2);
        assert_eq!(&buffer[..2], b"89");
        assert_eq!(stored.read_at(&mut buffer, 10).unwrap(), 0);
        if let Some(length) = stored.read_at_once(&mut buffer, 3).unwrap() {
            assert_eq!(&buffer[..length], b"3456");
        }
    }

    #[test]
    fn a_file_cut_while_open_gives_an_error_even_for_bytes_still_there() {
        let (file, stored) = opened(b"0123456789");
        file.as_file().set_len(5).unwrap();
        assert!(matches!(
            stored.read_at(&mut [0; 4], 0),
            Err(ReadError::Changed)
        ));
        assert!(matches!(
            stored.read_at_once(&mut [0; 4], 0),
            Err(ReadError::Changed)
        ));
    }

    #[test]
    fn a_file_written_to_while_open_gives_an_error() {
        let (mut file, stored) = opened(b"0123456789");
        backdate(file.as_file());
        let descriptor = OwnedFd::from(File::open(file.path()).unwrap());
        let backdated = StoredFile::from_descriptor(descriptor).unwrap().unwrap();
        assert!(matches!(
            stored.read_at(&mut [0; 4], 0),
            Err(ReadError::Changed)
        ));
        assert_eq!(backdated.read_at(&mut [0; 4], 0).unwrap(), 4);
        std::io::Seek::rewind(&mut file).unwrap();
        file.write_all(b"X").unwrap();
        assert!(matches!(
            backdated.read_at(&mut [0; 4], 0),
            Err(ReadError::Changed)
        ));
    }

    #[test]
    fn a_new_name_or_a_hard_link_changes_nothing() {
        let (file, stored) = opened(b"0123456789");
        let link = file.path().with_extension("link");
        fs::hard_link(file.path(), &link).unwrap();
        fs::remove_file(&link).unwrap();
        assert_eq!(stored.read_at(&mut [0; 4], 0).unwrap(), 4);
    }
}
