//! Compiled plug-ins kept from one start to the next.
//!
//! A compiled plug-in is native code: whoever can write one into the folder runs code in the host.
//! The folder is therefore closed to everybody else, holds only what this host compiled itself
//! under a name it chose, and each file carries a digest, so that a damaged one is compiled anew.

mod sweeping;

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::geteuid;
use sha2::{Digest, Sha256};
use thiserror::Error;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::engine::fingerprint;
use crate::digested::hex;

const DIGEST_BYTES: usize = 32;

const CODE: &str = "cwasm";

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

    /// One name for each component and each engine that could run its code.
    fn place(&self, engine: &Engine, sha256: &[u8; 32]) -> PathBuf {
        let mut name = hex(sha256);
        name.push_str(&format!("-{:016x}.{CODE}", fingerprint(engine)));
        self.folder.join(name)
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

/// Writes beside the place and renames, so that nobody ever reads half a file. Each writer has a file of
/// its own there, those of one process too.
fn write_whole(place: &Path, code: &[u8]) -> io::Result<()> {
    static WRITERS: AtomicU32 = AtomicU32::new(0);
    let writer = WRITERS.fetch_add(1, Ordering::Relaxed);
    let beside = place.with_extension(format!("{}{writer:010}", process::id()));
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
