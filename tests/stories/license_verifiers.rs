//! Licenses as programs judge them that are not ours: libxml2's canonical form, the shipped
//! schema, and two other implementations of XML Signature.

use std::fs;
use std::path::Path;
use std::process::Command;

use colophon_crypto::SignatureAlgorithm;
use colophon_keys::{
    Authority, AwsLc, KeyKind, Leaf, Subject, SystemRandom, Validity, certificates_to_pem,
};
use colophon_tests::colophon::succeed;
use colophon_tests::tool::{python_with, skipped, target, workspace};
use colophon_title::license::{
    Access, AccessPrincipal, Account, Authenticator, Bundle, Creator, Currency, Fee, FeePer,
    License, LicenseId, LicenseKind, Licensor, Line, Location, Object, Owner, Period, Principal,
    PrincipalKind, Reference, Right, RightKind, RightsGroup, Tracking, Verification, Work, sign,
};
use colophon_title::trust::CertificateRole;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

const ISSUED_AT: i64 = 1_800_000_000;
const LICENSES: usize = 1_000;

/// For each license: is it its own exclusive canonical form, does it fit the schema, does its
/// signature verify, and does it not after a change?
const PYTHON: &str = r#"
import datetime, json, pathlib, sys
from lxml import etree
from signxml import SignatureMethod, XMLVerifier, SignatureConfiguration, DigestAlgorithm
folder, schema = map(pathlib.Path, sys.argv[1:])
schema = etree.XMLSchema(etree.parse(str(schema)))
certificate = (folder / "licensor.pem").read_text()
expected = SignatureConfiguration(signature_methods={SignatureMethod.RSA_SHA256, SignatureMethod.ECDSA_SHA256},
                                  digest_algorithms={DigestAlgorithm.SHA256},
                                  verification_time=datetime.datetime.fromtimestamp(1_800_000_000, datetime.timezone.utc))
def verifies(document):
    try:
        XMLVerifier().verify(document, x509_cert=certificate, expect_config=expected)
        return True
    except Exception:
        return False
counts = {"all": 0, "canonical": 0, "schema": 0, "verified": 0, "changed": 0}
for path in sorted(folder.glob("*.xml")):
    document = path.read_bytes()
    tree = etree.fromstring(document)
    counts["all"] += 1
    counts["canonical"] += etree.tostring(tree, method="c14n", exclusive=True, with_comments=False) == document
    counts["schema"] += schema.validate(tree)
    counts["verified"] += verifies(document)
    counts["changed"] += verifies(document.replace(b'issued="1', b'issued="2', 1))
print(json.dumps(counts))
"#;

const NODE: &str = r#"
import { readFileSync, readdirSync } from "node:fs";
import { SignedXml } from "xml-crypto";
import { DOMParser } from "@xmldom/xmldom";
const folder = process.argv[2];
const publicCert = readFileSync(folder + "/licensor.pem", "utf8");
function verifies(text) {
  try {
    const found = new DOMParser().parseFromString(text, "text/xml")
      .getElementsByTagNameNS("http://www.w3.org/2000/09/xmldsig#", "Signature");
    if (found.length !== 1) return false;
    const signature = new SignedXml({ publicCert, getCertFromKeyInfo: () => null });
    signature.loadSignature(found[0]);
    return signature.checkSignature(text);
  } catch { return false; }
}
const counts = { all: 0, verified: 0, changed: 0 };
for (const name of readdirSync(folder).filter((name) => name.endsWith(".xml")).sort()) {
  const text = readFileSync(folder + "/" + name, "utf8");
  counts.all += 1;
  counts.verified += verifies(text) ? 1 : 0;
  counts.changed += verifies(text.replace('issued="1', 'issued="2')) ? 1 : 0;
}
console.log(JSON.stringify(counts));
"#;

