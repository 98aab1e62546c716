//! Activation packages with their statements, good ones and forged ones.

use base64ct::{Base64, Encoding};
use colophon_activation::{
    ActivationPackage, CertificateChain, CertificateHash, ContentHash, FactSalt, MachineId,
    SignedStatement, Statement, StatementSigner, UnixSeconds,
};
use colophon_crypto::{Portable, SignatureAlgorithm};
use colophon_forge::{encode, flipped};
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::EncodePublicKey as _;
use serde::Serialize;
use serde_json::{Value, json};

use super::keys::persona_certificates;

/// A package and what must come of it.
#[derive(Clone, Serialize)]
pub(crate) struct PackageVector {
    /// The file is named after it.
    #[serde(skip)]
    pub(crate) name: String,
    about: String,
    /// What must come of it: `valid`, or the reason of the refusal.
    expect: String,
    /// The public key of the activation authority: base64 of its `SubjectPublicKeyInfo`.
    authority_key: String,
    /// The package, a text.
    package: String,
    /// What the statement says, if it is believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<Value>,
}

/// The authority of the vectors, whose key everybody knows. Its certificate stands for itself:
/// chains are judged elsewhere.
struct Authority {
    key: SigningKey,
    certificate: Vec<u8>,
}

impl StatementSigner for Authority {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaP256Sha256
    }

    fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(sign(&self.key, message))
    }
}

fn sign(key: &SigningKey, message: &[u8]) -> Vec<u8> {
    let signature: p256::ecdsa::Signature = key.sign(message);
    let low = signature.normalize_s().unwrap_or(signature);
    low.to_bytes().to_vec()
}

fn authority(seed: u8) -> Authority {
    Authority {
        key: SigningKey::from_slice(&[seed; 32]).expect("a key"),
        certificate: persona_certificates().remove(1),
    }
}

fn public_key(authority: &Authority) -> String {
    let key = p256::PublicKey::from(authority.key.verifying_key());
    Base64::encode_string(key.to_public_key_der().expect("a public key").as_bytes())
}

const MODULE: &[u8] = b"\0asm\x0d\0\x01\0 not a component";
const SEALED_KEY: &[u8] = b"a sealed key, as it were";

fn statement() -> Statement {
    Statement {
        persona: "ada@people.example".parse().expect("a persona"),
        machine: MachineId::from_bytes([0x5a; 16]),
        salt: FactSalt::from_bytes(*b"sixteen bytes 01"),
        certificate: CertificateHash::of(&Portable, &persona_certificates()[0]),
        module: ContentHash::of(&Portable, MODULE),
        sealed_key: ContentHash::of(&Portable, SEALED_KEY),
        issued_at: UnixSeconds::new(1_800_000_000),
    }
}

fn package(statement: SignedStatement) -> ActivationPackage {
    ActivationPackage {
        statement,
        certificates: CertificateChain::new(persona_certificates()).expect("a chain"),
        sealed_key: SEALED_KEY.to_vec(),
        module: MODULE.to_vec(),
    }
}

/// A statement of any header and claims, signed by the authority as it stands.
fn signed(header: &str, claims: &str) -> String {
    let signed = format!(
        "{}.{}",
        encode(header.as_bytes()),
        encode(claims.as_bytes())
    );
    let value = sign(&authority(1).key, signed.as_bytes());
    format!("{signed}.{}", encode(&value))
}

