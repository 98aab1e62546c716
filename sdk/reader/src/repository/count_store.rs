//! Where counts and their witness are kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::bindings::contract::Kept;

/// The largest counts that are read, in bytes: those of more than 400,000 licenses.
const COUNTS_BYTES_MAX: u64 = 16 << 20;

/// Two files in two folders: the counts, and the witness that tells whether they are the newest.
///
/// A backup of one folder that is put back does not give used rights back. Both put back to the
/// same moment do: on a machine in somebody's hands there is no place that cannot be set back.
#[derive(Clone, Debug)]
pub struct CountStore {
    counts: PathBuf,
    witness: PathBuf,
}

impl CountStore {
    /// The store with the counts in one file and the witness in another, which should lie in
    /// folders that are not backed up together. Neither needs to exist yet.
    #[must_use]
    pub fn new(counts: &Path, witness: &Path) -> CountStore {
        CountStore {
            counts: counts.to_path_buf(),
            witness: witness.to_path_buf(),
        }
    }

    /// Keeps everybody else out until what comes is dropped.
    pub(super) fn lock(&self) -> io::Result<LockedCounts> {
        for file in [&self.counts, &self.witness] {
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.counts.with_extension("lock"))?;
        lock.lock()?;
        Ok(LockedCounts {
            store: self.clone(),
            _lock: lock,
        })
    }
}

/// A store that nobody else uses.
pub(super) struct LockedCounts {
    store: CountStore,
    // Closing the file gives the lock back.
    _lock: File,
}

impl LockedCounts {
    /// What is kept; nothing before the first use.
    pub(super) fn read(&self) -> io::Result<Option<Kept>> {
        let counts = read(&self.store.counts)?;
        let witness = read(&self.store.witness)?;
        let nothing = counts.is_none() && witness.is_none();
        Ok((!nothing).then(|| Kept {
            counts: counts.unwrap_or_default(),
            witness: witness.unwrap_or_default(),
        }))
    }

    /// Keeps counts, then their witness: a witness may be one behind, but not ahead.
    pub(super) fn write(&self, kept: &Kept) -> io::Result<()> {
        replace(&self.store.counts, &kept.counts)?;
        replace(&self.store.witness, &kept.witness)
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(found) if found.len() > COUNTS_BYTES_MAX => Err(io::ErrorKind::FileTooLarge.into()),
        Ok(_) => fs::read(path).map(Some),
    }
}

/// Writes beside the file and renames, so that nobody ever reads half a file.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut beside = NamedTempFile::new_in(folder)?;
    beside.write_all(bytes)?;
    beside.as_file().sync_all()?;
    beside.persist(path)?;
    // The rename itself must last, or a crash would give a use back.
    File::open(folder)?.sync_all()
}
