//! Every attack on the container, the documents, the keys and the seals, as the bytes an
//! attacker would hand out.

use base64ct::{Base64, Encoding};
use colophon_crypto::{Engine, Key32, Portable};
use colophon_title::{Level, MediaType};

use super::forge::{
    BOOKPLATE, ENCRYPTION, Entry, METADATA, Part, SEAL, SIGNATURES, VALIDATION, content_key, emit,
    emit_with, entry, index, parse, relist, remove, replace, reseal, resource_key,
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
            self.bookplates_and_seals(),
            self.entry_lists(),
            self.archives(),
            self.documents(),
            self.keys(),
        ];
        for (name, reason, file) in groups.into_iter().flatten() {
            attacks.push(Attack { name, reason, file });
        }
        attacks
    }

    /// Entries of one file in another.
    fn swaps(&self) -> Vec<Forged> {
        let take = |from: &[u8], name: &'static str| {
            let from = parse(from);
            self.changed(|entries| *entry(entries, name) = from[index(&from, name)].clone())
        };
        vec![
            ("chapter of another title", "entry-facts", {
                let mut from = parse(&self.other_title);
                // The same length, so that only the content tells.
                let other = entry(&mut from, CHAPTER).clone();
                self.changed(|entries| {
                    let mut other = other;
                    other.data.push(0);
                    other.repair();
                    *entry(entries, CHAPTER) = other;
                })
            }),
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
            ("two chapters of one length exchanged", "digest", {
                self.changed(|entries| {
                    let (one, two) = (index(entries, "EPUB/cover.png"), index(entries, CHAPTER));
                    let (one, two) = (entries[one].clone(), entries[two].clone());
                    let mut padded = two.data.clone();
                    padded.resize(one.data.len(), 0);
                    entry(entries, "EPUB/cover.png").data = padded;
                    entry(entries, "EPUB/cover.png").repair();
                })
            }),
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

    fn bookplates_and_seals(&self) -> Vec<Forged> {
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
                "license beside a seal",
                "tail",
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

    fn entry_lists(&self) -> Vec<Forged> {
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
            let listing = super::forge::Listing::of(entries);
            let commitment = Base64::decode_vec(&listing.root_attribute("commitment")).unwrap();
            let key = Key32::from_slice(&commitment).unwrap();
            let mut content = b"sixteen letters.".to_vec();
            let tag = Portable.aes256_gcm(&key).seal(&[0; 12], &[], &mut content);
            let stored = [[0; 12].as_slice(), &content, &tag].concat();
            let at = index(entries, CHAPTER);
            rename_listed(entries, &self.key, at, "commitment", &stored, 16);
        })
    }

    fn archives(&self) -> Vec<Forged> {
        let file = || self.individually.clone();
        let on = |wanted: Part, change: fn(&mut Vec<u8>)| {
            self.rewritten(|part, bytes| {
                if part == wanted {
                    change(bytes);
                }
            })
        };
        let both = |number: usize, local_at: usize, value: u8| {
            self.rewritten(|part, bytes| match part {
                Part::Local(index) if index == number => bytes[local_at] = value,
                // The central record has the version made by in front.
                Part::Central(index) if index == number => bytes[local_at + 2] = value,
                _ => (),
            })
        };
        let end_at = self.individually.len() - 22;
        vec![
            (
                "junk in front",
                "container-directory",
                [b"junk".to_vec(), file()].concat(),
            ),
            (
                "junk in front, offsets moved",
                "container-not-contiguous",
                {
                    let mut bytes = [b"junk".to_vec(), file()].concat();
                    add(&mut bytes, end_at + 4 + 16, 4);
                    let mut at = u32_at(&bytes, end_at + 4 + 16);
                    while bytes[at..].starts_with(b"PK\x01\x02") {
                        add(&mut bytes, at + 42, 4);
                        at += 46 + usize::from(bytes[at + 28]) + usize::from(bytes[at + 29]) * 256;
                    }
                    bytes
                },
            ),
            (
                "junk behind",
                "container-end",
                [file(), b"junk".to_vec()].concat(),
            ),
            (
                "second archive behind",
                "container-directory",
                [file(), file()].concat(),
            ),
            (
                "junk between entries",
                "container-not-contiguous",
                on(Part::Data(4), |data| {
                    data.extend(b"junk");
                }),
            ),
            ("junk behind the last entry", "container-not-contiguous", {
                let last = self.entries().len() - 1;
                on(Part::Data(last), |data| data.extend(b"junk"))
            }),
            (
                "archive comment",
                "container-end",
                on(Part::End, |end| {
                    end[20] = 4;
                    end.extend(b"note");
                }),
            ),
            (
                "entry comment",
                "container-directory",
                on(Part::Central(4), |record| {
                    record[32] = 4;
                    record.extend(b"note");
                }),
            ),
            (
                "extra field in a header",
                "entry-header",
                on(Part::Local(4), |header| {
                    header[28] = 4;
                    header.extend([0x99, 0x99, 0, 0]);
                }),
            ),
            (
                "extra field in a record",
                "container-directory",
                on(Part::Central(4), |record| {
                    record[30] = 4;
                    record.extend([0x99, 0x99, 0, 0]);
                }),
            ),
            (
                "second end record",
                "container-directory",
                on(Part::End, |end| {
                    end.splice(0..0, end.clone());
                }),
            ),
            (
                "record dropped from the directory",
                "container-not-contiguous",
                {
                    let mut entries = self.entries().len() as u16;
                    entries -= 1;
                    let length = std::cell::Cell::new(0);
                    self.rewritten(|part, bytes| match part {
                        Part::Central(4) => {
                            length.set(bytes.len() as u32);
                            bytes.clear();
                        }
                        Part::End => {
                            bytes[8..10].copy_from_slice(&entries.to_le_bytes());
                            bytes[10..12].copy_from_slice(&entries.to_le_bytes());
                        }
                        _ => (),
                    })
                },
            ),
            (
                "number of entries too small",
                "container-directory",
                on(Part::End, |end| {
                    end[8] -= 1;
                    end[10] -= 1;
                }),
            ),
            (
                "other number on this disk",
                "container-directory",
                on(Part::End, |end| end[8] -= 1),
            ),
            (
                "another disk",
                "container-directory",
                on(Part::End, |end| end[4] = 1),
            ),
            (
                "directory length too small",
                "container-directory",
                on(Part::End, |end| {
                    end[12] -= 1;
                }),
            ),
            (
                "header of another name",
                "entry-header",
                on(Part::Local(4), |header| {
                    header[30] ^= 0x20;
                }),
            ),
            (
                "header of another length",
                "entry-header",
                on(Part::Local(4), |header| {
                    header[18] ^= 1;
                }),
            ),
            (
                "header of another checksum",
                "entry-header",
                on(Part::Local(4), |header| {
                    header[14] ^= 1;
                }),
            ),
            ("data descriptor", "container-directory", both(4, 6, 8)),
            (
                "encrypted by the archiver",
                "container-directory",
                both(4, 6, 1),
            ),
            (
                "UTF-8 flag on an ASCII name",
                "container-directory",
                both(4, 7, 8),
            ),
            ("no UTF-8 flag on another name", "container-directory", {
                let number = index(&self.entries(), SECOND_CHAPTER);
                both(number, 7, 0)
            }),
            (
                "another version needed",
                "container-directory",
                both(4, 4, 45),
            ),
            (
                "made by another system",
                "container-directory",
                on(Part::Central(4), |record| {
                    record[5] = 3;
                }),
            ),
            ("a date", "container-directory", both(4, 12, 0x22)),
            ("a time", "container-directory", both(4, 10, 1)),
            (
                "internal attributes",
                "container-directory",
                on(Part::Central(4), |record| {
                    record[36] = 1;
                }),
            ),
            (
                "external attributes",
                "container-directory",
                on(Part::Central(4), |record| {
                    record[38] = 0x20;
                }),
            ),
            ("another method", "container-directory", both(4, 8, 9)),
            ("entry that overlaps another", "container-not-contiguous", {
                on(Part::Central(5), |record| record[42] -= 1)
            }),
            (
                "ZIP64 field without need in a record",
                "container-directory",
                {
                    on(Part::Central(4), |record| {
                        let size: [u8; 4] = record[24..28].try_into().unwrap();
                        record[24..28].fill(0xFF);
                        record[30] = 12;
                        record.extend([1, 0, 8, 0]);
                        record.extend(size);
                        record.extend([0; 4]);
                    })
                },
            ),
            ("ZIP64 field without need in a header", "entry-header", {
                on(Part::Local(4), |header| {
                    let sizes = (header[22..26].to_vec(), header[18..22].to_vec());
                    header[18..26].fill(0xFF);
                    header[28] = 20;
                    header.extend([1, 0, 16, 0]);
                    header.extend([sizes.0, vec![0; 4], sizes.1, vec![0; 4]].concat());
                })
            }),
            (
                "ZIP64 end record without need",
                "container-directory",
                self.end64(false),
            ),
            (
                "ZIP64 end record in front of a saturated end",
                "container-directory",
                { self.end64(true) },
            ),
            (
                "ZIP64 end record missing",
                "container-directory",
                on(Part::End, |end| {
                    end[8..20].fill(0xFF);
                }),
            ),
            (
                "zipped again with stored entries",
                "digest",
                self.changed(|entries| {
                    let chapter = entry(entries, "EPUB/package.opf");
                    chapter.set(&chapter.content());
                    let content = chapter.content();
                    relist(entries, &self.key, |listing, entries| {
                        listing.refresh(entries, "EPUB/package.opf");
                        listing.line("EPUB/package.opf").sha256 =
                            Portable.digest(&[&content, b"."]);
                    });
                }),
            ),
            (
                "zipped again without listing",
                "entry-facts",
                self.changed(|entries| {
                    let chapter = entry(entries, "EPUB/package.opf");
                    let content = chapter.content();
                    chapter.set(&content);
                }),
            ),
        ]
    }

    /// The file with a ZIP64 end record and locator, and perhaps an end record that refers to
    /// them.
    fn end64(&self, saturated: bool) -> Vec<u8> {
        self.rewritten(|part, bytes| {
            if part != Part::End {
                return;
            }
            let wide = |from: &[u8]| {
                let mut wide = from.to_vec();
                wide.resize(8, 0);
                wide
            };
            let (count, length) = (wide(&bytes[8..10]), wide(&bytes[12..16]));
            let offset = wide(&bytes[16..20]);
            let at = u32_at(bytes, 12) as u64 + u32_at(bytes, 16) as u64;
            let mut end64 = b"PK\x06\x06".to_vec();
            end64.extend(44_u64.to_le_bytes());
            end64.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            end64.extend([count.clone(), count, length, offset].concat());
            end64.extend(b"PK\x06\x07\0\0\0\0");
            end64.extend(at.to_le_bytes());
            end64.extend([1, 0, 0, 0]);
            if saturated {
                bytes[8..20].fill(0xFF);
            }
            bytes.splice(0..0, end64);
        })
    }

    fn documents(&self) -> Vec<Forged> {
        let edit = |name: &'static str, from: &str, to: &str| {
            self.changed(|entries| {
                let xml = String::from_utf8(entry(entries, name).content()).unwrap();
                assert!(xml.contains(from), "{name} holds {from}");
                let xml = xml.replacen(from, to, 1);
                replace(entries, &self.key, name, xml.as_bytes());
            })
        };
        let validation = |from: &str, to: &str| {
            self.resealed(|entries| {
                let xml = String::from_utf8(entry(entries, VALIDATION).content()).unwrap();
                assert!(xml.contains(from), "validation.xml holds {from}");
                let xml = xml.replacen(from, to, 1);
                entry(entries, VALIDATION).set(xml.as_bytes());
            })
        };
        let gcm = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
        let cbc = "http://www.w3.org/2001/04/xmlenc#aes256-cbc";
        vec![
            (
                "encryption.xml naming another algorithm",
                "encryption-algorithm",
                { edit(ENCRYPTION, gcm, cbc) },
            ),
            (
                "encryption.xml naming segments for a message",
                "encryption-differs",
                { edit(ENCRYPTION, gcm, "urn:colophon:title:1:aes256-gcm-segments") },
            ),
            (
                "encryption.xml naming obfuscation for a message",
                "document-form",
                { edit(ENCRYPTION, gcm, "http://www.idpf.org/2008/embedding") },
            ),
            ("encryption.xml of another length", "encryption-differs", {
                edit(ENCRYPTION, "OriginalLength=\"", "OriginalLength=\"1")
            }),
            ("encryption.xml of another method", "encryption-differs", {
                edit(ENCRYPTION, "Method=\"8\"", "Method=\"0\"")
            }),
            ("encryption.xml of an unknown method", "document-form", {
                edit(ENCRYPTION, "Method=\"8\"", "Method=\"9\"")
            }),
            ("encryption.xml of another entry", "encryption-differs", {
                edit(ENCRYPTION, "EPUB/one.xhtml", "EPUB/two.xhtml")
            }),
            (
                "encryption.xml naming another source of the key",
                "document-form",
                {
                    edit(
                        ENCRYPTION,
                        "META-INF/colophon/validation.xml",
                        "http://example.com/key",
                    )
                },
            ),
            ("encryption.xml without an entry", "encryption-differs", {
                self.changed(|entries| {
                    let xml = String::from_utf8(entry(entries, ENCRYPTION).content()).unwrap();
                    let (head, rest) = xml.split_once("<enc:EncryptedData").unwrap();
                    let (_, rest) = rest.split_once("</enc:EncryptedData>").unwrap();
                    replace(
                        entries,
                        &self.key,
                        ENCRYPTION,
                        format!("{head}{rest}").as_bytes(),
                    );
                })
            }),
            (
                "encryption.xml with an entry twice",
                "encryption-differs",
                {
                    self.changed(|entries| {
                        let xml = String::from_utf8(entry(entries, ENCRYPTION).content()).unwrap();
                        let (head, rest) = xml.split_once("<enc:EncryptedData").unwrap();
                        let (first, rest) = rest.split_once("</enc:EncryptedData>").unwrap();
                        let twice =
                            format!("<enc:EncryptedData{first}</enc:EncryptedData>").repeat(2);
                        replace(
                            entries,
                            &self.key,
                            ENCRYPTION,
                            format!("{head}{twice}{rest}").as_bytes(),
                        );
                    })
                },
            ),
            ("encryption.xml with white space", "document-form", {
                edit(ENCRYPTION, "<enc:CipherData>", "<enc:CipherData> ")
            }),
            ("encryption.xml with a comment", "document-form", {
                edit(ENCRYPTION, "<enc:CipherData>", "<!-- --><enc:CipherData>")
            }),
            (
                "metadata with another author",
                "seal",
                self.changed(|entries| {
                    let xml = String::from_utf8(entry(entries, METADATA).content()).unwrap();
                    let xml = xml.replace("Herman M.", "Ahab");
                    let mut listing = super::forge::Listing::of(entries);
                    entry(entries, METADATA).set(xml.as_bytes());
                    listing.refresh(entries, METADATA);
                    entry(entries, VALIDATION).set(listing.to_xml().as_bytes());
                }),
            ),
            (
                "metadata changed without listing",
                "digest",
                self.resealed(|entries| {
                    let content = entry(entries, METADATA).content();
                    replace(entries, &self.key, METADATA, &content);
                    let ahab = String::from_utf8(content)
                        .unwrap()
                        .replace("Herman", "Hermes");
                    entry(entries, METADATA).set(ahab.as_bytes());
                }),
            ),
            ("metadata with an XML declaration", "document-form", {
                edit(METADATA, "<metadata", "<?xml version=\"1.0\"?><metadata")
            }),
            ("metadata with a document type", "document-xml", {
                edit(
                    METADATA,
                    "<metadata",
                    "<!DOCTYPE metadata [<!ENTITY a \"b\">]><metadata",
                )
            }),
            (
                "metadata with an entity",
                "document-xml",
                edit(METADATA, "Herman M.", "&herman;"),
            ),
            ("metadata with a character reference", "document-form", {
                edit(METADATA, "Herman", "&#72;erman")
            }),
            ("metadata with an unknown element", "document-form", {
                edit(METADATA, "</title>", "</title><subtitle>x</subtitle>")
            }),
            ("metadata with an unknown attribute", "document-form", {
                edit(METADATA, "<title>", "<title lang=\"en\">")
            }),
            ("metadata with a processing instruction", "document-form", {
                edit(METADATA, "<title>", "<?x y?><title>")
            }),
            ("metadata with two titles", "document-form", {
                edit(METADATA, "<title>", "<title>x</title><title>")
            }),
            ("metadata in another namespace", "document-form", {
                edit(METADATA, "urn:colophon:title:1", "urn:colophon:title:0")
            }),
            (
                "metadata under a prefix",
                "document-form",
                self.changed(|entries| {
                    let xml = String::from_utf8(entry(entries, METADATA).content()).unwrap();
                    let xml = xml
                        .replace("xmlns=", "xmlns:c=")
                        .replace("</", "\u{1}")
                        .replace('<', "<c:")
                        .replace('\u{1}', "</c:");
                    replace(entries, &self.key, METADATA, xml.as_bytes());
                }),
            ),
            (
                "metadata nested too deep",
                "document-xml",
                self.changed(|entries| {
                    let xml = format!("{}{}", "<a>".repeat(65), "</a>".repeat(65));
                    replace(entries, &self.key, METADATA, xml.as_bytes());
                }),
            ),
            ("metadata of another profile", "profile", {
                edit(METADATA, "profile=\"1\"", "profile=\"2\"")
            }),
            ("metadata of another media type", "media-type", {
                edit(METADATA, "application/epub+zip", "application/pdf")
            }),
            (
                "mimetype of another media type",
                "media-type",
                self.changed(|entries| {
                    replace(
                        entries,
                        &self.key,
                        "mimetype",
                        MediaType::CONTAINER.as_bytes(),
                    );
                }),
            ),
            ("validation of another profile", "profile", {
                validation("profile=\"1\"", "profile=\"2\"")
            }),
            (
                "validation with a comment",
                "document-form",
                validation("<entry", "<!----><entry"),
            ),
            (
                "validation of another form",
                "tail",
                validation("\"sealed\"", "\"licensed\""),
            ),
            ("validation of an unknown form", "document-form", {
                validation("\"sealed\"", "\"open\"")
            }),
            (
                "validation with a length not in its usual digits",
                "document-form",
                { validation("size=\"20\"", "size=\"020\"") },
            ),
            ("validation with a negative length", "document-form", {
                validation("size=\"20\"", "size=\"-20\"")
            }),
            (
                "validation with a digest not in canonical base64",
                "document-form",
                { validation("=\" size=\"20\"", "\" size=\"20\"") },
            ),
            ("validation of another salt", "commitment", {
                let listing = super::forge::Listing::of(&self.entries());
                let salt = listing.root_attribute("salt");
                validation(&salt, &Base64::encode_string(&[7; 16]))
            }),
            (
                "validation listing a message that is too large",
                "document-form",
                {
                    self.changed(|entries| {
                        relist(entries, &self.key, |listing, _| {
                            listing.line(CHAPTER).size = (16 << 20) + 1;
                        });
                    })
                },
            ),
            (
                "validation listing another length of content",
                "encryption-differs",
                {
                    self.changed(|entries| {
                        relist(entries, &self.key, |listing, _| {
                            listing.line(CHAPTER).size += 1
                        });
                    })
                },
            ),
            (
                "validation and encryption.xml claiming more than there is",
                "inflation",
                { self.claimed_size(1) },
            ),
            (
                "validation and encryption.xml claiming less than there is",
                "inflation",
                { self.claimed_size(-1) },
            ),
            (
                "validation listing itself",
                "entry-missing",
                self.changed(|entries| {
                    relist(entries, &self.key, |listing, _| {
                        let mut line = listing.lines[0].clone();
                        line.path = VALIDATION.to_owned();
                        listing.lines.push(line);
                    });
                }),
            ),
            (
                "validation listing nothing",
                "entry-unlisted",
                self.changed(|entries| {
                    relist(entries, &self.key, |listing, _| listing.lines.clear());
                }),
            ),
            (
                "META-INF entry encrypted",
                "encryption-differs",
                self.changed(|entries| {
                    relist(entries, &self.key, |listing, _| {
                        let stored = listing.line("EPUB/font.otf").stored;
                        let line = listing.line("EPUB/font.otf");
                        line.protection = Some("message".to_owned());
                        line.size = stored - 28;
                    });
                }),
            ),
            (
                "mimetype deflated",
                "entry-facts",
                self.changed(|entries| {
                    let mimetype = entry(entries, "mimetype");
                    let length = mimetype.data.len() as u16;
                    let mut deflated = vec![1];
                    deflated.extend(length.to_le_bytes());
                    deflated.extend((!length).to_le_bytes());
                    deflated.extend(&mimetype.data);
                    (mimetype.method, mimetype.data) = (8, deflated);
                    relist(entries, &self.key, |listing, entries| {
                        listing.refresh(entries, "mimetype")
                    });
                }),
            ),
            ("signatures that are none", "signature-form", {
                let tail = index(&self.entries(), VALIDATION) + 1;
                self.changed(|entries| {
                    let signatures = Entry::stored(SIGNATURES, b"<signatures></signatures>");
                    entries.insert(tail, signatures);
                })
            }),
            (
                "signatures after the seal",
                "tail",
                self.changed(|entries| {
                    entries.push(Entry::stored(SIGNATURES, b"<signatures></signatures>"));
                }),
            ),
        ]
    }

    /// The chapter with another original length, in both documents that say it.
    fn claimed_size(&self, more: i64) -> Vec<u8> {
        self.changed(|entries| {
            let mut listing = super::forge::Listing::of(entries);
            let size = listing.line(CHAPTER).size;
            let claimed = size.checked_add_signed(more).unwrap();
            let xml = String::from_utf8(entry(entries, ENCRYPTION).content()).unwrap();
            let original = |size| format!("OriginalLength=\"{size}\"");
            let xml = xml.replacen(&original(size), &original(claimed), 1);
            entry(entries, ENCRYPTION).set(xml.as_bytes());
            relist(entries, &self.key, |listing, entries| {
                listing.refresh(entries, ENCRYPTION);
                listing.line(CHAPTER).size = claimed;
            });
        })
    }

    fn keys(&self) -> Vec<Forged> {
        let encrypted = |key: &Key32, nonce: [u8; 12], content: &[u8]| {
            let mut content = content.to_vec();
            let tag = Portable.aes256_gcm(key).seal(&nonce, &[], &mut content);
            [nonce.as_slice(), &content, &tag].concat()
        };
        let chapter_key = |path| resource_key(&self.entries(), &self.key, path);
        let deflated = |entries: &[Entry]| {
            let stored = &entries[index(entries, CHAPTER)].data;
            let (nonce, rest) = stored.split_at(12);
            let (content, tag) = rest.split_at(rest.len() - 16);
            let mut content = content.to_vec();
            let cipher = Portable.aes256_gcm(&chapter_key(CHAPTER));
            cipher
                .open(
                    nonce.try_into().unwrap(),
                    &[],
                    &mut content,
                    tag.try_into().unwrap(),
                )
                .unwrap();
            content
        };
        vec![
            (
                "content key of another version, sealed well",
                "commitment",
                {
                    let next = content_key(&parse(&self.next_version));
                    self.changed(|entries| reseal(entries, &next))
                },
            ),
            (
                "chapter encrypted under the content key itself",
                "decryption",
                {
                    let key = self.key.duplicate();
                    let content = deflated(&self.entries());
                    let stored = encrypted(&key, [1; 12], &content);
                    self.changed(|entries| replace(entries, &self.key, CHAPTER, &stored))
                },
            ),
            (
                "chapter encrypted under another chapter's key",
                "decryption",
                {
                    let content = deflated(&self.entries());
                    let stored = encrypted(&chapter_key(SECOND_CHAPTER), [1; 12], &content);
                    self.changed(|entries| replace(entries, &self.key, CHAPTER, &stored))
                },
            ),
            (
                "chapter with something after its deflate stream",
                "inflation",
                {
                    let mut content = deflated(&self.entries());
                    let end = content.len() - 1;
                    content.truncate(end);
                    let stored = encrypted(&chapter_key(CHAPTER), [1; 12], &content);
                    let longer = encrypted(
                        &chapter_key(CHAPTER),
                        [1; 12],
                        &[content, vec![0; 2]].concat(),
                    );
                    self.changed(|entries| {
                        let _ = stored;
                        replace(entries, &self.key, CHAPTER, &longer);
                    })
                },
            ),
            ("chapter deflated otherwise but not at all", "inflation", {
                let stored = encrypted(&chapter_key(CHAPTER), [1; 12], &[0xFF; 100]);
                self.changed(|entries| replace(entries, &self.key, CHAPTER, &stored))
            }),
            (
                "chapter left clear under an encrypted name",
                "decryption",
                { self.changed(|entries| replace(entries, &self.key, CHAPTER, &[0x20; 100])) },
            ),
        ]
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
    let mut listing = super::forge::Listing::of(entries);
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
