//! What is sold: our own sample book, and whatever real books this machine has.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::sample;

/// A book on the shelf.
pub(crate) struct Book {
    /// The id it is sold by.
    pub(crate) id: &'static str,
    /// The file.
    pub(crate) file: PathBuf,
}

/// Books that Debian packages bring; `cargo xtask setup` installs them where it can.
const DEBIAN: [(&str, &str); 4] = [
    ("debian-policy", "/usr/share/doc/debian-policy/policy.epub"),
    (
        "developers-reference",
        "/usr/share/developers-reference/developers-reference.epub",
    ),
    (
        "debmake-doc-ja",
        "/usr/share/doc/debmake-doc/debmake-doc.ja.epub",
    ),
    (
        "live-manual",
        "/usr/share/doc/live-manual/epub/live-manual.en.epub",
    ),
];

/// The sample book, then the real ones that are here.
pub(crate) fn on_the_shelf(folder: &Path) -> Result<Vec<Book>> {
    let shelf = folder.join("shelf");
    std::fs::create_dir(&shelf).context("cannot make the shelf")?;
    let file = shelf.join("night-compositor.epub");
    sample::write(&file)?;
    let mut books = vec![Book {
        id: "night-compositor",
        file,
    }];
    for (id, path) in DEBIAN {
        let file = PathBuf::from(path);
        if file.is_file() {
            books.push(Book { id, file });
        }
    }
    Ok(books)
}
