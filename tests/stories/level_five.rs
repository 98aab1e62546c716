//! Level 5, from the account to the opened book: on whose devices a copy opens, and where not.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use colophon_tests::book::epub;
use colophon_tests::colophon::{Host, House, succeed};
use colophon_tests::device::Device;
use colophon_tests::person::Person;

const BOOK_ID: &str = "9780000000026";

/// A house that sells one title at level 5, with what its licenses grant.
fn house(rights: Option<&str>) -> (House, String) {
    let house = House::new();
    let file = house.path().join("secret.epub");
    fs::write(&file, epub("Secret Water", "Ada Writer", 3)).unwrap();
    house.add_title(&file, BOOK_ID, &["--level", "5"]);
    if let Some(rights) = rights {
        let file = house.path().join("rights.xml");
        fs::write(&file, rights).unwrap();
        succeed(
            house
                .colophon()
                .args(["center", "rights", "--set"])
                .arg(file),
        );
    }
    let secret = house.add_retailer("shop", &[]);
    (house, secret)
}

/// A sale to a persona: the shop has kept the certificate that the buyer's reader made.
fn buy(
    house: &House,
    host: &Host,
    secret: &str,
    persona: &str,
    form: &str,
    to: &Device,
) -> PathBuf {
    let receipt = house.mint(
        secret,
        BOOK_ID,
        &format!("t-{persona}"),
        &["--user-name", "Ada Lovelace", "--persona", persona],
    );
    let answer = host.download_licensed(&receipt, form);
    assert_eq!(
        answer.status,
        200,
        "{:?} {}",
        answer.headers,
        String::from_utf8_lossy(&answer.body)
    );
    let file = to.path("Secret Water.epub");
    fs::write(&file, &answer.body).unwrap();
    file
}

/// Asserts that a reader refused, with this exit code and these words.
#[track_caller]
fn refused(output: &Output, code: i32, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(words), "{said}");
    assert!(said.contains(" next: "), "{said}");
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_copy_opens_on_its_buyers_devices_and_nowhere_else() {
    let (house, secret) = house(None);
    let host = house.serve(&[]);
    let (desk, laptop) = (Device::new("desk", &house), Device::new("laptop", &house));
    let mut ada = Person::sign_up(&host, "ada");
    desk.activate(&host, &mut ada);
    laptop.activate(&host, &mut ada);
    let form = desk.certificate(&host);
    let persona = persona(&desk);
    let copy = buy(&house, &host, &secret, &persona, &form, &desk);

    // Every device of hers, without network; and the file moves into the library.
    assert!(host.stop());
    let page = desk.open(&copy);
    assert!(
        page.contains("Secret Water") && page.contains("belongs to Ada Lovelace"),
        "{page}"
    );
    let words = succeed(desk.reader().args(["open", text(&copy), "--chapter", "1"]));
    assert!(!words.trim().is_empty());
    succeed(laptop.reader().args(["add", "--keep", text(&copy)]));
    let page = laptop.open("Secret Water".as_ref());
    assert!(page.contains("belongs to Ada Lovelace"), "{page}");
    let info = succeed(laptop.reader().args(["info", "Secret Water"]));
    assert!(
        info.contains("5, fully individualized") && info.contains("view"),
        "{info}"
    );
    succeed(laptop.reader().args(["verify", "Secret Water"]));

    // Viewing is all that is granted.
    let out = text(&copy.with_file_name("out")).to_owned();
    refused(
        &desk.run(&["open", text(&copy), "--to", &out]),
        8,
        "does not grant the copy right",
    );
    assert!(!desk.path("out").exists());
    refused(
        &desk.run(&["print", text(&copy), "--with", "cat"]),
        8,
        "does not grant the print right",
    );

    // A reader that was never activated knows the title and shows nothing of it.
    let phone = Device::new("phone", &house);
    refused(&phone.run(&["open", text(&copy)]), 4, "activate");
    let info = succeed(phone.reader().args(["info", text(&copy)]));
    assert!(info.contains("Secret Water"), "{info}");

    // A machine that has everything but the machine.
    let thief = desk.copied_to("thief", &house);
    refused(
        &thief.run(&["open", text(&copy)]),
        4,
        "not activated on this machine",
    );

    // One fact may change; it is the same machine.
    desk.state("proc/sys/kernel/hostname", "renamed.example");
    desk.open(&copy);
    desk.state("etc/machine-id", "installed anew");
    refused(
        &desk.run(&["open", text(&copy)]),
        4,
        "not activated on this machine",
    );
}

