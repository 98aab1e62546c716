//! Decision receipts: read as they were signed, and refused in any other form.

#![cfg(test)]

use colophon_claims::{base64url, write_header};
use colophon_crypto::{Engine as _, Portable, SignatureAlgorithm};
use colophon_receipt::{
    DECISION_BYTES_MAX, DecisionDigests, DecisionNotSigned, DecisionReceipt, DecisionRefused,
    DecisionSigner, PartDigest, TransactionId, UnixSeconds, Word,
};
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::EncodePublicKey as _;
use proptest::prelude::*;

struct Key {
    secret: SigningKey,
    spki: Vec<u8>,
}

impl Key {
    fn of(seed: u8) -> Self {
        let secret = SigningKey::from_slice(&[seed; 32]).unwrap();
        let public = p256::PublicKey::from(secret.verifying_key());
        let spki = public.to_public_key_der().unwrap().as_bytes().to_vec();
        Self { secret, spki }
    }
}

impl DecisionSigner for Key {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaP256Sha256
    }

    fn public_key_spki_der(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let signature: p256::ecdsa::Signature = self.secret.sign(message);
        let low = signature.normalize_s().unwrap_or(signature);
        Ok(low.to_bytes().to_vec())
    }
}

fn receipt() -> DecisionReceipt {
    let digest = |byte| PartDigest::from_bytes([byte; 32]);
    DecisionReceipt {
        center: "main".parse().unwrap(),
        retailer: "bookshop".parse().unwrap(),
        decision: "0190a5c2e1f07b6c8a5d3e2f1a0b9c8d".parse().unwrap(),
        decided_at: UnixSeconds::new(1_800_000_000),
        request: "0190a5c2e1f07b6c8a5d3e2f1a0b9c8e".parse().unwrap(),
        transaction: Some("order-4711".parse().unwrap()),
        plugin: "acme-rules".parse().unwrap(),
        version: "1.4.0-rc.1+b".parse().unwrap(),
        contract: "1.0".parse().unwrap(),
        role: "policy".parse().unwrap(),
        outcome: "deny".parse().unwrap(),
        fuel: 4711,
        digests: DecisionDigests {
            component: digest(1),
            config: digest(2),
            grant: digest(3),
            input: digest(4),
            calls: digest(5),
            output: digest(6),
        },
    }
}

fn verify(compact: &str, key: &Key) -> Result<DecisionReceipt, DecisionRefused> {
    DecisionReceipt::verify(&Portable, compact, &key.spki)
}

/// Whatever somebody with the center's key could have signed.
fn forged(key: &Key, header: &str, claims: &str) -> String {
    let signed = [header, claims].map(|part| base64url::encode(part.as_bytes()));
    let signed = signed.join(".");
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", base64url::encode(&signature))
}

fn kid(key: &Key) -> String {
    base64url::encode(&Portable.digest(&[&key.spki]))
}

fn claims_of(compact: &str) -> String {
    let claims = compact.split('.').nth(1).unwrap();
    String::from_utf8(base64url::decode(claims).unwrap()).unwrap()
}

#[test]
fn a_decision_receipt_is_read_as_it_was_signed() {
    let key = Key::of(7);
    let of_nobody = DecisionReceipt {
        transaction: None,
        ..receipt()
    };
    for said in [receipt(), of_nobody] {
        let compact = said.sign(&Portable, &key).unwrap();
        assert!(compact.len() <= DECISION_BYTES_MAX);
        assert_eq!(verify(&compact, &key), Ok(said));
    }
}

#[test]
fn another_key_is_told_from_a_forgery() {
    let (key, other) = (Key::of(7), Key::of(8));
    let compact = receipt().sign(&Portable, &key).unwrap();
    assert_eq!(verify(&compact, &other), Err(DecisionRefused::OtherKey));
    let header = write_header(&[
        ("alg", "ES256"),
        ("typ", "colophon-decision+jwt"),
        ("kid", &kid(&other)),
    ]);
    // The key's name is copied, the key is not.
    let copied = forged(&key, &header, &claims_of(&compact));
    assert_eq!(verify(&copied, &other), Err(DecisionRefused::NotGenuine));
}

#[test]
fn nothing_else_that_the_key_has_signed_passes_for_one() {
    let key = Key::of(7);
    let claims = claims_of(&receipt().sign(&Portable, &key).unwrap());
    let kid = kid(&key);
    for (alg, typ) in [
        ("none", "colophon-decision+jwt"),
        ("HS256", "colophon-decision+jwt"),
        ("ES256", "colophon-activation+jwt"),
        ("ES256", "JWT"),
    ] {
        let header = write_header(&[("alg", alg), ("typ", typ), ("kid", &kid)]);
        let refused = verify(&forged(&key, &header, &claims), &key);
        assert_eq!(refused, Err(DecisionRefused::Header), "{alg} {typ}");
    }
    // The right kind, by an algorithm that the key is not for.
    let header = write_header(&[
        ("alg", "RS256"),
        ("typ", "colophon-decision+jwt"),
        ("kid", &kid),
    ]);
    let refused = verify(&forged(&key, &header, &claims), &key);
    assert_eq!(refused, Err(DecisionRefused::NotGenuine));
}

