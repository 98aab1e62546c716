//! What the fuzz targets claim. Each is a function, so that tests make the same claims without a
//! fuzzer.

use std::io::{Cursor, Read, sink};
use std::sync::LazyLock;

use colophon_crypto::Portable;
use colophon_title::container::Directory;
use colophon_title::license::verify;
use colophon_title::source::{Limits, Source};
use colophon_title::xml::{Caps, Element, Node, read, read_canonical};
use colophon_title::{EntryPath, MediaType, OpenTitle, StoredTitle, TrustRoots};

/// Any bytes as a container: what is read lies inside the file, without gaps. Says whether it was
/// read.
pub fn container(file: &[u8]) -> bool {
    let Ok(directory) = Directory::read(&mut Cursor::new(file)) else {
        return false;
    };
    let mut position = 0;
    for entry in &directory.entries {
        assert_eq!(entry.offset, position);
        position = entry.end();
    }
    assert!(position < file.len() as u64);
    true
}

const COPY: &[u8] = include_bytes!("../../vectors/whale.level-5.epub");

static ROOTS: LazyLock<TrustRoots> = LazyLock::new(|| {
    let mut roots = TrustRoots::new();
    let root = include_bytes!("../../vectors/keys/root.crt");
    roots.add_roots(root).expect("the vectors' root");
    roots
});

/// Any bytes as a license, under a root that has signed one: nothing but that one is believed. Says
/// whether it was.
pub fn license(document: &[u8]) -> bool {
    let believed = verify(&Portable, document, &ROOTS).is_ok();
    // A license stands in its copy as it is, neither deflated nor encrypted.
    let published = || COPY.windows(document.len()).any(|part| part == document);
    assert!(!believed || published());
    believed
}

/// Any bytes as a title file: what opens and verifies gives all of its entries. Says whether it
/// does.
pub fn open(file: &[u8]) -> bool {
    let at_rest = StoredTitle::verify(&Portable, Cursor::new(file), &mut |_| ());
    let opened = OpenTitle::open(&Portable, Cursor::new(file), &TrustRoots::new());
    let Ok(mut title) = opened else {
        return at_rest.is_ok();
    };
    let entries: Vec<EntryPath> = title.entries().cloned().collect();
    let verified = title.verify(&mut |_| ()).is_ok();
    for path in entries {
        let read = title.read_entry(&path, &mut sink());
        assert!(read.is_ok() || !verified, "{path}");
    }
    verified
}

/// Any bytes as a source: what is accepted is read to its declared end, or refused there. Says
/// whether it was accepted.
pub fn source(file: &[u8]) -> bool {
    let (epub, limits) = (MediaType::epub(), Limits::default());
    let inspected = Source::inspect(Cursor::new(file), &epub, "fuzz.epub", &limits);
    let Ok(mut source) = inspected else {
        return false;
    };
    let sizes: Vec<u64> = source.entries().iter().map(|entry| entry.size).collect();
    for (index, size) in sizes.into_iter().enumerate() {
        let Ok(mut content) = source.open_entry(index) else {
            continue;
        };
        let mut piece = [0; 4096];
        let mut total = 0;
        while let Ok(read @ 1..) = content.read(&mut piece) {
            total += read as u64;
        }
        assert!(total <= size);
    }
    true
}

/// Any bytes as a document: what is read is written in a form that is read again, the same but for
/// the order of attributes. Says whether it was read.
pub fn xml(document: &[u8]) -> bool {
    let Ok(root) = read(document, &Caps::DOCUMENT) else {
        return false;
    };
    let canonical = root.canonical();
    // Escaping can make a document longer than it was.
    if canonical.len() <= Caps::DOCUMENT.bytes_max {
        let again = read_canonical(&canonical, &Caps::DOCUMENT);
        assert_eq!(again.map(in_order), Ok(in_order(root)));
    }
    true
}

/// The element with its attributes, and those of all in it, in one order.
fn in_order(mut element: Element) -> Element {
    element.attributes.sort_by(|one, other| {
        let (one, other) = (&one.name, &other.name);
        let by_namespace = one.namespace.cmp(&other.namespace);
        by_namespace.then_with(|| one.local.cmp(&other.local))
    });
    let children = std::mem::take(&mut element.children).into_iter();
    element.children = children
        .map(|node| match node {
            Node::Element(child) => Node::Element(in_order(child)),
            Node::Text(text) => Node::Text(text),
        })
        .collect();
    element
}
