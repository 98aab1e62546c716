//! Any text as a receipt: what parses shows itself unchanged and does not open.

#![no_main]

use colophon_crypto::{Key32, Portable};
use colophon_receipt::{ReceiptKey, SealedReceipt};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(sealed) = SealedReceipt::parse(text) else { return };
    assert_eq!(sealed.to_string(), text);
    let key = ReceiptKey::new(Key32::new([7; 32]));
    let center = "main".parse().expect("a center");
    assert!(sealed.open(&Portable, &key, &center).is_err());
});
