//! Entries moved within and between the groups that share a digest.

use colophon_crypto::{Engine, Portable};

use super::super::forge::{
    ENCRYPTION, Entry, Group, Listing, VALIDATION, entry, index, misgroup, relist, shift_boundary,
};
use super::{CHAPTER, Forged, SECOND_CHAPTER, Victims};

const PACKAGE: &str = "EPUB/package.opf";
const NAVIGATION: &str = "EPUB/nav.xhtml";

impl Victims {
    /// The groups of the victim: what is in front of the content, the content, what is behind.
    pub(super) fn groups(&self) -> Vec<Forged> {
        let regrouped = |change: &dyn Fn(&mut Vec<Group>)| {
            self.changed(|entries| {
                misgroup(entries, &self.key, |listing, entries| {
                    change(&mut listing.groups);
                    digest(listing, entries);
                });
            })
        };
        let digests = |change: &dyn Fn(&mut Vec<Group>)| {
            self.changed(|entries| {
                misgroup(entries, &self.key, |listing, _| change(&mut listing.groups));
            })
        };
        let validation = |from: &str, to: &str| {
            self.resealed(|entries| {
                let xml = String::from_utf8(entry(entries, VALIDATION).content()).unwrap();
                assert!(xml.contains(from), "validation.xml holds {from}");
                entry(entries, VALIDATION).set(xml.replacen(from, to, 1).as_bytes());
            })
        };
        let shifted = |first: &'static str, second: &'static str| {
            let mut entries = self.entries();
            shift_boundary(&mut entries, first, second);
            entries
        };
        let listed = |first: &'static str, second: &'static str| {
            let mut entries = shifted(first, second);
            let before = Listing::of(&entries).groups;
            relist(&mut entries, &self.key, |listing, entries| {
                listing.refresh(entries, first);
                listing.refresh(entries, second);
            });
            // What is joined is the same as ever, and so is its digest.
            assert_eq!(Listing::of(&entries).groups, before);
            entries
        };
        vec![
            (
                "boundary between two chapters moved",
                "entry-facts",
                self.changed(|entries| *entries = shifted(CHAPTER, SECOND_CHAPTER)),
            ),
            (
                "boundary between two chapters moved and listed under the old seal",
                "seal",
                self.changed(|entries| {
                    let seal = entries.pop();
                    *entries = listed(CHAPTER, SECOND_CHAPTER);
                    entries.pop();
                    entries.extend(seal);
                }),
            ),
            (
                "boundary between two chapters moved and listed",
                "decryption",
                self.changed(|entries| *entries = listed(CHAPTER, SECOND_CHAPTER)),
            ),
            (
                "boundary between two clear entries moved and listed",
                "inflation",
                self.changed(|entries| *entries = listed(PACKAGE, NAVIGATION)),
            ),
            (
                "boundary between two groups moved",
                "entry-facts",
                self.changed(|entries| {
                    let last = String::from_utf8(before(entries, ENCRYPTION)).unwrap();
                    shift_boundary(entries, &last, ENCRYPTION);
                }),
            ),
            (
                "group split in two",
                "document-form",
                regrouped(&|groups| {
                    groups[1].lines -= 3;
                    let second = Group {
                        lines: 3,
                        ..groups[1]
                    };
                    groups.insert(2, second);
                }),
            ),
            (
                "group for each entry",
                "document-form",
                regrouped(&|groups| {
                    let each = groups.iter().flat_map(|group| {
                        let alone = Group { lines: 1, ..*group };
                        vec![alone; group.lines]
                    });
                    *groups = each.collect();
                }),
            ),
            (
                "two groups merged",
                "document-form",
                regrouped(&|groups| {
                    let second = groups.remove(1);
                    groups[0].lines += second.lines;
                }),
            ),
            (
                "first entry of a group listed in the group before it",
                "document-form",
                regrouped(&|groups| {
                    groups[0].lines += 1;
                    groups[1].lines -= 1;
                }),
            ),
            (
                "last entry of a group listed in the group behind it",
                "document-form",
                regrouped(&|groups| {
                    groups[1].lines -= 1;
                    groups[2].lines += 1;
                }),
            ),
            (
                "group of nothing",
                "document-form",
                regrouped(&|groups| {
                    let empty = Group {
                        lines: 0,
                        ..groups[1]
                    };
                    groups.insert(1, empty);
                }),
            ),
            (
                "group within a group",
                "document-form",
                validation("<entry", "<group sha256=\"\"></group><entry"),
            ),
            (
                "group without a digest",
                "document-form",
                self.resealed(|entries| {
                    let xml = String::from_utf8(entry(entries, VALIDATION).content()).unwrap();
                    let (head, rest) = xml.split_once(" sha256=").unwrap();
                    let (_, rest) = rest.split_once('>').unwrap();
                    entry(entries, VALIDATION).set(format!("{head}>{rest}").as_bytes());
                }),
            ),
            (
                "entry listed outside of a group",
                "document-form",
                self.resealed(|entries| {
                    let xml = String::from_utf8(entry(entries, VALIDATION).content()).unwrap();
                    let (head, rest) = xml.split_once("<group ").unwrap();
                    let (digest, rest) = rest.split_once("><entry ").unwrap();
                    let (first, rest) = rest.split_once("</entry>").unwrap();
                    let xml = format!("{head}<entry {first}</entry><group {digest}>{rest}");
                    entry(entries, VALIDATION).set(xml.as_bytes());
                }),
            ),
            (
                "digests of two groups exchanged",
                "digest",
                digests(&|groups| {
                    let first = groups[0].sha256;
                    groups[0].sha256 = groups[2].sha256;
                    groups[2].sha256 = first;
                }),
            ),
            (
                "digest of the content's group changed",
                "digest",
                digests(&|groups| groups[1].sha256[31] ^= 1),
            ),
            (
                "digest over the entries of a group in another order",
                "digest",
                self.changed(|entries| {
                    let joined: Vec<Vec<u8>> = entries[2..9]
                        .iter()
                        .rev()
                        .map(|entry| entry.data.clone())
                        .collect();
                    misgroup(entries, &self.key, |listing, _| {
                        assert_eq!(listing.groups[1].lines, joined.len());
                        listing.groups[1].sha256 = Portable.digest(&[&joined.concat()]);
                    });
                }),
            ),
            (
                "chapter changed beside the one that is read first",
                "digest",
                self.changed(|entries| {
                    let second = entry(entries, SECOND_CHAPTER);
                    second.data[40] ^= 1;
                    second.repair();
                }),
            ),
        ]
    }
}

/// The name of the entry in front of another.
fn before(entries: &[Entry], name: &str) -> Vec<u8> {
    entries[index(entries, name) - 1].name.clone()
}

/// Makes the digests those of the groups, whatever groups those are.
fn digest(listing: &mut Listing, entries: &[Entry]) {
    let mut rest = entries.iter();
    for group in &mut listing.groups {
        let joined: Vec<&[u8]> = rest
            .by_ref()
            .take(group.lines)
            .map(|entry| entry.data.as_slice())
            .collect();
        group.sha256 = Portable.digest(&joined);
    }
}
