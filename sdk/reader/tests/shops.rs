//! Which shops are told who somebody is, and what they are told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/platform.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod platform;

use colophon_activation::{CertificateHash, FormKey, PersonaClaims, SealedPersona};
use colophon_crypto::{Key32, Mismatch, Portable};
use colophon_reader::{RecipientRefused, Shop, SystemRandom};
use colophon_title::trust::{CertificateRole, ChainRefused};
use platform::{ISSUED_AT, PERSONA, Platform};
use rcgen::KeyPair;
use rsa::pkcs8::DecodePrivateKey as _;

/// A key that is public knowledge, and RSA, as persona forms need it.
const KEY: &str = include_str!("../../activation/vectors/keys/center.key");

fn key() -> KeyPair {
    let from = KEY.find("-----BEGIN").unwrap();
    KeyPair::from_pem(KEY.split_at(from).1).unwrap()
}

fn shop_pem(platform: &Platform) -> String {
    let role = CertificateRole::Retailer;
    platform.certificate("main/bookshop retailer", role, &key())
}

fn judge(platform: &Platform, pem: &str) -> Result<Shop, RecipientRefused> {
    Shop::judge(pem.as_bytes(), &platform.roots(), ISSUED_AT)
}

/// The shop, with its private key.
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

fn told(shop: &Shop) -> PersonaClaims {
    let persona = PERSONA.parse().unwrap();
    let told = shop.persona_form(&persona, ISSUED_AT, &mut SystemRandom);
    let told = told.unwrap();
    let sealed = SealedPersona::parse(&told.form).unwrap();
    let claims = sealed.open(&Portable, &Opener(*sealed.kid()), shop.id());
    let claims = claims.unwrap();
    assert_eq!(claims.expires_at.get(), told.until_unix_s);
    claims
}

#[test]
fn a_shop_is_told_who_somebody_is_for_minutes() {
    let platform = Platform::new();
    let shop = judge(&platform, &shop_pem(&platform)).unwrap();
    assert_eq!(shop.id().as_str(), "main/bookshop");
    assert_eq!(shop.issuer(), "CN=Platform");
    let (one, two) = (told(&shop), told(&shop));
    assert_eq!(one.persona.as_str(), PERSONA);
    assert_eq!(one.issued_at.get(), ISSUED_AT);
    assert_eq!(one.expires_at.get(), ISSUED_AT + 600);
    assert_ne!(one.id, two.id);
}

#[test]
fn nobody_else_is_told_anything() {
    let platform = Platform::new();
    let named = |name: &str, role| platform.certificate(name, role, &key());
    for role in CertificateRole::ALL {
        if role != CertificateRole::Retailer {
            let refused = judge(&platform, &named("main/bookshop retailer", role));
            assert!(
                matches!(refused, Err(RecipientRefused::Chain(ChainRefused::Role))),
                "{role:?}"
            );
        }
    }
    for name in ["Bookshop", "main", "/bookshop", "main/", "Main/bookshop"] {
        let refused = judge(&platform, &named(name, CertificateRole::Retailer));
        assert!(matches!(refused, Err(RecipientRefused::Name)), "{name}");
    }
    // A namesake by somebody whom this reader does not trust.
    let strange = shop_pem(&Platform::new());
    let refused = judge(&platform, &strange);
    assert!(matches!(
        refused,
        Err(RecipientRefused::Chain(ChainRefused::Untrusted))
    ));
    for text in ["", "no certificate", KEY] {
        let refused = judge(&platform, text);
        assert!(matches!(refused, Err(RecipientRefused::NotPem)), "{text}");
    }
    let ended = Shop::judge(
        shop_pem(&platform).as_bytes(),
        &platform.roots(),
        ISSUED_AT + (1 << 33),
    );
    assert!(matches!(
        ended,
        Err(RecipientRefused::Chain(ChainRefused::Time))
    ));
}
