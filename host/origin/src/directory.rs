//! Content stores that are directories.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use colophon_core::catalog::{ObjectPath, StoreRoot};
use colophon_core::ports::{ContentWriter, OriginError, Service, StagedObject, Unavailable};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, fsync, open, unlinkat};
use rustix::io::Errno;
use thiserror::Error;

use crate::beneath;
use crate::listing::{Listing, list};
use crate::staged::{StageError, Staged};
use crate::stored_file::StoredFile;

/// Why an object could not be opened, removed or listed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// No root of this name is configured.
    #[error("no content-store root is called {0:?}")]
    UnknownRoot(StoreRoot),
    /// The root directory is missing or does not answer, or the disk or server behind it.
    #[error("the content store does not answer")]
    Unreachable(#[source] io::Error),
    /// The root answers and has no such object.
    #[error("the content store has no such object")]
    NotFound,
    /// The path leads over a link, ends at something that is not a file, or is too long.
    #[error("the path does not name an object of the content store")]
    NotAnObject(#[source] io::Error),
    /// The object is there and cannot be opened.
    #[error("the object cannot be opened")]
    Denied(#[source] io::Error),
}

/// Content-store roots by name, each a directory.
///
/// Every operation opens its root anew, so that a root that was gone (a disk not mounted, a server
/// not reached) serves again as soon as it is back. Nothing above a root and no symbolic link below
/// it is ever followed; the root's own path is the operator's and may hold links.
#[derive(Debug, Clone, Default)]
pub struct DirectoryStore {
    roots: BTreeMap<StoreRoot, PathBuf>,
}

impl DirectoryStore {
    /// A store of these roots. They are not looked at before they are used.
    pub fn new(roots: impl IntoIterator<Item = (StoreRoot, PathBuf)>) -> Self {
        Self {
            roots: roots.into_iter().collect(),
        }
    }

    /// The configured roots with their directories.
    pub fn roots(&self) -> impl Iterator<Item = (&StoreRoot, &Path)> {
        self.roots.iter().map(|(root, path)| (root, path.as_path()))
    }

    /// Opens an object for reading.
    pub fn open(&self, root: &StoreRoot, path: &ObjectPath) -> Result<StoredFile, OpenError> {
        let directory = self.open_root(root)?;
        let descriptor =
            beneath::open(directory.as_fd(), path).map_err(|errno| refused(&directory, errno))?;
        let file = StoredFile::from_descriptor(descriptor).map_err(OpenError::Denied)?;
        file.ok_or_else(|| OpenError::NotAnObject(Errno::ISDIR.into()))
    }

    /// Begins a new object. It appears at `path` when it is published, whole and durable; until
    /// then it is a file of another name in the same folder, which goes when it is dropped.
    pub fn create(&self, root: &StoreRoot, path: &ObjectPath) -> Result<Staged, StageError> {
        let directory = self.open_root(root).map_err(StageError::Root)?;
        Staged::begin(&directory, path)
    }

    /// Removes an object for good, and the folders that are empty without it.
    pub fn remove(&self, root: &StoreRoot, path: &ObjectPath) -> Result<(), OpenError> {
        let directory = self.open_root(root)?;
        let (folders, name) = beneath::split(path);
        let folder = match folders {
            None => None,
            Some(folders) => Some(
                beneath::open_folder(directory.as_fd(), folders)
                    .map_err(|errno| refused(&directory, errno))?,
            ),
        };
        let within = folder.as_ref().unwrap_or(&directory);
        unlinkat(within, name, AtFlags::empty()).map_err(|errno| refused(&directory, errno))?;
        fsync(within).map_err(|errno| OpenError::Unreachable(errno.into()))?;
        prune(&directory, folders);
        Ok(())
    }

    /// Every file below a root.
    pub fn list(&self, root: &StoreRoot) -> Result<Listing, OpenError> {
        let directory = self.open_root(root)?;
        list(&directory).map_err(|errno| OpenError::Unreachable(errno.into()))
    }

    /// Whether the root is there and can be read.
    pub fn probe(&self, root: &StoreRoot) -> Result<(), OpenError> {
        let directory = self.open_root(root)?;
        is_empty(&directory).map_err(|errno| OpenError::Unreachable(errno.into()))?;
        Ok(())
    }

    fn open_root(&self, root: &StoreRoot) -> Result<OwnedFd, OpenError> {
        let path = self
            .roots
            .get(root)
            .ok_or_else(|| OpenError::UnknownRoot(root.clone()))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        open(path, flags, Mode::empty()).map_err(|errno| OpenError::Unreachable(errno.into()))
    }
}

impl ContentWriter for DirectoryStore {
    fn create(
        &self,
        root: &StoreRoot,
        object: &ObjectPath,
    ) -> Result<Box<dyn StagedObject>, OriginError> {
        Ok(Box::new(DirectoryStore::create(self, root, object)?))
    }

    fn remove(&self, root: &StoreRoot, object: &ObjectPath) -> Result<(), OriginError> {
        match DirectoryStore::remove(self, root, object) {
            Ok(()) | Err(OpenError::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl From<OpenError> for OriginError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotFound | OpenError::UnknownRoot(_) | OpenError::NotAnObject(_) => {
                OriginError::NotFound
            }
            OpenError::Denied(source) => OriginError::Damaged {
                problem: format!("it cannot be opened: {source}"),
            },
            OpenError::Unreachable(_) => {
                OriginError::Unreachable(Unavailable::new(Service::ContentStore, error))
            }
        }
    }
}

/// Tells apart what is wrong when an object does not open in a root that did.
fn refused(root: &OwnedFd, errno: Errno) -> OpenError {
    match errno {
        // The mount point of a disk that is not mounted is an empty directory. The catalog names
        // an object in it, so emptiness says more about the disk than about the object.
        Errno::NOENT => match is_empty(root) {
            Ok(false) => OpenError::NotFound,
            Ok(true) => OpenError::Unreachable(io::Error::other(
                "the root directory is empty; is its disk mounted?",
            )),
            Err(errno) => OpenError::Unreachable(errno.into()),
        },
        Errno::LOOP
        | Errno::XDEV
        | Errno::NOTDIR
        | Errno::ISDIR
        | Errno::NAMETOOLONG
        | Errno::NXIO => OpenError::NotAnObject(errno.into()),
        Errno::ACCESS | Errno::PERM => OpenError::Denied(errno.into()),
        other => OpenError::Unreachable(other.into()),
    }
}

fn is_empty(directory: &OwnedFd) -> Result<bool, Errno> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes the folders of a path from the innermost out, until one is still in use.
fn prune(root: &OwnedFd, folders: Option<&str>) {
    let mut left = folders;
    while let Some(folders) = left {
        if beneath::remove_folder(root.as_fd(), folders).is_err() {
            return;
        }
        left = folders.rsplit_once('/').map(|(outer, _)| outer);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read, Seek, SeekFrom, Write};

    use super::*;

    fn store() -> (tempfile::TempDir, DirectoryStore, StoreRoot) {
        let around = tempfile::tempdir().unwrap();
        let root = StoreRoot::parse("books").unwrap();
        let path = around.path().join("books");
        fs::create_dir(&path).unwrap();
        (around, DirectoryStore::new([(root.clone(), path)]), root)
    }

    fn path(text: &str) -> ObjectPath {
        ObjectPath::parse(text).unwrap()
    }

    fn put(store: &DirectoryStore, root: &StoreRoot, at: &str, bytes: &[u8]) {
        let mut staged = store.create(root, &path(at)).unwrap();
        staged.write_all(bytes).unwrap();
        assert_eq!(staged.publish().unwrap(), bytes.len() as u64);
    }

    fn names(store: &DirectoryStore, root: &StoreRoot) -> Vec<String> {
        let listing = store.list(root).unwrap();
        assert!(listing.unfinished.is_empty());
        listing
            .objects
            .iter()
            .map(|object| object.path.to_string())
            .collect()
    }

    #[test]
    fn what_is_published_can_be_opened() {
        let (_around, store, root) = store();
        put(&store, &root, "moby/v1.epub", b"Call me Ishmael.");
        let file = store.open(&root, &path("moby/v1.epub")).unwrap();
        let mut buffer = [0; 100];
        assert_eq!(file.read_at(&mut buffer, 5).unwrap(), 11);
        assert_eq!(&buffer[..11], b"me Ishmael.");
    }

    #[test]
    fn a_staged_object_can_be_read_back_and_changed_before_it_is_published() {
        let (_around, store, root) = store();
        let mut staged = store.create(&root, &path("a")).unwrap();
        staged.write_all(b"0123456789").unwrap();
        staged.seek(SeekFrom::Start(2)).unwrap();
        staged.write_all(b"--").unwrap();
        staged.rewind().unwrap();
        let mut text = String::new();
        staged.read_to_string(&mut text).unwrap();
        assert_eq!(text, "01--456789");
    }

    #[test]
    fn a_dropped_stage_leaves_nothing_not_even_folders() {
        let (around, store, root) = store();
        put(&store, &root, "kept/a", b"x");
        let mut staged = store.create(&root, &path("kept/new/deep/b")).unwrap();
        staged.write_all(b"half").unwrap();
        assert_eq!(store.list(&root).unwrap().unfinished.len(), 1);
        drop(staged);
        assert_eq!(names(&store, &root), ["kept/a"]);
        assert!(!around.path().join("books/kept/new").exists());
    }

    #[test]
    fn an_object_is_never_replaced() {
        let (_around, store, root) = store();
        put(&store, &root, "a", b"first");
        let second = store.create(&root, &path("a")).unwrap();
        assert!(matches!(second.publish(), Err(StageError::Exists)));
        assert_eq!(names(&store, &root), ["a"]);
        assert_eq!(store.open(&root, &path("a")).unwrap().size(), 5);
    }

    #[test]
    fn nothing_is_made_through_a_link() {
        let (around, store, root) = store();
        let outside = around.path().join("outside");
        fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, around.path().join("books/link")).unwrap();
        assert!(store.create(&root, &path("link/a")).is_err());
        assert!(store.create(&root, &path("link/new/a")).is_err());
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }

    #[test]
    fn removing_takes_the_empty_folders_along() {
        let (around, store, root) = store();
        put(&store, &root, "moby/v1/sealed", b"x");
        put(&store, &root, "moby/v2/sealed", b"y");
        store.remove(&root, &path("moby/v1/sealed")).unwrap();
        assert_eq!(names(&store, &root), ["moby/v2/sealed"]);
        assert!(!around.path().join("books/moby/v1").exists());
        assert!(matches!(
            store.remove(&root, &path("moby/v1/sealed")),
            Err(OpenError::NotFound)
        ));
    }

    #[test]
    fn a_missing_object_is_not_a_missing_store() {
        let (around, store, root) = store();
        put(&store, &root, "a", b"x");
        assert!(matches!(
            store.open(&root, &path("b")),
            Err(OpenError::NotFound)
        ));
        assert!(matches!(
            store.open(&root, &path("no/b")),
            Err(OpenError::NotFound)
        ));
        store.probe(&root).unwrap();

        fs::rename(around.path().join("books"), around.path().join("away")).unwrap();
        assert!(matches!(
            store.open(&root, &path("a")),
            Err(OpenError::Unreachable(_))
        ));
        assert!(matches!(store.probe(&root), Err(OpenError::Unreachable(_))));

        // What an unmounted disk leaves behind.
        fs::create_dir(around.path().join("books")).unwrap();
        assert!(matches!(
            store.open(&root, &path("a")),
            Err(OpenError::Unreachable(_))
        ));
    }

    #[test]
    fn what_is_not_a_file_is_not_an_object() {
        let (around, store, root) = store();
        put(&store, &root, "folder/a", b"x");
        let pipe = around.path().join("books/pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        for not_an_object in ["folder", "pipe", "folder/a/b"] {
            let opened = store.open(&root, &path(not_an_object));
            assert!(
                matches!(opened, Err(OpenError::NotAnObject(_))),
                "{not_an_object}"
            );
        }
        let unknown = StoreRoot::parse("unknown").unwrap();
        assert!(matches!(
            store.open(&unknown, &path("a")),
            Err(OpenError::UnknownRoot(_))
        ));
    }
}
