//! Whoever changes a title file is found out.

#![cfg(test)]

#[path = "support/attacks.rs"]
mod attacks;
#[path = "support/forge.rs"]
mod forge;
#[path = "support/sample.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod sample;

use std::io::Cursor;

use attacks::Victims;
use colophon_crypto::Portable;
use colophon_title::{OpenTitle, TitleRefused, TrustRoots};

fn open_and_verify(file: &[u8]) -> Result<(), TitleRefused> {
    let mut title = OpenTitle::open(&Portable, Cursor::new(file), &TrustRoots::new())?;
    title.verify(&mut |_| ())
}

fn reason(file: &[u8]) -> &'static str {
    open_and_verify(file).map_or_else(|refused| refused.reason(), |()| "accepted")
}

#[test]
fn the_victims_themselves_are_accepted() {
    let victims = Victims::new();
    assert_eq!(reason(&victims.sealed), "accepted");
    assert_eq!(reason(&victims.individually), "accepted");
    // And what the forger can write honestly, so that no attack fails for a slip of its own.
    assert_eq!(
        forge::emit(&forge::parse(&victims.individually)),
        victims.individually
    );
    let mut entries = forge::parse(&victims.individually);
    let key = forge::content_key(&entries);
    forge::relist(&mut entries, &key, |_, _| ());
    assert_eq!(reason(&forge::emit(&entries)), "accepted");
    assert!(victims.individually.len() <= 16 * 1024);
}

#[test]
fn every_attack_is_refused_for_its_reason() {
    let mut wrong = Vec::new();
    for attack in Victims::new().attacks() {
        let found = reason(&attack.file);
        if found != attack.reason {
            wrong.push(format!(
                "{}: {found} instead of {}",
                attack.name, attack.reason
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_flipped_byte_is_refused() {
    let victims = Victims::new();
    for file in [&victims.sealed, &victims.individually] {
        let mut file = file.clone();
        for at in 0..file.len() {
            for mask in [0x01, 0xFF] {
                file[at] ^= mask;
                assert_ne!(reason(&file), "accepted", "byte {at} ^ {mask:#x}");
                file[at] ^= mask;
            }
        }
    }
}

#[test]
fn every_flipped_byte_is_refused_with_its_checksum_repaired() {
    let victims = Victims::new();
    let entries = forge::parse(&victims.individually);
    for index in 0..entries.len() {
        for at in 0..entries[index].data.len() {
            for mask in [0x01, 0xFF] {
                let mut entries = entries.clone();
                entries[index].data[at] ^= mask;
                entries[index].repair();
                let name = String::from_utf8_lossy(&entries[index].name).into_owned();
                assert_ne!(
                    reason(&forge::emit(&entries)),
                    "accepted",
                    "{name} {at} ^ {mask:#x}"
                );
            }
        }
    }
}

#[test]
fn every_truncation_and_every_removed_beginning_is_refused() {
    let victims = Victims::new();
    for file in [&victims.sealed, &victims.individually] {
        for length in 0..file.len() {
            assert_ne!(reason(&file[..length]), "accepted", "first {length} bytes");
        }
        for start in 1..file.len() {
            assert_ne!(reason(&file[start..]), "accepted", "without {start} bytes");
        }
    }
}

#[test]
fn every_inserted_and_every_removed_byte_is_refused() {
    let victims = Victims::new();
    let file = &victims.individually;
    for at in 0..file.len() {
        for byte in [0, 0x20, file[at]] {
            let longer = [&file[..at], &[byte], &file[at..]].concat();
            assert_ne!(reason(&longer), "accepted", "{byte:#x} at {at}");
        }
        let shorter = [&file[..at], &file[at + 1..]].concat();
        assert_ne!(reason(&shorter), "accepted", "without byte {at}");
    }
}

#[test]
fn a_sealed_copy_is_no_file_at_rest() {
    let victims = Victims::new();
    let read = |file: &[u8]| {
        let stored = colophon_title::StoredTitle::read(&Portable, Cursor::new(file));
        stored.map_or_else(|refused| refused.reason(), |_| "accepted")
    };
    assert_eq!(read(victims.at_rest()), "accepted");
    assert_eq!(read(&victims.individually), "not-at-rest");
    assert_eq!(read(&victims.sealed), "not-at-rest");
}

#[test]
fn a_damaged_file_at_rest_is_found_without_its_key() {
    let victims = Victims::new();
    let verify = |file: &[u8]| {
        let stored = colophon_title::StoredTitle::verify(&Portable, Cursor::new(file), &mut |_| ());
        stored.map_or_else(|refused| refused.reason(), |_| "accepted")
    };
    let mut file = victims.at_rest().to_vec();
    assert_eq!(verify(&file), "accepted");
    let title = colophon_title::StoredTitle::read(&Portable, Cursor::new(&file)).unwrap();
    for at in 0..title.prefix_length() as usize {
        file[at] ^= 0x04;
        assert_ne!(verify(&file), "accepted", "byte {at}");
        file[at] ^= 0x04;
    }
}
