//! What many entries cost is in proportion to how many there are and how long their names.

#![cfg(test)]

#[path = "support/counted.rs"]
mod counted;
#[path = "support/sample.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod sample;

use std::io::Cursor;

use colophon_crypto::Portable;
use colophon_title::container::{ContainerWriter, Directory};
use colophon_title::{EntryPath, Level, MediaType, OpenTitle, TrustRoots};
use counted::{allocations, most_held};
use sample::{OWNER, Version, book, epub_source, pack_epub, path};

#[test]
fn a_directory_of_deep_folders_is_read_in_memory_of_its_own_size() {
    // Each path has folders of its own all the way down: 500 of them, of 500 bytes on average.
    const ENTRIES: usize = 1_900;
    let folders = "a/".repeat(500);
    let mut writer = ContainerWriter::new(Cursor::new(Vec::new()));
    for number in 0..ENTRIES {
        let name = format!("{number}/{folders}b");
        writer.stored(&path(&name), b"").unwrap();
    }
    let (file, _) = writer.finish().unwrap();
    // Every path stands in the directory and in front of its entry.
    let directory_bytes = file.get_ref().len() / 2;
    let (directory, held) = most_held(|| Directory::read(&mut Cursor::new(file.get_ref())));
    assert_eq!(directory.unwrap().entries.len(), ENTRIES);
    assert!(
        held < 8 * directory_bytes,
        "{held} bytes for a directory of {directory_bytes}"
    );
}

#[test]
fn listing_and_finding_entries_asks_for_no_memory() {
    let mut resources = book();
    // One byte, and of a kind that nobody deflates.
    resources.extend((0..1_500).map(|number| (format!("EPUB/{number}.png"), vec![b'x'])));
    resources.extend((0..500).map(|number| (format!("EPUB/\u{fc}{number}.png"), vec![b'x'])));
    let version = Version::new("many", MediaType::EPUB);
    let at_rest = version.seal(&mut epub_source(pack_epub(&resources)));
    let copy = version.copy(&at_rest, Level::SourceSealed, OWNER);
    let title = OpenTitle::open(&Portable, Cursor::new(&copy), &TrustRoots::new()).unwrap();
    // The fonts' encryption.xml is merged into the title file's own.
    let expected: Vec<EntryPath> = resources
        .iter()
        .filter(|(name, _)| name != "META-INF/encryption.xml")
        .map(|(name, _)| path(name))
        .collect();
    assert!(title.entries().eq(&expected));
    let listed = |(path, size): (&EntryPath, u64)| title.entry_size(path) == Some(size);
    let (all, made) = allocations(|| title.entry_sizes().all(listed));
    assert!(all);
    assert_eq!(made, 0);
    for stranger in [
        "EPUB/1500.png",
        "EPUB",
        "mimetype",
        "META-INF/encryption.xml",
    ] {
        assert_eq!(title.entry_size(&path(stranger)), None, "{stranger}");
    }
}
