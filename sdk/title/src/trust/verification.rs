//! Lets webpki verify certificates and revocation lists with a Colophon engine.

use std::fmt;

use colophon_crypto::{Engine, SignatureAlgorithm};
use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use x509_cert::der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, SequenceOf, UintRef};
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::{AlgorithmIdentifier as SpkiAlgorithm, SubjectPublicKeyInfo};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// The order of P-256, big-endian.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// One signature algorithm of certificates, verified by `engine`.
pub(super) struct CertificateAlgorithm<'e> {
    engine: &'e dyn Engine,
    algorithm: SignatureAlgorithm,
}

impl<'e> CertificateAlgorithm<'e> {
    /// The algorithms certificates may be signed with.
    pub(super) fn all(engine: &'e dyn Engine) -> [CertificateAlgorithm<'e>; 2] {
        [
            SignatureAlgorithm::RsaPkcs1Sha256,
            SignatureAlgorithm::EcdsaP256Sha256,
        ]
        .map(|algorithm| CertificateAlgorithm { engine, algorithm })
    }
}

impl fmt::Debug for CertificateAlgorithm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} by {}", self.algorithm, self.engine.name())
    }
}

impl SignatureVerificationAlgorithm for CertificateAlgorithm<'_> {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let spki = spki_der(self.algorithm, public_key).ok_or(InvalidSignature)?;
        let verified = match self.algorithm {
            SignatureAlgorithm::RsaPkcs1Sha256 => {
                self.engine
                    .verify(self.algorithm, &spki, message, signature)
            }
            SignatureAlgorithm::EcdsaP256Sha256 => {
                let raw = raw_low_s(signature).ok_or(InvalidSignature)?;
                self.engine.verify(self.algorithm, &spki, message, &raw)
            }
        };
        verified.map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        match self.algorithm {
            SignatureAlgorithm::RsaPkcs1Sha256 => alg_id::RSA_ENCRYPTION,
            SignatureAlgorithm::EcdsaP256Sha256 => alg_id::ECDSA_P256,
        }
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match self.algorithm {
            SignatureAlgorithm::RsaPkcs1Sha256 => alg_id::RSA_PKCS1_SHA256,
            SignatureAlgorithm::EcdsaP256Sha256 => alg_id::ECDSA_SHA256,
        }
    }
}

/// Webpki hands over the bare key bits; the engine wants them in their envelope.
fn spki_der(algorithm: SignatureAlgorithm, public_key: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => SpkiAlgorithm {
            oid: RSA_ENCRYPTION,
            parameters: Some(AnyRef::NULL),
        },
        SignatureAlgorithm::EcdsaP256Sha256 => SpkiAlgorithm {
            oid: EC_PUBLIC_KEY,
            parameters: Some(AnyRef::from(&P256)),
        },
    };
    let subject_public_key = BitStringRef::from_bytes(public_key).ok()?;
    SubjectPublicKeyInfo {
        algorithm,
        subject_public_key,
    }
    .to_der()
    .ok()
}

/// Turns the ECDSA signature of a certificate into the form engines verify.
///
/// Certificate authorities sign in DER and are free to use either of the two values of `s`;
/// engines demand the lower one, so the higher one is replaced by its twin, `order − s`.
fn raw_low_s(signature_der: &[u8]) -> Option<[u8; 64]> {
    let parts = SequenceOf::<UintRef<'_>, 2>::from_der(signature_der).ok()?;
    let r = scalar(parts.get(0)?)?;
    let s = scalar(parts.get(1)?)?;
    let mut raw = [0; 64];
    let (raw_r, raw_s) = raw.split_at_mut(32);
    raw_r.copy_from_slice(&r);
    raw_s.copy_from_slice(&s);
    if !colophon_crypto::is_low_s(&raw) {
        let twin = order_minus(&s)?;
        raw.split_at_mut(32).1.copy_from_slice(&twin);
    }
    Some(raw)
}

fn scalar(value: &UintRef<'_>) -> Option<[u8; 32]> {
    let bytes = value.as_bytes();
    let mut scalar = [0; 32];
    let start = scalar.len().checked_sub(bytes.len())?;
    scalar.split_at_mut(start).1.copy_from_slice(bytes);
    Some(scalar)
}

/// `P256_ORDER − s`, nothing if that is negative. Signatures are public: no constant time.
fn order_minus(s: &[u8; 32]) -> Option<[u8; 32]> {
    let mut difference = [0; 32];
    let mut borrow = false;
    let columns = difference.iter_mut().zip(P256_ORDER).zip(s).rev();
    for ((digit, minuend), subtrahend) in columns {
        let (step, under) = minuend.overflowing_sub(*subtrahend);
        let (step, under_again) = step.overflowing_sub(u8::from(borrow));
        *digit = step;
        borrow = under || under_again;
    }
    (!borrow).then_some(difference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twin_of_a_twin_is_the_scalar() {
        let mut scalar = [0x5a; 32];
        scalar[31] = 0x01;
        let twin = order_minus(&scalar).unwrap();
        assert_ne!(twin, scalar);
        assert_eq!(order_minus(&twin), Some(scalar));
    }

    #[test]
    fn no_twin_above_the_order() {
        assert_eq!(order_minus(&[0xff; 32]), None);
    }

    #[test]
    fn a_signature_must_be_two_scalars() {
        assert_eq!(
            raw_low_s(&[0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02]).map(|raw| raw[63]),
            Some(2)
        );
        assert_eq!(raw_low_s(&[0x30, 0x03, 0x02, 0x01, 0x01]), None);
        assert_eq!(raw_low_s(&[]), None);
    }
}
