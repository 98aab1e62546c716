//! Makes receipts by hand, right or wrong, out of any header and any claims.

use std::collections::BTreeMap;

use base64ct::{Base64UrlUnpadded, Encoding};
use colophon_crypto::{Engine, Key32, Portable};
use serde_json::{Value, json};

/// The key of `bookshop.1`.
pub(crate) const KEY: [u8; 32] = *b"The quick brown fox jumps over 1";
/// The key of `rival.1`, another retailer of the same center.
pub(crate) const RIVALS_KEY: [u8; 32] = *b"The quick brown fox jumps over 2";
/// When the receipts are minted: 2027-01-15T08:00:00Z.
pub(crate) const ISSUED_AT: i64 = 1_800_000_000;
/// The initialization vector of forged receipts.
pub(crate) const IV: [u8; 12] = *b"twelve bytes";
/// The usual header.
pub(crate) const HEADER: &str = r#"{"alg":"dir","enc":"A256GCM","kid":"bookshop.1"}"#;

/// As many bytes of claims as a receipt under the usual header can hold.
pub(crate) const LONGEST_CLAIMS: usize = 6064;

/// The members of a JSON object. They are sorted, whatever order `serde_json` keeps.
pub(crate) type Members = BTreeMap<String, Value>;

/// The members of an object written with `json!`.
pub(crate) fn members(object: Value) -> Members {
    let Value::Object(object) = object else {
        panic!("{object} is no object")
    };
    object.into_iter().collect()
}

/// The claims of an ordinary receipt, without any optional one.
pub(crate) fn usual_claims() -> Members {
    members(json!({
        "v": 1,
        "iss": "bookshop",
        "aud": "main",
        "iat": ISSUED_AT,
        "exp": ISSUED_AT + 900,
        "jti": "receipt-1",
        "transaction": "order-4711",
        "book_id": "9780141439518",
        "book_id_type": "ISBN",
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

/// The five parts of a receipt before they are put together.
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

/// Seals any bytes under any header.
pub(crate) fn seal_parts(key: &[u8; 32], header: &[u8], claims: &[u8]) -> Parts {
    let header = encode(header);
    let mut ciphertext = claims.to_vec();
    let cipher = Portable.aes256_gcm(&Key32::new(*key));
    let tag = cipher.seal(&IV, header.as_bytes(), &mut ciphertext);
    Parts {
        header,
        encrypted_key: String::new(),
        iv: encode(&IV),
        ciphertext: encode(&ciphertext),
        tag: encode(&tag),
    }
}

/// The parts of an ordinary receipt.
pub(crate) fn usual_parts() -> Parts {
    seal_parts(&KEY, HEADER.as_bytes(), json_of(&usual_claims()).as_bytes())
}

/// A genuine receipt with the usual header and any claims.
pub(crate) fn sealed(claims: &[u8]) -> String {
    seal_parts(&KEY, HEADER.as_bytes(), claims).join()
}

/// A genuine receipt with any header and the usual claims.
pub(crate) fn with_header(header: &[u8]) -> String {
    seal_parts(&KEY, header, json_of(&usual_claims()).as_bytes()).join()
}

/// A genuine receipt with the usual claims, white space after them, `bytes` in all.
pub(crate) fn padded(bytes: usize) -> String {
    sealed(format!("{:bytes$}", json_of(&usual_claims())).as_bytes())
}
