//! Every file in `vectors/`, and that the generator makes exactly these files.

#![cfg(test)]

#[path = "../examples/activation_vectors/cases.rs"]
mod cases;

use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use cases::keys::{CENTER, OTHER, TestKey};
use colophon_activation::{
    ActivationPackage, CertificateHash, Claims, FactKind, FactSalt, FormKey, FormRefused,
    InvalidFacts, MachineFacts, MachineId, PersonaClaims, PersonaFormRefused, SKEW_S, SealedFor,
    SealedForm, SealedPersona, Statement, UnixSeconds, open_key,
};
use colophon_crypto::{AgreementKey, Key32, Portable};
use colophon_forge::{differing, kept};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn text<'v>(vector: &'v Value, name: &str) -> &'v str {
    vector[name].as_str().expect("a string")
}

/// What the form of a vector says, or why it is refused.
fn opened(vector: &Value) -> Result<Claims, &'static str> {
    let key: &TestKey = match text(vector, "key") {
        "center" => &CENTER,
        "other" => &OTHER,
        unknown => panic!("no key {unknown}"),
    };
    let sealed = SealedForm::parse(text(vector, "form")).map_err(|malformed| malformed.reason())?;
    let center = text(vector, "center").parse().expect("a center");
    let persona = text(vector, "persona").parse().expect("a persona");
    let now = UnixSeconds::new(vector["now"].as_i64().expect("a time"));
    let judged = || -> Result<Claims, FormRefused> {
        let claims = sealed.open(&Portable, key, &center)?;
        claims.check_time(now, SKEW_S)?;
        claims.check_persona(&persona)?;
        Ok(claims)
    };
    judged().map_err(|refused| refused.reason())
}

fn said(claims: &Claims) -> Value {
    let certificates: Vec<String> = claims
        .certificates
        .iter()
        .map(Base64::encode_string)
        .collect();
    json!({
        "v": 1,
        "cert": certificates,
        "persona": claims.persona.as_str(),
        "aud": claims.center.as_str(),
        "iat": claims.issued_at.get(),
        "exp": claims.expires_at.get(),
    })
}

