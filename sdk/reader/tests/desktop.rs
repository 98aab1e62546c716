//! Files opened by association, judged by the desktop's own tools.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/shop.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod shop;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use colophon_forge::skipped;
use shop::{Order, Ran, Shop, text};

/// Runs `colophon-reader desktop` with a data folder of its own.
fn desktop(shop: &Shop, command: &str) -> Ran {
    shop.reader_with(
        &["desktop", command],
        &[("XDG_DATA_HOME", shop.path("data").as_path())],
    )
}

/// Whether the judge of a test was there; the test is skipped by name where it is not.
fn judged(test: &str, command: &mut Command) -> bool {
    match command.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{command:?}: {said}");
            assert_eq!(said.trim(), "", "{command:?}");
            true
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let judge = Path::new(command.get_program()).display();
            skipped(test, &format!("{judge} is not installed"));
            false
        }
        Err(error) => panic!("{command:?} could not be started: {error}"),
    }
}

#[test]
fn the_application_file_is_in_order() {
    let shop = Shop::new();
    desktop(&shop, "install").done();
    let file = shop.path("data/applications/colophon-reader.desktop");
    let words = fs::read_to_string(&file).unwrap();
    assert!(words.contains("MimeType=application/vnd.colophon.title+zip;application/epub+zip;\n"));
    assert!(words.contains(" add --open --pause %f\n"));
    let mut validate = Command::new("desktop-file-validate");
    judged("the_application_file_is_in_order", validate.arg(&file));
}

#[test]
fn the_media_type_is_found_by_name_and_by_content() {
    let shop = Shop::new();
    desktop(&shop, "install").done();
    let mime = shop.path("data/mime");
    let mut update = Command::new("update-mime-database");
    // Anywhere else it would add a note that nobody looks there.
    update.arg(&mime).env("XDG_DATA_HOME", shop.path("data"));
    let test = "the_media_type_is_found_by_name_and_by_content";
    if !judged(test, &mut update) {
        return;
    }
    let globs = fs::read_to_string(mime.join("globs2")).unwrap();
    assert!(
        globs.contains(":application/vnd.colophon.title+zip:*.colophon"),
        "{globs}"
    );
    assert!(
        !globs.contains("epub"),
        "EPUBs have their media type already: {globs}"
    );
    let magic = fs::read(mime.join("magic")).unwrap();
    let magic = String::from_utf8_lossy(&magic);
    assert!(
        magic.contains("[60:application/vnd.colophon.title+zip]"),
        "{magic}"
    );
}

#[test]
fn what_was_installed_is_removed() {
    let shop = Shop::new();
    desktop(&shop, "install").done();
    desktop(&shop, "remove").done();
    assert!(
        !shop
            .path("data/applications/colophon-reader.desktop")
            .exists()
    );
    assert!(!shop.path("data/mime/packages/colophon-reader.xml").exists());
    let again = desktop(&shop, "remove").done();
    assert!(again.contains("nothing to remove"), "{again}");
}

#[test]
fn a_file_opened_by_association_moves_into_the_library_and_is_shown() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &Order::default());
    let words = shop
        .reader(&["add", "--open", "--pause", text(&copy)])
        .done();
    assert!(words.contains("Loomings"), "{words}");
    assert!(!copy.exists());
    assert!(shop.path("library/whale.epub").exists());
}

#[test]
fn a_damaged_file_stays_where_it_is_and_says_why() {
    let shop = Shop::new();
    let copy = shop.book("whale.epub", &Order::default());
    shop::damage(&copy);
    let ran = shop.reader(&["add", "--open", "--pause", text(&copy)]);
    assert_eq!(ran.code(), 3);
    assert!(
        ran.talk().contains("the title file is refused"),
        "{}",
        ran.talk()
    );
    assert!(copy.exists());
}
