//! A buyer opens what was bought: title page, contents, text, and the publication itself.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/shop.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod shop;

use std::fs::{self, File};
use std::io::Read;

use colophon_reader::Document;
use colophon_title::{MediaType, TrustRoots};
use shop::{BOOK, OWNER, Order, Shop, entry, text};

const FOR_OWNER: Order = Order {
    owner: Some(OWNER),
    demanded: &[],
    signed: &[],
};

#[test]
fn the_title_page_names_author_then_owner_then_copyright() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &FOR_OWNER);
    let page = shop.reader(&["open", text(&copy)]).done();
    let places = [
        "[cover: cover.png, ",
        "The Whale",
        "by Herman M.",
        OWNER,
        "© 1851 Herman M.",
    ]
    .map(|words| {
        page.find(words)
            .unwrap_or_else(|| panic!("{words} in {page}"))
    });
    assert!(places.is_sorted(), "{page}");
    assert!(
        page.contains("Level 3, individually sealed; unsigned, origin unproven"),
        "{page}"
    );
}

#[test]
fn the_contents_number_the_chapters() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &Order::default());
    let page = shop.reader(&["open", text(&copy)]).done();
    let contents = page.split_once("Contents\n").unwrap().1;
    let expected = "   1  Loomings\n   1    Later\n   2  The Carpet-Bag\n";
    assert!(contents.starts_with(expected), "{page}");
}

#[test]
fn chapters_read_the_same_at_every_level() {
    let shop = Shop::new();
    let copies = [
        shop.clear_book("clear.epub"),
        shop.book("source-sealed.epub", &Order::default()),
        shop.book("individually-sealed.epub", &FOR_OWNER),
    ];
    for copy in copies {
        let one = shop.reader(&["open", text(&copy), "--chapter", "1"]).done();
        assert_eq!(one, "Loomings\n════════\n\nCall me Ishmael.\n");
        let two = shop.reader(&["open", text(&copy), "--page", "2"]).done();
        assert!(two.contains("I stuffed a shirt or two."), "{two}");
    }
}

#[test]
fn a_chapter_that_is_not_there_is_named() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &FOR_OWNER);
    let ran = shop.reader(&["open", text(&copy), "--chapter", "3"]);
    ran.refused(5, "there is no chapter 3");
    assert!(ran.talk().contains("the chapters are 1 to 2"));
}

#[test]
fn the_opened_publication_is_the_source() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &FOR_OWNER);
    let folder = shop.path("opened");
    shop.reader(&["open", text(&copy), "--to", text(&folder)])
        .done();
    let mut archive = zip::ZipArchive::new(File::open(folder.join("whale.epub")).unwrap()).unwrap();
    for (name, expected) in BOOK {
        let mut content = Vec::new();
        archive
            .by_name(name)
            .unwrap()
            .read_to_end(&mut content)
            .unwrap();
        assert_eq!(content, expected.as_bytes(), "{name}");
    }
    assert_eq!(archive.len(), BOOK.len() + 1);
}

#[test]
fn a_publication_never_replaces_a_file() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &FOR_OWNER);
    let folder = shop.path("opened");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("whale.epub"), "mine").unwrap();
    shop.reader(&["open", text(&copy), "--to", text(&folder)])
        .refused(1, "exists already");
    assert_eq!(
        fs::read_to_string(folder.join("whale.epub")).unwrap(),
        "mine"
    );
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn other_media_open_to_the_file_that_was_sold() {
    let shop = Shop::new();
    let pdf = b"%PDF-1.7\n1 0 obj\nendobj\ntrailer\n%%EOF\n".to_vec();
    let media_type = MediaType::parse("application/pdf").unwrap();
    let copy = shop.copy(
        pdf.clone(),
        &media_type,
        "leaflet.pdf",
        "bought.colophon",
        &FOR_OWNER,
    );
    let page = shop.reader(&["open", text(&copy)]).done();
    assert!(
        page.contains(OWNER) && page.contains("application/pdf"),
        "{page}"
    );
    let folder = shop.path("opened");
    shop.reader(&["open", text(&copy), "--to", text(&folder)])
        .done();
    assert_eq!(fs::read(folder.join("leaflet.pdf")).unwrap(), pdf);
    shop.reader(&["open", text(&copy), "--chapter", "1"])
        .refused(1, "has no text to print");
}

#[test]
fn the_cover_can_be_written_out() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &FOR_OWNER);
    let cover = shop.path("cover.png");
    shop.reader(&["open", text(&copy), "--cover", text(&cover)])
        .done();
    assert_eq!(fs::read_to_string(cover).unwrap(), BOOK[5].1);
}

#[test]
fn programs_get_the_same_as_people() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &FOR_OWNER);
    let opened = shop.reader(&["--json", "open", text(&copy)]).json();
    assert_eq!(opened["title"], "The Whale");
    assert_eq!(opened["owner"], OWNER);
    assert_eq!(opened["level"], 3);
    assert_eq!(opened["contents"][1]["headings"][0], "The Carpet-Bag");
}

#[test]
fn a_name_cannot_command_the_terminal() {
    let shop = Shop::new();
    let override_of_direction = Order {
        owner: Some("Ann \u{202E}lacnuD"),
        ..Order::default()
    };
    let copy = shop.book("whale.epub", &override_of_direction);
    let page = shop.reader(&["open", text(&copy)]).done();
    assert!(page.contains("Ann \u{FFFD}lacnuD"), "{page}");
}

#[test]
fn a_missing_entry_is_refused() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &FOR_OWNER);
    let mut document = Document::open(&copy, &TrustRoots::new()).unwrap();
    assert!(
        document
            .read_entry(&entry("EPUB/three.xhtml"), &mut Vec::new())
            .is_err()
    );
    let clear = shop.clear_book("clear.epub");
    let mut document = Document::open(&clear, &TrustRoots::new()).unwrap();
    assert!(
        document
            .read_entry(&entry("EPUB/three.xhtml"), &mut Vec::new())
            .is_err()
    );
}
