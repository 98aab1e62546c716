//! Taking in a new object: written aside, made durable, then given its name in one step.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use colophon_core::catalog::ObjectPath;
use colophon_core::ports::{OriginError, Service, StagedObject, Unavailable};
use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, RenameFlags, flock, fsync, linkat, mkdirat, openat,
    renameat_with, unlinkat,
};
use rustix::io::Errno;
use thiserror::Error;

use crate::beneath;
use crate::directory::OpenError;
use crate::write_behind::WriteBehind;

/// What the names of files not yet published begin with; no object is called so.
pub(crate) const UNFINISHED: &str = ".staged-";

/// Why an object could not be taken in.
#[derive(Debug, Error)]
pub enum StageError {
    /// The root is not configured or does not answer.
    #[error("the content store cannot take in an object")]
    Root(#[source] OpenError),
    /// There is an object of this path. Objects are never replaced: a cache may hold the old one.
    #[error("there is an object of this path already")]
    Exists,
    /// The path leads over a link or a file, or is a name this store keeps for itself.
    #[error("the path cannot name a new object")]
    NotAnObject(#[source] io::Error),
    /// The disk is full, failed, or does not let the host write.
    #[error("the content store could not write")]
    Write(#[source] io::Error),
}

/// An object being written. It is a plain file to its writer; [`Staged::publish`] makes it an
/// object, dropping it removes it.
///
/// A host killed while writing leaves the file behind under its own name, which
/// [`Listing::unfinished`](crate::Listing::unfinished) shows.
#[derive(Debug)]
pub struct Staged {
    file: WriteBehind,
    folder: OwnedFd,
    staged_name: String,
    name: String,
    made: MadeFolders,
}

/// The folders made for a staged object, by their paths below the root, outermost first.
#[derive(Debug)]
struct MadeFolders {
    root: OwnedFd,
    paths: Vec<String>,
}

impl Staged {
    pub(crate) fn begin(root: &OwnedFd, path: &ObjectPath) -> Result<Self, StageError> {
        let (folders, name) = beneath::split(path);
        if path
            .as_str()
            .split('/')
            .any(|segment| segment.starts_with(UNFINISHED))
        {
            return Err(StageError::NotAnObject(io::Error::other("a reserved name")));
        }
        let root = root.try_clone().map_err(StageError::Write)?;
        let mut made = MadeFolders {
            root,
            paths: Vec::new(),
        };
        let begun = made
            .make(folders)
            .and_then(|folder| create_file(&folder).map(|(file, name)| (folder, file, name)));
        match begun {
            Ok((folder, file, staged_name)) => Ok(Self {
                file: WriteBehind::new(file),
                folder,
                staged_name,
                name: name.to_owned(),
                made,
            }),
            Err(errno) => {
                made.take_away();
                Err(failed(errno))
            }
        }
    }

    /// Makes the file durable and gives it its name, as one step for every reader. The result is
    /// its length in bytes.
    pub fn publish(self) -> Result<u64, StageError> {
        self.publish_by(name_without_replacing)
    }

    /// Publishes by a given way of naming, which leaves the staged name or takes it away.
    fn publish_by(
        mut self,
        name_it: impl FnOnce(&OwnedFd, &str, &str) -> Result<(), Errno>,
    ) -> Result<u64, StageError> {
        let file = self.file.settled().map_err(StageError::Write)?;
        let length = file.metadata().map_err(StageError::Write)?.len();
        file.sync_all().map_err(StageError::Write)?;
        match name_it(&self.folder, &self.staged_name, &self.name) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Err(StageError::Exists),
            Err(errno) => return Err(failed(errno)),
        }
        match fsync(&self.folder).and_then(|()| self.made.make_durable()) {
            Ok(()) => {
                self.made.keep();
                Ok(length)
            }
            Err(errno) => {
                // Nobody has been told of the object; without its name it is as if never made.
                let _leaves_a_whole_file = unlinkat(&self.folder, &*self.name, AtFlags::empty());
                self.made.take_away();
                Err(failed(errno))
            }
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Once published, there is nothing to remove, or a second name of the object. Failing to
        // remove costs disk space, or no more than the name, and shows in the listing.
        if unlinkat(&self.folder, &self.staged_name, AtFlags::empty()).is_ok() {
            self.made.take_away();
        }
    }
}

impl MadeFolders {
    /// Opens the folders of a path below the root, making those that are missing.
    fn make(&mut self, folders: Option<&str>) -> Result<OwnedFd, Errno> {
        let mut at = beneath::open_subfolder(self.root.as_fd(), ".")?;
        let mut path = String::new();
        for folder in folders.into_iter().flat_map(|folders| folders.split('/')) {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(folder);
            match mkdirat(&at, folder, Mode::RWXU | Mode::RGRP | Mode::XGRP) {
                Ok(()) => self.paths.push(path.clone()),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            at = beneath::open_subfolder(at.as_fd(), folder)?;
        }
        Ok(at)
    }

    /// Makes the new folders' names durable, each in the folder around it.
    fn make_durable(&self) -> Result<(), Errno> {
        for path in &self.paths {
            match path.rsplit_once('/') {
                None => fsync(&self.root)?,
                Some((outer, _)) => fsync(beneath::open_folder(self.root.as_fd(), outer)?)?,
            }
        }
        Ok(())
    }

    /// Leaves the folders to the object that was published in them.
    fn keep(&mut self) {
        self.paths.clear();
    }

    /// Removes the new folders again, except those that have come into use.
    fn take_away(&self) {
        for path in self.paths.iter().rev() {
            if beneath::remove_folder(self.root.as_fd(), path).is_err() {
                return;
            }
        }
    }
}

fn create_file(folder: &OwnedFd) -> Result<(File, String), Errno> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{UNFINISHED}{}-{number}", process::id());
        match openat(folder, &name, flags, Mode::RUSR | Mode::WUSR | Mode::RGRP) {
            // A process of the same id was killed here before.
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
            Ok(descriptor) => {
                // The lock tells a file being written from one left behind. A file system that
                // has no locks makes every unfinished file look left behind, no more.
                let _without = flock(&descriptor, FlockOperation::NonBlockingLockExclusive);
                return Ok((File::from(descriptor), name));
            }
        }
    }
}

fn name_without_replacing(folder: &OwnedFd, from: &str, to: &str) -> Result<(), Errno> {
    match renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
        // Network file systems have no such rename.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            link_without_replacing(folder, from, to)
        }
        done_or_refused => done_or_refused,
    }
}

