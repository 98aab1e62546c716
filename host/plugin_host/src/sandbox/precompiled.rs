//! Compiled plug-ins kept from one start to the next.
//!
//! A compiled plug-in is native code: whoever can write one into the folder runs code in the host.
//! The folder is therefore closed to everybody else, holds only what this host compiled itself
//! under a name it chose, and each file carries a digest, so that a damaged one is compiled anew.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, DirEntry, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, UNIX_EPOCH};

use colophon_core::time::Timestamp;
use rustix::process::geteuid;
use sha2::{Digest, Sha256};
use thiserror::Error;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::engine::fingerprint;
use crate::CATALOG_PLUGIN;

const DIGEST_BYTES: usize = 32;

const CODE: &str = "cwasm";

/// How long code stays that nobody names. A version that is just being published has none yet that
/// names it.
const UNNAMED_KEPT: Duration = Duration::from_hours(24);

/// How long code stays that was made for another engine: that of the release before, which an
/// operator may go back to.
const OTHER_ENGINES_KEPT: Duration = Duration::from_hours(30 * 24);

/// How many files are deleted in one go; the others stay for the next.
const DELETED_MAX: usize = 1000;

/// Why a folder cannot hold compiled plug-ins.
#[derive(Debug, Error)]
pub enum FolderRefused {
    /// It cannot be made, or not be written to.
    #[error("{folder} cannot be written to")]
    Unwritable {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is a link or a file.
    #[error("{folder} is not a folder of its own")]
    NoFolder {
        /// What is no folder.
        folder: PathBuf,
    },
    /// Somebody else owns it or may enter it.
    #[error("{folder} must belong to the host's user and have mode 0700")]
    Open {
        /// The folder.
        folder: PathBuf,
    },
}

/// A folder closed to everybody but the host's own user.
pub struct PrecompiledFolder {
    folder: PathBuf,
    /// The most that its code takes up, where there is nobody who says which components there are.
    bytes_max: Option<u64>,
}

/// Code that was found whole in a folder closed to others, behind its digest.
pub(super) struct KeptCode(Vec<u8>);

impl KeptCode {
    pub(super) fn code(&self) -> &[u8] {
        self.0.get(DIGEST_BYTES..).unwrap_or_default()
    }

