//! Agreeing on a secret: Diffie-Hellman on P-256 (SP 800-56A, section 5.7.1.2).

use p256::elliptic_curve::point::AffineCoordinates;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::{ProjectivePoint, SecretKey};

use crate::{Key32, Mismatch, Randomness};

/// The length of a public key: an uncompressed point (SEC 1).
pub const AGREEMENT_PUBLIC_BYTES: usize = 65;

/// The public half of an [`AgreementKey`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreementPublicKey(p256::PublicKey);

impl AgreementPublicKey {
    /// Reads an uncompressed point.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] unless it is a point of the curve in this form, and not the one at infinity.
    pub fn parse(bytes: &[u8; AGREEMENT_PUBLIC_BYTES]) -> Result<AgreementPublicKey, Mismatch> {
        p256::PublicKey::from_sec1_bytes(bytes)
            .map(AgreementPublicKey)
            .map_err(|_| Mismatch)
    }

    /// The uncompressed point.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; AGREEMENT_PUBLIC_BYTES] {
        let mut bytes = [0; AGREEMENT_PUBLIC_BYTES];
        for (to, from) in bytes
            .iter_mut()
            .zip(self.0.to_encoded_point(false).as_bytes())
        {
            *to = *from;
        }
        bytes
    }
}

/// A private key that agrees on secrets. Two holders of such keys who know each other's public
/// halves come to the same secret, and nobody else does.
///
/// ```
/// use colophon_crypto::{AgreementKey, Key32};
///
/// let one = AgreementKey::from_scalar(&Key32::new([1; 32]))?;
/// let two = AgreementKey::from_scalar(&Key32::new([2; 32]))?;
/// let (ours, theirs) = (one.agree(&two.public_key()), two.agree(&one.public_key()));
/// assert_eq!(ours.expose(), theirs.expose());
/// # Ok::<(), colophon_crypto::Mismatch>(())
/// ```
// `SecretKey` wipes itself when dropped.
pub struct AgreementKey(SecretKey);

impl AgreementKey {
    /// A fresh key from `random`.
    #[must_use]
    pub fn generate(random: &mut dyn Randomness) -> AgreementKey {
        loop {
            // One scalar in four billion is none; then another is drawn.
            if let Ok(key) = AgreementKey::from_scalar(&Key32::generate(random)) {
                return key;
            }
        }
    }

    /// The key of a scalar, big-endian.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if it is zero or not below the order of the curve.
    pub fn from_scalar(scalar: &Key32) -> Result<AgreementKey, Mismatch> {
        SecretKey::from_slice(scalar.expose())
            .map(AgreementKey)
            .map_err(|_| Mismatch)
    }

    /// The scalar, big-endian.
    #[must_use]
    pub fn scalar(&self) -> Key32 {
        Key32::filled(|bytes| {
            let mut scalar = self.0.to_bytes();
            bytes.copy_from_slice(&scalar);
            zeroize::Zeroize::zeroize(&mut scalar.iter_mut());
        })
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> AgreementPublicKey {
        AgreementPublicKey(self.0.public_key())
    }

    /// The secret this key and another agree on: the x coordinate of the common point. It is not
    /// uniform, so that a key is derived from it and never it itself used as one.
    #[must_use]
    pub fn agree(&self, other: &AgreementPublicKey) -> Key32 {
        let point = ProjectivePoint::from(*other.0.as_affine());
        let common = (point * self.0.to_nonzero_scalar().as_ref()).to_affine();
        Key32::filled(|bytes| bytes.copy_from_slice(&common.x()))
    }
}
