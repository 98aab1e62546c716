//! Any bytes as a license, under a root that has signed one: nothing but that one is believed.

#![no_main]

use std::sync::LazyLock;

use colophon_crypto::Portable;
use colophon_title::TrustRoots;
use colophon_title::license::verify;
use libfuzzer_sys::fuzz_target;

const COPY: &[u8] = include_bytes!("../../vectors/whale.level-5.epub");

static ROOTS: LazyLock<TrustRoots> = LazyLock::new(|| {
    let mut roots = TrustRoots::new();
    let root = include_bytes!("../../vectors/keys/root.crt");
    roots.add_roots(root).expect("the vectors' root");
    roots
});

fuzz_target!(|document: &[u8]| {
    let believed = verify(&Portable, document, &ROOTS).is_ok();
    // A license stands in its copy as it is, neither deflated nor encrypted.
    let published = || COPY.windows(document.len()).any(|part| part == document);
    assert!(!believed || published());
});
