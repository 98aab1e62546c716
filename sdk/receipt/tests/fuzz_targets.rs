//! What the fuzz targets claim, without a fuzzer.

#![cfg(test)]

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the library of the fuzz targets")]
mod targets;

use std::path::Path;

use colophon_forge::{bend, kept};

const CLAIMS: &[u8] = br#"{"v":1,"iss":"bookshop","aud":"main","iat":1800000000,"exp":1800000900,"jti":"AAAAAAAAAAAAAAAAAAAAAA","transaction":"order-1","book_id":"9780000000019","book_id_type":"ISBN","level":5,"user_name":"Ada","retail_price":1299,"currency":"EUR"}"#;

#[test]
fn any_text_is_no_receipt_or_shows_itself_and_stays_shut() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let receipts = kept(&vectors).into_values().filter_map(|vector| {
        let (_, rest) = vector.split_once("\"receipt\": \"")?;
        let (receipt, _) = rest.split_once('"')?;
        Some(receipt.as_bytes().to_vec())
    });
    let receipts: Vec<Vec<u8>> = receipts.collect();
    assert!(receipts.len() > 100);
    bend(&receipts, 20_000, |bytes| {
        if let Ok(text) = str::from_utf8(bytes) {
            targets::parse(text);
        }
    });
}

#[test]
fn any_claims_are_refused_or_said_again() {
    assert!(targets::claims(CLAIMS));
    let seeds = [CLAIMS.to_vec(), b"{}".to_vec()];
    bend(&seeds, 20_000, |claims| {
        targets::claims(claims);
    });
}
