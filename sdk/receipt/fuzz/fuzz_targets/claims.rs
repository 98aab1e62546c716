//! Any bytes as the claims of a genuine receipt: what opens can be minted again.

#![no_main]

use base64ct::{Base64UrlUnpadded, Encoding};
use colophon_crypto::{Engine, Key32, Portable, Randomness};
use colophon_receipt::{KeyId, Mint, ReceiptKey, SealedReceipt};
use libfuzzer_sys::fuzz_target;

struct Zeros;

impl Randomness for Zeros {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(0);
    }
}

fuzz_target!(|claims: &[u8]| {
    let encode = Base64UrlUnpadded::encode_string;
    let header = encode(br#"{"alg":"dir","enc":"A256GCM","kid":"bookshop.1"}"#);
    let key = ReceiptKey::new(Key32::new([7; 32]));
    let mut ciphertext = claims.to_vec();
    let tag = Portable.aes256_gcm(key.key()).seal(&[0; 12], header.as_bytes(), &mut ciphertext);
    let text = format!("{header}..{}.{}.{}", encode(&[0; 12]), encode(&ciphertext), encode(&tag));

    let Ok(sealed) = SealedReceipt::parse(&text) else { return };
    let center = "main".parse().expect("a center");
    let Ok(receipt) = sealed.open(&Portable, &key, &center) else { return };
    let kid: KeyId = "bookshop.1".parse().expect("a key id");
    let mint = Mint { engine: &Portable, kid: &kid, key: &key, center: &center };
    // Claims may have been written shorter than a mint writes them, so it may be too long now.
    let Ok(again) = mint.mint(&receipt.claims, receipt.issued_at, 900, &mut Zeros) else { return };
    let again = SealedReceipt::parse(&again).expect("a receipt");
    let again = again.open(&Portable, &key, &center).expect("a genuine receipt");
    assert_eq!(again.claims, receipt.claims);
});
