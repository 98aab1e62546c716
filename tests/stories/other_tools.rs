//! Delivered files in the hands of tools that know nothing of Colophon.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use colophon_tests::book::epub;
use colophon_tests::colophon::{House, fail, succeed};
use colophon_tests::tool::{on_path, skipped};

/// A copy at level 4 with all three signatures, and the folder it was made in.
fn signed_copy() -> (House, PathBuf) {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Tools", "Ada", 6)).unwrap();
    let owner = house.path().join("owner");
    succeed(
        house
            .colophon()
            .args([
                "center",
                "issue",
                "--role",
                "owner",
                "--name",
                "Ada Writer",
                "--to",
            ])
            .arg(&owner),
    );
    let (certificate, key) = (owner.join("owner.pem"), owner.join("owner.key"));
    let signing = [
        "--level",
        "3",
        "--sign",
        "tool,owner,provider",
        "--owner-certificate",
        certificate.to_str().unwrap(),
        "--owner-key",
        key.to_str().unwrap(),
    ];
    house.add_title(&file, "b-1", &signing);
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    let answer = host.download(&house.mint(
        &secret,
        "b-1",
        "t-1",
        &["--user-name", "Bea", "--level", "4"],
    ));
    assert_eq!(answer.status, 200);
    let copy = house.path().join("copy.epub");
    fs::write(&copy, &answer.body).unwrap();
    (house, copy)
}

#[test]
fn archivers_read_a_delivered_file() {
    let (_house, copy) = signed_copy();
    let copy = copy.to_str().unwrap();
    let python = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nprint(len(z.namelist()))";
    let judges: [(&str, &[&str]); 4] = [
        ("unzip", &["-tqq", copy]),
        ("python3", &["-c", python, copy]),
        ("jar", &["tf", copy]),
        ("7z", &["t", copy]),
    ];
    for (program, arguments) in judges {
        if on_path(program).is_none() {
            skipped(
                &format!("archivers_read_a_delivered_file ({program})"),
                "not installed",
            );
            continue;
        }
        succeed(Command::new(program).args(arguments));
    }
}

#[test]
fn every_signature_verifies_with_xmlsec1_and_fails_after_one_flipped_byte() {
    if on_path("xmlsec1").is_none() {
        return skipped(
            "every_signature_verifies_with_xmlsec1",
            "xmlsec1 is not installed",
        );
    }
    let (house, copy) = signed_copy();
    let signatures = house.path().join("signatures.xml");
    let xml = succeed(
        Command::new("unzip")
            .arg("-p")
            .arg(&copy)
            .arg("META-INF/signatures.xml"),
    );
    fs::write(&signatures, &xml).unwrap();
    let roots = house.path().join("trust/roots.pem");
    for role in ["tool", "owner", "provider"] {
        assert!(xml.contains(&format!("role=\"{role}\"")), "{role} signed");
    }
    for number in 1..=3 {
        succeed(&mut verify(&signatures, &roots, number));
    }
    // One byte of each statement: the first digit of its issue time, in seconds since 1970.
    let flipped = house.path().join("flipped.xml");
    let broken = xml.replace(" issued=\"1", " issued=\"2");
    assert_ne!(broken, xml, "the statements hold an issue time");
    fs::write(&flipped, broken).unwrap();
    for number in 1..=3 {
        fail(&mut verify(&flipped, &roots, number));
    }
}

fn verify(signatures: &Path, roots: &Path, number: usize) -> Command {
    let mut command = Command::new("xmlsec1");
    command.args(["--verify", "--trusted-pem"]).arg(roots);
    command.args([
        "--node-xpath",
        &format!("(//*[local-name()='Signature'])[{number}]"),
    ]);
    command.arg(signatures);
    command
}

#[test]
fn the_reader_trusts_signatures_only_under_its_roots() {
    let (house, copy) = signed_copy();
    let info = |house: &House| -> serde_json::Value {
        serde_json::from_str(&succeed(
            house.reader().arg("--json").arg("info").arg(&copy),
        ))
        .unwrap()
    };
    let trusted = |info: &serde_json::Value| -> Vec<bool> {
        let list = info["signatures"].as_array().unwrap();
        list.iter()
            .map(|signature| signature["trusted"].as_bool().unwrap())
            .collect()
    };
    assert_eq!(trusted(&info(&house)), [false; 3]);
    succeed(
        house
            .reader()
            .args(["trust", "add"])
            .arg(house.path().join("trust/roots.pem")),
    );
    assert_eq!(trusted(&info(&house)), [true; 3]);
}