fn licensor(kind: KeyKind) -> Leaf {
    let validity = Validity {
        from_unix_s: ISSUED_AT - 60,
        until_unix_s: ISSUED_AT + 86_400,
    };
    let subject = |name: &str| Subject {
        common_name: name.to_owned(),
        organization: None,
    };
    let root = subject("Platform");
    let root = Authority::create_root(&root, KeyKind::P256, validity, &mut SystemRandom).unwrap();
    let (role, name) = (CertificateRole::Licensor, subject("Licensor"));
    root.issue(role, &name, kind, validity, &mut SystemRandom)
        .unwrap()
}

/// Lines of anything that can stand in a license, above all what XML writes in another way.
fn line() -> impl Strategy<Value = Line> {
    let nasty = r#"[a-c<>&"' \u{A0}äß本\u{1F40B}\u{202E}\u{FEFF}\u{E000}]{1,12}"#;
    let nasty = proptest::string::string_regex(nasty).unwrap();
    nasty.prop_filter_map("a line", |text| Line::parse(&text).ok())
}

fn object() -> impl Strategy<Value = Object> {
    let named = proptest::option::of(line());
    (line(), line(), named).prop_map(|(id_type, id, name)| Object { id_type, id, name })
}

fn location() -> impl Strategy<Value = Location> {
    let part = || proptest::option::of(line());
    (part(), part(), part()).prop_map(|(region, city, postal_code)| Location {
        region,
        city,
        postal_code,
        ..Location::country("DE").unwrap()
    })
}

fn needs(bits: Option<Vec<u8>>) -> Access {
    Access::Principals(vec![AccessPrincipal {
        reference: Reference::parse("persona").unwrap(),
        enabling_bits: bits,
    }])
}

fn right(kind: RightKind) -> impl Strategy<Value = Right> {
    let fee = (
        line(),
        line(),
        proptest::option::of(line()),
        any::<u64>(),
        any::<bool>(),
    )
        .prop_map(|(id, url, from, amount, per_use)| Fee {
            per: if per_use {
                FeePer::Use
            } else {
                FeePer::License
            },
            amount,
            currency: Currency::parse("EUR").unwrap(),
            from,
            to: Account { id, url },
        });
    let tracking = (object(), line(), proptest::option::of(line())).prop_map(
        |(provider, url, support_url)| Tracking {
            provider,
            url,
            support_url,
        },
    );
    (
        proptest::option::of(1_u32..),
        proptest::collection::vec(fee, 0..2),
        proptest::collection::vec(tracking, 0..2),
        proptest::collection::vec(location(), 0..3),
    )
        .prop_map(move |(max_count, fees, tracking, territory)| Right {
            max_count,
            access: vec![Access::Licensor],
            fees,
            tracking,
            territory,
            ..Right::unconditional(kind)
        })
}

fn group() -> impl Strategy<Value = RightsGroup> {
    let rights = (
        right(RightKind::View),
        proptest::option::of(right(RightKind::Print)),
        proptest::option::of(right(RightKind::Copy)),
    );
    let bits = proptest::option::of(proptest::collection::vec(any::<u8>(), 1..300));
    let period = (
        proptest::option::of(0_i64..100),
        proptest::option::of(100_i64..),
    );
    let texts = (line(), proptest::option::of(line()));
    let places = proptest::collection::vec(location(), 0..2);
    (texts, rights, bits, period, places).prop_map(
        |((name, description), (view, print, copy), bits, (from, until), territory)| RightsGroup {
            name,
            description,
            bundle: Bundle {
                period: Period {
                    from_unix_s: from,
                    until_unix_s: until,
                },
                access: vec![needs(bits)],
                territory,
            },
            rights: [Some(view), print, copy].into_iter().flatten().collect(),
        },
    )
}

