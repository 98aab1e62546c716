//! Every signature verifies with an XML Signature implementation that is not ours.

#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "unlike the crate, its test writes files and starts a program"
)]

#[path = "support/authority.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod authority;
#[path = "support/licensing.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod licensing;
#[path = "support/signed.rs"]
mod signed;

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use authority::{Authority, EcdsaP256Sha256, RsaPkcs1Sha256};
use colophon_crypto::Portable;
use colophon_forge::skipped;
use colophon_title::license;
use signed::{Signers, state};

const SIGNATURES: usize = 4;

/// Whether xmlsec1 verifies the signature at a place, counted from 1; nothing if there is no
/// xmlsec1.
fn verifies(folder: &Path, document: &[u8], place: usize) -> Option<bool> {
    let file = folder.join("signatures.xml");
    std::fs::write(&file, document).unwrap();
    let status = Command::new("xmlsec1")
        .args(["--verify", "--node-xpath"])
        .arg(format!("(//*[local-name()='Signature'])[{place}]"))
        .arg("--trusted-pem")
        .arg(folder.join("root.pem"))
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) => Some(status.success()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("xmlsec1 could not be started: {error}"),
    }
}

#[test]
fn xmlsec1_verifies_each_signature_and_notices_a_changed_byte() {
    for algorithm in [RsaPkcs1Sha256, EcdsaP256Sha256] {
        let signers = Signers::new(algorithm);
        let document = signers.document(&state("title", "copy"));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("root.pem"), signers.root.pem()).unwrap();
        for place in 1..=SIGNATURES {
            let Some(intact) = verifies(folder.path(), &document, place) else {
                return skipped(
                    "xmlsec1_verifies_each_signature_and_notices_a_changed_byte",
                    "xmlsec1 is not installed",
                );
            };
            assert!(intact, "signature {place} of {algorithm:?}");
            for part in ["<ds:DigestValue>", "<ds:SignatureValue>", "validation=\""] {
                let changed = with_changed_byte(&document, part, place);
                let verified = verifies(folder.path(), &changed, place);
                assert_eq!(verified, Some(false), "{part} of signature {place}");
            }
        }
    }
}

#[test]
fn xmlsec1_verifies_a_license_and_notices_a_changed_byte() {
    for algorithm in [RsaPkcs1Sha256, EcdsaP256Sha256] {
        let root = Authority::root("Platform", algorithm);
        let signer = licensing::licensor(&root, algorithm);
        let signed = license::sign(&Portable, &licensing::full(&signer), &signer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("root.pem"), root.pem()).unwrap();
        let Some(intact) = verifies(folder.path(), signed.document(), 1) else {
            return skipped(
                "xmlsec1_verifies_a_license_and_notices_a_changed_byte",
                "xmlsec1 is not installed",
            );
        };
        assert!(intact, "{algorithm:?}");
        let parts = [
            "<ds:DigestValue>",
            "<ds:SignatureValue>",
            "max-count=\"",
            "<public-key>",
        ];
        for part in parts {
            let changed = with_changed_byte(signed.document(), part, 1);
            assert_eq!(verifies(folder.path(), &changed, 1), Some(false), "{part}");
        }
    }
}

/// The document with the byte after the `place`-th `part` changed to another of base64.
fn with_changed_byte(document: &[u8], part: &str, place: usize) -> Vec<u8> {
    let text = std::str::from_utf8(document).unwrap();
    let (at, found) = text.match_indices(part).nth(place - 1).unwrap();
    let mut changed = document.to_vec();
    let byte = &mut changed[at + found.len()];
    *byte = if *byte == b'A' { b'B' } else { b'A' };
    changed
}
