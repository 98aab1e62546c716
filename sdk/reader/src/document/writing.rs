//! The opened publication as a file of its own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use colophon_title::PublicationError;

use crate::document::Content;
use crate::document::licensed::CopyingFailed;
use crate::{Document, OpenError};

/// Why an opened publication could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// There is a file of this name already.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The folder or file cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The content is damaged; nothing was written.
    #[error("the content is damaged")]
    Content(#[source] OpenError),
    /// The title is no EPUB and holds several files, so there is no one file to write.
    #[error("the title cannot be written as one file")]
    NotOneFile(#[source] PublicationError),
}

impl Document {
    /// Writes the opened publication into a folder, which is made where it is missing; gives
    /// the new file's path. A file of that name is never replaced, and nothing is left behind
    /// after an error.
    ///
    /// # Errors
    ///
    /// [`WriteError`], see its variants.
    pub fn write_publication(&mut self, folder: &Path) -> Result<PathBuf, WriteError> {
        let path = self.publication_path(folder);
        let failed = |source| WriteError::Write {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(folder).map_err(failed)?;
        if path.exists() {
            return Err(WriteError::Exists { path });
        }
        let mut new = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        self.copy_publication(&path, new.as_file_mut())?;
        new.as_file().sync_all().map_err(failed)?;
        new.persist_noclobber(&path)
            .map_err(|refused| failed(refused.error))?;
        Ok(path)
    }

    /// Where [`write_publication`](Document::write_publication) would write to.
    #[must_use]
    pub fn publication_path(&self, folder: &Path) -> PathBuf {
        folder.join(self.publication_name())
    }

    /// An EPUB keeps the name the copy has; any other title the name of the file that is in it.
    fn publication_name(&self) -> String {
        let copy_name = self
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let entry = self.entries().into_iter().next();
        match (&self.content, entry) {
            (Content::Title(_) | Content::Licensed(_), Some(entry))
                if !self.about.media_type.is_epub() =>
            {
                entry.file_name().to_owned()
            }
            (Content::Title(_) | Content::Licensed(_) | Content::Clear(_), _) => copy_name,
        }
    }

    fn copy_publication(&mut self, path: &Path, out: &mut File) -> Result<(), WriteError> {
        let failed = |source| WriteError::Write {
            path: path.to_path_buf(),
            source,
        };
        match &mut self.content {
            Content::Title(title) => title.write_publication(out).map_err(|error| match error {
                PublicationError::Write(source) => failed(source),
                PublicationError::Title(refused) => {
                    WriteError::Content(OpenError::Refused(refused))
                }
                PublicationError::SeveralFiles { .. } | _ => WriteError::NotOneFile(error),
            }),
            Content::Licensed(copy) => {
                copy.write_publication(out)
                    .map_err(|refused| match refused {
                        CopyingFailed::Content(error) => WriteError::Content(error),
                        CopyingFailed::Write(source) => failed(source),
                        CopyingFailed::SeveralFiles(files) => {
                            WriteError::NotOneFile(PublicationError::SeveralFiles { files })
                        }
                    })
            }
            Content::Clear(_) => {
                let copied = File::open(&self.path).and_then(|mut from| io::copy(&mut from, out));
                copied.map(|_| ()).map_err(failed)
            }
        }
    }
}
