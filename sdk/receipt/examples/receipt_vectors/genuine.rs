//! Well-formed receipts that are not genuine, or not for this center.

use colophon_forge::{Parts, encode, flipped, json_of, shortened};
use serde_json::json;

use super::Vector;
use super::forge::{
    HEADER, KEY, RIVALS_KEY, claims_with, seal_parts, sealed, usual_claims, usual_parts,
};

pub(crate) fn vectors() -> Vec<Vector> {
    let refused = |name, about, receipt| Vector::new(name, "not-genuine", about, receipt);
    let usual = usual_parts();
    let claims = json_of(&usual_claims());
    let mut another_key = KEY;
    another_key[31] ^= 1;
    vec![
        refused("wrong-key", "a key that differs in one bit", usual.join()).with_key(another_key),
        refused(
            "key-of-another-retailer",
            "opened with another retailer's key",
            usual.join(),
        )
        .with_key(RIVALS_KEY),
        refused(
            "sealed-by-another-retailer",
            "the rival seals under the bookshop's kid",
            seal_parts(&RIVALS_KEY, HEADER.as_bytes(), claims.as_bytes()).join(),
        ),
        refused(
            "kid-exchanged",
            "the kid exchanged for the rival's after sealing",
            exchanged_header(&usual, "rival.1").join(),
        )
        .with_key(RIVALS_KEY),
        refused(
            "kid-number-exchanged",
            "the key's number changed after sealing",
            exchanged_header(&usual, "bookshop.2").join(),
        ),
        refused(
            "header-respaced",
            "a space added to the header after sealing",
            Parts {
                header: encode(HEADER.replace(',', ", ").as_bytes()),
                ..usual.clone()
            }
            .join(),
        ),
        refused(
            "tampered-iv",
            "a bit of the initialization vector flipped",
            Parts {
                iv: flipped(&usual.iv, 0),
                ..usual.clone()
            }
            .join(),
        ),
        refused(
            "tampered-ciphertext",
            "the first bit of the ciphertext flipped",
            Parts {
                ciphertext: flipped(&usual.ciphertext, 0),
                ..usual.clone()
            }
            .join(),
        ),
        refused(
            "tampered-tag",
            "the last bit of the tag flipped",
            Parts {
                tag: flipped(&usual.tag, 127),
                ..usual.clone()
            }
            .join(),
        ),
        refused(
            "tag-all-zeros",
            "a tag of zeros",
            Parts {
                tag: encode(&[0; 16]),
                ..usual.clone()
            }
            .join(),
        ),
        refused(
            "truncated-ciphertext",
            "the last byte of the ciphertext cut off",
            Parts {
                ciphertext: shortened(&usual.ciphertext),
                ..usual.clone()
            }
            .join(),
        ),
        refused(
            "empty-ciphertext",
            "no ciphertext",
            Parts {
                ciphertext: String::new(),
                ..usual.clone()
            }
            .join(),
        ),
        refused(
            "claims-in-the-clear",
            "the claims not encrypted at all",
            Parts {
                ciphertext: encode(claims.as_bytes()),
                ..usual.clone()
            }
            .join(),
        ),
        refused(
            "parts-of-two-receipts",
            "the tag of another receipt",
            Parts {
                tag: another_receipt().tag,
                ..usual
            }
            .join(),
        ),
        Vector::new(
            "wrong-retailer",
            "wrong-retailer",
            "the bookshop says it is the rival",
            sealed(json_of(&claims_with(json!({"iss": "rival"}))).as_bytes()),
        ),
        Vector::new(
            "retailer-in-other-case",
            "wrong-retailer",
            "retailer ids are case sensitive",
            sealed(json_of(&claims_with(json!({"iss": "Bookshop"}))).as_bytes()),
        ),
        Vector::new(
            "wrong-center",
            "wrong-center",
            "opened at another center",
            usual_parts().join(),
        )
        .at_center("other"),
        Vector::new(
            "for-another-center",
            "wrong-center",
            "minted for another center",
            sealed(json_of(&claims_with(json!({"aud": "mains"}))).as_bytes()),
        ),
    ]
}

fn exchanged_header(parts: &Parts, kid: &str) -> Parts {
    let header = HEADER.replace("bookshop.1", kid);
    Parts {
        header: encode(header.as_bytes()),
        ..parts.clone()
    }
}

fn another_receipt() -> Parts {
    let claims = claims_with(json!({"jti": "receipt-2"}));
    seal_parts(&KEY, HEADER.as_bytes(), json_of(&claims).as_bytes())
}
