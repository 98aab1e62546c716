//! Private keys that sign or decrypt.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use colophon_crypto::{Mismatch, PublicKey, Randomness, SignatureAlgorithm};
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

use crate::pem::pem_text;
use crate::{SystemRandom, ecdsa};

/// The kinds of private keys that can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA with 2048 bits: every verifier of XML signatures accepts it.
    Rsa2048,
    /// RSA with 3072 bits, for authorities.
    Rsa3072,
    /// P-256: smaller and faster to sign with.
    P256,
}

/// Why a private key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyError {
    /// It is not an unencrypted PKCS#8 key in PEM ("BEGIN PRIVATE KEY").
    #[error("not an unencrypted PKCS#8 private key in PEM")]
    Form,
    /// It is neither RSA of 2048 to 4096 bits nor P-256.
    #[error("neither an RSA key of 2048 to 4096 bits nor one on P-256")]
    Profile,
    /// The library failed to make or use it.
    #[error("the cryptographic library failed")]
    Library,
}

/// A private key that signs, equal messages giving equal signatures.
///
/// It cannot be printed or cloned; its PKCS#8 form is wiped when it is dropped.
pub struct PrivateKey {
    kind: Kind,
    pkcs8_der: Zeroizing<Vec<u8>>,
    spki_der: Vec<u8>,
    /// What stands in the bit string of the `SubjectPublicKeyInfo`.
    public: Vec<u8>,
}

enum Kind {
    Rsa(Box<RsaKeyPair>),
    P256(Box<p256::ecdsa::SigningKey>),
}

impl PrivateKey {
    /// Makes a fresh key.
    ///
    /// # Errors
    ///
    /// [`PrivateKeyError::Library`].
    pub fn generate(kind: KeyKind) -> Result<PrivateKey, PrivateKeyError> {
        let rsa = |size| {
            let pair = RsaKeyPair::generate(size).map_err(|_| PrivateKeyError::Library)?;
            let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| PrivateKeyError::Library)?;
            PrivateKey::from_rsa(pair, Zeroizing::new(der.as_ref().to_vec()))
        };
        match kind {
            KeyKind::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyKind::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyKind::P256 => {
                let key = generate_p256();
                let der = key.to_pkcs8_der().map_err(|_| PrivateKeyError::Library)?;
                PrivateKey::from_p256(&key, Zeroizing::new(der.as_bytes().to_vec()))
            }
        }
    }

    /// Reads an unencrypted PKCS#8 key in PEM.
    ///
    /// # Errors
    ///
    /// [`PrivateKeyError`] if it is something else, or of another kind than can be made here
    /// (RSA of up to 4096 bits is taken).
    pub fn from_pem(pem: &str) -> Result<PrivateKey, PrivateKeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes());
        let der = der.map_err(|_| PrivateKeyError::Form)?;
        PrivateKey::from_der(der.secret_pkcs8_der())
    }

    /// Reads an unencrypted PKCS#8 key in DER.
    ///
    /// # Errors
    ///
    /// [`PrivateKeyError`] as for [`PrivateKey::from_pem`].
    pub fn from_der(pkcs8_der: &[u8]) -> Result<PrivateKey, PrivateKeyError> {
        let der = Zeroizing::new(pkcs8_der.to_vec());
        if let Ok(key) = p256::SecretKey::from_pkcs8_der(&der) {
            return PrivateKey::from_p256(&key, der);
        }
        let pair = RsaKeyPair::from_pkcs8(&der).map_err(|_| PrivateKeyError::Profile)?;
        PrivateKey::from_rsa(pair, der)
    }

    /// The PKCS#8 form in DER, wiped from memory when dropped.
    #[must_use]
    pub fn to_der(&self) -> Zeroizing<Vec<u8>> {
        self.pkcs8_der.clone()
    }

    /// The PKCS#8 form in PEM, wiped from memory when dropped.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem_text("PRIVATE KEY", &self.pkcs8_der))
    }

    /// The public key: DER of its `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn public_spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// The algorithm it signs with.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        match self.kind {
            Kind::Rsa(_) => SignatureAlgorithm::RsaPkcs1Sha256,
            Kind::P256(_) => SignatureAlgorithm::EcdsaP256Sha256,
        }
    }

    /// Signs `message` (not a digest of it): RSA by PKCS#1 v1.5; ECDSA by RFC 6979 as `r ‖ s`
    /// in low-S form.
    ///
    /// # Errors
    ///
    /// [`PrivateKeyError::Library`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, PrivateKeyError> {
        match &self.kind {
            Kind::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                // PKCS#1 v1.5 draws no randomness; the library asks for a source nevertheless.
                let random = aws_lc_rs::rand::SystemRandom::new();
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| PrivateKeyError::Library)?;
                Ok(signature)
            }
            Kind::P256(key) => Ok(ecdsa::sign(key, message)?.to_vec()),
        }
    }

    /// Decrypts by RSA-OAEP with SHA-256 throughout and no label, in constant time as far as the
    /// library promises it.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if this is no RSA key or the ciphertext is not for it.
    pub fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Mismatch> {
        match self.kind {
            Kind::Rsa(_) => {}
            Kind::P256(_) => return Err(Mismatch),
        }
        let key = PrivateDecryptingKey::from_pkcs8(&self.pkcs8_der).map_err(|_| Mismatch)?;
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| Mismatch)?;
        let mut plain = Zeroizing::new(vec![0; key.min_output_size()]);
        let length = key
            .decrypt(&OAEP_SHA256_MGF1SHA256, ciphertext, &mut plain, None)
            .map_err(|_| Mismatch)?
            .len();
        plain.truncate(length);
        Ok(plain)
    }

    fn from_rsa(
        pair: RsaKeyPair,
        pkcs8_der: Zeroizing<Vec<u8>>,
    ) -> Result<PrivateKey, PrivateKeyError> {
        let spki: PublicKeyX509Der<'_> = pair
            .public_key()
            .as_der()
            .map_err(|_| PrivateKeyError::Library)?;
        let spki_der = spki.as_ref().to_vec();
        PublicKey::parse(&spki_der).map_err(|_| PrivateKeyError::Profile)?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(PrivateKey {
            kind: Kind::Rsa(Box::new(pair)),
            pkcs8_der,
            spki_der,
            public,
        })
    }

    fn from_p256(
        key: &p256::SecretKey,
        pkcs8_der: Zeroizing<Vec<u8>>,
    ) -> Result<PrivateKey, PrivateKeyError> {
        let point = key.public_key();
        let spki = point
            .to_public_key_der()
            .map_err(|_| PrivateKeyError::Library)?;
        let key = p256::ecdsa::SigningKey::from(key);
        let public = key
            .verifying_key()
            .to_encoded_point(false)
            .as_bytes()
            .to_vec();
        let kind = Kind::P256(Box::new(key));
        Ok(PrivateKey {
            kind,
            pkcs8_der,
            spki_der: spki.as_bytes().to_vec(),
            public,
        })
    }
}

