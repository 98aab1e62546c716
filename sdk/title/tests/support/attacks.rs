//! Every attack on the container, the documents, the keys and the seals, as the bytes an
//! attacker would hand out.

#[path = "attacks/archive.rs"]
mod archive;
#[path = "attacks/copies.rs"]
mod copies;
#[path = "attacks/documents.rs"]
mod documents;
#[path = "attacks/entries.rs"]
mod entries;
#[path = "attacks/groups.rs"]
mod groups;
#[path = "attacks/keys.rs"]
mod keys;
#[path = "attacks/swaps.rs"]
mod swaps;

use colophon_crypto::Key32;
use colophon_title::{Level, MediaType};

use super::forge::{
    ENCRYPTION, Entry, Listing, Part, content_key, emit, emit_with, entry, parse, relist, reseal,
};
use super::sample::{OWNER, Version, book, epub_source, pack_epub};

/// A forged file, and the reason it must be refused for.
pub(crate) struct Attack {
    /// What was done, in words.
    pub(crate) name: &'static str,
    /// [`colophon_title::TitleRefused::reason`].
    pub(crate) reason: &'static str,
    pub(crate) file: Vec<u8>,
}

/// What there is to attack.
pub(crate) struct Victims {
    at_rest: Vec<u8>,
    /// Copies of one version at levels 2 and 3.
    pub(crate) sealed: Vec<u8>,
    pub(crate) individually: Vec<u8>,
    /// Another owner's copy of the same version.
    others: Vec<u8>,
    /// The same book sealed once more.
    next_version: Vec<u8>,
    /// Another book.
    other_title: Vec<u8>,
    key: Key32,
}

const CHAPTER: &str = "EPUB/one.xhtml";
const SECOND_CHAPTER: &str = "EPUB/z\u{fc} zwei.xhtml";

impl Victims {
    pub(crate) fn new() -> Victims {
        let version = Version::new("victim", MediaType::EPUB);
        let at_rest = version.seal(&mut epub_source(pack_epub(&book())));
        let individually = version.copy(&at_rest, Level::IndividuallySealed, OWNER);
        let next = Version::new("next version", MediaType::EPUB);
        let next_at_rest = next.seal(&mut epub_source(pack_epub(&book())));
        let mut other = Version::new("other title", MediaType::EPUB);
        other.metadata.title = "Another Title".to_owned();
        let other_at_rest = other.seal(&mut epub_source(pack_epub(&book())));
        Victims {
            sealed: version.copy(&at_rest, Level::SourceSealed, OWNER),
            others: version.copy(&at_rest, Level::IndividuallySealed, "Somebody Else"),
            next_version: next.copy(&next_at_rest, Level::IndividuallySealed, OWNER),
            other_title: other.copy(&other_at_rest, Level::IndividuallySealed, OWNER),
            key: content_key(&parse(&individually)),
            at_rest,
            individually,
        }
    }

    fn entries(&self) -> Vec<Entry> {
        parse(&self.individually)
    }

    /// The level 3 copy after `change`.
    fn changed(&self, change: impl FnOnce(&mut Vec<Entry>)) -> Vec<u8> {
        let mut entries = self.entries();
        change(&mut entries);
        emit(&entries)
    }

    /// The level 3 copy after `change`, with a seal that fits.
    fn resealed(&self, change: impl FnOnce(&mut Vec<Entry>)) -> Vec<u8> {
        self.changed(|entries| {
            change(entries);
            reseal(entries, &self.key);
        })
    }

    /// The level 3 copy with one part of the archive written otherwise.
    fn rewritten(&self, alter: impl FnMut(Part, &mut Vec<u8>)) -> Vec<u8> {
        emit_with(&self.entries(), alter)
    }

    pub(crate) fn attacks(&self) -> Vec<Attack> {
        let mut attacks = Vec::new();
        let groups = [
            self.swaps(),
            self.groups(),
            self.bookplates_and_seals(),
            self.entry_lists(),
            self.archives(),
            self.archives_listed_anew(),
            self.documents(),
            self.keys(),
        ];
        for (name, reason, file) in groups.into_iter().flatten() {
            attacks.push(Attack { name, reason, file });
        }
        attacks
    }

    /// The at-rest file of the victims, for tests of what is at rest.
    pub(crate) fn at_rest(&self) -> &[u8] {
        &self.at_rest
    }
}

type Forged = (&'static str, &'static str, Vec<u8>);

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn add(bytes: &mut [u8], at: usize, more: u32) {
    let value = u32_at(bytes, at) as u32 + more;
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Gives the entry at `at` another name and content, in all documents.
fn rename_listed(
    entries: &mut [Entry],
    key: &Key32,
    at: usize,
    name: &str,
    stored: &[u8],
    size: u64,
) {
    let old = String::from_utf8(entries[at].name.clone()).unwrap();
    let mut listing = Listing::of(entries);
    let old_size = listing.line(&old).size;
    entries[at] = Entry::stored(name, stored);
    let xml = String::from_utf8(entry(entries, ENCRYPTION).content()).unwrap();
    let was = format!("\"{old}\"");
    let (head, rest) = xml.split_once(&was).unwrap();
    let rest = rest.replacen(
        &format!("Method=\"8\" OriginalLength=\"{old_size}\""),
        &format!("Method=\"0\" OriginalLength=\"{size}\""),
        1,
    );
    entry(entries, ENCRYPTION).set(format!("{head}\"{name}\"{rest}").as_bytes());
    relist(entries, key, |listing, entries| {
        let line = listing.line(&old);
        line.path = name.to_owned();
        (line.method, line.size) = (0, size);
        listing.refresh(entries, name);
        listing.refresh(entries, ENCRYPTION);
    });
}
