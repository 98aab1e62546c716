//! Entries of one file in another.

use super::super::forge::{
    BOOKPLATE, METADATA, SEAL, VALIDATION, entry, index, parse, relist, replace,
};
use super::{CHAPTER, Forged, SECOND_CHAPTER, Victims};

impl Victims {
    pub(super) fn swaps(&self) -> Vec<Forged> {
        let take = |from: &[u8], name: &'static str| {
            let from = parse(from);
            self.changed(|entries| *entry(entries, name) = from[index(&from, name)].clone())
        };
        vec![
            (
                "chapter of another title",
                "digest",
                take(&self.other_title, CHAPTER),
            ),
            (
                "chapter of another version",
                "digest",
                take(&self.next_version, CHAPTER),
            ),
            (
                "metadata of another title",
                "entry-facts",
                take(&self.other_title, METADATA),
            ),
            (
                "validation of another version",
                "seal",
                take(&self.next_version, VALIDATION),
            ),
            (
                "bookplate of another copy",
                "seal",
                take(&self.others, BOOKPLATE),
            ),
            ("seal of another copy", "seal", take(&self.others, SEAL)),
            (
                "seal of another version",
                "seal",
                take(&self.next_version, SEAL),
            ),
            (
                "two chapters exchanged",
                "entry-facts",
                self.changed(|entries| {
                    let one = entry(entries, CHAPTER).data.clone();
                    let two = entry(entries, SECOND_CHAPTER).data.clone();
                    entry(entries, CHAPTER).set(&two);
                    entry(entries, SECOND_CHAPTER).set(&one);
                }),
            ),
            (
                "chapter of another version with its digest listed",
                "decryption",
                {
                    let from = parse(&self.next_version);
                    let other = from[index(&from, CHAPTER)].data.clone();
                    self.changed(|entries| replace(entries, &self.key, CHAPTER, &other))
                },
            ),
            ("two chapters exchanged and listed", "decryption", {
                self.changed(|entries| {
                    let one = entry(entries, CHAPTER).data.clone();
                    let two = entry(entries, SECOND_CHAPTER).data.clone();
                    entry(entries, CHAPTER).set(&two);
                    entry(entries, SECOND_CHAPTER).set(&one);
                    relist(entries, &self.key, |listing, entries| {
                        listing.refresh(entries, CHAPTER);
                        listing.refresh(entries, SECOND_CHAPTER);
                    });
                })
            }),
            ("tail of another title on this prefix", "seal", {
                let from = parse(&self.other_title);
                self.changed(|entries| {
                    let at = index(entries, VALIDATION) + 1;
                    let tail = index(&from, VALIDATION) + 1;
                    entries.truncate(at);
                    entries.extend_from_slice(&from[tail..]);
                })
            }),
        ]
    }
}
