//! Makes upload forms by hand, right or wrong, out of any header and any claims.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use colophon_activation::FormKey;
use colophon_crypto::{Engine, Key32, Portable, PublicKey};
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
/// The initialization vector of forged forms.
pub(crate) const IV: [u8; 12] = *b"twelve bytes";

/// The members of a JSON object. They are sorted, whatever order `serde_json` keeps.
pub(crate) type Members = BTreeMap<String, Value>;

/// The members of an object written with `json!`.
pub(crate) fn members(object: Value) -> Members {
    let Value::Object(object) = object else {
        panic!("{object} is no object")
    };
    object.into_iter().collect()
}

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
    let mut claims = usual_claims();
    claims.extend(members(changes));
    claims.retain(|_, value| !value.is_null());
    claims
}

/// Compact JSON.
pub(crate) fn json_of(members: &Members) -> String {
    serde_json::to_string(members).expect("members in JSON")
}

/// The usual header of a form for a key.
pub(crate) fn header_for(key: &TestKey) -> String {
    let kid = key.certificate();
    format!(r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{kid}"}}"#)
}

/// The five parts of a form before they are put together.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) header: String,
    pub(crate) encrypted_key: String,
    pub(crate) iv: String,
    pub(crate) ciphertext: String,
    pub(crate) tag: String,
}

impl Parts {
    pub(crate) fn join(&self) -> String {
        let Parts {
            header,
            encrypted_key,
            iv,
            ciphertext,
            tag,
        } = self;
        format!("{header}.{encrypted_key}.{iv}.{ciphertext}.{tag}")
    }
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

pub(crate) fn decode(part: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(part).expect("base64url")
}

/// Any bytes encrypted to a certificate.
pub(crate) fn encrypt_to(key: &TestKey, message: &[u8]) -> String {
    let key = PublicKey::parse(&key.public_key_spki_der).expect("a public key");
    encode(&key.encrypt_oaep(&SEED, message).expect("a ciphertext"))
}

static USUAL_ENCRYPTED_KEY: LazyLock<String> = LazyLock::new(|| encrypt_to(&CENTER, &CONTENT_KEY));

/// Seals any bytes under any header with any key, the encrypted key beside it.
pub(crate) fn seal_parts(
    encrypted_key: String,
    content_key: [u8; 32],
    header: &[u8],
    claims: &[u8],
) -> Parts {
    let header = encode(header);
    let mut ciphertext = claims.to_vec();
    let cipher = Portable.aes256_gcm(&Key32::new(content_key));
    let tag = cipher.seal(&IV, header.as_bytes(), &mut ciphertext);
    Parts {
        header,
        encrypted_key,
        iv: encode(&IV),
        ciphertext: encode(&ciphertext),
        tag: encode(&tag),
    }
}

/// Any header and any claims, sealed to the center `main`.
pub(crate) fn parts_of(header: &[u8], claims: &[u8]) -> Parts {
    seal_parts(USUAL_ENCRYPTED_KEY.clone(), CONTENT_KEY, header, claims)
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
