//! The keys and certificates of the tests. Their private keys are public knowledge.

use std::sync::LazyLock;

use base64ct::{Base64, Encoding};
use colophon_activation::{CertificateHash, FormKey};
use colophon_crypto::{Key32, Mismatch, Portable};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey};

/// A certificate with its private key.
pub(crate) struct TestKey {
    pub(crate) certificate_der: Vec<u8>,
    pub(crate) public_key_spki_der: Vec<u8>,
    private_key: RsaPrivateKey,
}

/// The center `main`.
pub(crate) static CENTER: LazyLock<TestKey> = LazyLock::new(|| {
    TestKey::new(
        include_str!("../../vectors/keys/center.crt"),
        include_str!("../../vectors/keys/center.key"),
    )
});

/// The center `other`.
pub(crate) static OTHER: LazyLock<TestKey> = LazyLock::new(|| {
    TestKey::new(
        include_str!("../../vectors/keys/other.crt"),
        include_str!("../../vectors/keys/other.key"),
    )
});

/// An activation certificate and its issuer's.
pub(crate) fn persona_certificates() -> Vec<Vec<u8>> {
    vec![
        der(include_str!("../../vectors/keys/persona.crt")),
        der(include_str!("../../vectors/keys/authority.crt")),
    ]
}

impl TestKey {
    fn new(certificate: &str, key: &str) -> TestKey {
        let private_key = RsaPrivateKey::from_pkcs8_der(&der(key)).expect("a private key");
        let public_key = private_key.to_public_key().to_public_key_der();
        TestKey {
            certificate_der: der(certificate),
            public_key_spki_der: public_key.expect("a public key").into_vec(),
            private_key,
        }
    }
}

impl FormKey for TestKey {
    fn certificate(&self) -> CertificateHash {
        CertificateHash::of(&Portable, &self.certificate_der)
    }

    fn decrypt(&self, encrypted: &[u8]) -> Result<Key32, Mismatch> {
        let key = self
            .private_key
            .decrypt(rsa::Oaep::new::<rsa::sha2::Sha256>(), encrypted);
        key.ok()
            .and_then(|key| Key32::from_slice(&key))
            .ok_or(Mismatch)
    }
}

/// What is between the first two lines of hyphens.
fn der(pem: &str) -> Vec<u8> {
    let border = |line: &&str| line.starts_with("-----");
    let lines = pem.lines().skip_while(|line| !border(line)).skip(1);
    let text: String = lines.take_while(|line| !border(line)).collect();
    Base64::decode_vec(&text).expect("base64")
}
