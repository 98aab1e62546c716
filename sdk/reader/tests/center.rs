//! Which centers a certificate is sealed to, and what comes out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/platform.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod platform;
#[path = "support/service.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod service;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use colophon_activation::{CertificateHash, FactSalt, FormKey, SealedForm};
use colophon_crypto::{Key32, Mismatch, Portable};
use colophon_reader::repository::Activated;
use colophon_reader::{
    Address, Center, FormPeriod, Network, RecipientRefused, SystemRandom, TlsRoots,
};
use colophon_title::TrustRoots;
use colophon_title::trust::{CertificateRole, ChainRefused};
use platform::{ISSUED_AT, PERSONA, Platform};
use rcgen::KeyPair;
use rsa::pkcs8::DecodePrivateKey as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use service::{Reply, Service};

const DAY_S: i64 = 86_400;

/// A key that is public knowledge, and RSA, as upload forms need it.
const KEY: &str = include_str!("../../activation/vectors/keys/center.key");

fn key() -> KeyPair {
    let from = KEY.find("-----BEGIN").unwrap();
    KeyPair::from_pem(KEY.split_at(from).1).unwrap()
}

fn center_pem(platform: &Platform) -> String {
    platform.certificate("main center", CertificateRole::Center, &key())
}

fn activated(platform: &Platform) -> Activated {
    let persona = PERSONA.parse().unwrap();
    let package = platform.package(&persona, FactSalt::from_bytes([7; 16]));
    Activated::verify(&Portable, package, &platform.roots()).unwrap()
}

/// The center, with its private key.
struct Opener(CertificateHash);

impl FormKey for Opener {
    fn certificate(&self) -> CertificateHash {
        self.0
    }

    fn decrypt(&self, encrypted: &[u8]) -> Result<Key32, Mismatch> {
        let key = key();
        let key = rsa::RsaPrivateKey::from_pkcs8_der(key.serialized_der()).map_err(|_| Mismatch)?;
        let opened = key.decrypt(rsa::Oaep::new::<rsa::sha2::Sha256>(), encrypted);
        let opened = opened.map_err(|_| Mismatch)?;
        Key32::from_slice(&opened).ok_or(Mismatch)
    }
}

#[test]
fn the_center_opens_what_was_sealed_for_it() {
    let platform = Platform::new();
    let pem = center_pem(&platform);
    let center = Center::judge(pem.as_bytes(), &platform.roots(), ISSUED_AT).unwrap();
    assert_eq!(center.id().as_str(), "main");
    let activated = activated(&platform);
    let period = FormPeriod {
        from_unix_s: ISSUED_AT,
        until_unix_s: ISSUED_AT + 90 * DAY_S,
    };
    let sealed = center
        .upload_form(&activated, period, &mut SystemRandom)
        .unwrap();
    assert_eq!(sealed.until_unix_s, ISSUED_AT + 90 * DAY_S);
    for part in sealed.form.split('.') {
        let part = Base64UrlUnpadded::decode_vec(part).unwrap();
        let mut places = part.windows(PERSONA.len());
        assert!(!places.any(|place| place == PERSONA.as_bytes()));
    }
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let opener = Opener(CertificateHash::of(&Portable, &der));
    let form = SealedForm::parse(&sealed.form).unwrap();
    let claims = form.open(&Portable, &opener, center.id()).unwrap();
    assert_eq!(claims.persona.as_str(), PERSONA);
    assert_eq!(claims.certificates, *activated.certificates());
    let elsewhere = form.open(&Portable, &opener, &"other".parse().unwrap());
    assert!(elsewhere.is_err());
}

#[test]
fn a_form_ends_with_the_centers_certificate() {
    let platform = Platform::new();
    let pem = center_pem(&platform);
    let center = Center::judge(pem.as_bytes(), &platform.roots(), ISSUED_AT).unwrap();
    let period = FormPeriod {
        from_unix_s: ISSUED_AT,
        until_unix_s: i64::MAX,
    };
    let sealed = center.upload_form(&activated(&platform), period, &mut SystemRandom);
    // 2045-01-01.
    assert_eq!(sealed.unwrap().until_unix_s, 2_366_841_600);
}

#[test]
fn whom_no_trusted_root_calls_a_center_gets_nothing() {
    let platform = Platform::new();
    let refused = |pem: &str, roots: &TrustRoots, now| {
        let refused = Center::judge(pem.as_bytes(), roots, now).unwrap_err();
        let RecipientRefused::Chain(refused) = refused else {
            panic!("{refused:?}");
        };
        refused
    };
    let (good, roots) = (center_pem(&platform), platform.roots());
    assert_eq!(
        refused(&good, &TrustRoots::new(), ISSUED_AT),
        ChainRefused::Untrusted
    );
    let stranger = center_pem(&Platform::new());
    assert_eq!(
        refused(&stranger, &roots, ISSUED_AT),
        ChainRefused::Untrusted
    );
    let activation = platform.certificate("main", CertificateRole::Activation, &key());
    assert_eq!(refused(&activation, &roots, ISSUED_AT), ChainRefused::Role);
    assert_eq!(
        refused(&good, &roots, ISSUED_AT + 30 * 365 * DAY_S),
        ChainRefused::Time
    );
    for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n?"] {
        let refused = Center::judge(text.as_bytes(), &roots, ISSUED_AT);
        assert!(
            matches!(refused, Err(RecipientRefused::NotPem)),
            "{refused:?}"
        );
    }
    let nameless = platform.certificate("No Center", CertificateRole::Center, &key());
    let refused = Center::judge(nameless.as_bytes(), &roots, ISSUED_AT);
    assert!(
        matches!(refused, Err(RecipientRefused::Name)),
        "{refused:?}"
    );
}

#[test]
fn a_certificate_is_fetched_from_the_centers_address() {
    let platform = Platform::new();
    let pem = center_pem(&platform).into_bytes();
    let service = Service::start(vec![
        Reply::Full(200, "", pem),
        Reply::Full(404, "", Vec::new()),
    ]);
    let network = Network::new(&TlsRoots::of_system());
    let fetch = |path: &str| {
        let address: Address = service.url("http", path).parse().unwrap();
        Center::fetch(&network, &address, &platform.roots(), ISSUED_AT)
    };
    assert_eq!(fetch("/north/").unwrap().id().as_str(), "north");
    let refused = fetch("/south").unwrap_err();
    assert!(
        matches!(refused, RecipientRefused::NoCertificate { status: 404, .. }),
        "{refused:?}"
    );
    // Without a center in it, an address is not even asked.
    assert!(matches!(fetch("/"), Err(RecipientRefused::Name)));
    assert!(matches!(fetch("/No%20Center"), Err(RecipientRefused::Name)));
    let lines: Vec<String> = service
        .asked()
        .into_iter()
        .map(|asked| asked.line)
        .collect();
    assert_eq!(lines, ["GET /north/certificate", "GET /south/certificate"]);
}
