//! Forms that open.

use base64ct::{Base64, Encoding};
use colophon_activation::{CertificateChain, Claims, UnixSeconds, UploadForm};
use colophon_crypto::{Portable, Randomness};
use colophon_forge::{IV, encode, json_of};
use serde_json::{Value, json};

use super::forge::{
    CONTENT_KEY, ISSUED_AT, LIFETIME_S, SEED, claims_with, header_for, padded, sealed,
    usual_claims, with_header,
};
use super::keys::{CENTER, persona_certificates};
use super::vector::{Chance, Vector};

/// As many bytes of claims as a form under the usual header can hold.
const LONGEST_CLAIMS: usize = 11_910;

pub(crate) fn vectors() -> Vec<Vector> {
    let mut vectors = vec![ordinary(), longest()];
    vectors.extend(headers());
    vectors.extend(claims());
    vectors
}

/// Gives out the three things a form takes by chance.
struct Given(Vec<u8>);

impl Randomness for Given {
    fn fill(&mut self, out: &mut [u8]) {
        let rest = self.0.split_off(out.len());
        out.copy_from_slice(&self.0);
        self.0 = rest;
    }
}

fn ordinary() -> Vector {
    let claims = Claims {
        certificates: CertificateChain::new(persona_certificates()).expect("a chain"),
        persona: "ada@people.example".parse().expect("a persona"),
        center: "main".parse().expect("a center"),
        issued_at: UnixSeconds::new(ISSUED_AT),
        expires_at: UnixSeconds::new(ISSUED_AT + LIFETIME_S),
    };
    let upload = UploadForm {
        engine: &Portable,
        center_certificate_der: &CENTER.certificate_der,
        center_public_key_spki_der: &CENTER.public_key_spki_der,
    };
    let mut chance = Given([&CONTENT_KEY[..], &SEED[..], &IV[..]].concat());
    let form = upload.seal(&claims, &mut chance).expect("a form");
    let mut vector = Vector::new("ordinary", "valid", "an ordinary form", form);
    vector.seal = Some(Chance {
        content_key: encode(&CONTENT_KEY),
        oaep_seed: encode(&SEED),
        iv: encode(&IV),
    });
    vector.saying(usual_claims())
}

fn longest() -> Vector {
    let form = padded(LONGEST_CLAIMS);
    assert_eq!(form.len(), 16_384);
    Vector::new("longest", "valid", "as long as a form may be", form).saying(usual_claims())
}

fn headers() -> Vec<Vector> {
    let valid = |name, about, header: &str| {
        Vector::new(name, "valid", about, with_header(header.as_bytes())).saying(usual_claims())
    };
    let usual = header_for(&CENTER);
    let (rest, kid) = usual.rsplit_once(",").expect("a comma");
    let kid = kid.trim_end_matches('}');
    vec![
        valid(
            "header-in-another-order",
            "the header's members in another order",
            &format!("{{{kid},{}}}", rest.trim_start_matches('{')),
        ),
        valid(
            "header-with-white-space",
            "white space in the header",
            &format!(" {}\r\n", usual.replace(',', " ,\n\t").replace(':', " : ")),
        ),
        valid(
            "header-with-escapes",
            "an escape in the header",
            &usual.replace("\"kid\"", r#""\u006bid""#),
        ),
    ]
}

fn claims() -> Vec<Vector> {
    let valid = |name, about, changes: Value| {
        let claims = claims_with(changes);
        let form = sealed(json_of(&claims).as_bytes());
        Vector::new(name, "valid", about, form).saying(claims)
    };
    let own = Base64::encode_string(&persona_certificates()[0]);
    let persona = |name, about, persona: &str| {
        valid(name, about, json!({"persona": persona})).for_persona(persona)
    };
    let usual = json_of(&usual_claims());
    vec![
        valid(
            "one-certificate",
            "the activation certificate alone",
            json!({"cert": [own]}),
        ),
        valid(
            "four-certificates",
            "as many certificates as there may be",
            json!({"cert": [own, "AQ==", "AQI=", "AQID"]}),
        ),
        valid(
            "largest-times",
            "an end at the largest integer",
            json!({"exp": 9_007_199_254_740_991_i64}),
        ),
        persona("persona-of-one-byte", "the shortest persona", "1"),
        persona(
            "persona-of-255-bytes",
            "the longest persona",
            &format!("{}x", "é".repeat(127)),
        ),
        persona("persona-in-any-script", "a persona in Hebrew", "ספר 📚"),
        Vector::new(
            "claims-with-white-space",
            "valid",
            "white space in the claims",
            sealed(format!("\n{} ", usual.replace(',', " ,\t")).as_bytes()),
        )
        .saying(usual_claims()),
        Vector::new(
            "claims-with-escapes",
            "valid",
            "escapes in the claims, of a slash and a letter",
            sealed(
                usual
                    .replace("\"aud\"", r#""\u0061ud""#)
                    .replace('/', r"\/")
                    .as_bytes(),
            ),
        )
        .saying(usual_claims()),
    ]
}
