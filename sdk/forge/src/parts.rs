//! The parts of a sealed form, before they are put together.

use base64ct::{Base64UrlUnpadded, Encoding};
use colophon_crypto::{Engine, Key32, Portable};

/// The initialization vector of forged forms.
pub const IV: [u8; 12] = *b"twelve bytes";

/// The five parts of a compact JWE, each to be spoiled.
#[derive(Clone)]
pub struct Parts {
    /// The protected header.
    pub header: String,
    /// The encrypted content encryption key.
    pub encrypted_key: String,
    /// The initialization vector.
    pub iv: String,
    /// The encrypted claims.
    pub ciphertext: String,
    /// The authentication tag.
    pub tag: String,
}

impl Parts {
    /// Seals any bytes under any header with any key; the encrypted key is put beside it unseen.
    #[must_use]
    pub fn seal(encrypted_key: &str, key: [u8; 32], header: &[u8], claims: &[u8]) -> Parts {
        let header = encode(header);
        let mut ciphertext = claims.to_vec();
        let cipher = Portable.aes256_gcm(&Key32::new(key));
        let tag = cipher.seal(&IV, header.as_bytes(), &mut ciphertext);
        Parts {
            header,
            encrypted_key: encrypted_key.to_owned(),
            iv: encode(&IV),
            ciphertext: encode(&ciphertext),
            tag: encode(&tag),
        }
    }

    /// The compact form.
    #[must_use]
    pub fn join(&self) -> String {
        let Parts {
            header,
            encrypted_key,
            iv,
            ciphertext,
            tag,
        } = self;
        format!("{header}.{encrypted_key}.{iv}.{ciphertext}.{tag}")
    }
}

/// The bytes in base64url.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// The bytes of a part.
///
/// # Panics
///
/// If the part is not in base64url.
#[must_use]
pub fn decode(part: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(part).expect("base64url")
}

/// The part with one bit of its bytes flipped, counted from the first byte's highest.
///
/// # Panics
///
/// If the part has no such bit.
#[must_use]
pub fn flipped(part: &str, bit: usize) -> String {
    let mut bytes = decode(part);
    bytes[bit / 8] ^= 0x80 >> (bit % 8);
    encode(&bytes)
}

/// The part without its last byte.
///
/// # Panics
///
/// If the part is empty.
#[must_use]
pub fn shortened(part: &str) -> String {
    let mut bytes = decode(part);
    bytes.pop().expect("a last byte");
    encode(&bytes)
}