    /// The component, if this engine runs its code.
    pub(super) fn component(&self, engine: &Engine) -> Option<Component> {
        // The folder is closed to other users and only `keep` writes there.
        of_own_code(engine, self.code()).ok()
    }
}

impl PrecompiledFolder {
    /// Makes the folder, or makes sure that it is closed.
    ///
    /// # Errors
    /// [`FolderRefused`] if it cannot be written to, or others could write to it.
    pub fn open(folder: &Path) -> Result<Self, FolderRefused> {
        let folder = folder.to_owned();
        let unwritable = |source| FolderRefused::Unwritable {
            folder: folder.clone(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(unwritable)?;
        let found = fs::symlink_metadata(&folder).map_err(unwritable)?;
        if !found.is_dir() {
            return Err(FolderRefused::NoFolder { folder });
        }
        // A file made here tells which user the host is.
        let probe = folder.join(format!("probe-{}", process::id()));
        let ours = new_file(&probe).and_then(|file| file.metadata());
        let ours = ours.map_err(unwritable)?.uid();
        fs::remove_file(&probe).map_err(unwritable)?;
        if !is_closed(&found, ours) {
            return Err(FolderRefused::Open { folder });
        }
        Ok(Self {
            folder,
            bytes_max: None,
        })
    }

    /// The same, in which what was written first goes when there is more than this.
    #[must_use]
    pub(super) fn within(self, bytes_max: Option<u64>) -> Self {
        Self { bytes_max, ..self }
    }

    /// A folder that is there already and closed, to read from.
    pub(super) fn present(folder: &Path) -> Option<Self> {
        let found = fs::symlink_metadata(folder).ok()?;
        let is_ours = found.is_dir() && is_closed(&found, geteuid().as_raw());
        is_ours.then(|| Self {
            folder: folder.to_owned(),
            bytes_max: None,
        })
    }

    /// What was made of the component before, if it is here and whole.
    pub(super) fn find(&self, engine: &Engine, sha256: &[u8; 32]) -> Option<KeptCode> {
        let bytes = read_own(&self.place(engine, sha256)).ok()?;
        let (digest, code) = bytes.split_first_chunk::<DIGEST_BYTES>()?;
        let is_whole = <[u8; DIGEST_BYTES]>::from(Sha256::digest(code)) == *digest;
        is_whole.then_some(KeptCode(bytes))
    }

    /// Keeps compiled code for the next start. Failing to is no failure: it is compiled again.
    pub(super) fn keep(&self, engine: &Engine, sha256: &[u8; 32], code: &[u8]) {
        let place = self.place(engine, sha256);
        if let Err(error) = write_whole(&place, code) {
            tracing::warn!(path = %place.display(), cause = %error, "a compiled plug-in is not kept");
        }
        if let Some(bytes_max) = self.bytes_max {
            self.shrink_to(bytes_max, &place);
        }
    }

    /// Deletes what was written first until the rest takes up no more than this; one file stays in any
    /// case. What another process has just deleted, or is just writing, is looked at the next time.
    fn shrink_to(&self, bytes_max: u64, stays: &Path) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let none_named = HashSet::new();
        let files = entries.filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name();
            kept(name.to_str()?, &none_named, "")?;
            let found = entry.metadata().ok().filter(Metadata::is_file)?;
            Some((found.modified().ok()?, found.len(), entry.path()))
        });
        let mut files: Vec<_> = files.collect();
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, own, place) in files {
            if bytes <= bytes_max {
                return;
            }
            if place != stays && fs::remove_file(&place).is_ok() {
                bytes -= own;
            }
        }
    }

    /// One name for each component and each engine that could run its code.
    fn place(&self, engine: &Engine, sha256: &[u8; 32]) -> PathBuf {
        let mut name = hex(sha256);
        name.push_str(&format!("-{:016x}.{CODE}", fingerprint(engine)));
        self.folder.join(name)
    }

    /// Deletes code of components that nobody names, and what writers have left behind. Somebody
    /// else may be reading the same file: whoever has opened it reads it to its end, and whoever
    /// comes too late compiles once more. What runs was read into memory.
    pub(super) fn forget_all_but(
        &self,
        engine: &Engine,
        mut named: HashSet<[u8; DIGEST_BYTES]>,
        now: Timestamp,
    ) -> usize {
        named.insert(Sha256::digest(CATALOG_PLUGIN).into());
        let named = named.iter().map(hex).collect();
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

/// Whether a folder belongs to this user and nobody else may enter it.
fn is_closed(found: &Metadata, ours: u32) -> bool {
    found.uid() == ours && found.mode() & 0o077 == 0
}

/// Reads a file that nobody but this user can have written, wherever its path leads by now: whoever
/// may write above the folder could have put another in its place.
fn read_own(place: &Path) -> io::Result<Vec<u8>> {
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(place)?;
    let found = file.metadata()?;
    if !found.is_file() || found.uid() != geteuid().as_raw() || found.mode() & 0o022 != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn hex(sha256: &[u8; DIGEST_BYTES]) -> String {
    sha256.iter().map(|byte| format!("{byte:02x}")).collect()
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

/// Code that this host has made itself: just now, in a process of its own, or before, for its folder.
pub(super) fn of_own_code(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    #[expect(
        unsafe_code,
        reason = "native code is only taken from the host's own compiler and from a folder that \
                  nobody else can write to"
    )]
    // SAFETY: both callers hold the code against a digest that was made with it, and nobody but this
    // host's compiler makes either. The engine checks version and settings.
    unsafe {
        Component::deserialize(engine, code)
    }
}

/// Writes beside the place and renames, so that nobody ever reads half a file.
fn write_whole(place: &Path, code: &[u8]) -> io::Result<()> {
    let beside = place.with_extension(format!("{}", process::id()));
    let mut file = new_file(&beside)?;
    let written = file
        .write_all(&Sha256::digest(code))
        .and_then(|()| file.write_all(code))
        .and_then(|()| fs::rename(&beside, place));
    if written.is_err() {
        // The error that counts is the one above; what is left behind is replaced next time.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// A file that was not there before, closed to others.
fn new_file(place: &Path) -> io::Result<File> {
    if place.symlink_metadata().is_ok() {
        fs::remove_file(place)?;
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(place)
}
