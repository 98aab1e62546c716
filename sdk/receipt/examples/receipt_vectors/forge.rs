//! Makes receipts by hand, right or wrong, out of any header and any claims.

use colophon_forge::{Members, Parts, changed, json_of, members};
use serde_json::{Value, json};

/// The key of `bookshop.1`.
pub(crate) const KEY: [u8; 32] = *b"The quick brown fox jumps over 1";
/// The key of `rival.1`, another retailer of the same center.
pub(crate) const RIVALS_KEY: [u8; 32] = *b"The quick brown fox jumps over 2";
/// When the receipts are minted: 2027-01-15T08:00:00Z.
pub(crate) const ISSUED_AT: i64 = 1_800_000_000;
/// The usual header.
pub(crate) const HEADER: &str = r#"{"alg":"dir","enc":"A256GCM","kid":"bookshop.1"}"#;

/// As many bytes of claims as a receipt under the usual header can hold.
pub(crate) const LONGEST_CLAIMS: usize = 6064;

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
    changed(usual_claims(), changes)
}

/// Seals any bytes under any header.
pub(crate) fn seal_parts(key: &[u8; 32], header: &[u8], claims: &[u8]) -> Parts {
    Parts::seal("", *key, header, claims)
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
