//! What many entries cost is in proportion to how many there are and how long their names.

#![cfg(test)]

#[path = "support/counted.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod counted;
#[path = "support/sample.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod sample;

use std::io::Cursor;

use colophon_title::container::{ContainerWriter, Directory};
use counted::most_held;
use sample::path;

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
