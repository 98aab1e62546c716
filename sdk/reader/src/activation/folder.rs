//! Files that are for this reader alone.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The activation's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file in it, or the folder itself, cannot be read or written.
    #[error("{} cannot be used", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file in it is gone, or holds what this program does not write there.
    #[error("{} is gone or damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

impl FolderError {
    pub(super) fn damaged(path: &Path) -> FolderError {
        FolderError::Damaged {
            path: path.to_path_buf(),
        }
    }

    fn at(path: &Path) -> impl Fn(io::Error) -> FolderError {
        move |source| FolderError::File {
            path: path.to_path_buf(),
            source,
        }
    }
}

/// A whole file; nothing if there is none. One longer than `bytes_max` is read up to one byte
/// more, so that whoever judges it finds it too long.
pub(super) fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, FolderError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(FolderError::at(path))?,
    };
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(FolderError::at(path))?;
    Ok(Some(bytes))
}

/// Removes a file, which need not be there.
pub(super) fn remove(path: &Path) -> Result<(), FolderError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(FolderError::at(path)),
    }
}

/// Writes a file that nobody else can read, in a folder that nobody else can list; at every
/// moment the file is the old one or the new one.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_private(folder).map_err(FolderError::at(folder))?;
    let failed = FolderError::at(path);
    // Temporary files are made with mode 0600, and keep it.
    let mut new = tempfile::NamedTempFile::new_in(folder).map_err(&failed)?;
    new.write_all(bytes).map_err(&failed)?;
    new.as_file().sync_all().map_err(&failed)?;
    new.persist(path)
        .map(drop)
        .map_err(|refused| failed(refused.error))
}

/// Makes a folder with those above it; the last for its owner alone.
fn make_private(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        fs::create_dir_all(above)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
