//! What lies below a root, for checks by the operator.

use std::os::fd::{AsFd, OwnedFd};

use colophon_core::catalog::ObjectPath;
use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, flock, openat, statat};
use rustix::io::Errno;

use crate::beneath;
use crate::staged::UNFINISHED;

/// An object as the directory shows it; its content was not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// The path below the root.
    pub path: ObjectPath,
    /// Length in bytes.
    pub size: u64,
}

/// Everything below a root, each list in the order of its paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The objects.
    pub objects: Vec<StoredObject>,
    /// Files that are being written right now.
    pub unfinished: Vec<StoredObject>,
    /// Files whose writer was killed; they can be removed.
    pub left_behind: Vec<StoredObject>,
    /// Names below the root that no object can have: links, devices, and names that are not
    /// Unicode or hold a character that object paths do not.
    pub foreign: Vec<String>,
}

/// How deep folders are followed. Object paths have at most 1024 bytes, hence 512 segments.
const DEPTH_MAX: usize = 512;

pub(crate) fn list(root: &OwnedFd) -> Result<Listing, Errno> {
    let mut listing = Listing::default();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        list_folder(root, &folder, &mut listing, &mut folders)?;
    }
    let by_path = |a: &StoredObject, b: &StoredObject| a.path.cmp(&b.path);
    listing.objects.sort_by(by_path);
    listing.unfinished.sort_by(by_path);
    listing.left_behind.sort_by(by_path);
    listing.foreign.sort();
    Ok(listing)
}

fn list_folder(
    root: &OwnedFd,
    folder: &str,
    listing: &mut Listing,
    folders: &mut Vec<String>,
) -> Result<(), Errno> {
    let opened = match folder {
        "" => beneath::open_subfolder(root.as_fd(), "."),
        folder => beneath::open_folder(root.as_fd(), folder),
    };
    let within = match opened {
        Ok(within) => within,
        // Removed, or swapped for something else, since its name was read.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    for entry in Dir::read_from(&within)? {
        let entry = entry?;
        let name = match entry.file_name().to_str() {
            Ok("." | "..") => continue,
            Ok(name) => name,
            Err(_) => {
                listing
                    .foreign
                    .push(joined(folder, &entry.file_name().to_string_lossy()));
                continue;
            }
        };
        let at = match statat(&within, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(at) => at,
            Err(Errno::NOENT) => continue,
            Err(errno) => return Err(errno),
        };
        let full = joined(folder, name);
        let shallow = full.split('/').count() < DEPTH_MAX;
        match (
            FileType::from_raw_mode(at.st_mode),
            ObjectPath::parse(&full),
        ) {
            (FileType::Directory, Ok(_)) if shallow => folders.push(full),
            (FileType::RegularFile, Ok(path)) => {
                let object = StoredObject {
                    path,
                    size: u64::try_from(at.st_size).unwrap_or(0),
                };
                if !name.starts_with(UNFINISHED) {
                    listing.objects.push(object);
                } else if is_being_written(&within, name) {
                    listing.unfinished.push(object);
                } else {
                    listing.left_behind.push(object);
                }
            }
            _ => listing.foreign.push(full),
        }
    }
    Ok(())
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// Whether a writer holds the lock of a staged file.
fn is_being_written(folder: &OwnedFd, name: &str) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat(folder, name, flags, Mode::empty()) {
        Ok(file) => flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn tells_objects_from_remains_and_foreign_things() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::write(root.path().join("a/b/one"), "1").unwrap();
        fs::write(root.path().join("two"), "22").unwrap();
        fs::write(root.path().join("a/.staged-1-1"), "half").unwrap();
        fs::write(root.path().join("with:colon"), "").unwrap();
        symlink("two", root.path().join("link")).unwrap();
        let listing = list(&OwnedFd::from(File::open(root.path()).unwrap())).unwrap();
        let paths = |list: &[StoredObject]| {
            list.iter()
                .map(|object| (object.path.to_string(), object.size))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            paths(&listing.objects),
            [("a/b/one".into(), 1), ("two".into(), 2)]
        );
        assert_eq!(paths(&listing.left_behind), [("a/.staged-1-1".into(), 4)]);
        assert_eq!(listing.unfinished, []);
        assert_eq!(listing.foreign, ["link", "with:colon"]);
    }
}
