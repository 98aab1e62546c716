//! Copies at level 5 under licenses of a test's own, by the published licensor.

use std::io::Cursor;
use std::sync::Arc;

use colophon_crypto::{Key32, Portable, SignatureAlgorithm};
use colophon_title::license::{
    ActivationCertificate, Bundle, LicenseSigner, LicenseTerms, Line, Object, PersonaTerms,
    Principal, ReadyLicensor, Right, RightKind, RightsGroup,
};
use colophon_title::source::{Limits, Source};
use colophon_title::{
    ContentKey, CopyId, CopyKey, CopyTerms, Form, Level, MediaType, Metadata, SealTerms,
    SignerRoles, StoredTitle, VersionId, VersionSalt, personalize, seal,
};
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;

use super::{NOW, Seeded, der, vector};

/// Somebody who signs licenses.
pub(crate) struct Licensor {
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) key: p256::ecdsa::SigningKey,
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

/// A right to view without conditions.
pub(crate) fn to_view() -> RightsGroup {
    RightsGroup {
        name: line("main"),
        description: None,
        bundle: Bundle::default(),
        rights: vec![Right::unconditional(RightKind::View)],
    }
}

/// A title version at rest, in the licensed form, with its content key.
pub(crate) struct Version {
    at_rest: Vec<u8>,
    key: ContentKey,
}

impl Version {
    /// The one of the vectors.
    pub(crate) fn published() -> Version {
        let key = Key32::from_slice(&content_key()).expect("a key");
        Version {
            at_rest: vector("whale.licensed.at-rest.epub"),
            key: ContentKey::new(key),
        }
    }

    /// One of a test's own, of any source.
    pub(crate) fn of(source: Vec<u8>, media_type: &str, file_name: &str) -> Version {
        let media_type = MediaType::parse(media_type).expect("a media type");
        let limits = Limits {
            entries_max: 40_000,
            ..Limits::default()
        };
        let source = Source::inspect(Cursor::new(source), &media_type, file_name, &limits);
        let mut source = source.expect("a source");
        let mut random = Seeded::new(file_name);
        let key = ContentKey::generate(&mut random);
        let metadata = Metadata {
            book_id: "1".to_owned(),
            book_id_type: "ISBN".to_owned(),
            title: "A title".to_owned(),
            authors: Vec::new(),
            publisher: None,
            language: None,
            copyright: None,
            media_type,
            cover: None,
            required_signatures: SignerRoles::default(),
        };
        let terms = SealTerms {
            version: VersionId::generate(&mut random),
            salt: VersionSalt::generate(&mut random),
            key: &key,
            form: Form::Licensed,
            metadata: &metadata,
            signers: &[],
            issued_at_unix_s: NOW,
        };
        let mut at_rest = Cursor::new(Vec::new());
        let out = &mut at_rest;
        seal(
            &Portable,
            &mut random,
            &mut source,
            &terms,
            out,
            &mut |_| (),
        )
        .expect("a title");
        Version {
            at_rest: at_rest.into_inner(),
            key,
        }
    }

    /// A copy for the persona of the vectors that grants these rights.
    pub(crate) fn copy(
        &self,
        rights: &[RightsGroup],
        principals: &[Principal],
        transaction: &str,
    ) -> Vec<u8> {
        let title = StoredTitle::read(&Portable, Cursor::new(&self.at_rest)).expect("a title");
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
        let licensor = ReadyLicensor::new(&Portable, center, Arc::new(signer));
        let certificate = ActivationCertificate::read(&der("keys/persona.crt"));
        let terms = CopyTerms {
            level: Level::FullyIndividualized,
            bookplate: Some("Ishmael"),
            copy_id: CopyId::of(&Portable, &copy_key, &purchase),
            issued_at_unix_s: NOW,
            signers: &[],
            license: Some(LicenseTerms {
                copy_key: &copy_key,
                licensor: &licensor.expect("a licensor"),
                granted_at_unix_s: NOW,
                rights,
                principals,
                persona: Some(PersonaTerms {
                    id: &line(super::PERSONA),
                    certificate: &certificate.expect("a certificate"),
                }),
                delegated_by: None,
            }),
        };
        let tail = personalize(&Portable, &title, &self.key, &terms).expect("a copy");
        let prefix = usize::try_from(title.prefix_length()).expect("a length");
        [&self.at_rest[..prefix], &tail.bytes].concat()
    }
}

/// A copy of the published version for the persona of the vectors that grants these rights.
pub(crate) fn copy(rights: &[RightsGroup], principals: &[Principal], transaction: &str) -> Vec<u8> {
    Version::published().copy(rights, principals, transaction)
}