fn license(licensor: Licensor) -> impl Strategy<Value = License> {
    let owner = object().prop_map(|object| Owner {
        object,
        address: None,
        public_key_spki_der: Some(vec![1, 2, 3]),
    });
    let creators = (line(), line()).prop_map(|(role, name)| Creator { role, name });
    let work = (
        object(),
        proptest::collection::vec(creators, 0..3),
        proptest::option::of(owner),
        any::<[u8; 32]>(),
    );
    let principal = (object(), line()).prop_map(|(object, method)| Principal {
        reference: Reference::parse("persona").unwrap(),
        kind: PrincipalKind::Person,
        object,
        authenticator: Authenticator {
            method,
            class: None,
            verification: Verification::PublicKey(vec![4, 5, 6]),
        },
    });
    let descriptor = proptest::option::of(line());
    (any::<[u8; 16]>(), descriptor, work, group(), principal).prop_map(
        move |(id, descriptor, (object, creators, owner, copy_hash), group, principal)| License {
            kind: LicenseKind::Consumer,
            id: LicenseId::from_bytes(id),
            issued_at_unix_s: ISSUED_AT,
            descriptor,
            work: Work {
                object,
                creators,
                owner,
                copy_hash: Some(copy_hash),
                parts: Vec::new(),
            },
            rights: vec![group],
            licensor: licensor.clone(),
            principals: vec![principal],
            delegated_by: None,
            grants_until_unix_s: None,
        },
    )
}

/// Writes so many signed licenses, and the licensor's certificate, into a folder.
fn write_licenses(folder: &Path, kind: KeyKind, count: usize) {
    let leaf = licensor(kind);
    let expected = match kind {
        KeyKind::P256 => SignatureAlgorithm::EcdsaP256Sha256,
        KeyKind::Rsa2048 | KeyKind::Rsa3072 => SignatureAlgorithm::RsaPkcs1Sha256,
    };
    assert_eq!(leaf.algorithm(), expected);
    let signer = leaf.licensor().unwrap();
    let named = Object {
        id_type: Line::parse("center").unwrap(),
        id: Line::parse("main").unwrap(),
        name: None,
    };
    let licenses = license(Licensor::of(&AwsLc, named, &signer));
    let mut runner = TestRunner::deterministic();
    for number in 0..count {
        let license = licenses.new_tree(&mut runner).unwrap().current();
        let signed = sign(&AwsLc, &license, &signer).unwrap();
        fs::write(folder.join(format!("{number:04}.xml")), signed.document()).unwrap();
    }
    let certificate = certificates_to_pem(&leaf.chain()[..1]);
    fs::write(folder.join("licensor.pem"), certificate).unwrap();
}

fn counts(printed: &str) -> serde_json::Value {
    serde_json::from_str(printed.trim()).unwrap()
}

#[test]
fn licenses_are_canonical_valid_and_signed_for_lxml_and_signxml() {
    let Some(python) = python_with("signxml") else {
        return skipped(
            "licenses_are_canonical_valid_and_signed_for_lxml_and_signxml",
            "the Python package signxml is not installed",
        );
    };
    let schema = workspace().join("sdk/title/schema/license.xsd");
    for kind in [KeyKind::Rsa2048, KeyKind::P256] {
        let folder = tempfile::tempdir().unwrap();
        write_licenses(folder.path(), kind, LICENSES);
        let mut judge = Command::new(&python);
        judge.args(["-c", PYTHON]).arg(folder.path()).arg(&schema);
        let expected = serde_json::json!({
            "all": LICENSES, "canonical": LICENSES, "schema": LICENSES, "verified": LICENSES,
            "changed": 0,
        });
        assert_eq!(counts(&succeed(&mut judge)), expected, "{kind:?}");
    }
}

#[test]
fn licenses_are_signed_for_xml_crypto() {
    let packages = target().join("npm");
    if !packages.join("node_modules/xml-crypto").is_dir() {
        return skipped(
            "licenses_are_signed_for_xml_crypto",
            "the npm package xml-crypto is not installed",
        );
    }
    let folder = tempfile::tempdir().unwrap();
    // It knows no ECDSA.
    write_licenses(folder.path(), KeyKind::Rsa2048, 100);
    let script = packages.join("verify-licenses.mjs");
    fs::write(&script, NODE).unwrap();
    let mut judge = Command::new("node");
    judge.arg(&script).arg(folder.path());
    let expected = serde_json::json!({ "all": 100, "verified": 100, "changed": 0 });
    assert_eq!(counts(&succeed(&mut judge)), expected);
}
