//! The folder a buyer's files are kept in.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/shop.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod shop;

use std::fs;

use shop::{OWNER, Order, Shop, damage, text};

const FOR_OWNER: Order = Order {
    owner: Some(OWNER),
    demanded: &[],
    signed: &[],
};

fn files(shop: &Shop) -> Vec<String> {
    let Ok(entries) = fs::read_dir(shop.path("library")) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_download_moves_into_the_library() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &FOR_OWNER);
    let bytes = fs::read(&copy).unwrap();
    shop.reader(&["add", text(&copy)]).done();
    assert!(!copy.exists());
    assert_eq!(fs::read(shop.path("library/whale.epub")).unwrap(), bytes);
}

#[test]
fn the_original_can_stay() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &FOR_OWNER);
    shop.reader(&["add", "--keep", text(&copy)]).done();
    assert!(copy.exists());
    assert_eq!(files(&shop), ["whale.epub"]);
}

#[test]
fn the_same_file_is_kept_once() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &FOR_OWNER);
    shop.reader(&["add", "--keep", text(&copy)]).done();
    let again = shop.reader(&["--json", "add", text(&copy)]).json();
    assert_eq!(again["already_known"], true);
    assert_eq!(files(&shop), ["whale.epub"]);
}

#[test]
fn another_file_of_the_same_name_gets_a_number() {
    let shop = Shop::new();
    shop.reader(&["add", text(&shop.book("whale.epub", &FOR_OWNER))])
        .done();
    shop.reader(&["add", text(&shop.book("whale.epub", &Order::default()))])
        .done();
    assert_eq!(files(&shop), ["whale (2).epub", "whale.epub"]);
}

#[test]
fn adding_a_file_that_lies_in_the_library_changes_nothing() {
    let shop = Shop::new();
    shop.reader(&["add", text(&shop.book("whale.epub", &FOR_OWNER))])
        .done();
    shop.reader(&["add", text(&shop.path("library/whale.epub"))])
        .done();
    assert_eq!(files(&shop), ["whale.epub"]);
}

#[test]
fn a_damaged_file_stays_out() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &FOR_OWNER);
    damage(&copy);
    shop.reader(&["add", text(&copy)])
        .refused(3, "the title file is refused");
    assert!(copy.exists());
    assert_eq!(files(&shop), [""; 0]);
}

#[test]
fn the_list_names_title_owner_and_level() {
    let shop = Shop::new();
    assert!(shop.reader(&["list"]).done().contains("is empty"));
    shop.reader(&["add", text(&shop.book("whale.epub", &FOR_OWNER))])
        .done();
    shop.reader(&["add", text(&shop.clear_book("clear.epub"))])
        .done();
    let list = shop.reader(&["list"]).done();
    let row = list
        .lines()
        .find(|line| line.contains("whale.epub"))
        .unwrap();
    for words in ["The Whale", "Herman M.", OWNER, " 3 ", "unproven"] {
        assert!(row.contains(words), "{list}");
    }
    let list = shop.reader(&["--json", "list"]).json();
    assert_eq!(list[0]["level"], 1);
    assert_eq!(list[1]["level"], 3);
}

#[test]
fn a_file_that_became_damaged_is_listed_with_the_cause() {
    let shop = Shop::new();
    shop.reader(&["add", text(&shop.book("whale.epub", &FOR_OWNER))])
        .done();
    fs::write(shop.path("library/whale.epub"), "gone").unwrap();
    let list = shop.reader(&["list"]).done();
    assert!(list.contains("not a publication"), "{list}");
}

#[test]
fn a_title_is_found_by_name_number_and_part() {
    let shop = Shop::new();
    shop.reader(&["add", text(&shop.book("bought.epub", &FOR_OWNER))])
        .done();
    for name in ["bought.epub", "9780000000019", "the whale", "WHAL"] {
        let page = shop.reader(&["open", name]).done();
        assert!(page.contains("by Herman M."), "{name}: {page}");
    }
}

#[test]
fn a_name_that_fits_several_asks_which() {
    let shop = Shop::new();
    shop.reader(&["add", text(&shop.book("one.epub", &FOR_OWNER))])
        .done();
    shop.reader(&["add", text(&shop.book("two.epub", &Order::default()))])
        .done();
    let ran = shop.reader(&["open", "whale"]);
    ran.refused(5, "several files");
    assert!(
        ran.talk().contains("one.epub") && ran.talk().contains("two.epub"),
        "{}",
        ran.talk()
    );
}

#[test]
fn an_unknown_name_points_to_the_list() {
    let shop = Shop::new();
    let ran = shop.reader(&["open", "moby"]);
    ran.refused(5, "nothing in the library is called \"moby\"");
    assert!(ran.talk().contains("colophon-reader list"));
}
