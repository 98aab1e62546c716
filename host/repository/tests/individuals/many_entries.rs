//! Titles of very many entries: work grows with their number and not faster.

use std::io::{Cursor, Read};

use colophon_reader::repository::{ProtectedTitle, Repository};
use colophon_title::EntryPath;
use colophon_title::MediaType;
use colophon_title::container::{ContainerWriter, Directory};
use colophon_title::license::RightKind;
use colophon_title::source::{Limits, Source};

use crate::support::shop::{Version, to_view};
use crate::support::{Made, compiled, counts, now, open, usual, vector};

/// More entries than this no container has.
const ENTRIES_MAX: usize = 2 * 16_384 + 16;

fn path(text: &str) -> EntryPath {
    EntryPath::parse(text).expect("a path")
}

/// The additional entry of this number: every other one is of those that stay clear.
fn name(number: usize) -> String {
    let folder = if number.is_multiple_of(2) {
        "EPUB"
    } else {
        "META-INF"
    };
    // Of a kind that nobody deflates.
    format!("{folder}/more/{number}.png")
}

/// A copy of the published book with so many entries more, each of one byte.
fn copy_with(more: usize) -> Vec<u8> {
    let whale = Cursor::new(vector("whale.source.epub"));
    let whale = Source::inspect(whale, &MediaType::epub(), "whale.epub", &Limits::default());
    let mut whale = whale.expect("a source");
    let mut archive = ContainerWriter::new(Cursor::new(Vec::new()));
    let mut add = |path: &EntryPath, content: &[u8]| {
        archive.stored(path, content).expect("an entry");
    };
    add(&path("mimetype"), MediaType::EPUB.as_bytes());
    for index in 0..whale.entries().len() {
        let path = whale.entries()[index].path.clone();
        let mut content = Vec::new();
        let mut reader = whale.open_entry(index).expect("an entry");
        reader.read_to_end(&mut content).expect("content");
        add(&path, &content);
    }
    for number in 0..more {
        add(&path(&name(number)), b"x");
    }
    let (archive, _) = archive.finish().expect("an archive");
    Version::of(archive.into_inner(), MediaType::EPUB, "whale.epub").copy(&[to_view()], &[], "many")
}

fn entries_of(copy: &[u8]) -> usize {
    let directory = Directory::read(&mut Cursor::new(copy)).expect("a container");
    directory.entries.len()
}

fn read(title: &mut ProtectedTitle, name: &str) -> Vec<u8> {
    let mut content = Vec::new();
    let mut reader = title.entry_reader(&path(name)).expect("an entry");
    reader.read_to_end(&mut content).expect("content");
    content
}

/// Work of opening a copy, and of reading one of its entries.
fn work(made: &Made, repository: &Repository, copy: &[u8]) -> (u64, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let title = open(repository, &made.device, counts(folder.path()), copy);
    let mut title = title.expect("a title");
    let opening = title.last_call_work();
    title.exercise(RightKind::View, &now()).expect("a view");
    let mut first = [0];
    let mut reader = title.entry_reader(&path(&name(0))).expect("an entry");
    reader.read_exact(&mut first).expect("content");
    drop(reader);
    (opening, title.last_call_work())
}

#[test]
fn opening_takes_work_in_proportion_and_reading_takes_no_more_of_it() {
    let made = usual();
    let repository = compiled(&made.individual);
    let of = |more| work(&made, &repository, &copy_with(more));
    let [(few, reading), (some, _), (many, reading_of_many)] = [1000, 2000, 4000].map(of);
    // What opening any title takes is in all three; twice as many more entries take twice as much.
    let (first, second) = (some - few, many - some);
    assert!(
        second < first * 5 / 2,
        "opening took {few}, {some} and {many}"
    );
    assert!(
        reading_of_many < reading * 5 / 4,
        "reading took {reading} and {reading_of_many}"
    );
}

#[test]
fn a_title_of_as_many_entries_as_a_container_may_have_is_opened_and_read() {
    let more = ENTRIES_MAX - entries_of(&copy_with(0));
    let copy = copy_with(more);
    assert_eq!(entries_of(&copy), ENTRIES_MAX);
    let made = usual();
    let folder = tempfile::tempdir().expect("a folder");
    let repository = compiled(&made.individual);
    let title = open(&repository, &made.device, counts(folder.path()), &copy);
    let mut title = title.expect("a title");
    title.exercise(RightKind::View, &now()).expect("a view");
    for number in [0, 1, more / 2, more - 2, more - 1] {
        assert_eq!(read(&mut title, &name(number)), b"x", "{number}");
    }
    assert!(title.entry_reader(&path(&name(more))).is_err());
}
