//! Which compiled plug-ins go, and when.
//!
//! Others may sweep the same folder at the same time, read what is deleted or write what is looked at:
//! whoever has opened a file reads it to its end, and whoever comes too late compiles once more. What
//! runs was read into memory.

use std::collections::HashSet;
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use colophon_core::time::Timestamp;
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

use super::{CODE, DIGEST_BYTES, PrecompiledFolder};
use crate::CATALOG_PLUGIN;
use crate::digested::hex;
use crate::sandbox::engine::fingerprint;

/// How long code stays that nobody names. A version that is just being published has none yet that
/// names it.
const UNNAMED_KEPT: Duration = Duration::from_hours(24);

/// How long code stays that was made for another engine: that of the release before, which an
/// operator may go back to.
const OTHER_ENGINES_KEPT: Duration = Duration::from_hours(30 * 24);

/// How long it may take to write one file, on the slowest disk.
const WRITTEN_WITHIN: Duration = Duration::from_hours(1);

/// How many files are deleted in one go; the others stay for the next.
const DELETED_MAX: usize = 1000;

impl PrecompiledFolder {
    /// Deletes what was written first until the rest takes up no more than this; one file stays in any
    /// case. Others may do the same at the same time: what is just being written is left to whoever
    /// writes it.
    pub(super) fn shrink_to(&self, bytes_max: u64, stays: &Path) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let none_named = HashSet::new();
        let now = fs::symlink_metadata(stays).and_then(|found| found.modified());
        let files = entries.filter_map(|entry| {
            let entry = entry.ok()?;
            let (name, place) = (entry.file_name(), entry.path());
            kept(name.to_str()?, &none_named, "")?;
            let found = entry.metadata().ok().filter(Metadata::is_file)?;
            let written = found.modified().ok()?;
            let age = now
                .as_ref()
                .ok()
                .and_then(|now| now.duration_since(written).ok());
            let is_code = place.extension().is_some_and(|kind| kind == CODE);
            let is_settled = is_code || age.is_some_and(|age| age >= WRITTEN_WITHIN);
            is_settled.then_some((written, found.len(), place))
        });
        let mut files: Vec<_> = files.collect();
        files.sort();
        let bytes = files.iter().map(|(_, bytes, _)| bytes).sum();
        let deleted = files.into_iter().filter(|(_, _, place)| place != stays);
        delete_down_to(
            bytes_max,
            bytes,
            deleted.map(|(_, bytes, place)| (bytes, place)),
            |place| fs::remove_file(place),
        );
    }

    /// Deletes code of components that nobody names, and what writers have left behind.
    pub(in crate::sandbox) fn forget_all_but(
        &self,
        engine: &Engine,
        mut named: HashSet<[u8; DIGEST_BYTES]>,
        now: Timestamp,
    ) -> usize {
        named.insert(Sha256::digest(CATALOG_PLUGIN).into());
        let named = named.iter().map(|sha256| hex(sha256)).collect();
        let own = format!("{:016x}", fingerprint(engine));
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::warn!(path = %self.folder.display(), cause = %error, "compiled plug-ins cannot be listed");
                return 0;
            }
        };
        let is_over = |entry: &DirEntry| {
            let name = entry.file_name();
            let kept = name.to_str().and_then(|name| kept(name, &named, &own));
            kept.is_some_and(|kept| age(entry, now).is_some_and(|age| age >= kept))
        };
        // One that cannot be deleted now, or is gone already, is looked at again the next time.
        let deleted = entries
            .filter_map(Result::ok)
            .filter(is_over)
            .filter(|entry| fs::remove_file(entry.path()).is_ok());
        deleted.take(DELETED_MAX).count()
    }
}

/// Deletes files, in their order, until what they are a part of takes up no more than this. A file that
/// is gone already makes as much room as one that is deleted here: somebody else sweeps, too, and were it
/// counted on, each of them would delete for all.
fn delete_down_to(
    bytes_max: u64,
    mut bytes: u64,
    files: impl Iterator<Item = (u64, PathBuf)>,
    delete: impl Fn(&Path) -> io::Result<()>,
) {
    for (own, place) in files {
        if bytes <= bytes_max {
            return;
        }
        match delete(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {}
            Ok(()) | Err(_) => bytes -= own,
        }
    }
}

