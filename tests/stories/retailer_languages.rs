//! Receipts made by other languages' standard JOSE libraries.

use std::fs;
use std::process::Command;

use colophon_tests::book::epub;
use colophon_tests::colophon::{House, succeed};
use colophon_tests::tool::{python_with, skipped, target};

/// The center, a title and the parts of a retailer secret that a JOSE library needs.
fn shop() -> (House, String, String) {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Languages", "Ada", 2)).unwrap();
    house.add_title(&file, "b-1", &[]);
    let secret = house.add_retailer("shop", &[]);
    let parts: Vec<&str> = secret.rsplitn(3, '.').collect();
    (house, "shop.1".to_owned(), parts[1].to_owned())
}

fn opens(house: &House, receipt: &str) {
    let host = house.serve(&[]);
    let answer = host.download(receipt.trim());
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
}

const PYTHON_JWCRYPTO: &str = r#"
import json, sys, time
from jwcrypto import jwe, jwk
kid, secret = sys.argv[1:]
now = int(time.time())
claims = {"v": 1, "iss": kid.rsplit(".", 1)[0], "aud": "main", "iat": now, "exp": now + 900,
          "jti": "py-1", "transaction": "t-py", "book_id": "b-1", "book_id_type": "ISBN",
          "level": 3, "user_name": "Zoë 本"}
header = {"alg": "dir", "enc": "A256GCM", "kid": kid}
token = jwe.JWE(json.dumps(claims).encode(), json.dumps(header))
token.add_recipient(jwk.JWK(kty="oct", k=secret))
print(token.serialize(compact=True))
"#;

const PYTHON_JOSERFC: &str = r#"
import json, sys, time
from joserfc import jwe
from joserfc.jwk import OctKey
kid, secret = sys.argv[1:]
now = int(time.time())
claims = {"v": 1, "iss": kid.rsplit(".", 1)[0], "aud": "main", "iat": now, "exp": now + 900,
          "jti": "py-2", "transaction": "t-py", "book_id": "b-1", "book_id_type": "ISBN"}
header = {"alg": "dir", "enc": "A256GCM", "kid": kid}
key = OctKey.import_key({"kty": "oct", "k": secret})
print(jwe.encrypt_compact(header, json.dumps(claims).encode(), key))
"#;

const NODE_JOSE: &str = r#"
import { CompactEncrypt, base64url } from "jose";
const [kid, secret] = process.argv.slice(2);
const now = Math.floor(Date.now() / 1000);
const claims = { v: 1, iss: kid.slice(0, kid.lastIndexOf(".")), aud: "main", iat: now, exp: now + 900,
  jti: "js-1", transaction: "t-js", book_id: "b-1", book_id_type: "ISBN", level: 3, user_name: "Zoë 本" };
const header = { alg: "dir", enc: "A256GCM", kid };
console.log(await new CompactEncrypt(new TextEncoder().encode(JSON.stringify(claims)))
  .setProtectedHeader(header).encrypt(base64url.decode(secret)));
"#;

#[test]
fn a_receipt_made_with_python_opens() {
    for (module, script) in [("jwcrypto", PYTHON_JWCRYPTO), ("joserfc", PYTHON_JOSERFC)] {
        let Some(python) = python_with(module) else {
            skipped(
                &format!("a_receipt_made_with_python_opens ({module})"),
                "not installed",
            );
            continue;
        };
        let (house, kid, secret) = shop();
        opens(
            &house,
            &succeed(Command::new(python).args(["-c", script, &kid, &secret])),
        );
    }
}

#[test]
fn a_receipt_made_with_node_opens() {
    let folder = target().join("npm");
    if !folder.join("node_modules/jose").is_dir() {
        return skipped(
            "a_receipt_made_with_node_opens",
            "the npm package jose is not installed",
        );
    }
    let (house, kid, secret) = shop();
    let script = folder.join("mint.mjs");
    fs::write(&script, NODE_JOSE).unwrap();
    opens(
        &house,
        &succeed(Command::new("node").arg(&script).args([&kid, &secret])),
    );
}
