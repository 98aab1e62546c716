//! Genuine receipts whose claims break the specification.

use colophon_forge::json_of;
use serde_json::{Value, json};

use super::Vector;
use super::forge::{claims_with, sealed, usual_claims};

pub(crate) fn vectors() -> Vec<Vector> {
    let mut vectors = missing();
    vectors.extend(forms());
    vectors.extend(types_and_ranges());
    vectors.extend(texts());
    vectors
}

fn changed(name: &str, expect: &str, about: &str, changes: Value) -> Vector {
    Vector::new(
        name,
        expect,
        about,
        sealed(json_of(&claims_with(changes)).as_bytes()),
    )
}

fn missing() -> Vec<Vector> {
    let required = [
        "v",
        "iss",
        "aud",
        "iat",
        "exp",
        "jti",
        "transaction",
        "book_id",
        "book_id_type",
    ];
    let without = |claim: &str| {
        let name = format!("without-{}", claim.replace('_', "-"));
        changed(
            &name,
            "claim-missing",
            "a required claim left out",
            json!({claim: null}),
        )
    };
    required.into_iter().map(without).collect()
}

fn forms() -> Vec<Vector> {
    let usual = json_of(&usual_claims());
    let form = |name, about, claims: &str| {
        Vector::new(name, "claims-form", about, sealed(claims.as_bytes()))
    };
    let first = |member: &str| usual.replacen('{', &format!("{{{member},"), 1);
    vec![
        Vector::new(
            "unknown-claim",
            "claim-unknown",
            "a claim nobody knows",
            sealed(first(r#""colour":"blue""#).as_bytes()),
        ),
        Vector::new(
            "nbf-claim",
            "claim-unknown",
            "a claim of other tokens",
            sealed(first(r#""nbf":1800000000"#).as_bytes()),
        ),
        Vector::new(
            "claim-in-capitals",
            "claim-unknown",
            "claim names are case sensitive",
            sealed(first(r#""Level":3"#).as_bytes()),
        ),
        Vector::new(
            "prototype-claim",
            "claim-unknown",
            "a name that is special in JavaScript",
            sealed(first(r#""__proto__":1"#).as_bytes()),
        ),
        Vector::new(
            "duplicate-claim",
            "claim-duplicate",
            "one claim twice, different",
            sealed(first(r#""book_id":"9780000000000""#).as_bytes()),
        ),
        Vector::new(
            "duplicate-claim-alike",
            "claim-duplicate",
            "one claim twice, alike",
            sealed(first(r#""v":1"#).as_bytes()),
        ),
        Vector::new(
            "duplicate-claim-escaped",
            "claim-duplicate",
            "one claim twice, once escaped",
            sealed(first(r#""book\u005fid":"9780000000000""#).as_bytes()),
        ),
        form(
            "float",
            "a number with a fraction",
            &first(r#""retail_price":12.99"#),
        ),
        form(
            "float-that-is-whole",
            "a whole number written as a fraction",
            &usual.replace("1800000900", "1800000900.0"),
        ),
        form(
            "exponent",
            "a whole number written with an exponent",
            &usual.replace("1800000900", "18000009e2"),
        ),
        form(
            "integer-2-to-the-53",
            "an integer just too large",
            &first(r#""cost":9007199254740992"#),
        ),
        form(
            "integer-64-bits",
            "an integer that wraps to −1",
            &first(r#""cost":18446744073709551615"#),
        ),
        form(
            "integer-huge",
            "an integer of 40 digits",
            &first(&format!("\"cost\":{}", "9".repeat(40))),
        ),
        form(
            "integer-leading-zero",
            "an integer with a leading zero",
            &first(r#""cost":01"#),
        ),
        form("boolean", "a boolean", &first(r#""level":true"#)),
        form("null", "a null", &first(r#""user_name":null"#)),
        form(
            "nested-object",
            "an object for a string",
            &first(r#""user_name":{"first":"Ann"}"#),
        ),
        form(
            "nested-array",
            "an array for a string",
            &first(r#""user_name":["Ann"]"#),
        ),
        form(
            "aud-an-array",
            "an array of centers",
            &usual.replace("\"main\"", "[\"main\"]"),
        ),
        form(
            "deep-nesting",
            "arrays in arrays",
            &first(&format!(
                "\"level\":{}{}",
                "[".repeat(2000),
                "]".repeat(2000)
            )),
        ),
        form(
            "claims-an-array",
            "claims that are an array",
            &format!("[{usual}]"),
        ),
        form("claims-a-string", "claims that are a string", "\"claims\""),
        form("claims-empty", "no claims at all", ""),
        form("claims-cut", "claims cut short", &usual[..usual.len() - 1]),
        form(
            "claims-two-objects",
            "a second object after the claims",
            &format!("{usual}{usual}"),
        ),
        form(
            "claims-trailing-comma",
            "a comma too many",
            &usual.replace('}', ",}"),
        ),
        form(
            "claims-byte-order-mark",
            "a byte order mark",
            &format!("\u{FEFF}{usual}"),
        ),
        form(
            "lone-surrogate",
            "half a character",
            &first(r#""user_name":"\ud83d""#),
        ),
        Vector::new(
            "claims-not-utf-8",
            "claims-form",
            "a name in Latin-1",
            sealed(&[first(r#""user_name":"Zo"#).as_bytes(), b"\xeb\"}"].concat()),
        ),
    ]
}

fn types_and_ranges() -> Vec<Vector> {
    let range = |name, about, changes| changed(name, "claim-range", about, changes);
    let kind = |name, about, changes| changed(name, "claim-type", about, changes);
    vec![
        changed("v-2", "claims-version", "a later version", json!({"v": 2})),
        changed("v-0", "claims-version", "no version", json!({"v": 0})),
        kind(
            "v-a-string",
            "a version that is a string",
            json!({"v": "1"}),
        ),
        kind(
            "iat-a-string",
            "a time that is a string",
            json!({"iat": "1800000000"}),
        ),
        kind(
            "exp-a-date",
            "a time that is a date",
            json!({"exp": "2027-01-15T08:15:00Z"}),
        ),
        kind(
            "book-id-a-number",
            "an identifier that is a number",
            json!({"book_id": 9_780_141_439_518_u64}),
        ),
        kind(
            "price-a-string",
            "an amount that is a string",
            json!({"retail_price": "1299"}),
        ),
        kind(
            "level-a-string",
            "a level that is a string",
            json!({"level": "3"}),
        ),
        range("level-0", "levels start at 1", json!({"level": 0})),
        range("level-6", "levels end at 5", json!({"level": 6})),
        range("level-negative", "a negative level", json!({"level": -1})),
        range(
            "level-259",
            "3 in the lowest eight bits",
            json!({"level": 259}),
        ),
        range(
            "price-negative",
            "a negative amount",
            json!({"retail_price": -1}),
        ),
        range(
            "max-downloads-0",
            "a limit of no download",
            json!({"max_downloads": 0}),
        ),
        range(
            "max-downloads-33-bits",
            "a limit above 32 bits",
            json!({"max_downloads": 4_294_967_296_u64}),
        ),
        range("iat-negative", "a time before 1970", json!({"iat": -1})),
        range(
            "sold-at-negative",
            "a sale before 1970",
            json!({"sold_at": -1}),
        ),
        range(
            "exp-before-iat",
            "an end before the beginning",
            json!({"exp": 1_799_999_999}),
        ),
        range(
            "exp-equal-to-iat",
            "no lifetime",
            json!({"exp": 1_800_000_000}),
        ),
    ]
}

fn texts() -> Vec<Vector> {
    let text = |name, about, changes| changed(name, "claim-text", about, changes);
    let url =
        |name, about, url: &str| changed(name, "claim-text", about, json!({"error_url": url}));
    vec![
        text("empty-string", "an empty name", json!({"user_name": ""})),
        text(
            "empty-transaction",
            "an empty required claim",
            json!({"transaction": ""}),
        ),
        text(
            "text-of-1025-bytes",
            "a text just too long",
            json!({"user_name": "n".repeat(1025)}),
        ),
        text(
            "text-of-513-letters",
            "513 letters of two bytes",
            json!({"user_name": "é".repeat(513)}),
        ),
        text(
            "cr-lf-in-file-name",
            "a header line in the file name",
            json!({"file_name": "a.epub\r\nSet-Cookie: a=b"}),
        ),
        text(
            "lf-in-user-name",
            "a line end in the name",
            json!({"user_name": "Ann\nReader"}),
        ),
        text(
            "tab-in-user-name",
            "a tab in the name",
            json!({"user_name": "Ann\tReader"}),
        ),
        text(
            "nul-in-book-id",
            "a NUL in the Book ID",
            json!({"book_id": "978\u{0}"}),
        ),
        text(
            "escape-in-user-name",
            "a terminal's escape sequence",
            json!({"user_name": "\u{1b}[2J"}),
        ),
        text(
            "delete-in-user-name",
            "a delete character",
            json!({"user_name": "Ann\u{7f}"}),
        ),
        text(
            "c1-control-in-user-name",
            "a control of the upper half",
            json!({"user_name": "Ann\u{85}"}),
        ),
        text(
            "noncharacter-in-user-name",
            "a character XML cannot hold",
            json!({"user_name": "Ann\u{FFFE}"}),
        ),
        text(
            "jti-of-1025-bytes",
            "an identifier just too long",
            json!({"jti": "j".repeat(1025)}),
        ),
        text(
            "iss-with-space",
            "a retailer id with a space",
            json!({"iss": "book shop"}),
        ),
        text(
            "aud-in-capitals",
            "a center in capitals",
            json!({"aud": "Main"}),
        ),
        text(
            "aud-a-path",
            "a center with a slash",
            json!({"aud": "main/other"}),
        ),
        text(
            "currency-in-small-letters",
            "a currency in small letters",
            json!({"currency": "eur"}),
        ),
        text(
            "currency-of-four-letters",
            "a currency of four letters",
            json!({"currency": "EURO"}),
        ),
        text(
            "currency-symbol",
            "a currency's symbol",
            json!({"currency": "€"}),
        ),
        url(
            "error-url-plain-http",
            "an error address without protection",
            "http://shop.example/sorry",
        ),
        url(
            "error-url-relative",
            "an error address without a host",
            "/sorry",
        ),
        url(
            "error-url-two-slashes",
            "an error address without a scheme",
            "//evil.example/",
        ),
        url(
            "error-url-javascript",
            "a script for an error address",
            "javascript:alert(1)",
        ),
        url(
            "error-url-data",
            "a document for an error address",
            "data:text/html,sorry",
        ),
        url(
            "error-url-user",
            "a user that looks like a host",
            "https://shop.example@evil.example/",
        ),
        url(
            "error-url-fragment",
            "a fragment",
            "https://shop.example/#sorry",
        ),
        url(
            "error-url-backslash",
            "a backslash that browsers take for a slash",
            "https://evil.example\\.shop.example/",
        ),
        url(
            "error-url-cr-lf",
            "a header line in the address",
            "https://shop.example/\r\nSet-Cookie: a=b",
        ),
        url(
            "error-url-non-ascii",
            "a host outside ASCII",
            "https://bücher.example/",
        ),
        url(
            "error-url-one-number",
            "an address as one number",
            "https://2130706433/",
        ),
        url(
            "error-url-port",
            "a port above 65535",
            "https://shop.example:65536/",
        ),
    ]
}
