//! Entries that share a digest: read one by one, in any order, each as strictly checked as if it
//! had a digest of its own.

#![cfg(test)]

#[path = "support/forge.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod forge;
#[path = "support/sample.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod sample;

use std::cell::{Cell, RefCell};
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use colophon_crypto::{Engine, Portable};
use colophon_title::{Level, MediaType, OpenTitle, StoredTitle, TitleRefused, TrustRoots};
use forge::{Listing, VALIDATION, content_key, emit, entry, index, parse, relist, resource_key};
use sample::{OWNER, Resources, Version, book, epub_source, noise, pack_epub, path};

/// The name of a chapter, and its content, which is of this length however it is deflated.
fn chapter(number: usize, length: usize) -> (String, Vec<u8>) {
    let seed: &'static str = String::leak(format!("chapter {number}"));
    (name(number), noise(seed, length))
}

fn name(number: usize) -> String {
    format!("EPUB/{number:03}.xhtml")
}

/// The book with chapters of these lengths behind its own resources.
fn with_chapters(lengths: &[usize]) -> Resources {
    let chapters = lengths.iter().enumerate();
    let mut resources = book();
    resources.extend(chapters.map(|(number, length)| chapter(number, *length)));
    resources
}

struct Title {
    version: Version,
    copy: Vec<u8>,
}

impl Title {
    fn new(seed: &'static str, lengths: &[usize]) -> Title {
        let version = Version::new(seed, MediaType::EPUB);
        let at_rest = version.seal(&mut epub_source(pack_epub(&with_chapters(lengths))));
        StoredTitle::verify(&Portable, Cursor::new(&at_rest), &mut |_| ()).unwrap();
        Title {
            copy: version.copy(&at_rest, Level::SourceSealed, OWNER),
            version,
        }
    }

    /// Encrypts content as the entry of this name, as anyone can who has the copy.
    fn encrypted(&self, name: &str, content: &[u8]) -> Vec<u8> {
        let key = resource_key(&parse(&self.copy), self.version.key.key(), name);
        let mut content = content.to_vec();
        let tag = Portable.aes256_gcm(&key).seal(&[9; 12], &[], &mut content);
        [[9; 12].as_slice(), &content, &tag].concat()
    }
}

/// A copy that is read while it is changed, and whose reading is counted.
struct Watched<'f> {
    file: &'f RefCell<Vec<u8>>,
    position: u64,
    read: &'f Cell<u64>,
}

impl Read for Watched<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let file = self.file.borrow();
        let rest = &file[file.len().min(self.position as usize)..];
        let given = rest.len().min(out.len());
        out[..given].copy_from_slice(&rest[..given]);
        self.position += given as u64;
        self.read.set(self.read.get() + given as u64);
        Ok(given)
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let length = self.file.borrow().len() as u64;
        self.position = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::End(offset) => length.checked_add_signed(offset).unwrap(),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset).unwrap(),
        };
        Ok(self.position)
    }
}

fn open(file: &[u8]) -> Result<OpenTitle<'static, Cursor<&[u8]>>, TitleRefused> {
    OpenTitle::open(&Portable, Cursor::new(file), &TrustRoots::new())
}

fn read<R: Read + Seek>(title: &mut OpenTitle<'_, R>, name: &str) -> Result<Vec<u8>, TitleRefused> {
    let mut content = Vec::new();
    title.read_entry(&path(name), &mut content)?;
    Ok(content)
}

fn reason<T>(read: Result<T, TitleRefused>) -> &'static str {
    read.map_or_else(|refused| refused.reason(), |_| "accepted")
}

