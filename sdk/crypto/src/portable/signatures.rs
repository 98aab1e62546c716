//! Signature verification on the `rsa` and `p256` crates.

use p256::ecdsa::signature::Verifier;
use rsa::sha2::Sha256;

use crate::{Mismatch, PublicKey, SignatureAlgorithm, is_low_s};

pub(super) fn verify(
    algorithm: SignatureAlgorithm,
    public_key_spki_der: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), Mismatch> {
    match (algorithm, PublicKey::parse(public_key_spki_der)?) {
        (SignatureAlgorithm::RsaPkcs1Sha256, PublicKey::Rsa(key)) => {
            let signature = rsa::pkcs1v15::Signature::try_from(signature).map_err(|_| Mismatch)?;
            rsa::pkcs1v15::VerifyingKey::<Sha256>::new(key)
                .verify(message, &signature)
                .map_err(|_| Mismatch)
        }
        (SignatureAlgorithm::EcdsaP256Sha256, PublicKey::P256(key)) => {
            let raw: &[u8; 64] = signature.try_into().map_err(|_| Mismatch)?;
            let signature = p256::ecdsa::Signature::from_slice(raw).map_err(|_| Mismatch)?;
            if !is_low_s(raw) {
                return Err(Mismatch);
            }
            p256::ecdsa::VerifyingKey::from(key)
                .verify(message, &signature)
                .map_err(|_| Mismatch)
        }
        (SignatureAlgorithm::RsaPkcs1Sha256, PublicKey::P256(_))
        | (SignatureAlgorithm::EcdsaP256Sha256, PublicKey::Rsa(_)) => Err(Mismatch),
    }
}
