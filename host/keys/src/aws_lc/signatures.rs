//! Signature verification on AWS-LC.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use colophon_crypto::{Mismatch, PublicKey, SignatureAlgorithm, Verifier, is_low_s};

/// Which keys are in the profile is decided in one place for all engines; AWS-LC alone would
/// take more (compressed points, moduli of 8192 bits).
pub(super) fn verifier(
    algorithm: SignatureAlgorithm,
    public_key_spki_der: &[u8],
) -> Result<Box<dyn Verifier>, Mismatch> {
    match (algorithm, PublicKey::parse(public_key_spki_der)?) {
        (SignatureAlgorithm::RsaPkcs1Sha256, PublicKey::Rsa(_)) => {
            let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key_spki_der);
            Ok(Box::new(Rsa(key.map_err(|_| Mismatch)?)))
        }
        (SignatureAlgorithm::EcdsaP256Sha256, PublicKey::P256(_)) => {
            let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public_key_spki_der);
            Ok(Box::new(P256(key.map_err(|_| Mismatch)?)))
        }
        (SignatureAlgorithm::RsaPkcs1Sha256, PublicKey::P256(_))
        | (SignatureAlgorithm::EcdsaP256Sha256, PublicKey::Rsa(_)) => Err(Mismatch),
    }
}

struct Rsa(ParsedPublicKey);

impl Verifier for Rsa {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Mismatch> {
        self.0.verify_sig(message, signature).map_err(|_| Mismatch)
    }
}

struct P256(ParsedPublicKey);

impl Verifier for P256 {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Mismatch> {
        let raw: &[u8; 64] = signature.try_into().map_err(|_| Mismatch)?;
        if !is_low_s(raw) {
            return Err(Mismatch);
        }
        self.0.verify_sig(message, signature).map_err(|_| Mismatch)
    }
}
