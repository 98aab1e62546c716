//! The file a person means.

use std::path::{Path, PathBuf};

use colophon_reader::Document;

use crate::cli::arguments::Chosen;
use crate::cli::failure::Failure;
use crate::cli::places::Places;

impl Chosen {
    /// A file of this name, else the title of the library that fits.
    pub(crate) fn path(&self, places: &Places) -> Result<PathBuf, Failure> {
        let path = Path::new(&self.name);
        if path.is_file() {
            return Ok(path.to_path_buf());
        }
        let roots = places.roots()?;
        places
            .library
            .find(&self.name, &roots)
            .map_err(|error| Failure::finding(&error))
    }

    /// The file, opened.
    pub(crate) fn open(&self, places: &Places) -> Result<(PathBuf, Document), Failure> {
        let path = self.path(places)?;
        let document = places.open(&path)?;
        Ok((path, document))
    }
}
