//! Persona forms: who somebody is, told to one shop.

use colophon_activation::{FormKey, PersonaClaims, PersonaForm, UnixSeconds};
use colophon_crypto::{Portable, Randomness};
use colophon_forge::{IV, Members, Parts, changed, encode, flipped, json_of, members};
use serde::Serialize;
use serde_json::{Value, json};

use super::forge::{CONTENT_KEY, ISSUED_AT, SEED, encrypt_to, usual_parts as usual_upload};
use super::keys::{CENTER, OTHER, TestKey};
use super::vector::Chance;

/// How long the forms are valid.
const LIFETIME_S: i64 = 600;

/// A persona form with what opens it and what must come of that.
#[derive(Clone, Serialize)]
pub(crate) struct PersonaVector {
    /// The file is named after it.
    #[serde(skip)]
    pub(crate) name: String,
    about: String,
    /// `valid`, or the reason of the refusal.
    expect: String,
    /// The certificate and private key that open it: files in `keys/`.
    key: String,
    /// The shop that opens it.
    shop: String,
    /// When it is opened, in seconds since 1970.
    now: i64,
    form: String,
    /// What the form says, if it opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<Members>,
    /// Of what chance a reader must make exactly this form.
    #[serde(skip_serializing_if = "Option::is_none")]
    seal: Option<Chance>,
}

impl PersonaVector {
    fn new(name: &str, expect: &str, about: &str, form: String) -> PersonaVector {
        PersonaVector {
            name: name.to_owned(),
            about: about.to_owned(),
            expect: expect.to_owned(),
            key: "center".to_owned(),
            shop: "main/bookshop".to_owned(),
            now: ISSUED_AT + 5,
            form,
            claims: None,
            seal: None,
        }
    }

    fn valid(name: &str, about: &str, claims: Members) -> PersonaVector {
        PersonaVector {
            claims: Some(claims.clone()),
            ..PersonaVector::new(name, "valid", about, sealed(&json_of(&claims)))
        }
    }
}

fn usual_claims() -> Members {
    members(json!({
        "v": 1,
        "persona": "ada@people.example",
        "aud": "main/bookshop",
        "jti": encode(&[7; 16]),
        "iat": ISSUED_AT,
        "exp": ISSUED_AT + LIFETIME_S,
    }))
}

fn header_for(key: &TestKey) -> String {
    let kid = key.certificate();
    format!(
        r#"{{"typ":"colophon-persona+jwe","alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{kid}"}}"#
    )
}

fn parts_of(header: &str, claims: &str) -> Parts {
    let encrypted_key = encrypt_to(&CENTER, &CONTENT_KEY);
    Parts::seal(
        &encrypted_key,
        CONTENT_KEY,
        header.as_bytes(),
        claims.as_bytes(),
    )
}

fn sealed(claims: &str) -> String {
    parts_of(&header_for(&CENTER), claims).join()
}

/// All persona forms.
pub(crate) fn vectors() -> Vec<PersonaVector> {
    let mut vectors = good();
    vectors.extend(times());
    vectors.extend(headers());
    vectors.extend(claims());
    vectors.extend(tampered());
    vectors.extend(elsewhere());
    vectors
}

struct Given(Vec<u8>);

impl Randomness for Given {
    fn fill(&mut self, out: &mut [u8]) {
        let rest = self.0.split_off(out.len());
        out.copy_from_slice(&self.0);
        self.0 = rest;
    }
}

