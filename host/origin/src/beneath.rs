//! Opens files below a directory and nowhere else.
//!
//! An [`ObjectPath`] cannot climb out by its text, but a symbolic link on the way could lead out.
//! The kernel is asked to refuse that in one step (`openat2` with `RESOLVE_BENEATH` and
//! `RESOLVE_NO_SYMLINKS`, Linux 5.6). Where the call is missing (an older kernel, or a sandbox that
//! filters it) the path is walked segment by segment, each opened below the one before without
//! following a link. As no segment is `..`, that gives the same guarantee with more system calls.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use colophon_core::catalog::ObjectPath;
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, openat, openat2, unlinkat};
use rustix::io::Errno;

/// `openat2` says "try again" when something was renamed while it looked; a busy store must not
/// make it fail, and a store renamed without end must not make it loop.
const RACES_MAX: u32 = 8;

/// Opens the file at `path` below `root`. The result may still be a folder or a device.
pub(crate) fn open(root: BorrowedFd<'_>, path: &ObjectPath) -> Result<OwnedFd, Errno> {
    for _ in 0..RACES_MAX {
        match open_in_one_step(root, path) {
            Err(Errno::AGAIN) => {}
            // Sandboxes that filter the call answer either of these; the call itself has no use
            // for EPERM with the flags asked for.
            Err(Errno::NOSYS | Errno::PERM) => break,
            opened_or_refused => return opened_or_refused,
        }
    }
    open_by_walking(root, path)
}

/// Reading, and never waiting for a writer at the other end of a pipe that stands in a file's place.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);
/// A folder on the way, itself no link.
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

fn open_in_one_step(root: BorrowedFd<'_>, path: &ObjectPath) -> Result<OwnedFd, Errno> {
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(root, path.as_str(), FILE, Mode::empty(), within)
}

fn open_by_walking(root: BorrowedFd<'_>, path: &ObjectPath) -> Result<OwnedFd, Errno> {
    let (folders, name) = split(path);
    let folder = folders
        .map(|folders| open_folder(root, folders))
        .transpose()?;
    let within = folder.as_ref().map_or(root, AsFd::as_fd);
    openat(within, name, FILE | OFlags::NOFOLLOW, Mode::empty())
}

/// Opens the folder that `folders` lead to from `root`.
pub(crate) fn open_folder(root: BorrowedFd<'_>, folders: &str) -> Result<OwnedFd, Errno> {
    let mut at = openat(root, ".", FOLDER, Mode::empty())?;
    for folder in folders.split('/') {
        at = openat(&at, folder, FOLDER, Mode::empty())?;
    }
    Ok(at)
}

/// Opens one folder directly in `within`.
pub(crate) fn open_subfolder(within: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    openat(within, name, FOLDER, Mode::empty())
}

/// Removes the folder that `folders` lead to, if it is empty.
pub(crate) fn remove_folder(root: BorrowedFd<'_>, folders: &str) -> Result<(), Errno> {
    match folders.rsplit_once('/') {
        None => unlinkat(root, folders, AtFlags::REMOVEDIR),
        Some((outer, name)) => unlinkat(open_folder(root, outer)?, name, AtFlags::REMOVEDIR),
    }
}

/// The folders of a path, if it has any, and its last segment.
pub(crate) fn split(path: &ObjectPath) -> (Option<&str>, &str) {
    match path.as_str().rsplit_once('/') {
        Some((folders, name)) => (Some(folders), name),
        None => (None, path.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    type Way = fn(BorrowedFd<'_>, &ObjectPath) -> Result<OwnedFd, Errno>;
    const WAYS: [Way; 3] = [open, open_in_one_step, open_by_walking];

    fn read(way: Way, root: &Path, path: &str) -> Result<String, Errno> {
        let root = File::open(root).unwrap();
        let mut file = File::from(way(root.as_fd(), &ObjectPath::parse(path).unwrap())?);
        let mut text = String::new();
        let length = file.read_to_string(&mut text).map_err(|_| Errno::ISDIR)?;
        assert_eq!(length, text.len());
        Ok(text)
    }

    /// A root with honest files and every kind of link out of it, beside a file that must not
    /// be read.
    fn crooked_store() -> tempfile::TempDir {
        let around = tempfile::tempdir().unwrap();
        let root = around.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("plain"), "in").unwrap();
        fs::write(root.join("a/b/deep"), "in").unwrap();
        fs::write(around.path().join("secret"), "OUT").unwrap();
        symlink(around.path().join("secret"), root.join("absolute")).unwrap();
        symlink("../secret", root.join("relative")).unwrap();
        symlink("../../../secret", root.join("a/b/deep-link")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("/proc/self/cwd", root.join("magic")).unwrap();
        symlink("plain", root.join("inner")).unwrap();
        around
    }

    #[test]
    fn files_below_the_root_open() {
        let around = crooked_store();
        for way in WAYS {
            assert_eq!(
                read(way, &around.path().join("root"), "plain").unwrap(),
                "in"
            );
            assert_eq!(
                read(way, &around.path().join("root"), "a/b/deep").unwrap(),
                "in"
            );
        }
    }

    #[test]
    fn no_link_is_followed_not_even_an_inner_one() {
        let around = crooked_store();
        for way in WAYS {
            for path in [
                "absolute",
                "relative",
                "a/b/deep-link",
                "up/secret",
                "magic/x",
                "inner",
            ] {
                let refused = read(way, &around.path().join("root"), path).unwrap_err();
                let expected = [Errno::LOOP, Errno::NOTDIR, Errno::XDEV];
                assert!(expected.contains(&refused), "{path}: {refused}");
            }
        }
    }

    /// 5,000 paths made of segments that lead down, out and nowhere: none reads what is outside.
    #[test]
    fn no_path_reads_outside_the_root() {
        let around = crooked_store();
        let segments = [
            "a", "b", "up", "relative", "absolute", "magic", "plain", "deep", "secret", "root",
        ];
        let mut parsed = 0;
        for number in 0..5_000_usize {
            let (first, rest) = (number % 10, number / 10);
            let path = [first, rest % 10, rest / 10 % 10, rest / 100 % 10]
                .iter()
                .take(1 + number % 4)
                .map(|index| segments[*index])
                .collect::<Vec<_>>()
                .join("/");
            parsed += 1;
            for way in WAYS {
                if let Ok(text) = read(way, &around.path().join("root"), &path) {
                    assert_eq!(text, "in", "{path}");
                }
            }
        }
        assert_eq!(parsed, 5_000);
    }

    /// A folder is swapped for a link to the outside and back while files in it are opened.
    #[test]
    fn a_folder_swapped_for_a_link_leads_nowhere() {
        let around = crooked_store();
        let root = around.path().join("root");
        fs::create_dir(around.path().join("outside")).unwrap();
        fs::write(around.path().join("outside/deep"), "OUT").unwrap();
        symlink(around.path().join("outside"), root.join("link")).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let link = File::open(&root).unwrap();
                    let exchange = rustix::fs::RenameFlags::EXCHANGE;
                    rustix::fs::renameat_with(&link, "a/b", &link, "link", exchange).unwrap();
                }
            });
            for _ in 0..3_000 {
                for way in WAYS {
                    if let Ok(text) = read(way, &root, "a/b/deep") {
                        assert_eq!(text, "in");
                    }
                }
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}
