//! Whoever changes a title file is found out.

#![cfg(test)]

#[path = "support/attacks.rs"]
mod attacks;
#[path = "support/forge.rs"]
mod forge;
#[path = "support/sample.rs"]
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

/// How bytes are flipped, in turn: one bit at either end or in the middle, or all of them.
const MASKS: [u8; 4] = [0x01, 0x80, 0x20, 0xFF];

#[test]
fn every_flipped_byte_is_refused() {
    let victims = Victims::new();
    for file in [&victims.sealed, &victims.individually] {
        let mut file = file.clone();
        for at in 0..file.len() {
            let mask = MASKS[at % MASKS.len()];
            file[at] ^= mask;
            assert_ne!(reason(&file), "accepted", "byte {at} ^ {mask:#x}");
            file[at] ^= mask;
        }
    }
}

#[test]
fn every_flipped_byte_is_refused_with_its_checksum_repaired() {
    let victims = Victims::new();
    let entries = forge::parse(&victims.individually);
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

#[test]
fn content_other_than_epub_stands_where_container_xml_says() {
    use colophon_title::Level;
    use sample::{OWNER, Version, leaflet, source};

    let version = Version::new("leaflet", "application/pdf");
    let at_rest = version.seal(&mut source(leaflet(), "application/pdf", "leaflet.pdf"));
    let entries = forge::parse(&version.copy(&at_rest, Level::SourceSealed, OWNER));
    let key = forge::content_key(&entries);
    let changed = |change: &dyn Fn(&mut Vec<forge::Entry>)| {
        let mut entries = entries.clone();
        change(&mut entries);
        reason(&forge::emit(&entries))
    };
    assert_eq!(changed(&|_| ()), "accepted");
    let edit = |from: &'static str, to: &'static str| {
        changed(&|entries| {
            let xml = forge::entry(entries, forge::CONTAINER).content();
            let xml = String::from_utf8(xml).unwrap().replacen(from, to, 1);
            forge::replace(entries, &key, forge::CONTAINER, xml.as_bytes());
        })
    };
    assert_eq!(edit("leaflet.pdf", "other.pdf"), "media-type");
    assert_eq!(edit("application/pdf", "text/html"), "media-type");
    assert_eq!(edit("<rootfile ", "<rootfile  "), "media-type");
    let moved = |to: &'static str| {
        changed(&|entries| {
            let from = "content/leaflet.pdf";
            for name in [forge::CONTAINER, forge::ENCRYPTION] {
                let xml = String::from_utf8(forge::entry(entries, name).content()).unwrap();
                forge::entry(entries, name).set(xml.replace(from, to).as_bytes());
            }
            forge::entry(entries, from).name = to.into();
            forge::relist(entries, &key, |listing, entries| {
                listing.line(from).path = to.to_owned();
                listing.refresh(entries, forge::CONTAINER);
                listing.refresh(entries, forge::ENCRYPTION);
            });
        })
    };
    // The key of an entry is its path's.
    assert_eq!(moved("content/other.pdf"), "decryption");
    assert_eq!(moved("leaflet.pdf"), "entry-order");
}
