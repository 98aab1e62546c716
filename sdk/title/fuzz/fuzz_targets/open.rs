//! Any bytes as a title file: what opens and verifies gives all of its entries.

#![no_main]

use std::io::{Cursor, sink};

use colophon_crypto::Portable;
use colophon_title::{EntryPath, OpenTitle, StoredTitle, TrustRoots};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let _ = StoredTitle::verify(&Portable, Cursor::new(file), &mut |_| ());
    let Ok(mut title) = OpenTitle::open(&Portable, Cursor::new(file), &TrustRoots::new()) else {
        return;
    };
    let entries: Vec<EntryPath> = title.entries().cloned().collect();
    let verified = title.verify(&mut |_| ()).is_ok();
    for path in entries {
        let read = title.read_entry(&path, &mut sink());
        assert!(read.is_ok() || !verified, "{path}");
    }
});
