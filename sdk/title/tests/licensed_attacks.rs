//! Whoever changes a copy at level 5 is found out, by those too who cannot open it.

#![cfg(test)]

#[path = "support/attacks.rs"]
#[expect(dead_code, reason = "shared with the attacks on sealed copies")]
mod attacks;
#[path = "support/fixed_keys.rs"]
#[expect(dead_code, reason = "shared with the program that writes the vectors")]
mod fixed_keys;
#[path = "support/forge.rs"]
mod forge;
#[path = "support/sample.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod sample;

use std::io::Cursor;

use attacks::Victims;
use colophon_crypto::Portable;
use colophon_title::{LockedTitle, OpenTitle, TitleRefused};
use fixed_keys::FixedPersona;

/// A copy at level 5 whose keys are published.
const COPY: &[u8] = include_bytes!("../vectors/whale.level-5.epub");

/// How bytes are flipped, in turn: one bit at either end or in the middle, or all of them.
const MASKS: [u8; 4] = [0x01, 0x80, 0x20, 0xFF];

fn verify(file: &[u8]) -> Result<(), TitleRefused> {
    let roots = fixed_keys::roots();
    LockedTitle::read(&Portable, Cursor::new(file), &roots)?.verify(&mut |_| ())
}

/// What everybody finds who verifies the copy, without the persona's key.
fn reason(file: &[u8]) -> &'static str {
    verify(file).map_or_else(|refused| refused.reason(), |()| "accepted")
}

/// What the persona finds who opens it.
fn opened(file: &[u8]) -> &'static str {
    let (roots, persona) = (fixed_keys::roots(), FixedPersona::new());
    let opened = OpenTitle::open_licensed(&Portable, Cursor::new(file), &roots, &persona);
    let verified = opened.and_then(|mut title| title.verify(&mut |_| ()));
    verified.map_or_else(|refused| refused.reason(), |()| "accepted")
}

#[test]
fn the_victim_itself_is_accepted() {
    assert_eq!((reason(COPY), opened(COPY)), ("accepted", "accepted"));
    assert_eq!(forge::emit(&forge::parse(COPY)), COPY);
}

#[test]
fn every_attack_on_the_archive_is_refused_for_its_reason() {
    let mut victims = Victims::new();
    victims.individually = COPY.to_vec();
    let mut wrong = Vec::new();
    for (name, expected, file) in victims.archives() {
        let found = (reason(&file), opened(&file));
        if found != (expected, expected) {
            wrong.push(format!("{name}: {found:?} instead of {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_flipped_byte_is_refused() {
    let mut file = COPY.to_vec();
    for at in 0..file.len() {
        let mask = MASKS[at % MASKS.len()];
        file[at] ^= mask;
        assert_ne!(reason(&file), "accepted", "byte {at} ^ {mask:#x}");
        file[at] ^= mask;
    }
}

#[test]
fn every_flipped_byte_is_refused_with_its_checksum_repaired() {
    let entries = forge::parse(COPY);
    for index in 0..entries.len() {
        for at in 0..entries[index].data.len() {
            let mask = MASKS[at % MASKS.len()];
            let mut entries = entries.clone();
            entries[index].data[at] ^= mask;
            entries[index].repair();
            let name = String::from_utf8_lossy(&entries[index].name).into_owned();
            let found = reason(&forge::emit(&entries));
            assert_ne!(found, "accepted", "{name} {at} ^ {mask:#x}");
        }
    }
}

#[test]
fn every_truncation_and_every_removed_beginning_is_refused() {
    for length in 0..COPY.len() {
        assert_ne!(reason(&COPY[..length]), "accepted", "first {length} bytes");
    }
    for start in 1..COPY.len() {
        assert_ne!(reason(&COPY[start..]), "accepted", "without {start} bytes");
    }
}

#[test]
fn every_inserted_and_every_removed_byte_is_refused() {
    for at in 0..COPY.len() {
        for byte in [0, 0x20, COPY[at]] {
            let longer = [&COPY[..at], &[byte], &COPY[at..]].concat();
            assert_ne!(reason(&longer), "accepted", "{byte:#x} at {at}");
        }
        let shorter = [&COPY[..at], &COPY[at + 1..]].concat();
        assert_ne!(reason(&shorter), "accepted", "without byte {at}");
    }
}
