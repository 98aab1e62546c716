//! Any bytes as a license: nothing is believed that no trusted root stands behind.

#![no_main]

use colophon_crypto::Portable;
use colophon_title::TrustRoots;
use colophon_title::license::verify;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    assert!(verify(&Portable, document, &TrustRoots::new()).is_err());
});
