//! The folder a person's files are kept in.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use colophon_crypto::{Engine, Portable};
use colophon_title::{Progress, TrustRoots};

use crate::{About, Document, OpenError};

/// A folder of title files and other publications. Files lie in it under names people know; it
/// holds nothing else, and needs no index.
#[derive(Debug, Clone)]
pub struct Library {
    folder: PathBuf,
}

/// What becomes of a file that is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Original {
    /// It moves into the library.
    Move,
    /// It stays, and a copy goes into the library.
    Keep,
}

/// A file that was added.
#[derive(Debug)]
pub struct Added {
    /// Where it lies now.
    pub path: PathBuf,
    /// Whether the library had the same file before.
    pub known: bool,
    /// What it says of itself.
    pub about: About,
}

/// A file of the library.
#[derive(Debug)]
pub struct Volume {
    /// Where it lies.
    pub path: PathBuf,
    /// What it says of itself, or why it does not open.
    pub about: Result<About, OpenError>,
}

/// The library's folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the library {} cannot be used", path.display())]
pub struct LibraryError {
    /// The folder or the file in it.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Why a file was not added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// The file does not open or is damaged. It stays where it is.
    #[error("the file was not added")]
    Refused(#[from] OpenError),
    /// The library's folder cannot be used.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The file is in the library now, but the original could not be removed.
    #[error("the file is in the library, but the original could not be removed")]
    OriginalRemains(#[source] io::Error),
}

/// Why a name does not tell one file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// Nothing fits.
    #[error("nothing in the library is called {name:?}")]
    Unknown {
        /// What was looked for.
        name: String,
    },
    /// Several files fit.
    #[error("several files in the library fit {name:?}")]
    Ambiguous {
        /// What was looked for.
        name: String,
        /// The files that fit.
        files: Vec<PathBuf>,
    },
    /// The library's folder cannot be used.
    #[error(transparent)]
    Library(#[from] LibraryError),
}

impl Library {
    /// The library in a folder, which need not exist yet.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Library {
        Library {
            folder: folder.to_path_buf(),
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Checks every byte of a file, telling how far it is, and takes it into the library.
    ///
    /// # Errors
    ///
    /// [`AddError`]; unless it is [`AddError::OriginalRemains`], nothing has changed.
    pub fn add(
        &self,
        file: &Path,
        original: Original,
        roots: &TrustRoots,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Added, AddError> {
        let mut document = Document::open(file, roots)?;
        document.verify(progress)?;
        let about = document.about().clone();
        drop(document);
        fs::create_dir_all(&self.folder).map_err(|source| self.unusable(source))?;
        let (path, known) = match self.same_file(file)? {
            Some(path) => (path, true),
            None => (self.copy_in(file)?, false),
        };
        if original == Original::Move && !same_place(file, &path) {
            fs::remove_file(file).map_err(AddError::OriginalRemains)?;
        }
        Ok(Added { path, known, about })
    }

    /// The files of the library in the order of their names.
    ///
    /// # Errors
    ///
    /// [`LibraryError`] where the folder cannot be read; a folder that does not exist yet is an
    /// empty library.
    pub fn files(&self) -> Result<Vec<PathBuf>, LibraryError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(self.unusable(source)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(|source| self.unusable(source))?.path();
            let hidden = path
                .file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with('.'));
            if path.is_file() && !hidden {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// Every file with what it says of itself.
    ///
    /// # Errors
    ///
    /// [`LibraryError`] where the folder cannot be read.
    pub fn volumes(&self, roots: &TrustRoots) -> Result<Vec<Volume>, LibraryError> {
        let volume = |path: PathBuf| {
            let about = Document::open(&path, roots).map(|document| document.about().clone());
            Volume { path, about }
        };
        Ok(self.files()?.into_iter().map(volume).collect())
    }

    /// The one file meant by a name: a file name, a Book ID, a title, or a part of a title.
    ///
    /// # Errors
    ///
    /// [`FindError`], see its variants.
    pub fn find(&self, name: &str, roots: &TrustRoots) -> Result<PathBuf, FindError> {
        let volumes = self.volumes(roots)?;
        for fit in [Fit::Name, Fit::Title, Fit::Part] {
            let mut files: Vec<PathBuf> = volumes
                .iter()
                .filter(|volume| fit.fits(volume, name))
                .map(|volume| volume.path.clone())
                .collect();
            match (files.pop(), files.is_empty()) {
                (Some(file), true) => return Ok(file),
                (Some(file), false) => {
                    files.push(file);
                    return Err(FindError::Ambiguous {
                        name: name.to_owned(),
                        files,
                    });
                }
                (None, _) => {}
            }
        }
        Err(FindError::Unknown {
            name: name.to_owned(),
        })
    }

    fn copy_in(&self, file: &Path) -> Result<PathBuf, LibraryError> {
        // Written under a hidden name first: a file of the library is always whole.
        let failed = |source| self.unusable(source);
        let mut new = tempfile::Builder::new()
            .prefix(".adding-")
            .tempfile_in(&self.folder)
            .map_err(failed)?;
        let mut from = File::open(file).map_err(failed)?;
        io::copy(&mut from, new.as_file_mut()).map_err(failed)?;
        new.as_file_mut()
            .flush()
            .and_then(|()| new.as_file().sync_all())
            .map_err(failed)?;
        for number in 1_u32.. {
            let path = self.folder.join(numbered(file, number));
            match new.persist_noclobber(&path) {
                Ok(_) => return Ok(path),
                Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => {
                    new = refused.file;
                }
                Err(refused) => return Err(failed(refused.error)),
            }
        }
        Err(failed(io::ErrorKind::AlreadyExists.into()))
    }

    /// The file of the library with the same bytes.
    fn same_file(&self, file: &Path) -> Result<Option<PathBuf>, LibraryError> {
        let failed = |path: &Path, source| LibraryError {
            path: path.to_path_buf(),
            source,
        };
        let length = fs::metadata(file)
            .map_err(|source| failed(file, source))?
            .len();
        let mut digest = None;
        for path in self.files()? {
            if fs::metadata(&path)
                .map_err(|source| failed(&path, source))?
                .len()
                != length
            {
                continue;
            }
            let wanted = match digest {
                Some(digest) => digest,
                None => *digest.insert(sha256(file).map_err(|source| failed(file, source))?),
            };
            if sha256(&path).map_err(|source| failed(&path, source))? == wanted {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    fn unusable(&self, source: io::Error) -> LibraryError {
        LibraryError {
            path: self.folder.clone(),
            source,
        }
    }
}

/// How a name may fit a file, from the surest on.
#[derive(Clone, Copy)]
enum Fit {
    Name,
    Title,
    Part,
}

impl Fit {
    fn fits(self, volume: &Volume, name: &str) -> bool {
        let wanted = name.to_lowercase();
        let about = volume.about.as_ref().ok();
        let title = about.map(|about| about.title.to_lowercase());
        match self {
            Fit::Name => {
                let file_name = volume.path.file_name().map(|name| name.to_string_lossy());
                let book_id = about.and_then(|about| about.book_id.as_ref());
                file_name.is_some_and(|file_name| file_name == name)
                    || book_id.is_some_and(|(id, _)| id == name)
            }
            Fit::Title => title.is_some_and(|title| title == wanted),
            Fit::Part => title.is_some_and(|title| title.contains(&wanted)),
        }
    }
}

/// The name a file gets when `number - 1` others have it already.
fn numbered(file: &Path, number: u32) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let visible = name.trim_start_matches('.');
    if number == 1 {
        return visible.to_owned();
    }
    match visible.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem} ({number}).{extension}"),
        None => format!("{visible} ({number})"),
    }
}

fn same_place(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn sha256(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut stream = Portable.sha256();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..length) else {
            break;
        };
        if bytes.is_empty() {
            break;
        }
        stream.update(bytes);
    }
    Ok(stream.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, number: u32, expected: &str) {
        assert_eq!(numbered(Path::new(file), number), expected);
    }

    #[test]
    fn a_second_file_of_a_name_gets_a_number() {
        check("/downloads/Book.epub", 1, "Book.epub");
        check("/downloads/Book.epub", 2, "Book (2).epub");
        check("Book", 3, "Book (3)");
    }

    #[test]
    fn a_file_is_never_hidden_in_the_library() {
        check(".Book.epub", 1, "Book.epub");
    }
}
