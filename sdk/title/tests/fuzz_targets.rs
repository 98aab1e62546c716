//! What the fuzz targets claim, without a fuzzer.

#![cfg(test)]

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the library of the fuzz targets")]
mod targets;

use std::io::{Cursor, Read as _};
use std::path::Path;

use colophon_forge::{bend, seeds};

const COPY: &[u8] = include_bytes!("../vectors/whale.level-5.epub");

/// The published files, right ones and forgeries.
fn vectors() -> Vec<Vec<u8>> {
    seeds(&Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"))
}

/// A document out of the copy at level 5.
fn entry(name: &str) -> Vec<u8> {
    let mut copy = zip::ZipArchive::new(Cursor::new(COPY)).unwrap();
    let mut document = Vec::new();
    let mut entry = copy.by_name(name).unwrap();
    entry.read_to_end(&mut document).unwrap();
    document
}

/// Tries a target on seeds, of which some must pass, and on changes of them.
fn check(seeds: &[Vec<u8>], tries: usize, target: fn(&[u8]) -> bool) {
    assert!(seeds.iter().any(|seed| target(seed)), "nothing passes");
    bend(seeds, tries, |bytes| {
        target(bytes);
    });
}

#[test]
fn a_container_has_no_gaps() {
    check(&vectors(), 5_000, targets::container);
}

#[test]
fn a_title_that_verifies_gives_all_its_entries() {
    check(&vectors(), 500, targets::open);
}

#[test]
fn a_source_is_read_to_its_declared_end() {
    check(&vectors(), 500, targets::source);
}

#[test]
fn no_license_but_the_signed_one_is_believed() {
    let license = entry("META-INF/rights.xml");
    check(&[license, b"<license/>".to_vec()], 5_000, targets::license);
}

#[test]
fn a_document_is_written_and_read_the_same() {
    let documents = [
        "META-INF/rights.xml",
        "META-INF/encryption.xml",
        "META-INF/container.xml",
    ];
    check(&documents.map(entry), 5_000, targets::xml);
}
