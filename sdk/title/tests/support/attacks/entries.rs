//! Entries that were added, removed, renamed or moved.

use base64ct::{Base64, Encoding};
use colophon_crypto::{Engine, Key32, Portable};

use super::super::forge::{
    ENCRYPTION, Entry, Listing, METADATA, SEAL, VALIDATION, emit, entry, index, remove,
};
use super::{CHAPTER, Forged, Victims, rename_listed};

impl Victims {
    pub(super) fn entry_lists(&self) -> Vec<Forged> {
        let insert = |at: usize, new: Entry| self.changed(|entries| entries.insert(at, new));
        let page = |name: &str| Entry::stored(name, b"<p>Buy elsewhere.</p>");
        let tail = index(&self.entries(), VALIDATION) + 1;
        let renamed = |from: &'static str, to: &str| {
            self.changed(|entries| entry(entries, from).name = to.into())
        };
        vec![
            (
                "unlisted entry in the prefix",
                "entry-unlisted",
                insert(3, page("EPUB/extra.xhtml")),
            ),
            (
                "unlisted entry in front",
                "entry-unlisted",
                insert(0, page("aaa")),
            ),
            (
                "unlisted entry in the tail",
                "tail",
                insert(tail, page("EPUB/extra.xhtml")),
            ),
            (
                "unlisted entry at the end",
                "tail",
                insert(self.entries().len(), page("zzz")),
            ),
            (
                "unlisted entry of ours",
                "tail",
                insert(tail, page("META-INF/colophon/extra")),
            ),
            (
                "entry dropped",
                "entry-missing",
                self.changed(|entries| {
                    remove(entries, CHAPTER);
                }),
            ),
            (
                "validation dropped",
                "no-validation",
                self.changed(|entries| {
                    remove(entries, VALIDATION);
                }),
            ),
            (
                "metadata dropped",
                "entry-missing",
                self.changed(|entries| {
                    remove(entries, METADATA);
                }),
            ),
            (
                "encryption.xml dropped",
                "entry-missing",
                self.changed(|entries| {
                    remove(entries, ENCRYPTION);
                }),
            ),
            (
                "entry doubled",
                "entry-twin",
                insert(tail - 1, self.entries()[5].clone()),
            ),
            (
                "entry doubled in other case",
                "entry-twin",
                insert(3, page("EPUB/ONE.xhtml")),
            ),
            ("entry doubled in other normalization", "entry-twin", {
                insert(3, page("EPUB/zu\u{308} zwei.xhtml"))
            }),
            (
                "entry that is another's folder",
                "entry-twin",
                insert(3, page("EPUB")),
            ),
            (
                "entry that is another's folder in other case",
                "entry-twin",
                insert(3, page("epub")),
            ),
            (
                "entry that is another's folder, with others between them",
                "entry-twin",
                self.changed(|entries| {
                    let names = ["extra", "extra!", "extra-1/a", "extra/a"];
                    let pages = names.map(page);
                    entries.splice(3..3, pages);
                }),
            ),
            (
                "traversal entry",
                "entry-path",
                insert(3, page("EPUB/../../etc/passwd")),
            ),
            (
                "absolute entry",
                "entry-path",
                insert(3, page("/etc/passwd")),
            ),
            (
                "drive entry",
                "entry-path",
                insert(3, page("C:/autoexec.bat")),
            ),
            (
                "backslash entry",
                "entry-path",
                insert(3, page("EPUB\\one.xhtml")),
            ),
            (
                "control character entry",
                "entry-path",
                insert(3, page("EPUB/one\u{7}")),
            ),
            ("folder entry", "entry-path", insert(3, page("EPUB/"))),
            ("nameless entry", "entry-path", insert(3, page(""))),
            (
                "current folder entry",
                "entry-path",
                insert(3, page("./EPUB/one.xhtml")),
            ),
            (
                "entry name that is not UTF-8",
                "container-directory",
                self.changed(|entries| {
                    entry(entries, CHAPTER).name = b"EPUB/\xff.xhtml".to_vec();
                }),
            ),
            (
                "entry renamed",
                "entry-unlisted",
                renamed(CHAPTER, "EPUB/three.xhtml"),
            ),
            (
                "mimetype renamed",
                "entry-unlisted",
                renamed("mimetype", "MIMETYPE"),
            ),
            (
                "entries reordered",
                "entry-order",
                self.changed(|entries| entries.swap(3, 4)),
            ),
            (
                "mimetype not first",
                "entry-order",
                self.changed(|entries| entries.swap(0, 1)),
            ),
            (
                "tail before the prefix",
                "entry-unlisted",
                self.changed(|entries| {
                    let seal = remove(entries, SEAL);
                    entries.insert(0, seal);
                }),
            ),
            (
                "entry called commitment in the tail",
                "tail",
                insert(tail, page("commitment")),
            ),
            (
                "entry called commitment, listed, under the key committed to",
                "decryption",
                { self.commitment_entry() },
            ),
            ("empty file", "container-end", Vec::new()),
            ("empty archive", "no-validation", emit(&[])),
        ]
    }

    /// A resource named like the label of the commitment: its key must not be the commitment,
    /// which everyone can read.
    fn commitment_entry(&self) -> Vec<u8> {
        self.changed(|entries| {
            let listing = Listing::of(entries);
            let commitment = Base64::decode_vec(&listing.root_attribute("commitment")).unwrap();
            let key = Key32::from_slice(&commitment).unwrap();
            let mut content = b"sixteen letters.".to_vec();
            let tag = Portable.aes256_gcm(&key).seal(&[0; 12], &[], &mut content);
            let stored = [[0; 12].as_slice(), &content, &tag].concat();
            let at = index(entries, CHAPTER);
            rename_listed(entries, &self.key, at, "commitment", &stored, 16);
        })
    }
}
