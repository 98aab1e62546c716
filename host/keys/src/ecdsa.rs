//! ECDSA on P-256 with nonces that follow from key and message (RFC 6979), so that equal copies
//! get equal signatures.
//!
//! AWS-LC draws its nonces at random and cannot be given one. The multiplication of the curve's
//! base point, which is nearly all the work of a signature, is there to be had as the computation
//! of a public key, several times faster than in plain Rust; the rest is a few operations on
//! scalars, in constant time.

use aws_lc_rs::agreement::{self, ECDH_P256};
use colophon_crypto::{Engine as _, Key32};
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::ops::{Invert as _, Reduce};
use p256::{FieldBytes, NonZeroScalar, Scalar, U256};
use zeroize::Zeroizing;

use crate::{AwsLc, PrivateKeyError};

/// Where the first coordinate stands in an uncompressed point.
const X: std::ops::Range<usize> = 1..33;

/// Signs `message`, `s` being in the lower half.
pub(crate) fn sign(key: &SigningKey, message: &[u8]) -> Result<Signature, PrivateKeyError> {
    let hash = scalar(AwsLc.digest(&[message]));
    let secret = key.as_nonzero_scalar();
    signed(secret, &hash).ok_or(PrivateKeyError::Library)
}

fn signed(secret: &NonZeroScalar, hash: &Scalar) -> Option<Signature> {
    let nonce = nonce(secret, hash);
    let r = scalar(first_coordinate(&nonce)?);
    let inverse = Zeroizing::new(nonce.invert());
    let s = *inverse.as_ref() * (*hash + r * secret.as_ref());
    let signature = Signature::from_scalars(r, s).ok()?;
    Some(signature.normalize_s().unwrap_or(signature))
}

/// The nonce for a message's hash (RFC 6979, section 3.2).
fn nonce(secret: &NonZeroScalar, hash: &Scalar) -> Zeroizing<NonZeroScalar> {
    let secret = Zeroizing::new(<[u8; 32]>::from(secret.to_bytes()));
    let hash = <[u8; 32]>::from(hash.to_bytes());
    let mut key = Key32::new([0; 32]);
    let mut value = Zeroizing::new([1; 32]);
    for round in [0, 1] {
        let parts = [value.as_slice(), &[round], secret.as_slice(), &hash];
        key = Key32::new(AwsLc.hmac_sha256(&key, &parts));
        *value = AwsLc.hmac_sha256(&key, &[value.as_slice()]);
    }
    loop {
        *value = AwsLc.hmac_sha256(&key, &[value.as_slice()]);
        let candidate = NonZeroScalar::from_repr(FieldBytes::from(*value));
        if let Some(nonce) = Option::from(candidate) {
            return Zeroizing::new(nonce);
        }
        // One number in 2^32 is not below the order of the curve.
        key = Key32::new(AwsLc.hmac_sha256(&key, &[value.as_slice(), &[0]]));
        *value = AwsLc.hmac_sha256(&key, &[value.as_slice()]);
    }
}

/// A number of 32 bytes, reduced by the order of the curve.
fn scalar(bytes: [u8; 32]) -> Scalar {
    <Scalar as Reduce<U256>>::reduce_bytes(&bytes.into())
}

/// The first coordinate of `nonce` times the base point.
fn first_coordinate(nonce: &NonZeroScalar) -> Option<[u8; 32]> {
    let bytes = Zeroizing::new(<[u8; 32]>::from(nonce.to_bytes()));
    let once = agreement::PrivateKey::from_private_key(&ECDH_P256, bytes.as_slice()).ok()?;
    let point = once.compute_public_key().ok()?;
    point.as_ref().get(X)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::signature::Signer as _;

    use super::*;

    /// Keys with special forms, and messages of many lengths.
    #[test]
    fn signatures_are_those_of_the_plain_implementation() {
        let mut secrets = vec![[0; 32], [0; 32], [0xfe; 32]];
        secrets[0][31] = 1;
        secrets[1][0] = 0x80;
        secrets.extend((1_u8..8).map(|byte| [byte; 32]));
        for (number, secret) in secrets.into_iter().enumerate() {
            let key = SigningKey::from_slice(&secret).expect("a key");
            for length in 0..40 {
                let message = vec![u8::try_from(number).expect("a byte"); length];
                let plain: Signature = key.sign(&message);
                let plain = plain.normalize_s().unwrap_or(plain);
                assert_eq!(sign(&key, &message).expect("a signature"), plain);
            }
        }
    }
}
