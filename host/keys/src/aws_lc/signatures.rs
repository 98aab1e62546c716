//! Signature verification on AWS-LC.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use colophon_crypto::{Mismatch, PublicKey, SignatureAlgorithm, is_low_s};

/// Which keys are in the profile is decided in one place for all engines; AWS-LC alone would
/// take more (compressed points, moduli of 8192 bits).
pub(super) fn verify(
    algorithm: SignatureAlgorithm,
    public_key_spki_der: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), Mismatch> {
    match (algorithm, PublicKey::parse(public_key_spki_der)?) {
        (SignatureAlgorithm::RsaPkcs1Sha256, PublicKey::Rsa(_)) => {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key_spki_der)
                .verify(message, signature)
                .map_err(|_| Mismatch)
        }
        (SignatureAlgorithm::EcdsaP256Sha256, PublicKey::P256(_)) => {
            let raw: &[u8; 64] = signature.try_into().map_err(|_| Mismatch)?;
            if !is_low_s(raw) {
                return Err(Mismatch);
            }
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public_key_spki_der)
                .verify(message, signature)
                .map_err(|_| Mismatch)
        }
        (SignatureAlgorithm::RsaPkcs1Sha256, PublicKey::P256(_))
        | (SignatureAlgorithm::EcdsaP256Sha256, PublicKey::Rsa(_)) => Err(Mismatch),
    }
}
