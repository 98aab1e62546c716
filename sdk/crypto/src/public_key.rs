//! Which public keys are inside the profile, the same for every engine.

use rsa::pkcs8::{DecodePublicKey, EncodePublicKey};
use rsa::traits::PublicKeyParts;

use crate::{Mismatch, SignatureAlgorithm};

/// DER of everything before the point in an uncompressed P-256 `SubjectPublicKeyInfo` (RFC 5480).
const P256_SPKI_PREFIX: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// Half the order of P-256, rounded down, big-endian: the largest `s` of a low-S signature.
const P256_HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// The smallest and largest RSA modulus accepted, in bits.
const RSA_BITS: core::ops::RangeInclusive<usize> = 2048..=4096;

/// A public key inside the profile, with its algorithm.
#[derive(Clone, Debug)]
pub enum PublicKey {
    /// RSA with a modulus of 2048 to 4096 bits.
    Rsa(rsa::RsaPublicKey),
    /// A point on P-256.
    P256(p256::PublicKey),
}

impl PublicKey {
    /// Reads a DER-encoded `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] unless it is canonical DER of an RSA key (2048 to 4096 bits, odd modulus and
    /// exponent, exponent from 3 to 2^33 − 1) or of an uncompressed P-256 point on the curve.
    pub fn parse(spki_der: &[u8]) -> Result<PublicKey, Mismatch> {
        if spki_der.starts_with(&P256_SPKI_PREFIX) {
            let key = p256::PublicKey::from_public_key_der(spki_der).map_err(|_| Mismatch)?;
            return Ok(PublicKey::P256(key));
        }
        let key = rsa::RsaPublicKey::from_public_key_der(spki_der).map_err(|_| Mismatch)?;
        let canonical = key.to_public_key_der().map_err(|_| Mismatch)?;
        let in_profile = canonical.as_bytes() == spki_der
            && RSA_BITS.contains(&key.n().bits())
            && key
                .n()
                .to_bytes_le()
                .first()
                .is_some_and(|low| low & 1 == 1);
        if in_profile {
            Ok(PublicKey::Rsa(key))
        } else {
            Err(Mismatch)
        }
    }

    /// The one signature algorithm this kind of key is used with.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        match self {
            PublicKey::Rsa(_) => SignatureAlgorithm::RsaPkcs1Sha256,
            PublicKey::P256(_) => SignatureAlgorithm::EcdsaP256Sha256,
        }
    }
}

/// Whether a raw ECDSA P-256 signature `r ‖ s` has its `s` in the lower half of the group, so
/// that nobody can turn one valid signature into a second one.
#[must_use]
pub fn is_low_s(signature: &[u8; 64]) -> bool {
    signature
        .get(32..)
        .is_some_and(|s| s <= P256_HALF_ORDER.as_slice())
}