#[test]
fn groups_are_divided_as_the_specification_says() {
    // A header of 30 bytes, a path of 14, and 28 bytes of encryption with each chapter.
    let with_chapter = |bytes: usize| bytes - 30 - 14 - 28;
    let all = 65_536;
    let check = |seed: &'static str, chapters: &[usize], expected: &[usize]| {
        let lengths: Vec<usize> = chapters.iter().map(|bytes| with_chapter(*bytes)).collect();
        let title = Title::new(seed, &lengths);
        let entries = parse(&title.copy);
        let mut listing = Listing::of(&entries);
        let found: Vec<usize> = listing.groups.iter().map(|group| group.lines).collect();
        assert_eq!(found, [&[2][..], expected, &[2]].concat(), "{seed}");
        // The forger's own reading of the rule, with the digests it finds.
        let groups = listing.groups.clone();
        listing.regroup(&entries);
        assert_eq!(listing.groups, groups, "{seed}");
        assert_eq!(
            reason(open(&title.copy).unwrap().verify(&mut |_| ())),
            "accepted"
        );
    };
    // Seven entries of the book itself are in front of the chapters.
    check("all fit", &[1000; 20], &[27]);
    check("as many as fit", &[all / 2, all / 2, all / 2], &[8, 2]);
    check(
        "one byte too many",
        &[all / 2, all / 2 + 1, all / 2],
        &[8, 1, 1],
    );
    check("as large as a group", &[all, all], &[7, 1, 1]);
    check(
        "larger than a group",
        &[all + 1, 1000, all * 5, 1000, 1000],
        &[7, 1, 1, 1, 2],
    );
    check("no chapter", &[], &[7]);
}

#[test]
fn entries_are_read_in_any_order() {
    let lengths: Vec<usize> = (0..60).map(|number| 1 + number * 331 % 9000).collect();
    let title = Title::new("any order", &lengths);
    let mut opened = open(&title.copy).unwrap();
    // 37 and 60 have no divisor in common: every chapter comes up once.
    for number in (0..60).map(|turn| turn * 37 % 60) {
        let (name, content) = chapter(number, lengths[number]);
        assert!(read(&mut opened, &name).unwrap() == content, "{name}");
        let mut reader = opened.entry_reader(&path(&name)).unwrap();
        let mut again = Vec::new();
        reader.read_to_end(&mut again).unwrap();
        assert!(again == content, "{name}");
    }
}

#[test]
fn reading_all_entries_in_order_reads_the_file_once() {
    let title = Title::new("in order", &[700; 400]);
    let (file, count) = (RefCell::new(title.copy), Cell::new(0));
    let length = file.borrow().len() as u64;
    let watched = Watched {
        file: &file,
        position: 0,
        read: &count,
    };
    let mut opened = OpenTitle::open(&Portable, watched, &TrustRoots::new()).unwrap();
    count.set(0);
    for number in 0..400 {
        read(&mut opened, &name(number)).unwrap();
    }
    assert!(count.get() < length, "{} of {length} bytes", count.get());
    count.set(0);
    opened.verify(&mut |_| ()).unwrap();
    assert!(count.get() < length, "{} of {length} bytes", count.get());
    // And one of them, with nothing in memory that helps.
    count.set(0);
    read(&mut opened, &name(200)).unwrap();
    assert!((1..=65_536).contains(&count.get()), "{}", count.get());
}

#[test]
fn opening_a_title_reads_none_of_its_content() {
    let title = Title::new("opening", &[9000; 30]);
    let mut entries = parse(&title.copy);
    for number in 0..30 {
        entry(&mut entries, &name(number)).data[50] ^= 1;
        entry(&mut entries, &name(number)).repair();
    }
    let file = emit(&entries);
    let mut opened = open(&file).unwrap();
    assert_eq!(reason(read(&mut opened, &name(29))), "digest");
}

