//! Signature verification on the `rsa` and `p256` crates.

use alloc::boxed::Box;

use p256::ecdsa::signature::Verifier as _;
use rsa::sha2::Sha256;

use crate::{Mismatch, PublicKey, SignatureAlgorithm, Verifier, is_low_s};

pub(super) fn verifier(
    algorithm: SignatureAlgorithm,
    public_key_spki_der: &[u8],
) -> Result<Box<dyn Verifier>, Mismatch> {
    match (algorithm, PublicKey::parse(public_key_spki_der)?) {
        (SignatureAlgorithm::RsaPkcs1Sha256, PublicKey::Rsa(key)) => {
            Ok(Box::new(Rsa(rsa::pkcs1v15::VerifyingKey::new(key))))
        }
        (SignatureAlgorithm::EcdsaP256Sha256, PublicKey::P256(key)) => {
            Ok(Box::new(P256(p256::ecdsa::VerifyingKey::from(key))))
        }
        (SignatureAlgorithm::RsaPkcs1Sha256, PublicKey::P256(_))
        | (SignatureAlgorithm::EcdsaP256Sha256, PublicKey::Rsa(_)) => Err(Mismatch),
    }
}

struct Rsa(rsa::pkcs1v15::VerifyingKey<Sha256>);

impl Verifier for Rsa {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Mismatch> {
        let signature = rsa::pkcs1v15::Signature::try_from(signature).map_err(|_| Mismatch)?;
        self.0.verify(message, &signature).map_err(|_| Mismatch)
    }
}

struct P256(p256::ecdsa::VerifyingKey);

impl Verifier for P256 {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Mismatch> {
        let raw: &[u8; 64] = signature.try_into().map_err(|_| Mismatch)?;
        let signature = p256::ecdsa::Signature::from_slice(raw).map_err(|_| Mismatch)?;
        if !is_low_s(raw) {
            return Err(Mismatch);
        }
        self.0.verify(message, &signature).map_err(|_| Mismatch)
    }
}
