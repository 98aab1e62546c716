//! Books made to break a reader: whatever is in them, there is an answer and no panic.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/shop.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod shop;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use colophon_reader::reading::text;
use colophon_reader::{Document, Publication};
use colophon_title::TrustRoots;
use proptest::prelude::*;
use shop::{BOOK, Order, Shop};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Pieces that mean something to those who parse packages and pages.
const PIECES: [&str; 16] = [
    "<",
    ">",
    "</",
    "/>",
    "\"",
    "&",
    "&#x0;",
    "&#27;",
    "<!--",
    "<![CDATA[",
    "<!DOCTYPE a [",
    "%2e%2e/",
    "..",
    "<li>",
    "<pre>",
    "\u{0}",
];

/// A book with one of its files changed at some places.
fn write_changed(path: &Path, changed: usize, changes: &[(usize, usize)]) {
    let mut archive = ZipWriter::new(File::create(path).unwrap());
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file("mimetype", stored).unwrap();
    archive.write_all(b"application/epub+zip").unwrap();
    for (index, (name, content)) in BOOK.iter().enumerate() {
        let mut content = content.as_bytes().to_vec();
        if index == changed {
            for (place, piece) in changes {
                let at = place % content.len();
                let piece = PIECES[piece % PIECES.len()].bytes();
                content.splice(at..at + 1, piece);
            }
        }
        archive.start_file(*name, stored).unwrap();
        archive.write_all(&content).unwrap();
    }
    archive.finish().unwrap();
}

fn read_all(path: &Path) {
    let Ok(mut document) = Document::open(path, &TrustRoots::new()) else {
        return;
    };
    let Ok(publication) = Publication::read(&mut document) else {
        return;
    };
    for chapter in &publication.chapters {
        if let Ok(source) = Publication::chapter_source(&mut document, chapter) {
            let _lines = text(&source, 60);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_books_are_read_or_refused(
        changed in 0..5_usize,
        changes in prop::collection::vec((any::<usize>(), any::<usize>()), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.epub");
        write_changed(&path, changed, &changes);
        read_all(&path);
    }

    #[test]
    fn any_text_is_a_page(pieces in prop::collection::vec((any::<usize>(), ".{0,8}"), 0..40)) {
        let page: String = pieces.iter().flat_map(|(piece, words)| [PIECES[piece % PIECES.len()], words]).collect();
        let shown = text(&page, 40);
        prop_assert!(!shown.contains(char::from(27)), "an escape got through");
    }
}

#[test]
fn a_copy_cut_anywhere_is_refused() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &Order::default());
    let whole = fs::read(&copy).unwrap();
    for length in (0..whole.len()).step_by(37) {
        fs::write(&copy, &whole[..length]).unwrap();
        assert!(
            Document::open(&copy, &TrustRoots::new()).is_err(),
            "{length} bytes"
        );
    }
}
