//! One file, opened.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use colophon_crypto::Portable;
use colophon_title::source::{Limits, Source, SourceRefused};
use colophon_title::{EntryPath, LockedTitle, OpenTitle, Progress, TitleRefused, TrustRoots};

use crate::repository::RepositoryFailure;

mod about;
mod kind;
mod licensed;
mod writing;

pub use about::{About, Origin};
use kind::Kind;
use licensed::LicensedCopy;
pub use licensed::{ActivatedReader, UnlockError};
pub use writing::WriteError;

static ENGINE: Portable = Portable;

/// A title file or an unprotected publication whose structure was found in order.
///
/// ```no_run
/// use std::path::Path;
///
/// use colophon_reader::Document;
/// use colophon_title::TrustRoots;
///
/// let document = Document::open(Path::new("book.epub"), &TrustRoots::new())?;
/// println!("{}", document.about().title);
/// if let Some(owner) = &document.about().owner {
///     println!("This copy belongs to {owner}.");
/// }
/// # Ok::<(), colophon_reader::OpenError>(())
/// ```
pub struct Document {
    path: PathBuf,
    about: About,
    content: Content,
}

enum Content {
    Title(Box<OpenTitle<'static, BufReader<File>>>),
    Licensed(Box<LicensedCopy>),
    Clear(Box<Source<BufReader<File>>>),
}

/// Why a file does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
    /// The file is a title file, and it is damaged or was altered.
    #[error("the title file is refused")]
    Refused(#[source] TitleRefused),
    /// The copy is at level 5 and opens on an activated device only.
    #[error("this copy opens on an activated device only")]
    NeedsActivation,
    /// The secure repository does not give out what it was asked for.
    #[error(transparent)]
    Protected(RepositoryFailure),
    /// The file is no title file, and not what its name says either.
    #[error("the file is not a publication that can be opened")]
    NotAPublication(#[source] SourceRefused),
}

impl Document {
    /// Opens a file: finds out what it is, checks its structure, unseals it and judges its
    /// license and signatures under `roots`. Content is checked as it is read, or by
    /// [`verify`](Document::verify). A copy at level 5 stays locked: all is known about it, and
    /// its bytes can be checked, but its content can be read only after
    /// [`unlock`](Document::unlock).
    ///
    /// # Errors
    ///
    /// [`OpenError`], see its variants.
    pub fn open(path: &Path, roots: &TrustRoots) -> Result<Document, OpenError> {
        let mut reader = BufReader::new(File::open(path).map_err(OpenError::Read)?);
        let kind = Kind::of(&mut reader).map_err(OpenError::Read)?;
        let content = match kind {
            Kind::TitleFile => open_title(path, reader, roots)?,
            Kind::Epub => open_epub(path, reader, roots)?,
            Kind::Other => Content::Clear(open_clear(path, reader)?),
        };
        let about = match &content {
            Content::Title(title) => About::of_title(title),
            Content::Licensed(copy) => About::of_locked(&copy.outside),
            Content::Clear(source) => About::of_source(source),
        };
        Ok(Document {
            path: path.to_path_buf(),
            about,
            content,
        })
    }

    /// What the document says of itself, and how far that is proven.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Whether this is a copy at level 5 that nobody has unlocked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        match &self.content {
            Content::Licensed(copy) => copy.is_locked(),
            Content::Title(_) | Content::Clear(_) => false,
        }
    }

    /// The files of the publication, in order.
    #[must_use]
    pub fn entries(&self) -> Vec<EntryPath> {
        match &self.content {
            Content::Title(title) => title.entries().cloned().collect(),
            Content::Licensed(copy) => copy.outside.entries().cloned().collect(),
            Content::Clear(source) => source
                .entries()
                .iter()
                .map(|entry| entry.path.clone())
                .collect(),
        }
    }

    /// Writes one file of the publication to `out`; gives its length in bytes.
    ///
    /// What was written before an error must not be used.
    ///
    /// # Errors
    ///
    /// [`OpenError`], see its variants.
    pub fn read_entry(&mut self, path: &EntryPath, out: &mut dyn Write) -> Result<u64, OpenError> {
        match &mut self.content {
            Content::Title(title) => title.read_entry(path, out).map_err(OpenError::Refused),
            Content::Licensed(copy) => copy.read_entry(path, out),
            Content::Clear(source) => read_clear(source, path, out),
        }
    }

    /// Reads every byte and checks it, telling how far it is.
    ///
    /// # Errors
    ///
    /// [`OpenError`], see its variants.
    pub fn verify(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), OpenError> {
        match &mut self.content {
            Content::Title(title) => title.verify(progress).map_err(OpenError::Refused),
            Content::Licensed(copy) => copy.outside.verify(progress).map_err(OpenError::Refused),
            Content::Clear(source) => {
                let paths: Vec<_> = source.entries().iter().map(|e| e.path.clone()).collect();
                for path in paths {
                    read_clear(source, &path, &mut io::sink())?;
                }
                Ok(())
            }
        }
    }
}

fn open_title(
    path: &Path,
    reader: BufReader<File>,
    roots: &TrustRoots,
) -> Result<Content, OpenError> {
    let opened = match OpenTitle::open(&ENGINE, reader, roots) {
        Err(TitleRefused::LicenseRequired) => {
            let locked = LockedTitle::read(&ENGINE, again(path)?, roots);
            locked.map(|title| Content::Licensed(Box::new(LicensedCopy::locked(title))))
        }
        opened => opened.map(|title| Content::Title(Box::new(title))),
    };
    match opened {
        Err(TitleRefused::Read(source)) => Err(OpenError::Read(source)),
        opened => opened.map_err(OpenError::Refused),
    }
}

fn again(path: &Path) -> Result<BufReader<File>, OpenError> {
    let file = File::open(path).map_err(OpenError::Read)?;
    Ok(BufReader::new(file))
}

/// An EPUB is a title file or an ordinary one, and only its inside tells which. What is no intact
/// title file and shows traces of one is refused as a title file, never taken for an ordinary one.
fn open_epub(
    path: &Path,
    reader: BufReader<File>,
    roots: &TrustRoots,
) -> Result<Content, OpenError> {
    let refused = match open_title(path, reader, roots) {
        Err(OpenError::Refused(refused)) => refused,
        opened => return opened,
    };
    if kind::has_traces_of_a_title(again(path)?) {
        return Err(OpenError::Refused(refused));
    }
    open_clear(path, again(path)?).map(Content::Clear)
}

fn open_clear(
    path: &Path,
    reader: BufReader<File>,
) -> Result<Box<Source<BufReader<File>>>, OpenError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let claimed = kind::claimed_media_type(&name);
    match Source::inspect(reader, &claimed, &name, &Limits::default()) {
        Ok(source) => Ok(Box::new(source)),
        Err(SourceRefused::Read(source)) => Err(OpenError::Read(source)),
        Err(refused) => Err(OpenError::NotAPublication(refused)),
    }
}

fn read_clear(
    source: &mut Source<BufReader<File>>,
    path: &EntryPath,
    out: &mut dyn Write,
) -> Result<u64, OpenError> {
    let Some(index) = source
        .entries()
        .iter()
        .position(|entry| entry.path == *path)
    else {
        return Err(OpenError::Refused(TitleRefused::NoSuchEntry {
            path: path.clone(),
        }));
    };
    let mut entry = source
        .open_entry(index)
        .map_err(OpenError::NotAPublication)?;
    io::copy(&mut entry, out).map_err(OpenError::Read)
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document")
            .field("path", &self.path)
            .field("about", &self.about)
            .finish()
    }
}