fn good() -> Vec<PersonaVector> {
    let claims = PersonaClaims {
        persona: "ada@people.example".parse().expect("a persona"),
        shop: "main/bookshop".parse().expect("a shop"),
        id: encode(&[7; 16]).parse().expect("an id"),
        issued_at: UnixSeconds::new(ISSUED_AT),
        expires_at: UnixSeconds::new(ISSUED_AT + LIFETIME_S),
    };
    let form = PersonaForm {
        engine: &Portable,
        shop_certificate_der: &CENTER.certificate_der,
        shop_public_key_spki_der: &CENTER.public_key_spki_der,
    };
    let mut chance = Given([&CONTENT_KEY[..], &SEED[..], &IV[..]].concat());
    let ordinary = PersonaVector {
        claims: Some(usual_claims()),
        seal: Some(Chance {
            content_key: encode(&CONTENT_KEY),
            oaep_seed: encode(&SEED),
            iv: encode(&IV),
        }),
        ..PersonaVector::new(
            "ordinary",
            "valid",
            "an ordinary form",
            form.seal(&claims, &mut chance).expect("a form"),
        )
    };
    let with = |changes| changed(usual_claims(), changes);
    let longest = format!("{}x", "é".repeat(127));
    vec![
        ordinary,
        PersonaVector::valid(
            "persona-in-any-script",
            "a persona in Hebrew",
            with(json!({"persona": "ספר 📚"})),
        ),
        PersonaVector::valid(
            "persona-of-255-bytes",
            "the longest persona",
            with(json!({"persona": longest})),
        ),
        PersonaVector::valid(
            "an-hour",
            "the longest time",
            with(json!({"exp": ISSUED_AT + 3600})),
        ),
    ]
}

fn times() -> Vec<PersonaVector> {
    let form = sealed(&json_of(&usual_claims()));
    let at = |name, expect, about, now| PersonaVector {
        now,
        ..PersonaVector::new(name, expect, about, form.clone())
    };
    let end = ISSUED_AT + LIFETIME_S;
    vec![
        at(
            "from-the-future",
            "not-yet-valid",
            "made an hour in the future",
            ISSUED_AT - 3600,
        ),
        at(
            "just-from-the-future",
            "not-yet-valid",
            "a second more than the skew before it was made",
            ISSUED_AT - 121,
        ),
        PersonaVector {
            claims: Some(usual_claims()),
            ..at(
                "just-expired-within-skew",
                "valid",
                "a second less than the skew after its end",
                end + 119,
            )
        },
        at(
            "just-expired",
            "expired",
            "the skew after its end",
            end + 120,
        ),
        at("expired", "expired", "a day after its end", end + 86_400),
    ]
}

fn headers() -> Vec<PersonaVector> {
    let usual = header_for(&CENTER);
    let claims = json_of(&usual_claims());
    let refused = |name, about, header: &str| {
        PersonaVector::new(name, "header", about, parts_of(header, &claims).join())
    };
    let with = |name, about, from, to| refused(name, about, &usual.replace(from, to));
    let typ = r#""typ":"colophon-persona+jwe","#;
    vec![
        with("without-typ", "a form without a type", typ, ""),
        with("typ-jwt", "another type", "colophon-persona+jwe", "JWT"),
        with(
            "typ-in-capitals",
            "the type in capitals",
            "colophon-persona",
            "Colophon-Persona",
        ),
        with(
            "typ-of-a-statement",
            "the type of statements",
            "persona+jwe",
            "activation+jwt",
        ),
        with(
            "alg-rsa-oaep",
            "OAEP with SHA-1",
            "RSA-OAEP-256",
            "RSA-OAEP",
        ),
        with("alg-rsa1-5", "no OAEP", "RSA-OAEP-256", "RSA1_5"),
        with("alg-dir", "no encrypted key", "RSA-OAEP-256", "dir"),
        with("alg-none", "no algorithm", "RSA-OAEP-256", "none"),
        with("enc-a128gcm", "a shorter key", "A256GCM", "A128GCM"),
        with(
            "enc-a256cbc-hs512",
            "another mode",
            "A256GCM",
            "A256CBC-HS512",
        ),
        with(
            "zip-member",
            "compression",
            "{\"typ\"",
            "{\"zip\":\"DEF\",\"typ\"",
        ),
        with(
            "cty-member",
            "a content type",
            "{\"typ\"",
            "{\"cty\":\"JWT\",\"typ\"",
        ),
        with(
            "jku-member",
            "an address of keys",
            "{\"typ\"",
            "{\"jku\":\"https://x.example\",\"typ\"",
        ),
        with(
            "duplicate-typ",
            "the type twice",
            "{\"typ\"",
            "{\"typ\":\"JWT\",\"typ\"",
        ),
        with(
            "kid-short",
            "a kid cut off",
            &CENTER.certificate().to_string(),
            "AAAA",
        ),
        refused("header-no-json", "a header that is none", "persona"),
    ]
}

