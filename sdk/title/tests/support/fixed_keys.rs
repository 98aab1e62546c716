//! The published keys of the vectors, which anybody can use.

use base64ct::{Base64, Encoding};
use colophon_crypto::{Mismatch, SignatureAlgorithm};
use colophon_title::TrustRoots;
use colophon_title::license::{LicenseSigner, PersonaKey};
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;
use rsa::pkcs8::EncodePublicKey as _;

/// The bytes of the one object in a PEM file, whatever is written above it.
pub(crate) fn der(pem: &str) -> Vec<u8> {
    let lines = pem.lines().skip_while(|line| !line.starts_with("-----"));
    let text: String = lines
        .skip(1)
        .take_while(|line| !line.starts_with("-----"))
        .collect();
    Base64::decode_vec(&text).unwrap()
}

pub(crate) fn roots() -> TrustRoots {
    let mut roots = TrustRoots::new();
    let root = der(include_str!("../../vectors/keys/root.crt"));
    roots.add_roots(&root).unwrap();
    roots
}

/// The licensor of the vectors.
pub(crate) struct FixedLicensor {
    chain: Vec<Vec<u8>>,
    key: p256::ecdsa::SigningKey,
}

impl FixedLicensor {
    pub(crate) fn new() -> FixedLicensor {
        let key = der(include_str!("../../vectors/keys/licensor.key"));
        FixedLicensor {
            chain: vec![der(include_str!("../../vectors/keys/licensor.crt"))],
            key: p256::ecdsa::SigningKey::from_pkcs8_der(&key).unwrap(),
        }
    }
}

impl LicenseSigner for FixedLicensor {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaP256Sha256
    }

    fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let signature: p256::ecdsa::Signature = self.key.sign(message);
        let signature = signature.normalize_s().unwrap_or(signature);
        Ok(signature.to_bytes().to_vec())
    }
}

/// The persona of the vectors.
pub(crate) struct FixedPersona {
    pub(crate) certificate: Vec<u8>,
    public_key: Vec<u8>,
    key: rsa::RsaPrivateKey,
}

impl FixedPersona {
    pub(crate) fn new() -> FixedPersona {
        let key = der(include_str!("../../vectors/keys/persona.key"));
        let key = rsa::RsaPrivateKey::from_pkcs8_der(&key).unwrap();
        let public_key = key.to_public_key().to_public_key_der().unwrap();
        FixedPersona {
            certificate: der(include_str!("../../vectors/keys/persona.crt")),
            public_key: public_key.into_vec(),
            key,
        }
    }
}

impl PersonaKey for FixedPersona {
    fn public_key_spki_der(&self) -> &[u8] {
        &self.public_key
    }

    fn decrypt(&self, enabling_bits: &[u8]) -> Result<[u8; 40], Mismatch> {
        let padding = rsa::Oaep::new::<rsa::sha2::Sha256>();
        let plain = self.key.decrypt(padding, enabling_bits);
        plain
            .ok()
            .and_then(|plain| plain.try_into().ok())
            .ok_or(Mismatch)
    }
}