#[test]
fn every_form_comes_out_as_it_says() {
    let files = kept(&folder().join("upload"));
    let mut wrong = Vec::new();
    for (name, vector) in &files {
        let vector: Value = serde_json::from_str(vector).expect("JSON");
        let (outcome, said) = match opened(&vector) {
            Ok(claims) => ("valid", Some(said(&claims))),
            Err(reason) => (reason, None),
        };
        if outcome != vector["expect"] {
            wrong.push(format!("{name}: {outcome} instead of {}", vector["expect"]));
        } else if said.as_ref() != vector.get("claims") {
            wrong.push(format!("{name}: says {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(files.len() >= 100, "only {} vectors", files.len());
}

/// Who the persona form of a vector says somebody is, or why it is refused.
fn told(vector: &Value) -> Result<PersonaClaims, &'static str> {
    let key: &TestKey = match text(vector, "key") {
        "center" => &CENTER,
        "other" => &OTHER,
        unknown => panic!("no key {unknown}"),
    };
    let form = text(vector, "form");
    let sealed = SealedPersona::parse(form).map_err(|malformed| malformed.reason())?;
    assert_eq!(sealed.to_string(), form);
    let shop = text(vector, "shop").parse().expect("a shop");
    let now = UnixSeconds::new(vector["now"].as_i64().expect("a time"));
    let judged = || -> Result<PersonaClaims, PersonaFormRefused> {
        let claims = sealed.open(&Portable, key, &shop)?;
        claims.check_time(now, SKEW_S)?;
        Ok(claims)
    };
    judged().map_err(|refused| refused.reason())
}

#[test]
fn every_persona_form_comes_out_as_it_says() {
    let files = kept(&folder().join("persona"));
    let mut wrong = Vec::new();
    for (name, vector) in &files {
        let vector: Value = serde_json::from_str(vector).expect("JSON");
        let (outcome, said) = match told(&vector) {
            Ok(claims) => (
                "valid",
                Some(json!({
                    "v": 1,
                    "persona": claims.persona.as_str(),
                    "aud": claims.shop.as_str(),
                    "jti": claims.id.to_string(),
                    "iat": claims.issued_at.get(),
                    "exp": claims.expires_at.get(),
                })),
            ),
            Err(reason) => (reason, None),
        };
        if outcome != vector["expect"] {
            wrong.push(format!("{name}: {outcome} instead of {}", vector["expect"]));
        } else if said.as_ref() != vector.get("claims") {
            wrong.push(format!("{name}: says {said:?}"));
        }
        // By its type no persona form is an upload form, whatever becomes of it.
        let untyped = ["upload-form.json", "without-typ.json"].contains(&name.as_str());
        assert!(untyped || SealedForm::parse(text(&vector, "form")).is_err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(files.len() >= 60, "only {} vectors", files.len());
}

#[test]
fn no_upload_form_is_a_persona_form() {
    for (name, vector) in kept(&folder().join("upload")) {
        let vector: Value = serde_json::from_str(&vector).expect("JSON");
        assert!(
            SealedPersona::parse(text(&vector, "form")).is_err(),
            "{name}"
        );
    }
}

/// What the facts of a vector come to, by their values or by their text.
fn facts(vector: &Value, salt: &FactSalt) -> Result<MachineFacts, InvalidFacts> {
    let Some(values) = vector.get("values") else {
        return MachineFacts::parse(text(vector, "facts").as_bytes());
    };
    let kinds = FactKind::ALL.into_iter();
    let values = kinds.filter_map(|kind| Some((kind, values.get(kind.name())?.as_str()?)));
    let facts = MachineFacts::read(&Portable, salt, values)?;
    let json = text(vector, "facts");
    assert_eq!(facts.to_json(), json);
    assert_eq!(MachineFacts::parse(json.as_bytes()), Ok(facts.clone()));
    Ok(facts)
}

#[test]
fn every_machine_comes_out_as_it_says() {
    let files = kept(&folder().join("machine"));
    for (name, vector) in &files {
        let vector: Value = serde_json::from_str(vector).expect("JSON");
        let salt = text(&vector, "salt").parse().expect("a salt");
        let facts = facts(&vector, &salt);
        let outcome = match &facts {
            Ok(_) => "valid",
            Err(refused) => refused.reason(),
        };
        assert_eq!(outcome, vector["expect"], "{name}");
        let id = facts
            .ok()
            .map(|facts| MachineId::of(&Portable, &salt, &facts));
        assert_eq!(
            id.map(|id| json!(id.to_string())).as_ref(),
            vector.get("machine"),
            "{name}"
        );
    }
    assert!(files.len() >= 30, "only {} vectors", files.len());
}

#[test]
fn machines_are_told_apart_as_their_vectors_say() {
    let of = |name: &str| {
        let files = kept(&folder().join("machine"));
        let vector: Value = serde_json::from_str(&files[&format!("{name}.json")]).expect("JSON");
        MachineFacts::parse(text(&vector, "facts").as_bytes()).expect("facts")
    };
    let usual = of("all-facts");
    for (name, differences) in [
        ("other-notations", 0),
        ("text-in-another-order", 0),
        ("renamed-host", 1),
        ("placeholders", 3),
        ("three-facts", 3),
        ("another-persona", 6),
    ] {
        assert_eq!(usual.differences(&of(name)), differences, "{name}");
    }
}

/// What the statement of a package says, or why the package is refused.
fn believed(vector: &Value) -> Result<Statement, &'static str> {
    let key = Base64::decode_vec(text(vector, "authority_key")).expect("base64");
    ActivationPackage::parse(text(vector, "package").as_bytes())
        .and_then(|package| package.verify(&Portable, &key))
        .map_err(|refused| refused.reason())
}

#[test]
fn every_package_comes_out_as_it_says() {
    let files = kept(&folder().join("package"));
    for (name, vector) in &files {
        let vector: Value = serde_json::from_str(vector).expect("JSON");
        let believed = believed(&vector);
        let outcome = believed.as_ref().map_or_else(|reason| *reason, |_| "valid");
        assert_eq!(outcome, vector["expect"], "{name}");
        let said = believed.ok().as_ref().map(cases::packages::said);
        assert_eq!(said.as_ref(), vector.get("statement"), "{name}");
    }
    assert!(files.len() >= 25, "only {} vectors", files.len());
}

#[test]
fn no_character_of_a_package_can_be_changed() {
    let files = kept(&folder().join("package"));
    let good: Value = serde_json::from_str(&files["good.json"]).expect("JSON");
    let package = text(&good, "package");
    for at in 0..package.len() {
        let mut bytes = package.as_bytes().to_vec();
        bytes[at] ^= 1;
        let changed = String::from_utf8(bytes).expect("ASCII");
        let mut vector = good.clone();
        vector["package"] = json!(changed);
        assert!(
            believed(&vector).is_err(),
            "the character at {at} is of no matter"
        );
    }
    assert!(believed(&good).is_ok());
}

#[test]
fn every_sealed_key_comes_out_as_it_says() {
    let files = kept(&folder().join("sealed-key"));
    for (name, vector) in &files {
        let vector: Value = serde_json::from_str(vector).expect("JSON");
        let bytes = |name: &str| Base64::decode_vec(text(&vector, name)).expect("base64");
        let own = Key32::from_slice(&bytes("repository_key")).expect("32 bytes");
        let own = AgreementKey::from_scalar(&own).expect("a key");
        let facts = MachineFacts::parse(text(&vector, "facts").as_bytes()).expect("facts");
        let to = SealedFor {
            persona: &text(&vector, "persona").parse().expect("a persona"),
            machine: &text(&vector, "machine").parse().expect("a machine"),
            facts: &facts,
        };
        let opened = open_key(&Portable, &own, to, &bytes("sealed")).ok();
        let outcome = match &opened {
            Some(_) => "valid",
            None => "not-sealed-for-this",
        };
        assert_eq!(outcome, vector["expect"], "{name}");
        let key = opened
            .as_ref()
            .map(|opened| json!(Base64::encode_string(&opened.private_key_pkcs8)));
        assert_eq!(key.as_ref(), vector.get("opened"), "{name}");
        let changed = opened
            .and_then(|opened| opened.changed)
            .map(|kind| json!(kind.name()));
        assert_eq!(changed.as_ref(), vector.get("changed"), "{name}");
    }
    assert!(files.len() >= 15, "only {} vectors", files.len());
}

#[test]
fn no_bit_of_a_sealed_key_can_be_changed() {
    let files = kept(&folder().join("sealed-key"));
    let vector: Value = serde_json::from_str(&files["as-sealed.json"]).expect("JSON");
    let bytes = |name: &str| Base64::decode_vec(text(&vector, name)).expect("base64");
    let own = Key32::from_slice(&bytes("repository_key")).expect("32 bytes");
    let own = AgreementKey::from_scalar(&own).expect("a key");
    let facts = MachineFacts::parse(text(&vector, "facts").as_bytes()).expect("facts");
    let to = SealedFor {
        persona: &text(&vector, "persona").parse().expect("a persona"),
        machine: &text(&vector, "machine").parse().expect("a machine"),
        facts: &facts,
    };
    let sealed = bytes("sealed");
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(
            open_key(&Portable, &own, to, &changed).is_err(),
            "byte {at}"
        );
        assert!(
            open_key(&Portable, &own, to, &sealed[..at]).is_err(),
            "cut at {at}"
        );
    }
    assert!(open_key(&Portable, &own, to, &sealed).is_ok());
}

#[test]
fn the_generator_makes_these_files() {
    let (made, kept) = (cases::all(), kept(&folder()));
    let differing = differing(&made, &kept);
    assert!(
        differing.is_empty(),
        "made anew by `cargo xtask vectors`: {differing:?}"
    );
}

/// The hash must be that of the certificate in the file, or no other implementation agrees.
#[test]
fn the_keys_belong_to_their_certificates() {
    for key in [&*CENTER, &*OTHER] {
        let hash = CertificateHash::of(&Portable, &key.certificate_der);
        assert_eq!(key.certificate(), hash);
        let spki = &key.public_key_spki_der;
        assert!(
            key.certificate_der
                .windows(spki.len())
                .any(|place| place == spki)
        );
    }
}