#[test]
fn another_persona_opens_nothing_and_new_hardware_opens_everything() {
    let (house, secret) = house(None);
    let host = house.serve(&[]);
    let desk = Device::new("desk", &house);
    let mut ada = Person::sign_up(&host, "ada");
    desk.activate(&host, &mut ada);
    let form = desk.certificate(&host);
    let copy = buy(&house, &host, &secret, &persona(&desk), &form, &desk);

    let other = Device::new("other", &house);
    let mut bob = Person::sign_up(&host, "bob");
    other.activate(&host, &mut bob);
    refused(&other.run(&["open", text(&copy)]), 4, &persona(&desk));

    // The desk is lost. Its files were saved, and nothing is downloaded or licensed anew.
    let new_desk = Device::new("new desk", &house);
    new_desk.activate(&host, &mut ada);
    assert!(host.stop());
    let page = new_desk.open(&copy);
    assert!(page.contains("belongs to Ada Lovelace"), "{page}");
}

#[test]
fn a_no_and_a_limit_are_told() {
    let (house, _) = house(None);
    let host = house.serve(&[]);
    let mut ada = Person::sign_up(&host, "ada");
    let desk = Device::new("desk", &house);
    let output = desk.activate_with(&host, |link| ada.deny(link));
    refused(&output, 7, "denied");
    for name in ["one", "two", "three", "four", "five"] {
        Device::new(name, &house).activate(&host, &mut ada);
    }
    let output = desk.activate_with(&host, |link| ada.approve(link, "desk"));
    refused(&output, 7, "all activations granted so far are used");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("the next one is granted on 20"), "{said}");
}

#[test]
fn counted_rights_are_used_up_and_putting_counts_back_does_not_help() {
    let rights = r#"<rights xmlns="urn:colophon:license:1"><rights-group name="reading"><bundle/>
        <view max-count="3"/><print max-count="1"/><copy max-count="1"/></rights-group></rights>"#;
    let (house, secret) = house(Some(rights));
    let host = house.serve(&[]);
    let desk = Device::new("desk", &house);
    let mut ada = Person::sign_up(&host, "ada");
    desk.activate(&host, &mut ada);
    let form = desk.certificate(&host);
    let copy = buy(&house, &host, &secret, &persona(&desk), &form, &desk);
    let copy = text(&copy).to_owned();

    desk.open(copy.as_ref());
    succeed(
        std::process::Command::new("cp")
            .arg("-a")
            .args([desk.path("config"), desk.path("saved")]),
    );
    succeed(
        desk.reader()
            .args(["open", &copy, "--to"])
            .arg(desk.path("out")),
    );
    let written = fs::read(desk.path("out/Secret Water.epub")).unwrap();
    assert!(zip::ZipArchive::new(std::io::Cursor::new(written)).is_ok());
    refused(
        &desk.run(&["open", &copy, "--to", text(&desk.path("more"))]),
        8,
        "all there is",
    );
    succeed(desk.reader().args(["print", &copy, "--with", "cat"]));
    refused(
        &desk.run(&["print", &copy, "--with", "cat"]),
        8,
        "all there is",
    );
    refused(&desk.run(&["open", &copy]), 8, "all there is");

    fs::remove_dir_all(desk.path("config")).unwrap();
    fs::rename(desk.path("saved"), desk.path("config")).unwrap();
    refused(&desk.run(&["open", &copy]), 8, "put back");
}

/// The persona a device was activated for, as its certificate says.
fn persona(device: &Device) -> String {
    let listed = succeed(device.reader().args(["--json", "persona"]));
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    listed["persona"].as_str().unwrap().to_owned()
}
