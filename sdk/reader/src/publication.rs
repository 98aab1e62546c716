//! The reading order and table of contents of an EPUB.

use std::collections::HashMap;
use std::io::{Cursor, Write};

use colophon_title::EntryPath;
use quick_xml::Reader;
use quick_xml::events::Event;
use rbook::Epub;
use rbook::ebook::errors::EbookError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::{Document, OpenError};

/// The largest package document or chapter that is read, in bytes.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 64 << 20;

/// What a person pages through.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The documents in reading order.
    pub chapters: Vec<Chapter>,
}

/// One document of the reading order.
#[derive(Debug, Clone)]
pub struct Chapter {
    /// Where it lies in the publication.
    pub path: EntryPath,
    /// The lines of the table of contents that point into it: how deep they stand, and their
    /// text. None where the table of contents leaves it out.
    pub headings: Vec<(usize, String)>,
}

/// Why the structure of an EPUB cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublicationUnreadable {
    /// A part of it is damaged.
    #[error("the publication is damaged")]
    Content(#[from] OpenError),
    /// A part of it is larger than anything that is read as text.
    #[error("{path} is too large to be read as text")]
    TooLarge {
        /// The part.
        path: EntryPath,
    },
    /// A chapter is not text in UTF-8 or UTF-16.
    #[error("{path} is not text")]
    NotText {
        /// The chapter.
        path: EntryPath,
    },
    /// Its package documents make no sense.
    #[error("the package document cannot be read")]
    Package(#[source] Box<EbookError>),
}

impl Publication {
    /// Reads the package documents of an EPUB.
    ///
    /// # Errors
    ///
    /// [`PublicationUnreadable`], see its variants.
    pub fn read(document: &mut Document) -> Result<Publication, PublicationUnreadable> {
        let mut entries = document.entries();
        let roots = package_documents(document, &entries)?;
        entries.retain(|path| is_package_part(path) || roots.contains(path));
        let archive = package_archive(document, &entries)?;
        let package = parse(archive, Contents::Skip)?;
        // Only the package document names the navigation document.
        let navigation = package.manifest().by_property("nav").next();
        entries.extend(navigation.and_then(|item| entry_path(&item.href().path().decode())));
        let archive = package_archive(document, &entries)?;
        // A book whose table of contents is in disorder can still be read page by page.
        let epub = parse(archive, Contents::Read).unwrap_or(package);
        Ok(in_reading_order(&epub))
    }

    /// The text of a chapter, as XHTML.
    ///
    /// # Errors
    ///
    /// [`PublicationUnreadable`], see its variants.
    pub fn chapter_source(
        document: &mut Document,
        chapter: &Chapter,
    ) -> Result<String, PublicationUnreadable> {
        let bytes = read(document, &chapter.path)?;
        decode(bytes).ok_or_else(|| PublicationUnreadable::NotText {
            path: chapter.path.clone(),
        })
    }
}

const CONTAINER: &str = "META-INF/container.xml";

fn is_package_part(path: &EntryPath) -> bool {
    path.as_str() == CONTAINER || path.extension() == "ncx"
}

/// The package documents that `container.xml` names, whatever they are called.
fn package_documents(
    document: &mut Document,
    entries: &[EntryPath],
) -> Result<Vec<EntryPath>, PublicationUnreadable> {
    let Some(container) = entries.iter().find(|path| path.as_str() == CONTAINER) else {
        return Ok(Vec::new());
    };
    let text = decode(read(document, container)?).unwrap_or_default();
    let mut reader = Reader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    let mut documents = Vec::new();
    while let Ok(event) = reader.read_event() {
        if let Event::Start(start) = &event {
            let named = start.try_get_attribute("full-path").ok().flatten();
            let path = named.and_then(|named| EntryPath::parse(&named.value).ok());
            documents.extend(path.filter(|path| entries.contains(path)));
        } else if matches!(event, Event::Eof) {
            break;
        }
    }
    Ok(documents)
}

/// An archive of the package documents alone, each read through the document and so checked: the
/// parser never sees the file itself.
fn package_archive(
    document: &mut Document,
    entries: &[EntryPath],
) -> Result<Vec<u8>, PublicationUnreadable> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for path in entries {
        let bytes = read(document, path)?;
        let written = archive.start_file(path.as_str(), stored);
        // Memory takes every write; a name that is refused is one the parser can do without.
        if written.is_ok() && archive.write_all(&bytes).is_err() {
            return Err(PublicationUnreadable::TooLarge { path: path.clone() });
        }
    }
    Ok(archive.finish().map(Cursor::into_inner).unwrap_or_default())
}

