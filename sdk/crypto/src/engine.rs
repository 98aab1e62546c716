//! The seam: every primitive a format of Colophon's may use.

use alloc::boxed::Box;
use core::fmt;

use crate::Key32;

/// A tag, a wrapped key or a signature did not authenticate.
///
/// It says nothing more on purpose: which check failed is of use to an attacker only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch;

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("did not authenticate")
    }
}

impl core::error::Error for Mismatch {}

/// A SHA-256 digest over bytes that arrive piece by piece.
pub trait Sha256Stream: Send {
    /// Appends `bytes` to what is digested.
    fn update(&mut self, bytes: &[u8]);

    /// Ends the stream and gives its digest.
    fn finish(self: Box<Self>) -> [u8; 32];
}

/// AES-256-GCM under one key, with 96-bit nonces and 128-bit tags (NIST SP 800-38D).
///
/// A nonce must never be used twice under one key; that is the caller's to ensure.
pub trait Aead: Send + Sync {
    /// Encrypts `buffer` in place and gives the tag over it and `aad`.
    ///
    /// # Panics
    ///
    /// If `buffer` holds more than 2^36 − 32 bytes, the limit of the mode.
    fn seal(&self, nonce: &[u8; 12], aad: &[u8], buffer: &mut [u8]) -> [u8; 16];

    /// Checks the tag, then decrypts `buffer` in place.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if the tag does not fit; the content of `buffer` is then of no use: it is
    /// either what came in or zeros, never unauthenticated plaintext.
    fn open(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Mismatch>;
}

/// The signatures that certificates, title files and licenses may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; keys of 2048 to 4096 bits.
    RsaPkcs1Sha256,
    /// ECDSA on P-256 with SHA-256; the signature is `r ‖ s`, 64 bytes, `s` in the lower half.
    EcdsaP256Sha256,
}

/// A public key made ready to verify any number of signatures by its one algorithm.
pub trait Verifier: Send + Sync {
    /// Verifies `signature` over `message`.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if the signature does not fit.
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Mismatch>;
}

/// One provider of all primitives.
///
/// Engines are interchangeable: for equal input, any two give equal output and refuse the
/// same signatures.
///
/// ```
/// use colophon_crypto::{Engine, Key32, Portable, frames};
///
/// let content_key = Key32::new([7; 32]);
/// let label = frames(&[b"1", b"resource", b"chapter.xhtml"]);
/// let resource_key = Portable.hkdf_sha256(&content_key, Some(b"salt"), &label);
///
/// let cipher = Portable.aes256_gcm(&resource_key);
/// let mut text = *b"It was a dark and stormy night";
/// let tag = cipher.seal(&[0; 12], b"", &mut text);
/// cipher.open(&[0; 12], b"", &mut text, &tag)?;
/// assert_eq!(&text, b"It was a dark and stormy night");
/// # Ok::<(), colophon_crypto::Mismatch>(())
/// ```
pub trait Engine: Send + Sync {
    /// The name by which configuration selects this engine.
    fn name(&self) -> &'static str;

    /// Starts a SHA-256 digest over bytes that arrive piece by piece.
    fn sha256(&self) -> Box<dyn Sha256Stream>;

    /// SHA-256 of the concatenation of `parts`. Parts are not framed; see [`frames`](crate::frames()).
    fn digest(&self, parts: &[&[u8]]) -> [u8; 32];

    /// HMAC-SHA256 (RFC 2104) of the concatenation of `parts`.
    fn hmac_sha256(&self, key: &Key32, parts: &[&[u8]]) -> [u8; 32];

    /// HKDF-SHA256 (RFC 5869), extract and expand, with 32 bytes of output. No salt means
    /// the RFC's default salt of zeros.
    fn hkdf_sha256(&self, input: &Key32, salt: Option<&[u8]>, info: &[u8]) -> Key32;

    /// AES-256-GCM under `key`, ready to seal and open any number of times.
    fn aes256_gcm(&self, key: &Key32) -> Box<dyn Aead>;

    /// Wraps `key` under `wrapping` by AES key wrap (RFC 3394, default initial value).
    fn wrap_key(&self, wrapping: &Key32, key: &Key32) -> [u8; 40];

    /// Reverses [`Engine::wrap_key`].
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if `wrapped` was not made under `wrapping`.
    fn unwrap_key(&self, wrapping: &Key32, wrapped: &[u8; 40]) -> Result<Key32, Mismatch>;

    /// Makes a public key ready, given as a DER-encoded `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if the key is outside the profile of `algorithm` (see
    /// [`PublicKey::parse`](crate::PublicKey::parse)).
    fn verifier(
        &self,
        algorithm: SignatureAlgorithm,
        public_key_spki_der: &[u8],
    ) -> Result<Box<dyn Verifier>, Mismatch>;

    /// Verifies one signature, see [`Engine::verifier`] and [`Verifier::verify`].
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if the key is outside the profile, or the signature does not fit.
    fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        public_key_spki_der: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Mismatch> {
        self.verifier(algorithm, public_key_spki_der)?
            .verify(message, signature)
    }
}
