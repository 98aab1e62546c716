//! Archives that another program reads in another way.

use super::super::forge::{Part, entry, index, misgroup};
use super::{Forged, SECOND_CHAPTER, Victims, add, u32_at};

impl Victims {
    /// What is wrong with the archive alone; nothing in it is forged.
    pub(crate) fn archives(&self) -> Vec<Forged> {
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
                Part::Local(_) | Part::Data(_) | Part::Central(_) | Part::End => (),
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
                    let entries = self.entries().len() as u16 - 1;
                    self.rewritten(|part, bytes| match part {
                        Part::Central(4) => bytes.clear(),
                        Part::End => {
                            bytes[8..10].copy_from_slice(&entries.to_le_bytes());
                            bytes[10..12].copy_from_slice(&entries.to_le_bytes());
                        }
                        Part::Local(_) | Part::Data(_) | Part::Central(_) => (),
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

    /// An archive that was written anew, and its list of entries with it.
    pub(super) fn archives_listed_anew(&self) -> Vec<Forged> {
        vec![(
            "zipped again with stored entries",
            "digest",
            self.changed(|entries| {
                let chapter = entry(entries, "EPUB/package.opf");
                chapter.set(&chapter.content());
                misgroup(entries, &self.key, |listing, entries| {
                    listing.refresh(entries, "EPUB/package.opf");
                    listing.groups[1].sha256[0] ^= 1;
                });
            }),
        )]
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
}
