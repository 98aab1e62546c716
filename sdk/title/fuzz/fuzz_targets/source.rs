//! Any bytes as a source: what is accepted is read to its declared end, or refused there.

#![no_main]

use std::io::{Cursor, Read};

use colophon_title::MediaType;
use colophon_title::source::{Limits, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let inspected =
        Source::inspect(Cursor::new(file), &MediaType::epub(), "fuzz.epub", &Limits::default());
    let Ok(mut source) = inspected else { return };
    for index in 0..source.entries().len() {
        let size = source.entries()[index].size;
        let Ok(mut content) = source.open_entry(index) else { continue };
        let mut piece = [0; 4096];
        let mut total = 0;
        while let Ok(read @ 1..) = content.read(&mut piece) {
            total += read as u64;
        }
        assert!(total <= size);
    }
});