fn generate_p256() -> p256::SecretKey {
    let mut bytes = Zeroizing::new([0; 32]);
    loop {
        SystemRandom.fill(bytes.as_mut_slice());
        // One number in 2^32 is not below the order of the curve.
        if let Ok(key) = p256::SecretKey::from_slice(bytes.as_slice()) {
            return key;
        }
    }
}

/// What `rcgen` needs to certify this key.
impl rcgen::PublicKeyData for PrivateKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        match self.kind {
            Kind::Rsa(_) => &rcgen::PKCS_RSA_SHA256,
            Kind::P256(_) => &rcgen::PKCS_ECDSA_P256_SHA256,
        }
    }
}

/// What `rcgen` needs to sign with this key; certificates hold ECDSA signatures in DER.
impl rcgen::SigningKey for PrivateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let failed = |_| rcgen::Error::RemoteKeyError;
        match &self.kind {
            Kind::Rsa(_) => PrivateKey::sign(self, message).map_err(failed),
            Kind::P256(key) => {
                let signature = ecdsa::sign(key, message).map_err(failed)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use colophon_crypto::{Engine, Portable};

    use super::*;
    use crate::AwsLc;

    #[track_caller]
    fn check_kind(kind: KeyKind) {
        let key = PrivateKey::generate(kind).expect("a key");
        let read = PrivateKey::from_pem(&key.to_pem()).expect("a key");
        assert_eq!(read.public_spki_der(), key.public_spki_der());
        assert_eq!(read.algorithm(), key.algorithm());
        let signature = key.sign(b"message").expect("a signature");
        assert_eq!(read.sign(b"message").expect("a signature"), signature);
        let engines: [&dyn Engine; 2] = [&AwsLc, &Portable];
        for engine in engines {
            let spki = key.public_spki_der();
            assert_eq!(
                engine.verify(key.algorithm(), spki, b"message", &signature),
                Ok(())
            );
            assert!(
                engine
                    .verify(key.algorithm(), spki, b"massage", &signature)
                    .is_err()
            );
        }
    }

    #[test]
    fn keys_of_every_kind_sign_and_come_back_from_pem() {
        check_kind(KeyKind::Rsa2048);
        check_kind(KeyKind::Rsa3072);
        check_kind(KeyKind::P256);
    }

    #[test]
    fn ecdsa_signatures_are_always_low_s() {
        let key = PrivateKey::generate(KeyKind::P256).expect("a key");
        for number in 0_u32..64 {
            let message = number.to_be_bytes();
            let signature = key.sign(&message).expect("a signature");
            let verified =
                AwsLc.verify(key.algorithm(), key.public_spki_der(), &message, &signature);
            assert_eq!(verified, Ok(()));
        }
    }

    /// RFC 6979, appendix A.2.5, with SHA-256; `s` of "sample" is in the upper half there.
    #[test]
    fn ecdsa_nonces_are_those_of_rfc_6979() {
        let hex = |text: &str| -> Vec<u8> {
            let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("digits");
            (0..text.len()).step_by(2).map(byte).collect()
        };
        let secret = hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
        let key = p256::SecretKey::from_slice(&secret).expect("a key");
        let der = Zeroizing::new(key.to_pkcs8_der().expect("DER").as_bytes().to_vec());
        let key = PrivateKey::from_p256(&key, der).expect("a key");
        let expected = hex(
            "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367\
             019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
        );
        assert_eq!(key.sign(b"test").expect("a signature"), expected);
        let sample = key.sign(b"sample").expect("a signature");
        assert_eq!(
            sample[..32],
            hex("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716")
        );
        assert_ne!(
            sample[32..],
            hex("F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8")
        );
    }

    #[test]
    fn other_keys_are_refused() {
        let cases = [
            ("", PrivateKeyError::Form),
            (
                "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
                PrivateKeyError::Profile,
            ),
            (
                include_str!("../tests/data/rsa-1024.key.pem"),
                PrivateKeyError::Profile,
            ),
            (
                include_str!("../tests/data/p384.key.pem"),
                PrivateKeyError::Profile,
            ),
            (
                include_str!("../tests/data/encrypted.key.pem"),
                PrivateKeyError::Form,
            ),
        ];
        for (pem, expected) in cases {
            assert_eq!(PrivateKey::from_pem(pem).err(), Some(expected), "{pem}");
        }
    }
}
