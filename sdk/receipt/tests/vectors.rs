//! Every file in `vectors/`, and that the generator makes exactly these files.

#![cfg(test)]

#[path = "../examples/receipt_vectors/cases.rs"]
mod cases;

use std::path::Path;

use colophon_crypto::{Key32, Portable};
use colophon_forge::{Files, decode, differing, kept};
use colophon_receipt::{
    Freshness, Receipt, ReceiptKey, RequestedLevel, SealedReceipt, TimePolicy, UnixSeconds,
};
use serde_json::{Value, json};

fn files() -> Files {
    kept(&Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"))
}

/// What comes of a vector, in the words of its `expect`, and what it says if it opens.
fn outcome(vector: &Value) -> (&'static str, Option<Value>) {
    let text = |name: &str| vector[name].as_str().expect("a string");
    let sealed = match SealedReceipt::parse(text("receipt")) {
        Ok(sealed) => sealed,
        Err(malformed) => return (malformed.reason(), None),
    };
    let key = decode(text("key"));
    let key = ReceiptKey::new(Key32::from_slice(&key).expect("32 bytes"));
    let center = text("center").parse().expect("a center");
    let receipt = match sealed.open(&Portable, &key, &center) {
        Ok(receipt) => receipt,
        Err(error) => return (error.reason(), None),
    };
    let now = UnixSeconds::new(vector["now"].as_i64().expect("a time"));
    match receipt.freshness(now, &TimePolicy::default()) {
        Ok(Freshness::Valid) => ("valid", Some(said(&receipt))),
        Ok(Freshness::ResumeOnly) => ("resume-only", Some(said(&receipt))),
        Err(refusal) => (refusal.reason(), None),
    }
}

fn said(receipt: &Receipt) -> Value {
    let claims = &receipt.claims;
    let mut said = json!({
        "v": 1,
        "iss": receipt.issuer.as_str(),
        "aud": receipt.center.as_str(),
        "iat": receipt.issued_at.get(),
        "exp": receipt.expires_at.get(),
        "jti": receipt.id.as_str(),
        "transaction": claims.transaction.as_str(),
        "book_id": claims.book_id.as_str(),
        "book_id_type": claims.book_id_type.as_str(),
        "level": claims.level.map(RequestedLevel::as_number),
        "user_name": claims.user_name.as_ref().map(AsRef::<str>::as_ref),
        "persona": claims.persona.as_ref().map(AsRef::<str>::as_ref),
        "customer_id": claims.customer_id.as_ref().map(AsRef::<str>::as_ref),
        "file_name": claims.file_name.as_ref().map(AsRef::<str>::as_ref),
        "error_url": claims.error_url.as_ref().map(AsRef::<str>::as_ref),
        "retail_price": claims.retail_price,
        "cost": claims.cost,
        "list_price": claims.list_price,
        "currency": claims.currency.as_ref().map(AsRef::<str>::as_ref),
        "sold_at": claims.sold_at.map(UnixSeconds::get),
        "max_downloads": claims.max_downloads,
    });
    said.as_object_mut()
        .expect("an object")
        .retain(|_, value| !value.is_null());
    said
}

#[test]
fn every_vector_comes_out_as_it_says() {
    let files = files();
    let mut wrong = Vec::new();
    for (name, text) in &files {
        let vector: Value = serde_json::from_str(text).expect("JSON");
        let (outcome, said) = outcome(&vector);
        if outcome != vector["expect"] {
            wrong.push(format!("{name}: {outcome} instead of {}", vector["expect"]));
        } else if said.as_ref() != vector.get("claims") {
            wrong.push(format!(
                "{name}: says {said:?} instead of {:?}",
                vector.get("claims")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(files.len() >= 60, "only {} vectors", files.len());
}

#[test]
fn the_generator_makes_these_files() {
    let (made, kept) = (cases::all(), files());
    let differing = differing(&made, &kept);
    assert!(
        differing.is_empty(),
        "made anew by `cargo xtask vectors`: {differing:?}"
    );
}
