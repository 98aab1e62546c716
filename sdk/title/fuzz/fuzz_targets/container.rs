//! Any bytes as a container: what is read lies inside the file, without gaps.

#![no_main]

use std::io::Cursor;

use colophon_title::container::Directory;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let Ok(directory) = Directory::read(&mut Cursor::new(file)) else { return };
    let mut position = 0;
    for entry in &directory.entries {
        assert_eq!(entry.offset, position);
        position = entry.end();
    }
    assert!(position < file.len() as u64);
});