/// How long a file of this name stays at most; none if it stays for good, or is not ours to delete.
fn kept(name: &str, named: &HashSet<String>, own_engine: &str) -> Option<Duration> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(process) = name.strip_prefix("probe-") {
        return is_number(process).then_some(UNNAMED_KEPT);
    }
    let (code, kind) = name.split_once('.')?;
    let (sha256, engine) = code.split_once('-')?;
    let is_hex = |text: &str| {
        text.bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_ours = sha256.len() == 2 * DIGEST_BYTES && engine.len() == 16;
    if !is_ours || !is_hex(sha256) || !is_hex(engine) {
        return None;
    }
    match kind {
        CODE if !named.contains(sha256) => Some(UNNAMED_KEPT),
        CODE if engine != own_engine => Some(OTHER_ENGINES_KEPT),
        CODE => None,
        // Code that was being written when its process ended.
        process => is_number(process).then_some(UNNAMED_KEPT),
    }
}

/// How long ago a file was written; none if it is none, or was written later than now.
fn age(entry: &DirEntry, now: Timestamp) -> Option<Duration> {
    let found = entry.metadata().ok().filter(|found| found.is_file())?;
    let written = found.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let now = Duration::from_millis(u64::try_from(now.unix_ms()).ok()?);
    now.checked_sub(written)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn what_another_sweep_has_deleted_makes_room_as_well() {
        let files = || (0..10).map(|number| (10, PathBuf::from(format!("{number}"))));
        let kept_after = |gone: &[&str], stuck: &str| {
            let deleted = RefCell::new(Vec::new());
            delete_down_to(50, 100, files(), |place| {
                let name = place.to_str().unwrap().to_owned();
                if gone.contains(&name.as_str()) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                if name == stuck {
                    return Err(io::ErrorKind::PermissionDenied.into());
                }
                deleted.borrow_mut().push(name);
                Ok(())
            });
            deleted.into_inner().join("")
        };
        assert_eq!(kept_after(&[], ""), "01234");
        assert_eq!(kept_after(&["0", "1", "2"], ""), "34");
        assert_eq!(kept_after(&[], "1"), "02345");
    }

    #[test]
    fn sweeps_at_once_delete_no_more_than_one_would() {
        let folder = tempfile::tempdir().unwrap();
        let closed = PrecompiledFolder::open(&folder.path().join("compiled")).unwrap();
        let place = |number: u8| {
            closed
                .folder
                .join(format!("{}-{:016x}.{CODE}", hex(&[number; 32]), 1))
        };
        for number in 0..64 {
            fs::write(place(number), [0; 100]).unwrap();
        }
        let at_once = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    at_once.wait();
                    closed.shrink_to(3200, &place(63));
                });
            }
        });
        let left = fs::read_dir(&closed.folder).unwrap().count();
        assert_eq!(left, 32);
        assert!(place(63).exists());
    }

    #[test]
    fn a_file_that_somebody_is_just_writing_is_left_to_him() {
        let folder = tempfile::tempdir().unwrap();
        let closed = PrecompiledFolder::open(&folder.path().join("compiled")).unwrap();
        let beside = |number: u8, kind: &str| {
            let name = format!("{}-{:016x}.{kind}", hex(&[number; 32]), 1);
            closed.folder.join(name)
        };
        fs::write(beside(1, "4711"), [0; 100]).unwrap();
        fs::write(beside(2, CODE), [0; 100]).unwrap();
        fs::write(beside(3, CODE), [0; 100]).unwrap();
        closed.shrink_to(100, &beside(3, CODE));
        assert!(beside(1, "4711").exists() && beside(3, CODE).exists());
        assert!(!beside(2, CODE).exists());
    }
}