/// A hard link does not replace either. From here on there is an object, whatever becomes of the
/// first name, which is removed like that of a staged file that was given up.
fn link_without_replacing(folder: &OwnedFd, from: &str, to: &str) -> Result<(), Errno> {
    linkat(folder, from, folder, to, AtFlags::empty())
}

fn failed(errno: Errno) -> StageError {
    match errno {
        Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::NAMETOOLONG | Errno::XDEV => {
            StageError::NotAnObject(errno.into())
        }
        other => StageError::Write(other.into()),
    }
}

impl StagedObject for Staged {
    fn publish(self: Box<Self>) -> Result<(), OriginError> {
        Staged::publish(*self)?;
        Ok(())
    }
}

impl From<StageError> for OriginError {
    fn from(error: StageError) -> Self {
        match error {
            StageError::Root(error) => error.into(),
            StageError::Exists | StageError::NotAnObject(_) => {
                let problem = error.to_string();
                OriginError::Damaged { problem }
            }
            StageError::Write(_) => {
                OriginError::Unreachable(Unavailable::new(Service::ContentStore, error))
            }
        }
    }
}

impl Read for Staged {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Write for Staged {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.file.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Staged {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn begin(root: &Path, path: &str) -> Staged {
        let root = OwnedFd::from(File::open(root).unwrap());
        Staged::begin(&root, &ObjectPath::parse(path).unwrap()).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_object_published_by_a_link_keeps_one_name() {
        let root = tempfile::tempdir().unwrap();
        let mut staged = begin(root.path(), "moby/v1.epub");
        staged.write_all(b"Call me Ishmael.").unwrap();
        assert_eq!(staged.publish_by(link_without_replacing).unwrap(), 16);
        assert_eq!(names(&root.path().join("moby")), ["v1.epub"]);
        let again = begin(root.path(), "moby/v1.epub");
        let refused = again.publish_by(link_without_replacing);
        assert!(matches!(refused, Err(StageError::Exists)));
        let object = fs::read(root.path().join("moby/v1.epub")).unwrap();
        assert_eq!(object, b"Call me Ishmael.");
        assert_eq!(names(&root.path().join("moby")), ["v1.epub"]);
    }

    #[test]
    fn an_object_is_published_even_if_its_first_name_stays() {
        let root = tempfile::tempdir().unwrap();
        let mut staged = begin(root.path(), "moby/v1.epub");
        staged.write_all(b"Call me Ishmael.").unwrap();
        let first = staged.staged_name.clone();
        let published = staged.publish_by(|folder, from, to| {
            link_without_replacing(folder, from, to)?;
            // A folder is no file that could be unlinked.
            unlinkat(folder, from, AtFlags::empty())?;
            mkdirat(folder, from, Mode::RWXU)
        });
        assert_eq!(published.unwrap(), 16);
        assert_eq!(
            names(&root.path().join("moby")),
            [first.as_str(), "v1.epub"]
        );
    }

    #[test]
    fn an_object_of_several_pieces_is_published_whole() {
        let root = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0_u32..2 << 20).flat_map(u32::to_le_bytes).collect();
        let mut staged = begin(root.path(), "film");
        staged.write_all(&content).unwrap();
        // As a title is written: what the header says is known at the end.
        staged.seek(SeekFrom::Start(3 << 20)).unwrap();
        staged.write_all(b"head").unwrap();
        staged.seek(SeekFrom::End(0)).unwrap();
        staged.write_all(b"tail").unwrap();
        let length = staged.publish().unwrap();
        let expected = [
            &content[..3 << 20],
            b"head",
            &content[(3 << 20) + 4..],
            b"tail",
        ];
        assert_eq!(length, content.len() as u64 + 4);
        assert!(fs::read(root.path().join("film")).unwrap() == expected.concat());
    }
}
