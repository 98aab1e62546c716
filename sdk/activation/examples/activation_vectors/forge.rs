//! Makes upload forms by hand, right or wrong, out of any header and any claims.

use std::sync::LazyLock;

use base64ct::{Base64, Encoding};
use colophon_activation::FormKey;
use colophon_crypto::PublicKey;
use colophon_forge::{Members, Parts, changed, encode, json_of, members};
use serde_json::{Value, json};

use super::keys::{CENTER, TestKey, persona_certificates};

/// When the forms are made: 2027-01-15T08:00:00Z.
pub(crate) const ISSUED_AT: i64 = 1_800_000_000;
/// How long they are valid: 90 days.
pub(crate) const LIFETIME_S: i64 = 7_776_000;
/// The content encryption key of forged forms.
pub(crate) const CONTENT_KEY: [u8; 32] = *b"The quick brown fox jumps over 1";
/// The seed of OAEP of forged forms.
pub(crate) const SEED: [u8; 32] = *b"Thirty-two bytes for the padding";

/// The claims of an ordinary form.
pub(crate) fn usual_claims() -> Members {
    let certificates = persona_certificates();
    let certificates: Vec<String> = certificates
        .iter()
        .map(|der| Base64::encode_string(der))
        .collect();
    members(json!({
        "v": 1,
        "cert": certificates,
        "persona": "ada@people.example",
        "aud": "main",
        "iat": ISSUED_AT,
        "exp": ISSUED_AT + LIFETIME_S,
    }))
}

/// The usual claims with some of them changed; `null` takes a claim away.
pub(crate) fn claims_with(changes: Value) -> Members {
    changed(usual_claims(), changes)
}

/// The usual header of a form for a key.
pub(crate) fn header_for(key: &TestKey) -> String {
    let kid = key.certificate();
    format!(r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{kid}"}}"#)
}

/// Any bytes encrypted to a certificate.
pub(crate) fn encrypt_to(key: &TestKey, message: &[u8]) -> String {
    let key = PublicKey::parse(&key.public_key_spki_der).expect("a public key");
    encode(&key.encrypt_oaep(&SEED, message).expect("a ciphertext"))
}

static USUAL_ENCRYPTED_KEY: LazyLock<String> = LazyLock::new(|| encrypt_to(&CENTER, &CONTENT_KEY));

/// Any header and any claims, sealed to the center `main`.
pub(crate) fn parts_of(header: &[u8], claims: &[u8]) -> Parts {
    Parts::seal(&USUAL_ENCRYPTED_KEY, CONTENT_KEY, header, claims)
}

/// The parts of an ordinary form.
pub(crate) fn usual_parts() -> Parts {
    let header = header_for(&CENTER);
    parts_of(header.as_bytes(), json_of(&usual_claims()).as_bytes())
}

/// A form with the usual header and any claims.
pub(crate) fn sealed(claims: &[u8]) -> String {
    parts_of(header_for(&CENTER).as_bytes(), claims).join()
}

/// A form with any header and the usual claims.
pub(crate) fn with_header(header: &[u8]) -> String {
    parts_of(header, json_of(&usual_claims()).as_bytes()).join()
}

/// A form with the usual claims, white space after them, `bytes` in all.
pub(crate) fn padded(bytes: usize) -> String {
    sealed(format!("{:bytes$}", json_of(&usual_claims())).as_bytes())
}