fn claims() -> Vec<PersonaVector> {
    let refused = |name: &str, expect: &str, about: &str, changes: Value| {
        let claims = changed(usual_claims(), changes);
        PersonaVector::new(name, expect, about, sealed(&json_of(&claims)))
    };
    let usual = json_of(&usual_claims());
    let mut vectors: Vec<PersonaVector> = ["v", "persona", "aud", "jti", "iat", "exp"]
        .into_iter()
        .map(|name| {
            let about = format!("no claim {name}");
            refused(
                &format!("without-{name}"),
                "claim-missing",
                &about,
                json!({name: null}),
            )
        })
        .collect();
    vectors.extend([
        refused("v-2", "claims-version", "version 2", json!({"v": 2})),
        refused(
            "v-a-string",
            "claim-type",
            "a version in letters",
            json!({"v": "1"}),
        ),
        refused(
            "cert-claim",
            "claim-unknown",
            "a certificate in it",
            json!({"cert": "AQ=="}),
        ),
        refused(
            "nonce-claim",
            "claim-unknown",
            "a claim that is none",
            json!({"nonce": "x"}),
        ),
        refused(
            "persona-empty",
            "claim-text",
            "an empty persona",
            json!({"persona": ""}),
        ),
        refused(
            "persona-a-number",
            "claim-type",
            "a number as persona",
            json!({"persona": 7}),
        ),
        refused(
            "lf-in-persona",
            "claim-text",
            "a line end in the persona",
            json!({"persona": "a\nb"}),
        ),
        refused(
            "aud-a-center",
            "claim-text",
            "a center as the shop",
            json!({"aud": "main"}),
        ),
        refused(
            "aud-of-three",
            "claim-text",
            "two slashes in the shop",
            json!({"aud": "main/a/b"}),
        ),
        refused(
            "aud-in-capitals",
            "claim-text",
            "a center in capitals",
            json!({"aud": "Main/bookshop"}),
        ),
        refused(
            "jti-short",
            "claim-text",
            "an id of 15 bytes",
            json!({"jti": encode(&[7; 15])}),
        ),
        refused(
            "jti-hexadecimal",
            "claim-text",
            "an id in hexadecimal",
            json!({"jti": "07".repeat(16)}),
        ),
        refused(
            "iat-negative",
            "claim-range",
            "made before 1970",
            json!({"iat": -1}),
        ),
        refused(
            "exp-equal-to-iat",
            "claim-range",
            "no time at all",
            json!({"exp": ISSUED_AT}),
        ),
        refused(
            "exp-before-iat",
            "claim-range",
            "an end before the beginning",
            json!({"exp": ISSUED_AT - 1}),
        ),
        refused(
            "too-long-a-time",
            "claim-range",
            "longer than an hour",
            json!({"exp": ISSUED_AT + 3601}),
        ),
        refused(
            "kept-for-months",
            "claim-range",
            "as long as an upload form",
            json!({"exp": ISSUED_AT + 7_776_000}),
        ),
        refused(
            "exp-a-date",
            "claim-type",
            "an end in letters",
            json!({"exp": "2027-01-15"}),
        ),
    ]);
    let form = |name: &str, expect: &str, about: &str, claims: &str| {
        PersonaVector::new(name, expect, about, sealed(claims))
    };
    vectors.extend([
        form(
            "duplicate-claim",
            "claim-duplicate",
            "two personas",
            &usual.replace('{', "{\"persona\":\"bob\","),
        ),
        form(
            "aud-an-array",
            "claims-form",
            "several shops",
            &usual.replace("\"main/bookshop\"", "[\"main/bookshop\"]"),
        ),
        form("claims-empty", "claims-form", "no claims", ""),
        form(
            "claims-cut",
            "claims-form",
            "claims cut off",
            &usual[..usual.len() - 1],
        ),
        form(
            "float",
            "claims-form",
            "a fraction of a second",
            &usual.replace("1800000000", "1800000000.5"),
        ),
    ]);
    vectors
}