/// The good package with changes to its document; `null` takes a member out.
fn changed(changes: &Value) -> String {
    let statement = statement().sign(&Portable, &authority(1)).expect("signed");
    let mut document: Value = serde_json::from_slice(&package(statement).to_json()).expect("JSON");
    for (name, value) in changes.as_object().expect("changes") {
        let members = document.as_object_mut().expect("an object");
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    document.to_string()
}

fn vector(name: &str, about: &str, expect: &str, package: String) -> PackageVector {
    PackageVector {
        name: name.to_owned(),
        about: about.to_owned(),
        expect: expect.to_owned(),
        authority_key: public_key(&authority(1)),
        package,
        statement: None,
    }
}

pub(crate) fn vectors() -> Vec<PackageVector> {
    let mut vectors = vec![good()];
    vectors.extend(documents());
    vectors.extend(statements());
    vectors.extend(contents());
    vectors
}

fn good() -> PackageVector {
    let statement = statement();
    let signed = statement.sign(&Portable, &authority(1)).expect("signed");
    let document = String::from_utf8(package(signed).to_json()).expect("text");
    PackageVector {
        statement: Some(said(&statement)),
        ..vector("good", "a package that is believed", "valid", document)
    }
}

/// What a statement says, as its claims.
pub(crate) fn said(statement: &Statement) -> Value {
    json!({
        "v": 1,
        "persona": statement.persona.as_str(),
        "machine": statement.machine.to_string(),
        "salt": statement.salt.to_string(),
        "cert": statement.certificate.to_string(),
        "module": statement.module.to_string(),
        "sealed_key": statement.sealed_key.to_string(),
        "iat": statement.issued_at.get(),
    })
}

fn documents() -> Vec<PackageVector> {
    let of = |name, about, expect, changes: Value| vector(name, about, expect, changed(&changes));
    let certificate = Base64::encode_string(&persona_certificates()[0]);
    vec![
        vector("no-json", "not JSON", "package-form", "{".to_owned()),
        of(
            "unknown-member",
            "a member more",
            "package-form",
            json!({"x": 1}),
        ),
        of(
            "no-module",
            "a member is missing",
            "package-member",
            json!({"module": null}),
        ),
        of(
            "module-a-number",
            "a number for text",
            "package-member",
            json!({"module": 7}),
        ),
        of(
            "version-2",
            "another version",
            "package-version",
            json!({"v": 2}),
        ),
        of(
            "module-empty",
            "an empty module",
            "base64",
            json!({"module": ""}),
        ),
        of(
            "module-base64url",
            "the other base64",
            "base64",
            json!({"module": "-_-_"}),
        ),
        of(
            "key-too-long",
            "a sealed key longer than any",
            "base64",
            json!({
                "sealed_key": Base64::encode_string(&[0; 5000]),
            }),
        ),
        of(
            "no-certificates",
            "an empty list",
            "package-certificates",
            json!({"certificates": []}),
        ),
        of(
            "no-authority",
            "the persona's certificate alone",
            "no-authority",
            json!({
                "certificates": [certificate],
            }),
        ),
    ]
}

fn contents() -> Vec<PackageVector> {
    let of = |name, about, changes: Value| vector(name, about, "changed", changed(&changes));
    let mut certificates = persona_certificates();
    certificates[0].push(0);
    let certificates: Vec<String> = certificates
        .iter()
        .map(|der| Base64::encode_string(der))
        .collect();
    vec![
        of(
            "another-module",
            "a module with another byte",
            json!({
                "module": Base64::encode_string(b"\0asm\x0d\0\x01\0 not a Component"),
            }),
        ),
        of(
            "another-key",
            "another sealed key",
            json!({
                "sealed_key": Base64::encode_string(b"another sealed key"),
            }),
        ),
        of(
            "another-certificate",
            "another persona's certificate",
            json!({
                "certificates": certificates,
            }),
        ),
    ]
}

fn statements() -> Vec<PackageVector> {
    let kid = CertificateHash::of(&Portable, &authority(1).certificate).to_string();
    let header = json!({"alg": "ES256", "typ": "colophon-activation+jwt", "kid": kid}).to_string();
    let claims = said(&statement());
    let of = |name, about, expect, text: String| {
        vector(name, about, expect, changed(&json!({ "statement": text })))
    };
    let header_of = |name, about, from: &str, to: &str| {
        let header = header.replace(from, to);
        of(name, about, "header", signed(&header, &claims.to_string()))
    };
    let claims_of = |name, about, expect, changes: Value| {
        let mut claims = claims.clone();
        for (name, value) in changes.as_object().expect("changes") {
            claims[name] = value.clone();
        }
        of(name, about, expect, signed(&header, &claims.to_string()))
    };
    let whole = signed(&header, &claims.to_string());
    let (first, signature) = whole.rsplit_once('.').expect("three parts");
    let by_another = statement().sign(&Portable, &authority(2)).expect("signed");
    let other_kid = Authority {
        certificate: persona_certificates().remove(0),
        ..authority(1)
    };
    let of_another = statement().sign(&Portable, &other_kid).expect("signed");
    vec![
        of(
            "statement-two-parts",
            "no signature",
            "parts",
            first.to_owned(),
        ),
        of(
            "statement-five-parts",
            "five parts",
            "parts",
            format!("{whole}.a.b"),
        ),
        of(
            "statement-too-long",
            "longer than any",
            "too-long",
            "a".repeat(5000),
        ),
        of(
            "statement-base64",
            "not base64url",
            "base64",
            format!("{first}.+{signature}"),
        ),
        header_of("alg-none", "no algorithm", "ES256", "none"),
        header_of("alg-hs256", "a shared secret", "ES256", "HS256"),
        header_of(
            "typ-jwt",
            "a token of another kind",
            "colophon-activation+jwt",
            "JWT",
        ),
        header_of("kid-short", "no hash", &kid, "AAAA"),
        header_of(
            "jwk-in-header",
            "a key in the header",
            "\"kid\":",
            "\"jwk\":\"x\",\"kid\":",
        ),
        of(
            "signature-changed",
            "a bit of the signature",
            "not-genuine",
            format!("{first}.{}", flipped(signature, 100)),
        ),
        of(
            "signed-by-another",
            "another key",
            "not-genuine",
            by_another.to_string(),
        ),
        of(
            "kid-of-another",
            "by another certificate",
            "other-authority",
            of_another.to_string(),
        ),
        claims_of(
            "claims-v-2",
            "another version",
            "claims-version",
            json!({"v": 2}),
        ),
        claims_of(
            "claim-unknown",
            "a claim more",
            "claims-form",
            json!({"exp": 1}),
        ),
        claims_of(
            "claim-machine",
            "no machine",
            "claim",
            json!({"machine": "desk"}),
        ),
        claims_of(
            "claim-iat-negative",
            "before 1970",
            "claim",
            json!({"iat": -1}),
        ),
    ]
}
