//! Any bytes as a document: what is read is written in a form that is read again, the same.

#![no_main]

use colophon_title::xml::{Caps, read, read_canonical};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    let Ok(root) = read(document, &Caps::DOCUMENT) else { return };
    let canonical = root.canonical();
    // Escaping can make a document longer than it was.
    if canonical.len() <= Caps::DOCUMENT.bytes_max {
        assert_eq!(read_canonical(&canonical, &Caps::DOCUMENT), Ok(root));
    }
});
