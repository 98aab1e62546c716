//! The engine in plain Rust, for servers, readers and WebAssembly alike.

mod aead;
mod keys;
mod signatures;

use alloc::boxed::Box;

use sha2::{Digest, Sha256};

use crate::{Aead, Engine, Key32, Mismatch, Sha256Stream, SignatureAlgorithm, Verifier};

/// The engine built on `aes-gcm`, `aes-kw`, `hkdf`, `hmac`, `sha2`, `rsa` and `p256`.
///
/// It only ever uses public RSA and elliptic-curve keys; private ones belong to an engine of
/// the host's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Engine for Portable {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn sha256(&self) -> Box<dyn Sha256Stream> {
        Box::new(PortableStream(Sha256::new()))
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part);
        }
        digest.finalize().into()
    }

    fn hmac_sha256(&self, key: &Key32, parts: &[&[u8]]) -> [u8; 32] {
        keys::hmac(key, parts)
    }

    fn hkdf_sha256(&self, input: &Key32, salt: Option<&[u8]>, info: &[u8]) -> Key32 {
        keys::hkdf(input, salt, info)
    }

    fn aes256_gcm(&self, key: &Key32) -> Box<dyn Aead> {
        Box::new(aead::PortableGcm::new(key))
    }

    fn wrap_key(&self, wrapping: &Key32, key: &Key32) -> [u8; 40] {
        keys::wrap(wrapping, key)
    }

    fn unwrap_key(&self, wrapping: &Key32, wrapped: &[u8; 40]) -> Result<Key32, Mismatch> {
        keys::unwrap(wrapping, wrapped)
    }

    fn verifier(
        &self,
        algorithm: SignatureAlgorithm,
        public_key_spki_der: &[u8],
    ) -> Result<Box<dyn Verifier>, Mismatch> {
        signatures::verifier(algorithm, public_key_spki_der)
    }
}

struct PortableStream(Sha256);

impl Sha256Stream for PortableStream {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> [u8; 32] {
        self.0.finalize().into()
    }
}
