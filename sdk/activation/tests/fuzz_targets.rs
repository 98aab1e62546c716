//! What the fuzz targets claim, without a fuzzer.

#![cfg(test)]

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the library of the fuzz targets")]
mod targets;

use std::path::Path;

use colophon_forge::{bend, seeds};

const CLAIMS: &[u8] =
    br#"{"v":1,"cert":["AQ=="],"persona":"ada","aud":"main","iat":1800000000,"exp":1807776000}"#;

const FACTS: &[u8] = br#"{"v":1}"#;

#[test]
fn any_text_is_no_form_or_shows_itself_and_stays_shut() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/upload");
    let forms = seeds(&vectors).into_iter().filter_map(|vector| {
        let vector = String::from_utf8(vector).ok()?;
        let (_, rest) = vector.split_once("\"form\": \"")?;
        let (form, _) = rest.split_once('"')?;
        Some(form.as_bytes().to_vec())
    });
    let forms: Vec<Vec<u8>> = forms.collect();
    assert!(forms.len() > 50);
    bend(&forms, 20_000, |bytes| {
        if let Ok(text) = str::from_utf8(bytes) {
            targets::parse(text);
        }
    });
}

#[test]
fn any_claims_are_refused_or_said_again() {
    assert!(targets::claims(CLAIMS));
    let seeds = [CLAIMS.to_vec(), b"{}".to_vec()];
    bend(&seeds, 5_000, |claims| {
        targets::claims(claims);
    });
}

#[test]
fn any_facts_are_refused_or_said_again() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/machine");
    let mut facts = seeds(&vectors);
    facts.push(FACTS.to_vec());
    bend(&facts, 20_000, |json| {
        targets::facts(json);
    });
}
