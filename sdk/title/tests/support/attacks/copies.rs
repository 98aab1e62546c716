//! Bookplates, seals and licenses that are not those of the copy.

use super::super::forge::{
    BOOKPLATE, Entry, METADATA, SEAL, VALIDATION, emit, entry, index, parse, relist, remove,
};
use super::{Forged, Victims};

impl Victims {
    pub(super) fn bookplates_and_seals(&self) -> Vec<Forged> {
        let level_2_seal = || {
            let sealed = parse(&self.sealed);
            sealed[index(&sealed, SEAL)].clone()
        };
        let bookplate =
            |entries: &mut Vec<Entry>, xml: &str| entry(entries, BOOKPLATE).set(xml.as_bytes());
        vec![
            (
                "bookplate stripped",
                "seal",
                self.changed(|entries| {
                    remove(entries, BOOKPLATE);
                }),
            ),
            (
                "bookplate and seal stripped",
                "no-key",
                self.changed(|entries| {
                    remove(entries, BOOKPLATE);
                    remove(entries, SEAL);
                }),
            ),
            (
                "seal stripped",
                "tail",
                self.changed(|entries| {
                    remove(entries, SEAL);
                }),
            ),
            (
                "bookplate emptied",
                "document-xml",
                self.changed(|entries| bookplate(entries, "")),
            ),
            (
                "bookplate without a name",
                "document-form",
                self.resealed(|entries| {
                    let xml = String::from_utf8(entry(entries, BOOKPLATE).data.clone()).unwrap();
                    let (head, rest) = xml.split_once("<owner>").unwrap();
                    let (_, rest) = rest.split_once("</owner>").unwrap();
                    bookplate(entries, &format!("{head}<owner></owner>{rest}"));
                }),
            ),
            (
                "bookplate of another name",
                "seal",
                self.changed(|entries| {
                    let xml = String::from_utf8(entry(entries, BOOKPLATE).data.clone()).unwrap();
                    bookplate(entries, &xml.replace("Ishmael", "Ahab"));
                }),
            ),
            (
                "bookplate with a second owner",
                "document-form",
                self.resealed(|entries| {
                    let xml = String::from_utf8(entry(entries, BOOKPLATE).data.clone()).unwrap();
                    let second = "</owner><owner>Ahab</owner>";
                    bookplate(entries, &xml.replace("</owner>", second));
                }),
            ),
            (
                "bookplate moved behind the seal",
                "tail",
                self.changed(|entries| {
                    let bookplate = remove(entries, BOOKPLATE);
                    entries.push(bookplate);
                }),
            ),
            (
                "bookplate moved into the prefix",
                "entry-unlisted",
                self.changed(|entries| {
                    let bookplate = remove(entries, BOOKPLATE);
                    let at = index(entries, VALIDATION);
                    entries.insert(at, bookplate);
                }),
            ),
            (
                "bookplate moved into the prefix and listed",
                "entry-order",
                self.changed(|entries| {
                    let bookplate = remove(entries, BOOKPLATE);
                    let at = index(entries, METADATA);
                    entries.insert(at - 1, bookplate);
                    relist(entries, &self.key, |listing, entries| {
                        let mut line = listing.lines[0].clone();
                        line.path = BOOKPLATE.to_owned();
                        listing.lines.insert(at - 1, line);
                        listing.refresh(entries, BOOKPLATE);
                    });
                }),
            ),
            (
                "bookplate doubled",
                "entry-twin",
                self.changed(|entries| {
                    let bookplate = entry(entries, BOOKPLATE).clone();
                    let at = index(entries, SEAL);
                    entries.insert(at, bookplate);
                }),
            ),
            (
                "bookplate doubled in other case",
                "entry-twin",
                self.changed(|entries| {
                    let mut bookplate = entry(entries, BOOKPLATE).clone();
                    bookplate.name = b"META-INF/colophon/Bookplate.xml".to_vec();
                    entries.push(bookplate);
                }),
            ),
            (
                "bookplate deflated",
                "entry-facts",
                self.changed(|entries| {
                    let bookplate = entry(entries, BOOKPLATE);
                    let mut stored = vec![1];
                    let length = bookplate.data.len() as u16;
                    stored.extend(length.to_le_bytes());
                    stored.extend((!length).to_le_bytes());
                    stored.extend(&bookplate.data);
                    (bookplate.method, bookplate.data) = (8, stored);
                }),
            ),
            (
                "level 2 seal in a level 3 file",
                "seal",
                self.changed(|entries| {
                    *entry(entries, SEAL) = level_2_seal();
                }),
            ),
            ("level 3 seal in a level 2 file", "seal", {
                let seal = self.entries()[index(&self.entries(), SEAL)].clone();
                let mut entries = parse(&self.sealed);
                *entry(&mut entries, SEAL) = seal;
                emit(&entries)
            }),
            ("bookplate added to a level 2 file", "seal", {
                let bookplate = self.entries()[index(&self.entries(), BOOKPLATE)].clone();
                let mut entries = parse(&self.sealed);
                let at = index(&entries, SEAL);
                entries.insert(at, bookplate);
                emit(&entries)
            }),
            (
                "seal of another length",
                "entry-facts",
                self.changed(|entries| {
                    let mut seal = entry(entries, SEAL).data.clone();
                    seal.push(0);
                    entry(entries, SEAL).set(&seal);
                }),
            ),
            (
                "seal emptied",
                "entry-facts",
                self.changed(|entries| entry(entries, SEAL).set(b"")),
            ),
            (
                "two seals",
                "entry-twin",
                self.changed(|entries| {
                    let seal = entry(entries, SEAL).clone();
                    entries.push(seal);
                }),
            ),
            (
                "content key itself as the seal",
                "seal",
                self.changed(|entries| {
                    let key = [self.key.expose().as_slice(), &[0; 8]].concat();
                    entry(entries, SEAL).set(&key);
                }),
            ),
            (
                "license that nobody signed beside a seal",
                "license-form",
                self.changed(|entries| {
                    entries.push(Entry::stored("META-INF/rights.xml", b"<license></license>"));
                }),
            ),
            (
                "license in place of the seal",
                "tail",
                self.changed(|entries| {
                    remove(entries, SEAL);
                    entries.push(Entry::stored("META-INF/rights.xml", b"<license></license>"));
                }),
            ),
            ("file at rest handed out", "no-key", self.at_rest.clone()),
        ]
    }
}
