//! The engine on AWS-LC, for the paths of a host that touch every byte or every request.

mod aead;
mod keys;
mod signatures;

use aws_lc_rs::digest;
use colophon_crypto::{Aead, Engine, Key32, Mismatch, Sha256Stream, SignatureAlgorithm, Verifier};

/// The engine built on `aws-lc-rs`. It gives the same answers as
/// [`Portable`](colophon_crypto::Portable), several times faster.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsLc;

impl Engine for AwsLc {
    fn name(&self) -> &'static str {
        "aws-lc"
    }

    fn sha256(&self) -> Box<dyn Sha256Stream> {
        Box::new(AwsLcStream(digest::Context::new(&digest::SHA256)))
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(part);
        }
        as_array(&context.finish())
    }

    fn hmac_sha256(&self, key: &Key32, parts: &[&[u8]]) -> [u8; 32] {
        keys::hmac(key, parts)
    }

    fn hkdf_sha256(&self, input: &Key32, salt: Option<&[u8]>, info: &[u8]) -> Key32 {
        keys::hkdf(input, salt, info)
    }

    fn aes256_gcm(&self, key: &Key32) -> Box<dyn Aead> {
        Box::new(aead::AwsLcGcm::new(key))
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

struct AwsLcStream(digest::Context);

impl Sha256Stream for AwsLcStream {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> [u8; 32] {
        as_array(&self.0.finish())
    }
}

fn as_array(digest: &digest::Digest) -> [u8; 32] {
    let mut array = [0; 32];
    array.copy_from_slice(digest.as_ref());
    array
}
