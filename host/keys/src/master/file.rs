//! The file that holds the master keys, for its owner's eyes only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{InvalidMasterKey, MasterKeys};

/// The largest key file, in bytes: 255 keys with room for remarks.
const KEY_FILE_BYTES_MAX: u64 = 64 << 10;

/// Why a key file could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is a file already, which may hold the only copy of a key.
    #[error("{path} exists already and is not overwritten")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others than its owner may read or change the file.
    #[error("{path} is open to others (mode {mode:04o}); run: chmod 600 {path}")]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file does not hold master keys.
    #[error("{path} holds no master keys")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: InvalidMasterKey,
    },
    /// The file could not be read or written.
    #[error("{path} could not be read or written")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

impl KeyFileError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
        let path = path.to_owned();
        move |cause| KeyFileError::Io { path, cause }
    }
}

/// Makes a key file of mode 0600 that did not exist before, and sees it safely to the disk.
///
/// # Errors
///
/// [`KeyFileError`]; [`KeyFileError::Exists`] if there is anything under this name, were it
/// only a dangling link.
pub fn create_key_file(path: &Path, keys: &MasterKeys) -> Result<(), KeyFileError> {
    match write_new(path, keys) {
        Ok(()) => sync_folder(path).map_err(KeyFileError::io(path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(KeyFileError::Exists {
            path: path.to_owned(),
        }),
        Err(error) => Err(KeyFileError::io(path)(error)),
    }
}

/// Reads a key file.
///
/// # Errors
///
/// [`KeyFileError`]; [`KeyFileError::OpenToOthers`] if anyone but its owner has any access.
pub fn read_key_file(path: &Path) -> Result<MasterKeys, KeyFileError> {
    let file = File::open(path).map_err(KeyFileError::io(path))?;
    // Asked of the open file, so that nobody can exchange it in between.
    let metadata = file.metadata().map_err(KeyFileError::io(path))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::OpenToOthers {
            path: path.to_owned(),
            mode,
        });
    }
    let refused = |cause| KeyFileError::Content {
        path: path.to_owned(),
        cause,
    };
    let length = metadata.len();
    if length > KEY_FILE_BYTES_MAX {
        return Err(refused(InvalidMasterKey::Form));
    }
    let capacity = usize::try_from(length).unwrap_or_default() + 1;
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    let read = file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text);
    match read {
        Ok(_) => MasterKeys::parse(&text).map_err(refused),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(refused(InvalidMasterKey::Form))
        }
        Err(error) => Err(KeyFileError::io(path)(error)),
    }
}

/// Puts `keys` in the place of the file's content, all of it or nothing.
///
/// # Errors
///
/// [`KeyFileError`]; the file is then unchanged.
pub fn replace_key_file(path: &Path, keys: &MasterKeys) -> Result<(), KeyFileError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    create_key_file(&new, keys)?;
    fs::rename(&new, path)
        .and_then(|()| sync_folder(path))
        .map_err(KeyFileError::io(path))
}

fn write_new(path: &Path, keys: &MasterKeys) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let written = file
        .write_all(keys.to_text().as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a key is none, and it would be in the way of the next attempt. The first error
        // is the one to report.
        let _ = fs::remove_file(path);
    }
    written
}

/// A new name lasts only once its folder has been written out.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandom;

    fn keys() -> MasterKeys {
        MasterKeys::generate(&mut SystemRandom)
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    }

    #[test]
    fn a_file_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("master.key");
        let keys = keys();
        create_key_file(&path, &keys).expect("a file");
        let mode = fs::metadata(&path).expect("a file").permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600);
        let read = read_key_file(&path).expect("keys");
        assert_eq!(read.newest().key().expose(), keys.newest().key().expose());

        let again = create_key_file(&path, &MasterKeys::generate(&mut SystemRandom));
        assert!(matches!(again, Err(KeyFileError::Exists { .. })));
        let read = read_key_file(&path).expect("keys");
        assert_eq!(read.newest().key().expose(), keys.newest().key().expose());
    }

    #[test]
    fn a_link_is_not_followed_when_a_file_is_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("master.key");
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).expect("a link");
        assert!(matches!(
            create_key_file(&path, &keys()),
            Err(KeyFileError::Exists { .. })
        ));
        assert!(!folder.path().join("elsewhere").exists());
    }

    #[test]
    fn a_file_open_to_others_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("master.key");
        create_key_file(&path, &keys()).expect("a file");
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o666] {
            set_mode(&path, mode);
            let refused = read_key_file(&path);
            assert!(
                matches!(refused, Err(KeyFileError::OpenToOthers { mode: seen, .. }) if seen == mode)
            );
        }
        set_mode(&path, 0o400);
        assert!(read_key_file(&path).is_ok());
    }

    #[test]
    fn a_wrong_file_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("master.key");
        assert!(matches!(read_key_file(&path), Err(KeyFileError::Io { .. })));
        let contents: [&[u8]; 3] = [b"", b"\xff\xfe", &[b'#'; 70_000]];
        for content in contents {
            fs::write(&path, content).expect("a file");
            set_mode(&path, 0o600);
            assert!(matches!(
                read_key_file(&path),
                Err(KeyFileError::Content { .. })
            ));
        }
    }

    #[test]
    fn a_rotated_key_replaces_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("master.key");
        let mut keys = keys();
        create_key_file(&path, &keys).expect("a file");
        keys.rotate(&mut SystemRandom).expect("a key");
        replace_key_file(&path, &keys).expect("a file");
        let read = read_key_file(&path).expect("keys");
        assert_eq!(read.iter().count(), 2);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