#[test]
fn a_changed_entry_spoils_its_group_and_no_other() {
    let title = Title::new("spoiled", &[8000; 21]);
    let mut entries = parse(&title.copy);
    let lines: Vec<usize> = Listing::of(&entries)
        .groups
        .iter()
        .map(|group| group.lines)
        .collect();
    assert_eq!(lines, [2, 7 + 7, 8, 6, 2]);
    let changed = entry(&mut entries, &name(10));
    changed.data[4000] ^= 1;
    changed.repair();
    let file = emit(&entries);
    let mut opened = open(&file).unwrap();
    for number in 0..21 {
        let found = reason(read(&mut opened, &name(number)));
        let expected = if (7..15).contains(&number) {
            "digest"
        } else {
            "accepted"
        };
        assert_eq!(found, expected, "{number}");
    }
    assert_eq!(reason(opened.verify(&mut |_| ())), "digest");
    let at_rest = {
        let mut entries = parse(&file);
        entries.truncate(index(&entries, VALIDATION) + 1);
        emit(&entries)
    };
    let verified = StoredTitle::verify(&Portable, Cursor::new(at_rest), &mut |_| ());
    assert_eq!(reason(verified), "digest");
}

#[test]
fn entries_of_one_length_cannot_change_places() {
    let title = Title::new("places", &[8000; 21]);
    let other = Title::new("other version", &[8000; 21]);
    let exchanged = |one: usize, two: usize| {
        let mut entries = parse(&title.copy);
        let (one, two) = (index(&entries, &name(one)), index(&entries, &name(two)));
        let data = entries[one].data.clone();
        entries[one].data = entries[two].data.clone();
        entries[two].data = data;
        entries[one].repair();
        entries[two].repair();
        entries
    };
    let key = content_key(&parse(&title.copy));
    for (one, two) in [(8, 9), (7, 14), (8, 18)] {
        let mut entries = exchanged(one, two);
        let read_one = |entries: &[forge::Entry]| {
            let file = emit(entries);
            let mut opened = open(&file).unwrap();
            reason(read(&mut opened, &name(one)))
        };
        assert_eq!(read_one(&entries), "digest", "{one} {two}");
        relist(&mut entries, &key, |_, _| ());
        assert_eq!(read_one(&entries), "decryption", "{one} {two}");
    }
    // A whole group of another version, whose entries have the same lengths.
    let mut entries = parse(&title.copy);
    let others = parse(&other.copy);
    for number in 7..15 {
        let at = index(&entries, &name(number));
        entries[at] = others[at].clone();
    }
    let file = emit(&entries);
    assert_eq!(reason(read(&mut open(&file).unwrap(), &name(9))), "digest");
    relist(&mut entries, &key, |_, _| ());
    let file = emit(&entries);
    assert_eq!(
        reason(read(&mut open(&file).unwrap(), &name(9))),
        "decryption"
    );
}

#[test]
fn what_was_checked_is_what_is_read_even_if_the_file_changes_meanwhile() {
    let title = Title::new("meanwhile", &[8000; 21]);
    // Everybody has the key: what takes the chapter's place decrypts.
    let forged = title.encrypted(&name(9), &vec![b'x'; 8000]);
    let mut entries = parse(&title.copy);
    entry(&mut entries, &name(9)).set(&forged);
    let changed = emit(&entries);
    assert_eq!(changed.len(), title.copy.len());

    let (file, count) = (RefCell::new(title.copy), Cell::new(0));
    let watched = Watched {
        file: &file,
        position: 0,
        read: &count,
    };
    let mut opened = OpenTitle::open(&Portable, watched, &TrustRoots::new()).unwrap();
    let (other, honest) = (chapter(8, 8000).1, chapter(9, 8000).1);
    assert!(read(&mut opened, &name(8)).unwrap() == other);
    let copy = file.replace(changed);
    assert!(read(&mut opened, &name(9)).unwrap() == honest);
    // Once the group is no longer in memory it is digested again.
    read(&mut opened, &name(2)).unwrap();
    assert_eq!(reason(read(&mut opened, &name(9))), "digest");
    assert_eq!(reason(read(&mut opened, &name(8))), "digest");
    file.replace(copy);
    assert!(read(&mut opened, &name(9)).unwrap() == honest);
}
