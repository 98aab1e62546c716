//! Forms that open and whose claims break the specification.

use base64ct::{Base64, Encoding};
use colophon_forge::json_of;
use serde_json::{Value, json};

use super::forge::{claims_with, sealed, usual_claims};
use super::keys::persona_certificates;
use super::vector::Vector;

pub(crate) fn vectors() -> Vec<Vector> {
    let mut vectors = missing();
    vectors.extend(members());
    vectors.extend(forms());
    vectors.extend(certificates());
    vectors.extend(types_and_ranges());
    vectors.extend(texts());
    vectors
}

fn changed(name: &str, expect: &str, about: &str, changes: Value) -> Vector {
    let claims = json_of(&claims_with(changes));
    Vector::new(name, expect, about, sealed(claims.as_bytes()))
}

/// The usual claims with one more member before them.
fn first(member: &str) -> String {
    json_of(&usual_claims()).replacen('{', &format!("{{{member},"), 1)
}

fn missing() -> Vec<Vector> {
    let without = |claim: &str| {
        let name = format!("without-{claim}");
        changed(
            &name,
            "claim-missing",
            "a claim left out",
            json!({claim: null}),
        )
    };
    ["v", "cert", "persona", "aud", "iat", "exp"]
        .into_iter()
        .map(without)
        .collect()
}

fn members() -> Vec<Vector> {
    let more = |name, expect, about, member| {
        Vector::new(name, expect, about, sealed(first(member).as_bytes()))
    };
    vec![
        more(
            "unknown-claim",
            "claim-unknown",
            "a claim nobody knows",
            r#""colour":"blue""#,
        ),
        more(
            "iss-claim",
            "claim-unknown",
            "a claim of receipts",
            r#""iss":"bookshop""#,
        ),
        more(
            "nbf-claim",
            "claim-unknown",
            "a claim of other tokens",
            r#""nbf":1800000000"#,
        ),
        more(
            "claim-in-capitals",
            "claim-unknown",
            "claim names are case sensitive",
            r#""Persona":"eve""#,
        ),
        more(
            "prototype-claim",
            "claim-unknown",
            "a name that is special in JavaScript",
            r#""__proto__":1"#,
        ),
        more(
            "duplicate-claim",
            "claim-duplicate",
            "one claim twice, different",
            r#""persona":"eve""#,
        ),
        more(
            "duplicate-claim-alike",
            "claim-duplicate",
            "one claim twice, alike",
            r#""v":1"#,
        ),
        more(
            "duplicate-claim-escaped",
            "claim-duplicate",
            "one claim twice, once escaped",
            r#""pers\u006fna":"eve""#,
        ),
    ]
}

