//! Any text as an upload form: what parses shows itself unchanged and does not open.

#![no_main]

use colophon_activation::{CertificateHash, FormKey, SealedForm};
use colophon_crypto::{Key32, Mismatch, Portable};
use libfuzzer_sys::fuzz_target;

/// Belongs to every certificate and decrypts nothing.
struct NoKey(CertificateHash);

impl FormKey for NoKey {
    fn certificate(&self) -> CertificateHash {
        self.0
    }

    fn decrypt(&self, _: &[u8]) -> Result<Key32, Mismatch> {
        Err(Mismatch)
    }
}

fuzz_target!(|text: &str| {
    let Ok(sealed) = SealedForm::parse(text) else { return };
    assert_eq!(sealed.to_string(), text);
    let center = "main".parse().expect("a center");
    assert!(sealed.open(&Portable, &NoKey(*sealed.kid()), &center).is_err());
});
