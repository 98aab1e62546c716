//! What a reader says of files that are damaged, altered, unsigned or signed by strangers.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/shop.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod shop;

use std::fs;

use colophon_title::SignerRole::{Provider, Tool};
use shop::{OWNER, Order, Shop, damage, text};

const SIGNED: Order = Order {
    owner: Some(OWNER),
    demanded: &[Tool, Provider],
    signed: &[Tool, Provider],
};
const STRIPPED: Order = Order {
    owner: Some(OWNER),
    demanded: &[Tool],
    signed: &[],
};

#[test]
fn an_intact_copy_is_intact() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &Order::default());
    let words = shop.reader(&["verify", text(&copy)]).done();
    assert!(words.contains("every byte is as it was sealed"), "{words}");
}

#[test]
fn a_changed_byte_is_refused() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &SIGNED);
    damage(&copy);
    shop.reader(&["verify", text(&copy)])
        .refused(3, "the title file is refused");
}

#[test]
fn a_cut_file_is_refused_and_not_taken_for_an_ordinary_one() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &Order::default());
    let bytes = fs::read(&copy).unwrap();
    fs::write(&copy, &bytes[..bytes.len() - 1]).unwrap();
    for command in ["open", "verify", "info"] {
        shop.reader(&[command, text(&copy)])
            .refused(3, "the title file is refused");
    }
}

#[test]
fn a_file_that_is_nothing_is_refused() {
    let shop = Shop::new();
    let file = shop.path("book.epub");
    fs::write(&file, "not a book").unwrap();
    let ran = shop.reader(&["open", text(&file)]);
    ran.refused(3, "not a publication");
    assert!(ran.talk().contains("next: "), "{}", ran.talk());
}

#[test]
fn signatures_prove_the_origin_under_a_trusted_root() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &SIGNED);
    shop.reader(&["trust", "add", text(&shop.root())]).done();
    let words = shop.reader(&["verify", "--strict", text(&copy)]).done();
    assert!(
        words.contains("Origin: proven: tool signed by CN=Test Signer, 2026-01-02"),
        "{words}"
    );
    let info = shop.reader(&["info", text(&copy)]).done();
    assert_eq!(
        info.matches("issued by CN=Test Authority: trusted").count(),
        2,
        "{info}"
    );
}

#[test]
fn a_revocation_list_that_should_have_been_replaced_is_told_of() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &SIGNED);
    shop.reader(&["trust", "add", text(&shop.root())]).done();
    let verify = || {
        let ran = shop.reader(&["verify", "--strict", text(&copy)]);
        assert_eq!(ran.code(), 0, "{}", ran.talk());
        ran.talk()
    };
    assert_eq!(verify(), "");
    shop.reader(&["trust", "add", text(&shop.revocation_list(2021))])
        .done();
    let talk = verify();
    assert!(
        talk.contains("list of CN=Test Authority was to be replaced by 2021-01-01"),
        "{talk}"
    );
    // It counts all the same, and one that is later takes its place.
    shop.reader(&["trust", "add", text(&shop.revocation_list(2044))])
        .done();
    assert_eq!(verify(), "");
}

#[test]
fn signatures_of_strangers_prove_nothing() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &SIGNED);
    let words = shop.reader(&["verify", text(&copy)]).done();
    assert!(
        words.contains("signed by nobody you trust, origin unproven"),
        "{words}"
    );
    assert!(words.contains("tool, provider"), "{words}");
    assert_eq!(shop.reader(&["verify", "--strict", text(&copy)]).code(), 6);
}

#[test]
fn a_stripped_signature_is_shown() {
    let shop = Shop::new();
    shop.reader(&["trust", "add", text(&shop.root())]).done();
    let copy = shop.book("whale.epub", &STRIPPED);
    let words = shop.reader(&["open", text(&copy)]).done();
    let expected = "unsigned, origin unproven";
    assert!(words.contains(expected), "{words}");
    let info = shop.reader(&["--json", "info", text(&copy)]).json();
    assert_eq!(info["origin_proven"], false);
    assert_eq!(info["missing_signatures"][0], "tool");
}

#[test]
fn an_unprotected_book_is_called_so() {
    let shop = Shop::new();
    let book = shop.clear_book("whale.epub");
    let words = shop.reader(&["verify", text(&book)]).done();
    assert!(
        words.contains("Nothing protects it from changes"),
        "{words}"
    );
    assert_eq!(shop.reader(&["verify", "--strict", text(&book)]).code(), 6);
    let info = shop.reader(&["info", text(&book)]).done();
    assert!(info.contains("Level       1, unprotected"), "{info}");
}

#[test]
fn trust_is_listed_and_taken_back() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &SIGNED);
    assert!(
        shop.reader(&["trust", "list"])
            .done()
            .contains("No authority is trusted")
    );
    shop.reader(&["trust", "add", text(&shop.root())]).done();
    shop.reader(&["trust", "add", text(&shop.root())]).done();
    let list = shop.reader(&["--json", "trust", "list"]).json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["subject"], "CN=Test Authority");
    let fingerprint = list[0]["fingerprint"].as_str().unwrap();
    shop.reader(&["trust", "remove", "zz"])
        .refused(5, "0 fingerprints");
    shop.reader(&["trust", "remove", &fingerprint[..8]]).done();
    assert_eq!(shop.reader(&["verify", "--strict", text(&copy)]).code(), 6);
}

#[test]
fn only_authorities_can_be_trusted() {
    let shop = Shop::new();
    let file = shop.path("notes.txt");
    fs::write(&file, "-----BEGIN NOTHING-----").unwrap();
    shop.reader(&["trust", "add", text(&file)])
        .refused(3, "neither the certificate");
    assert!(
        shop.reader(&["trust", "list"])
            .done()
            .contains("No authority is trusted")
    );
}

#[test]
fn a_damaged_trust_store_trusts_nobody_and_says_so() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &SIGNED);
    shop.reader(&["trust", "add", text(&shop.root())]).done();
    let file = fs::read_dir(shop.path("settings/trust"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    damage(&file);
    fs::write(&file, "damaged").unwrap();
    shop.reader(&["open", text(&copy)]).refused(1, "is damaged");
}
