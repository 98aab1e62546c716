//! What the reader says about activation on the command line, and how it ends.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/platform.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod platform;
#[path = "support/service.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod service;
#[path = "support/shop.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod shop;

use std::fs;

use colophon_activation::FactSalt;
use platform::{PERSONA, Platform};
use serde_json::{Value, json};
use service::{Reply, Service};
use shop::{Ran, Shop, text};

/// A reader on a machine that states enough to be recognized, with nobody else's settings.
struct Reader {
    shop: Shop,
    platform: Platform,
}

impl Reader {
    fn new() -> Reader {
        let reader = Reader {
            shop: Shop::new(),
            platform: Platform::new(),
        };
        for (file, fact) in [
            ("etc/machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4"),
            ("etc/hostname", "desk"),
            ("proc/cpuinfo", "model name : Some CPU"),
        ] {
            reader.write(&format!("machine/{file}"), fact);
        }
        reader
    }

    fn trusting() -> Reader {
        let reader = Reader::new();
        reader.write("platform.pem", &reader.platform.root_pem());
        let root = reader.shop.path("platform.pem");
        reader.run(&["trust", "add", text(&root)]).done();
        reader
    }

    fn write(&self, file: &str, words: &str) {
        let path = self.shop.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, words).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let machine = self.shop.path("machine");
        let state = self.shop.path("state");
        self.shop.reader_with(
            arguments,
            &[
                ("COLOPHON_READER_MACHINE", machine.as_path()),
                ("XDG_STATE_HOME", state.as_path()),
            ],
        )
    }
}

/// A service that approves at once.
fn service(reader: &Reader) -> Service {
    let package = reader
        .platform
        .package(&PERSONA.parse().unwrap(), FactSalt::from_bytes([7; 16]));
    let page = "http://127.0.0.1:1/activation";
    Service::start(vec![
        Reply::json(
            200,
            &json!({
                "device_code": "device", "user_code": "ABCD-EFGH", "verification_uri": page,
                "expires_in": 60, "interval": 1,
            }),
        ),
        Reply::json(
            200,
            &json!({
                "access_token": "token", "token_type": "Bearer", "expires_in": 60,
                "persona": PERSONA, "fact_salt": "BwcHBwcHBwcHBwcHBwcHBw",
            }),
        ),
        Reply::Full(200, "", package.to_json()),
    ])
}

#[test]
fn a_reader_is_activated_once() {
    let reader = Reader::trusting();
    let service = service(&reader);
    let at = service.url("http", "/activation");
    let ran = reader.run(&["--json", "activate", "--at", &at, "--no-browser"]);
    let said = ran.done();
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["user_code"], "ABCD-EFGH");
    assert_eq!(lines[0]["page"], "http://127.0.0.1:1/activation");
    assert_eq!(lines[1]["persona"], PERSONA);
    assert_eq!(reader.run(&["persona"]).done(), format!("{PERSONA}\n"));
    // Nobody is asked a second time: the service has ended.
    let again = reader.run(&["activate", "--at", &at]);
    again.done();
    assert!(
        again.talk().contains("activated already"),
        "{}",
        again.talk()
    );
}

#[test]
fn what_only_an_activated_reader_has_says_how_to_become_one() {
    let reader = Reader::trusting();
    for arguments in [
        &["persona"][..],
        &["certificate", "--for", "https://books.example/main"],
    ] {
        let ran = reader.run(arguments);
        ran.refused(4, "this reader is not activated");
        assert!(
            ran.talk().contains("next: activate this reader"),
            "{}",
            ran.talk()
        );
    }
}

#[test]
fn what_is_missing_is_said_before_anybody_is_asked() {
    let reader = Reader::new();
    let nowhere = "http://127.0.0.1:9/activation";
    let ran = reader.run(&["activate", "--at", nowhere]);
    ran.refused(1, "no authority is trusted");
    assert!(ran.talk().contains("trust add"), "{}", ran.talk());
    let reader = Reader::trusting();
    fs::remove_file(reader.shop.path("machine/etc/hostname")).unwrap();
    let ran = reader.run(&["activate", "--at", nowhere]);
    ran.refused(1, "cannot be told from others");
    assert!(ran.talk().contains("2 facts are known"), "{}", ran.talk());
}

#[test]
fn an_address_that_others_can_listen_to_is_refused() {
    let reader = Reader::trusting();
    for at in [
        "http://books.example/activation",
        "books.example",
        "ftp://books.example/",
    ] {
        let ran = reader.run(&["activate", "--at", at]);
        ran.refused(1, at);
        assert!(ran.talk().contains("next: "), "{}", ran.talk());
    }
}

#[test]
fn a_service_that_is_not_there_is_named() {
    let reader = Reader::trusting();
    let settings = "[activation]\naddress = \"http://127.0.0.1:9/somewhere\"\n";
    reader.write("settings/settings.toml", settings);
    let ran = reader.run(&["activate"]);
    ran.refused(
        1,
        "http://127.0.0.1:9/somewhere/device_authorization cannot be reached",
    );
}

#[test]
fn settings_nobody_knows_are_refused() {
    let reader = Reader::trusting();
    for settings in ["[activation]\nadress = \"x\"", "[place]\n", "not = [toml"] {
        reader.write("settings/settings.toml", settings);
        let ran = reader.run(&["activate"]);
        ran.refused(1, "settings.toml");
    }
    // What does not need them goes on.
    reader.run(&["list"]).done();
}