fn tampered() -> Vec<PersonaVector> {
    let usual = parts_of(&header_for(&CENTER), &json_of(&usual_claims()));
    let refused =
        |name, about, form: Parts| PersonaVector::new(name, "not-genuine", about, form.join());
    let part = |name: &str, expect: &str, about: &str, form: String| {
        PersonaVector::new(name, expect, about, form)
    };
    let whole = usual.join();
    vec![
        refused(
            "tampered-encrypted-key",
            "a bit of the encrypted key changed",
            Parts {
                encrypted_key: flipped(&usual.encrypted_key, 3),
                ..usual.clone()
            },
        ),
        refused(
            "tampered-iv",
            "a bit of the initialization vector changed",
            Parts {
                iv: flipped(&usual.iv, 3),
                ..usual.clone()
            },
        ),
        refused(
            "tampered-ciphertext",
            "a bit of the claims changed",
            Parts {
                ciphertext: flipped(&usual.ciphertext, 3),
                ..usual.clone()
            },
        ),
        refused(
            "tampered-tag",
            "a bit of the tag changed",
            Parts {
                tag: flipped(&usual.tag, 3),
                ..usual.clone()
            },
        ),
        refused(
            "header-respaced",
            "the header written in another way",
            Parts {
                header: encode(header_for(&CENTER).replace(',', ", ").as_bytes()),
                ..usual.clone()
            },
        ),
        part(
            "iv-16-bytes",
            "iv-length",
            "a longer initialization vector",
            Parts {
                iv: encode(&[1; 16]),
                ..usual.clone()
            }
            .join(),
        ),
        part(
            "tag-12-bytes",
            "tag-length",
            "a shorter tag",
            Parts {
                tag: encode(&[1; 12]),
                ..usual.clone()
            }
            .join(),
        ),
        part(
            "without-encrypted-key",
            "encrypted-key-length",
            "no encrypted key",
            Parts {
                encrypted_key: String::new(),
                ..usual.clone()
            }
            .join(),
        ),
        part(
            "four-parts",
            "parts",
            "a part too few",
            whole.rsplit_once('.').expect("a point").0.to_owned(),
        ),
        part(
            "six-parts",
            "parts",
            "a part too many",
            format!("{whole}.AA"),
        ),
        part("empty", "parts", "nothing", String::new()),
        part(
            "space-before",
            "base64",
            "a space before the form",
            format!(" {whole}"),
        ),
        part(
            "padded-tag",
            "base64",
            "a padded part",
            format!("{whole}=="),
        ),
        part(
            "too-long",
            "too-long",
            "a byte longer than a form may be",
            format!("{whole:A<4097}"),
        ),
    ]
}

fn elsewhere() -> Vec<PersonaVector> {
    let claims = json_of(&usual_claims());
    let to = |key: &TestKey, header: &str| {
        Parts::seal(
            &encrypt_to(key, &CONTENT_KEY),
            CONTENT_KEY,
            header.as_bytes(),
            claims.as_bytes(),
        )
        .join()
    };
    let (own, others) = (header_for(&CENTER), header_for(&OTHER));
    let other_shop = |name: &str, about: &str, shop: &str| {
        let claims = changed(usual_claims(), json!({"aud": shop}));
        PersonaVector::new(name, "other-shop", about, sealed(&json_of(&claims)))
    };
    vec![
        other_shop(
            "other-shop",
            "meant for another shop of the center",
            "main/toyshop",
        ),
        other_shop(
            "shop-of-another-center",
            "meant for the namesake at another center",
            "other/bookshop",
        ),
        other_shop(
            "shop-in-capitals",
            "a name that differs in a capital",
            "main/Bookshop",
        ),
        PersonaVector::new(
            "sealed-to-another-certificate",
            "other-certificate",
            "sealed to another shop's certificate",
            to(&OTHER, &others),
        ),
        PersonaVector::new(
            "sealed-to-another-key",
            "not-genuine",
            "sealed to another's key under this one's kid",
            to(&OTHER, &own),
        ),
        PersonaVector {
            key: "other".to_owned(),
            ..PersonaVector::new(
                "key-of-another-certificate",
                "other-certificate",
                "opened with another key",
                to(&CENTER, &own),
            )
        },
        PersonaVector::new(
            "upload-form",
            "header",
            "an upload form",
            usual_upload().join(),
        ),
    ]
}
