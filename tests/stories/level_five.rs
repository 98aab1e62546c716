//! Level 5, from the account to the opened book: on whose devices a copy opens, and where not.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Output;

use colophon_keys::{Authority, KeyKind, Subject, SystemRandom};
use colophon_tests::book::epub;
use colophon_tests::colophon::{Host, House, fail, succeed};
use colophon_tests::device::Device;
use colophon_tests::person::Person;
use colophon_tests::persona::{a_day, now_s};
use colophon_title::trust::CertificateRole;

use crate::licensed::until;

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

    // To say what is granted without end or number, no repository is asked.
    let info = thief.run(&["info", text(&copy)]);
    assert!(info.status.success() && info.stderr.is_empty(), "{info:?}");

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

/// Whoever was revoked learns it from the shop's page, and not that something is wrong with a form.
#[test]
fn a_revoked_personas_form_is_refused_by_a_code_of_its_own() {
    let (house, secret) = house(None);
    let host = house.serve(&["--set", "trust.poll_ms=20"]);
    let desk = Device::new("desk", &house);
    let mut ada = Person::sign_up(&host, "ada");
    desk.activate(&host, &mut ada);
    let (form, persona) = (desk.certificate(&host), persona(&desk));
    let copy = buy(&house, &host, &secret, &persona, &form, &desk);
    let claims = ["--user-name", "Ada Lovelace", "--persona", &persona];
    let receipt = house.mint(&secret, BOOK_ID, "t-2", &claims);
    house.json(&["activation", "revoke", &persona, "--yes"]);
    let code = until(|| {
        let answer = host.download_licensed(&receipt, &form);
        (answer.status != 200).then(|| answer.json()["code"].clone())
    });
    assert_eq!(code, "certificate-revoked");
    // What was bought before stays bought.
    desk.open(&copy);
    // Once the persona may activate again, a new certificate is good, and the old form is not.
    house.json(&["activation", "revoke", &persona, "--undo"]);
    let laptop = Device::new("laptop", &house);
    laptop.activate(&host, &mut ada);
    let refused = host.download_licensed(&receipt, &form);
    assert_eq!(refused.json()["code"], "certificate-revoked");
    let good = laptop.certificate(&host);
    assert_eq!(host.download_licensed(&receipt, &good).status, 200);
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

    let info = succeed(desk.reader().args(["info", &copy]));
    for line in [
        format!("Licensed to {}", persona(&desk)),
        "May         print, 1 times".to_owned(),
        "Now         view yes: 3 of 3 left".to_owned(),
        "Now         print yes: 1 of 1 left".to_owned(),
    ] {
        assert!(info.contains(&line), "{line:?} is not in {info}");
    }
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
    let verified = succeed(desk.reader().args(["verify", &copy]));
    assert!(verified.contains("Now: view no: "), "{verified}");
    let json = succeed(desk.reader().args(["--json", "info", &copy]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["now"]["print"]["reason"], "spent", "{json}");
    assert_eq!(json["license"]["persona"], persona(&desk), "{json}");

    fs::remove_dir_all(desk.path("config")).unwrap();
    fs::rename(desk.path("saved"), desk.path("config")).unwrap();
    refused(&desk.run(&["open", &copy]), 8, "put back");
}

#[test]
fn a_licensor_under_a_new_root_counts_once_the_reader_is_activated_again() {
    let (house, secret) = house(None);
    let host = house.serve(&["--set", "trust.poll_ms=20"]);
    let desk = Device::new("desk", &house);
    let mut ada = Person::sign_up(&host, "ada");
    desk.activate(&host, &mut ada);
    let (form, persona) = (desk.certificate(&host), persona(&desk));
    let old = buy(&house, &host, &secret, &persona, &form, &desk);
    desk.open(&old);
    let kept = desk.path("bought before.epub");
    fs::rename(&old, &kept).unwrap();

    // The center takes another licensor, under a root that its host and this reader trust.
    let name = |name: &str| Subject {
        common_name: name.to_owned(),
        organization: None,
    };
    let root = Authority::create_root(&name("New"), KeyKind::P256, a_day(), &mut SystemRandom);
    let root = root.unwrap();
    let role = CertificateRole::Licensor;
    let leaf = root.issue(
        role,
        &name("Licensor"),
        KeyKind::P256,
        a_day(),
        &mut SystemRandom,
    );
    let leaf = leaf.unwrap();
    let (key, certificate) = (house.path().join("l.key"), house.path().join("l.pem"));
    fs::write(&key, leaf.key_pem().as_bytes()).unwrap();
    fs::write(&certificate, leaf.chain_pem()).unwrap();
    let new_root = house.path().join("trust/new.pem");
    fs::write(&new_root, root.certificate_pem()).unwrap();
    succeed(desk.reader().args(["trust", "add"]).arg(&new_root));
    until(|| house.log().contains("trust-changed").then_some(()));
    succeed(
        house
            .colophon()
            .args(["center", "signer", "set", "--role", "licensor", "--key"])
            .arg(&key)
            .arg("--certificate")
            .arg(&certificate),
    );
    // The host takes the licensor up by itself.
    let (new, output) = until(|| {
        let file = buy(&house, &host, &secret, &persona, &form, &desk);
        let output = desk.run(&["open", text(&file)]);
        (!output.status.success()).then_some((file, output))
    });
    refused(&output, 4, "none of those this activation was made for");
    desk.open(&kept);
    desk.activate_again(&host, &mut ada);
    desk.open(&new);
    desk.open(&kept);
}

/// What a shop needs to know of its buyer comes from the buyer's reader, for that shop alone.
#[test]
fn a_shop_is_told_who_buys_and_nobody_else_is() {
    let (house, secret) = house(None);
    let toys = house.add_retailer("toys", &[]);
    let host = house.serve(&[]);
    let desk = Device::new("desk", &house);
    let mut ada = Person::sign_up(&host, "ada");
    desk.activate(&host, &mut ada);
    let keys = |retailer: &str| {
        let folder = house.path().join(format!("keys of {retailer}"));
        let mut command = house.colophon();
        command.args(["retailer", "certificate", retailer, "--to"]);
        succeed(command.arg(&folder));
        (folder.join("retailer.pem"), folder.join("retailer.key"))
    };
    let (certificate, key) = keys("shop");
    let tell = |shop: &std::path::Path| desk.run(&["persona", "--for", text(shop)]);

    // The person sees whom it is for.
    let output = tell(&certificate);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    for word in [
        "main/shop",
        "Colophon platform authority",
        "ada@",
        "10 minutes",
    ] {
        assert!(said.contains(word), "{said}");
    }
    let form = desk.path("form");
    fs::write(&form, &output.stdout).unwrap();
    let mint = |secret: &str, (certificate, key): (&PathBuf, &PathBuf)| {
        let mut command = house.colophon();
        command.args([
            "receipt",
            "mint",
            "--secret",
            secret,
            "--transaction",
            "t-1",
        ]);
        command.args(["--book-id", BOOK_ID, "--user-name", "Ada Lovelace"]);
        command.arg("--persona-form").arg(&form);
        command.arg("--shop-certificate").arg(certificate);
        command.arg("--shop-key").arg(key);
        command
    };
    // What the shop has to remember is told: the command mints again from the same form.
    let told = || {
        let mut command = mint(&secret, (&certificate, &key));
        let minted = succeed(command.arg("--json"));
        let minted: serde_json::Value = serde_json::from_str(&minted).unwrap();
        minted["persona_form"].clone()
    };
    let once = told();
    assert_eq!(once["id"].as_str().unwrap().len(), 22);
    assert_eq!(told(), once);
    let until = once["remember_until_unix_s"].as_i64().unwrap();
    assert!((now_s() + 120..=now_s() + 720).contains(&until), "{once}");
    let receipt = succeed(&mut mint(&secret, (&certificate, &key)));
    let answer = host.download_licensed(receipt.trim(), &desk.certificate(&host));
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    let copy = desk.path("Secret Water.epub");
    fs::write(&copy, &answer.body).unwrap();
    desk.open(&copy);

    // Another shop cannot open it, nor sell under this one's name.
    let (toy_certificate, toy_key) = keys("toys");
    for (secret, keys, words) in [
        (
            &toys,
            (&toy_certificate, &toy_key),
            "sealed to another certificate",
        ),
        (
            &toys,
            (&certificate, &key),
            "the certificate is that of main/shop",
        ),
        (&secret, (&certificate, &toy_key), "cannot be used"),
    ] {
        let said = fail(&mut mint(secret, keys));
        assert!(said.contains(words), "{said}");
    }
    fs::write(&form, desk.certificate(&host)).unwrap();
    let said = fail(&mut mint(&secret, (&certificate, &key)));
    assert!(said.contains("this is no persona form"), "{said}");

    // Nobody who is not a shop is told anything: not a center, and not a shop of a stranger's.
    let center = house.path().join("center.pem");
    fs::write(
        &center,
        host.request("GET", "/main/certificate", &[], None)
            .unwrap()
            .body,
    )
    .unwrap();
    refused(&tell(&center), 3, "not believed");
    let elsewhere = House::new();
    elsewhere.add_retailer("shop", &[]);
    let folder = elsewhere.path().join("keys");
    let mut command = elsewhere.colophon();
    succeed(
        command
            .args(["retailer", "certificate", "shop", "--to"])
            .arg(&folder),
    );
    refused(&tell(&folder.join("retailer.pem")), 3, "not believed");

    // What is kept for shops is of no use on another machine, and does not name anybody.
    let mut files = fs::read_dir(desk.path("config/colophon-reader/activation")).unwrap();
    let is_persona = |path: &Path| text(path).contains("/persona-");
    let kept = files.find_map(|file| Some(file.unwrap().path()).filter(|path| is_persona(path)));
    let kept = fs::read(kept.unwrap()).unwrap();
    assert!(!kept.windows(4).any(|part| part == b"ada@"));
    let thief = desk.copied_to("thief", &house);
    let output = thief.run(&["persona", "--for", text(&certificate)]);
    refused(&output, 4, "kept on another machine");
    let phone = Device::new("phone", &house);
    refused(
        &phone.run(&["persona", "--for", text(&certificate)]),
        4,
        "not activated",
    );
}

/// The persona a device was activated for, as its certificate says.
pub(crate) fn persona(device: &Device) -> String {
    let listed = succeed(device.reader().args(["--json", "persona"]));
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    listed["persona"].as_str().unwrap().to_owned()
}
