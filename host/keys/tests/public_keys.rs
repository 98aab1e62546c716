//! Signatures that common tools make, by people whose public key is known here.

#![cfg(test)]

use std::path::Path;
use std::process::Command;

use colophon_keys::{AwsLc, InvalidPublicKey, PublicKey};

/// Runs openssl in a folder; none where it is not installed.
fn openssl(folder: &Path, arguments: &[&str]) -> Option<()> {
    let run = Command::new("openssl")
        .current_dir(folder)
        .args(arguments)
        .output();
    let Ok(out) = run else {
        eprintln!("skipped: openssl is not installed");
        return None;
    };
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "openssl {arguments:?}: {said}");
    Some(())
}

fn check(algorithm: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let message = b"colophon plug-in 1\nacme\n";
    std::fs::write(place.join("message"), message).unwrap();
    let make = [&["genpkey", "-out", "key.pem"], algorithm].concat();
    let Some(()) = openssl(place, &make) else {
        return;
    };
    let steps: [&[&str]; 3] = [
        &["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"],
        &[
            "dgst",
            "-sha256",
            "-sign",
            "key.pem",
            "-out",
            "signature",
            "message",
        ],
        &[
            "req",
            "-x509",
            "-key",
            "key.pem",
            "-subj",
            "/CN=Publisher",
            "-out",
            "certificate.pem",
        ],
    ];
    for step in steps {
        openssl(place, step).unwrap();
    }
    let read = |name: &str| std::fs::read_to_string(place.join(name)).unwrap();
    let key = PublicKey::from_pem(&AwsLc, &read("public.pem")).unwrap();
    assert_eq!(
        PublicKey::from_pem(&AwsLc, &read("certificate.pem")),
        Ok(key.clone())
    );
    let again = PublicKey::from_spki(&AwsLc, key.spki_der().to_vec());
    assert_eq!(again, Ok(key.clone()));
    assert_eq!(
        PublicKey::from_pem(&AwsLc, &read("key.pem")),
        Err(InvalidPublicKey)
    );

    // Half of all signatures of P-256 have their second number in the upper half.
    for turn in 0..6 {
        openssl(place, steps[1]).unwrap();
        let signature = std::fs::read(place.join("signature")).unwrap();
        assert_eq!(key.verify(&AwsLc, message, &signature), Ok(()), "{turn}");
        assert!(
            key.verify(&AwsLc, b"colophon plug-in 1\nacmf\n", &signature)
                .is_err()
        );
        for at in [0, signature.len() / 2, signature.len() - 1] {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            assert!(key.verify(&AwsLc, message, &changed).is_err(), "{at}");
        }
        assert!(key.verify(&AwsLc, message, &signature[1..]).is_err());
    }
    assert!(key.verify(&AwsLc, message, &[]).is_err());
}

#[test]
fn a_signature_of_p256_by_openssl_fits() {
    check(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
}

#[test]
fn a_signature_of_rsa_by_openssl_fits() {
    check(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
}

#[test]
fn other_keys_are_none() {
    for text in [
        "",
        "a key",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ] {
        assert_eq!(
            PublicKey::from_pem(&AwsLc, text),
            Err(InvalidPublicKey),
            "{text}"
        );
    }
}
