//! The sample book: a small EPUB 3 of our own making, for runs without any other book.
//!
//! Its sources lie in `host/server/sample/`. The same sources always give the same bytes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Paths inside the book, in the order of the archive, with their text.
const ENTRIES: [(&str, &str); 8] = [
    (
        "META-INF/container.xml",
        include_str!("../sample/META-INF/container.xml"),
    ),
    (
        "EPUB/package.opf",
        include_str!("../sample/EPUB/package.opf"),
    ),
    ("EPUB/nav.xhtml", include_str!("../sample/EPUB/nav.xhtml")),
    ("EPUB/cover.svg", include_str!("../sample/EPUB/cover.svg")),
    ("EPUB/style.css", include_str!("../sample/EPUB/style.css")),
    (
        "EPUB/sheet-1.xhtml",
        include_str!("../sample/EPUB/sheet-1.xhtml"),
    ),
    (
        "EPUB/sheet-2.xhtml",
        include_str!("../sample/EPUB/sheet-2.xhtml"),
    ),
    (
        "EPUB/sheet-3.xhtml",
        include_str!("../sample/EPUB/sheet-3.xhtml"),
    ),
];

/// Writes the book to a new file.
pub(crate) fn write(path: &Path) -> Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut archive = ZipWriter::new(BufWriter::new(file));
    let plain = SimpleFileOptions::default().last_modified_time(DateTime::default());
    // A container's media type stands first and uncompressed, so that a file can be told by its
    // opening bytes.
    archive.start_file(
        "mimetype",
        plain.compression_method(CompressionMethod::Stored),
    )?;
    archive.write_all(b"application/epub+zip")?;
    for (name, text) in ENTRIES {
        archive.start_file(name, plain.compression_method(CompressionMethod::Deflated))?;
        archive.write_all(text.as_bytes())?;
    }
    archive
        .finish()?
        .flush()
        .with_context(|| format!("cannot write {}", path.display()))
}
