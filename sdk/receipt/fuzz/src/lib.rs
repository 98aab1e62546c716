//! What the fuzz targets claim. Each is a function, so that tests make the same claims without a
//! fuzzer.

use base64ct::{Base64UrlUnpadded, Encoding};
use colophon_crypto::{Engine, Key32, Portable, Randomness};
use colophon_receipt::{KeyId, Mint, ReceiptKey, SealedReceipt};

/// Any text as a receipt: what parses shows itself unchanged and does not open.
pub fn parse(text: &str) {
    let Ok(sealed) = SealedReceipt::parse(text) else {
        return;
    };
    assert_eq!(sealed.to_string(), text);
    let key = ReceiptKey::new(Key32::new([7; 32]));
    let center = "main".parse().expect("a center");
    assert!(sealed.open(&Portable, &key, &center).is_err());
}

struct Zeros;

impl Randomness for Zeros {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(0);
    }
}

/// Any bytes as the claims of a genuine receipt: what opens can be minted again. Says whether it
/// opened.
pub fn claims(claims: &[u8]) -> bool {
    let encode = Base64UrlUnpadded::encode_string;
    let header = encode(br#"{"alg":"dir","enc":"A256GCM","kid":"bookshop.1"}"#);
    let key = ReceiptKey::new(Key32::new([7; 32]));
    let mut ciphertext = claims.to_vec();
    let cipher = Portable.aes256_gcm(key.key());
    let tag = cipher.seal(&[0; 12], header.as_bytes(), &mut ciphertext);
    let text = format!(
        "{header}..{}.{}.{}",
        encode(&[0; 12]),
        encode(&ciphertext),
        encode(&tag)
    );

    let Ok(sealed) = SealedReceipt::parse(&text) else {
        return false;
    };
    let center = "main".parse().expect("a center");
    let Ok(receipt) = sealed.open(&Portable, &key, &center) else {
        return false;
    };
    let kid: KeyId = "bookshop.1".parse().expect("a key id");
    let mint = Mint {
        engine: &Portable,
        kid: &kid,
        key: &key,
        center: &center,
    };
    // Claims may have been written shorter than a mint writes them, so it may be too long now.
    let Ok(again) = mint.mint(&receipt.claims, receipt.issued_at, 900, &mut Zeros) else {
        return true;
    };
    let again = SealedReceipt::parse(&again).expect("a receipt");
    let again = again
        .open(&Portable, &key, &center)
        .expect("a genuine receipt");
    assert_eq!(again.claims, receipt.claims);
    true
}