fn forms() -> Vec<Vector> {
    let usual = json_of(&usual_claims());
    let form = |name, about, claims: &str| {
        Vector::new(name, "claims-form", about, sealed(claims.as_bytes()))
    };
    let with = |from: &str, to: &str| usual.replacen(from, to, 1);
    vec![
        form(
            "float",
            "a time with a fraction",
            &with("1800000000", "1800000000.5"),
        ),
        form(
            "float-that-is-whole",
            "a whole number written as a fraction",
            &with("1800000000", "1800000000.0"),
        ),
        form(
            "exponent",
            "a whole number written with an exponent",
            &with("1800000000", "18e8"),
        ),
        form(
            "integer-2-to-the-53",
            "an integer just too large",
            &with("1800000000", "9007199254740992"),
        ),
        form(
            "integer-64-bits",
            "an integer that wraps to −1",
            &with("1800000000", "18446744073709551615"),
        ),
        form(
            "integer-leading-zero",
            "an integer with a leading zero",
            &with("1800000000", "01800000000"),
        ),
        form(
            "minus-zero",
            "a zero with a sign",
            &with("1800000000", "-0"),
        ),
        form("boolean", "a boolean", &with("1800000000", "true")),
        form("null", "a null", &with("\"main\"", "null")),
        form(
            "nested-object",
            "an object for a string",
            &with("\"main\"", r#"{"center":"main"}"#),
        ),
        form(
            "cert-of-numbers",
            "a list of numbers",
            &with("\"cert\":[\"", "\"cert\":[1,\""),
        ),
        form(
            "cert-of-lists",
            "a list of lists",
            &with("\"cert\":[", "\"cert\":[[],"),
        ),
        form(
            "cert-with-null",
            "a null among the certificates",
            &with("\"cert\":[", "\"cert\":[null,"),
        ),
        form(
            "deep-nesting",
            "lists in lists",
            &with(
                "\"main\"",
                &format!("{}{}", "[".repeat(2000), "]".repeat(2000)),
            ),
        ),
        form(
            "claims-an-array",
            "claims that are a list",
            &format!("[{usual}]"),
        ),
        form("claims-a-string", "claims that are a string", "\"claims\""),
        form("claims-empty", "no claims at all", ""),
        form("claims-cut", "claims cut short", &usual[..usual.len() - 1]),
        form(
            "claims-two-objects",
            "a second object after the claims",
            &format!("{usual}{{}}"),
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
            &with("\"ada@", r#""\ud83d@"#),
        ),
        Vector::new(
            "claims-not-utf-8",
            "claims-form",
            "a persona in Latin-1",
            sealed(&[b"{\"persona\":\"Zo\xeb\",", &usual.as_bytes()[1..]].concat()),
        ),
    ]
}

fn certificates() -> Vec<Vector> {
    let own = Base64::encode_string(&persona_certificates()[0]);
    let refused = |name, about, certificates: Value| {
        changed(
            name,
            "claim-certificates",
            about,
            json!({"cert": certificates}),
        )
    };
    vec![
        refused("no-certificate", "an empty list of certificates", json!([])),
        refused(
            "five-certificates",
            "a certificate too many",
            json!([own, "AQ==", "AQ==", "AQ==", "AQ=="]),
        ),
        refused("empty-certificate", "an empty certificate", json!([""])),
        refused(
            "empty-issuer",
            "an empty second certificate",
            json!([own, ""]),
        ),
        refused(
            "certificate-in-base64url",
            "a certificate in base64url",
            json!(["-_8="]),
        ),
        refused(
            "certificate-without-padding",
            "a certificate without its padding",
            json!(["AQ"]),
        ),
        refused(
            "certificate-padded-too-much",
            "padding that does not belong",
            json!(["AQID===="]),
        ),
        refused(
            "certificate-non-canonical",
            "spare bits of a certificate that are not zero",
            json!(["AR=="]),
        ),
        refused(
            "certificate-in-lines",
            "a line end in a certificate",
            json!([own.replacen('M', "M\n", 1)]),
        ),
        refused(
            "certificate-pem",
            "a certificate with its PEM borders",
            json!([format!(
                "-----BEGIN CERTIFICATE-----\n{own}\n-----END CERTIFICATE-----\n"
            )]),
        ),
        changed(
            "cert-a-string",
            "claim-type",
            "one certificate without a list",
            json!({"cert": own}),
        ),
        changed(
            "cert-a-number",
            "claim-type",
            "a number for the certificates",
            json!({"cert": 1}),
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
            json!({"exp": "2027-04-15T08:00:00Z"}),
        ),
        kind(
            "persona-a-number",
            "a persona that is a number",
            json!({"persona": 4711}),
        ),
        kind(
            "persona-an-array",
            "a list of personas",
            json!({"persona": ["ada@people.example"]}),
        ),
        kind(
            "aud-an-array",
            "a list of centers",
            json!({"aud": ["main"]}),
        ),
        range("iat-negative", "a time before 1970", json!({"iat": -1})),
        range(
            "exp-negative",
            "an end before 1970",
            json!({"iat": 0, "exp": -1}),
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
    let persona = |name, about, persona: &str| {
        changed(name, "claim-text", about, json!({"persona": persona}))
    };
    let center =
        |name, about, center: &str| changed(name, "claim-text", about, json!({"aud": center}));
    vec![
        persona("persona-empty", "an empty persona", ""),
        persona(
            "persona-of-256-bytes",
            "a persona just too long",
            &"p".repeat(256),
        ),
        persona(
            "persona-of-128-letters",
            "128 letters of two bytes",
            &"é".repeat(128),
        ),
        persona("lf-in-persona", "a line end in the persona", "ada\neve"),
        persona("tab-in-persona", "a tab in the persona", "ada\teve"),
        persona("nul-in-persona", "a NUL in the persona", "ada\u{0}"),
        persona(
            "escape-in-persona",
            "a terminal's escape sequence",
            "\u{1b}[2J",
        ),
        persona("delete-in-persona", "a delete character", "ada\u{7f}"),
        persona(
            "c1-control-in-persona",
            "a control of the upper half",
            "ada\u{85}",
        ),
        persona(
            "noncharacter-in-persona",
            "a character XML cannot hold",
            "ada\u{FFFE}",
        ),
        center("aud-empty", "no center", ""),
        center("aud-in-capitals", "a center in capitals", "Main"),
        center("aud-a-path", "a center with a slash", "main/other"),
        center(
            "aud-of-64-bytes",
            "a center's name just too long",
            &"a".repeat(64),
        ),
    ]
}