#[test]
fn claims_are_read_strictly() {
    let key = Key::of(7);
    let header = write_header(&[
        ("alg", "ES256"),
        ("typ", "colophon-decision+jwt"),
        ("kid", &kid(&key)),
    ]);
    let claims = claims_of(&receipt().sign(&Portable, &key).unwrap());
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("\"v\":1", "\"v\":1,\"v\":1"),
        ("\"v\":1", "\"v\":1,\"more\":1"),
        ("\"fuel\":4711", "\"fuel\":-1"),
        ("\"fuel\":4711", "\"fuel\":\"4711\""),
        ("\"role\":\"policy\"", "\"role\":\"\""),
        ("\"role\":\"policy\"", "\"role\":\"po licy\""),
        ("\"role\":\"policy\",", ""),
        ("\"iss\":\"main\"", "\"iss\":\"../main\""),
    ] {
        let changed = claims.replace(from, to);
        assert_ne!(changed, claims, "{from}");
        let refused = verify(&forged(&key, &header, &changed), &key);
        assert!(refused.is_err(), "{to}");
    }
}

#[test]
fn texts_that_are_none_are_refused_by_their_form() {
    let key = Key::of(7);
    let long = "a".repeat(DECISION_BYTES_MAX + 1);
    for (text, refused) in [
        (long.as_str(), DecisionRefused::TooLong),
        ("", DecisionRefused::Parts),
        ("a.b", DecisionRefused::Parts),
        ("a.b.c.d", DecisionRefused::Parts),
        ("e30.e30.=", DecisionRefused::Base64),
        ("e30.e30.AAAA", DecisionRefused::Header),
    ] {
        assert_eq!(verify(text, &key), Err(refused), "{text:.20}");
    }
}

#[test]
fn what_json_cannot_say_is_not_signed() {
    let key = Key::of(7);
    let endless = DecisionReceipt {
        fuel: u64::MAX,
        ..receipt()
    };
    let refused = endless.sign(&Portable, &key);
    assert!(
        matches!(refused, Err(DecisionNotSigned::Range("fuel"))),
        "{refused:?}"
    );
}

/// A key whose signatures are as long as those of RSA keys of so many bits; nobody verifies them.
struct Long(usize);

impl DecisionSigner for Long {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RsaPkcs1Sha256
    }

    fn public_key_spki_der(&self) -> &[u8] {
        b"a key"
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(vec![255; self.0 / 8])
    }
}

/// As much as can be said, in characters that JSON escapes.
fn longest() -> DecisionReceipt {
    let word = "\"".repeat(64).parse::<Word>().unwrap();
    DecisionReceipt {
        center: "c".repeat(63).parse().unwrap(),
        retailer: "r".repeat(64).parse().unwrap(),
        decision: word.clone(),
        decided_at: UnixSeconds::new((1 << 53) - 1),
        request: word.clone(),
        transaction: Some("\\".repeat(1024).parse().unwrap()),
        plugin: word.clone(),
        version: word.clone(),
        contract: word.clone(),
        role: word.clone(),
        outcome: word,
        fuel: (1 << 53) - 1,
        ..receipt()
    }
}

#[test]
fn the_longest_decision_receipt_can_be_verified() {
    let key = Key::of(7);
    let said = longest();
    let compact = said.sign(&Portable, &key).unwrap();
    assert_eq!(verify(&compact, &key), Ok(said.clone()));
    assert!(said.sign(&Portable, &Long(8192)).is_ok());
    let refused = said.sign(&Portable, &Long(1 << 16));
    assert!(
        matches!(refused, Err(DecisionNotSigned::TooLong(bytes)) if bytes > DECISION_BYTES_MAX),
        "{refused:?}"
    );
}

fn word() -> impl Strategy<Value = Word> {
    let text = prop_oneof!["[!-~]{1,64}", "[\"\\\\]{1,64}"];
    text.prop_map(|text| text.parse().unwrap())
}

fn transaction() -> impl Strategy<Value = Option<TransactionId>> {
    let text = prop_oneof!["\\PC{1,256}", "[\"\\\\ ]{1,1024}"];
    text.prop_map(|text| text.parse().ok())
}

proptest! {
    #[test]
    fn whatever_is_signed_can_be_verified(
        words in prop::array::uniform7(word()),
        transaction in transaction(),
        fuel in any::<u64>(),
        decided_at in any::<i64>(),
        retailer in "[A-Za-z0-9-]{1,64}",
        digest in any::<[u8; 32]>(),
    ) {
        let [decision, request, plugin, version, contract, role, outcome] = words;
        let key = Key::of(7);
        let said = DecisionReceipt {
            retailer: retailer.parse().unwrap(),
            decision,
            decided_at: UnixSeconds::new(decided_at),
            request,
            transaction,
            plugin,
            version,
            contract,
            role,
            outcome,
            fuel,
            digests: DecisionDigests {
                input: PartDigest::from_bytes(digest),
                ..receipt().digests
            },
            ..receipt()
        };
        if let Ok(compact) = said.sign(&Portable, &key) {
            prop_assert!(compact.len() <= DECISION_BYTES_MAX);
            prop_assert_eq!(verify(&compact, &key), Ok(said));
        }
    }

    #[test]
    fn a_changed_character_is_refused(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let key = Key::of(7);
        let compact = receipt().sign(&Portable, &key).unwrap();
        let at = at.index(compact.len());
        let mut changed = compact.clone();
        changed.replace_range(at..=at, &to);
        prop_assume!(changed != compact);
        prop_assert!(verify(&changed, &key).is_err());
    }
}
