//! Copies at level 5 under licenses of a test's own, by the published licensor.

use std::io::Cursor;
use std::sync::Arc;

use colophon_crypto::{Key32, Portable, SignatureAlgorithm};
use colophon_title::license::{
    ActivationCertificate, LicenseSigner, LicenseTerms, Line, Object, PersonaTerms, Principal,
    ReadyLicensor, RightsGroup,
};
use colophon_title::{ContentKey, CopyId, CopyKey, CopyTerms, Level, StoredTitle, personalize};
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;

use super::{NOW, der, vector};

struct Licensor {
    chain: Vec<Vec<u8>>,
    key: p256::ecdsa::SigningKey,
}

impl LicenseSigner for Licensor {
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

pub(crate) fn line(text: &str) -> Line {
    Line::parse(text).expect("a line")
}

/// The content key of the title version, as the vectors publish it.
pub(crate) fn content_key() -> Vec<u8> {
    let text = String::from_utf8(vector("whale.level-5.txt")).expect("text");
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix("content key: "));
    let digits = found.expect("a content key").as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16);
    digits.map(|pair| byte(pair).expect("digits")).collect()
}

/// A copy for the persona of the vectors that grants these rights.
pub(crate) fn copy(rights: &[RightsGroup], principals: &[Principal], transaction: &str) -> Vec<u8> {
    let at_rest = vector("whale.licensed.at-rest.epub");
    let title = StoredTitle::read(&Portable, Cursor::new(&at_rest)).expect("a title");
    let key = Key32::from_slice(&content_key()).expect("a key");
    let copy_key = CopyKey::new(Key32::new([1; 32]));
    let purchase: [&[u8]; 5] = [b"main", b"shop", transaction.as_bytes(), b"1", b"ISBN"];
    let signer = Licensor {
        chain: vec![der("keys/licensor.crt")],
        key: p256::ecdsa::SigningKey::from_pkcs8_der(&der("keys/licensor.key")).expect("a key"),
    };
    let center = Object {
        id_type: line("center"),
        id: line("main"),
        name: None,
    };
    let certificate = ActivationCertificate::read(&der("keys/persona.crt"));
    let terms = CopyTerms {
        level: Level::FullyIndividualized,
        bookplate: Some("Ishmael"),
        copy_id: CopyId::of(&Portable, &copy_key, &purchase),
        issued_at_unix_s: NOW,
        signers: &[],
        license: Some(LicenseTerms {
            copy_key: &copy_key,
            licensor: &ReadyLicensor::new(&Portable, center, Arc::new(signer)).expect("a licensor"),
            rights,
            principals,
            persona: Some(PersonaTerms {
                id: &line(super::PERSONA),
                certificate: &certificate.expect("a certificate"),
            }),
            delegated_by: None,
        }),
    };
    let tail = personalize(&Portable, &title, &ContentKey::new(key), &terms).expect("a copy");
    let prefix = usize::try_from(title.prefix_length()).expect("a length");
    [&at_rest[..prefix], &tail.bytes].concat()
}