/// Whether the table of contents is read as well.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Contents {
    Skip,
    Read,
}

fn parse(archive: Vec<u8>, contents: Contents) -> Result<Epub, PublicationUnreadable> {
    Epub::options()
        .skip_toc(contents == Contents::Skip)
        .read(Cursor::new(archive))
        .map_err(|error| PublicationUnreadable::Package(Box::new(error)))
}

fn in_reading_order(epub: &Epub) -> Publication {
    let mut headings: HashMap<String, Vec<(usize, String)>> = HashMap::new();
    for entry in epub.toc().contents().iter().flat_map(|root| root.flatten()) {
        let Some(href) = entry.href() else { continue };
        let path = href.path().decode().trim_start_matches('/').to_owned();
        let depth = entry.depth().saturating_sub(1);
        headings
            .entry(path)
            .or_default()
            .push((depth, entry.label().trim().to_owned()));
    }
    let mut chapters = Vec::new();
    for entry in epub.spine().iter() {
        let Some(item) = entry.manifest_entry() else {
            continue;
        };
        let Some(path) = entry_path(&item.href().path().decode()) else {
            continue;
        };
        let headings = headings.remove(path.as_str()).unwrap_or_default();
        chapters.push(Chapter { path, headings });
    }
    Publication { chapters }
}

fn entry_path(href: &str) -> Option<EntryPath> {
    EntryPath::parse(href.trim_start_matches('/')).ok()
}

fn read(document: &mut Document, path: &EntryPath) -> Result<Vec<u8>, PublicationUnreadable> {
    let mut bounded = Bounded {
        bytes: Vec::new(),
        full: false,
    };
    let read = document.read_entry(path, &mut bounded);
    if bounded.full {
        return Err(PublicationUnreadable::TooLarge { path: path.clone() });
    }
    read?;
    Ok(bounded.bytes)
}

/// Memory with an end, so that a small file cannot inflate to all there is.
struct Bounded {
    bytes: Vec<u8>,
    full: bool,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + more.len() > DOCUMENT_BYTES_MAX {
            self.full = true;
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// EPUB allows UTF-8 and UTF-16.
fn decode(bytes: Vec<u8>) -> Option<String> {
    let units = |from: fn([u8; 2]) -> u16, rest: &[u8]| {
        let (pairs, _) = rest.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| from(*pair)).collect();
        String::from_utf16(&units).ok()
    };
    match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => units(u16::from_le_bytes, rest),
        [0xFE, 0xFF, rest @ ..] => units(u16::from_be_bytes, rest),
        _ => String::from_utf8(bytes).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chapters_are_read_in_both_encodings() {
        let utf16: Vec<u8> = "\u{FEFF}né"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(decode(utf16).as_deref(), Some("né"));
        assert_eq!(decode("né".into()).as_deref(), Some("né"));
        assert_eq!(decode(vec![0xC3]), None);
    }

    #[test]
    fn memory_has_an_end() {
        let mut bounded = Bounded {
            bytes: vec![0; DOCUMENT_BYTES_MAX],
            full: false,
        };
        assert!(bounded.write(b"x").is_err());
        assert!(bounded.full);
    }
}
