//! Archives byte by byte, so that they can be wrong in any way.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// An entry; every field can be made to lie.
#[derive(Clone)]
pub(crate) struct RawEntry {
    pub(crate) name: Vec<u8>,
    pub(crate) local_name: Vec<u8>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) stored: Vec<u8>,
    pub(crate) stored_length: u32,
    pub(crate) size: u32,
    pub(crate) crc: u32,
    pub(crate) made_by: u16,
    pub(crate) attributes: u32,
    pub(crate) extra: Vec<u8>,
    /// Bytes after the content, such as a data descriptor.
    pub(crate) after: Vec<u8>,
    /// Where the directory says the entry begins, if not where it does.
    pub(crate) claimed_offset: Option<u32>,
    /// Whether there is only a directory entry, and nothing in front.
    pub(crate) is_phantom: bool,
}

impl RawEntry {
    pub(crate) fn stored(name: &str, content: &[u8]) -> RawEntry {
        RawEntry {
            name: name.into(),
            local_name: name.into(),
            flags: 0x800,
            method: 0,
            stored: content.to_vec(),
            stored_length: length(content),
            size: length(content),
            crc: crc32fast::hash(content),
            made_by: 0x031e,
            attributes: 0o100_644 << 16,
            extra: Vec::new(),
            after: Vec::new(),
            claimed_offset: None,
            is_phantom: false,
        }
    }

    pub(crate) fn deflated(name: &str, content: &[u8]) -> RawEntry {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).unwrap();
        let stored = encoder.finish().unwrap();
        RawEntry {
            method: 8,
            stored_length: length(&stored),
            stored,
            ..RawEntry {
                size: length(content),
                ..RawEntry::stored(name, content)
            }
        }
    }

    pub(crate) fn folder(name: &str) -> RawEntry {
        RawEntry {
            attributes: 0o040_755 << 16 | 0x10,
            ..RawEntry::stored(name, b"")
        }
    }

    /// With the sizes after the content instead of before it.
    pub(crate) fn with_descriptor(mut self) -> RawEntry {
        self.flags |= 8;
        for number in [0x0807_4b50, self.crc, self.stored_length, self.size] {
            self.after.extend_from_slice(&number.to_le_bytes());
        }
        self
    }
}

/// The archive of entries, without comment.
pub(crate) fn archive(entries: &[RawEntry]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let offset = entry.claimed_offset.unwrap_or(length(&out));
        let in_front = (entry.flags & 8 == 0) as u32;
        if !entry.is_phantom {
            out.extend_from_slice(b"PK\x03\x04");
            put16(&mut out, &[20, entry.flags, entry.method, 0, 0x21]);
            put32(
                &mut out,
                &[entry.crc, entry.stored_length, entry.size].map(|n| n * in_front),
            );
            put16(
                &mut out,
                &[length16(&entry.local_name), length16(&entry.extra)],
            );
            out.extend_from_slice(&entry.local_name);
            out.extend_from_slice(&entry.extra);
            out.extend_from_slice(&entry.stored);
            out.extend_from_slice(&entry.after);
        }
        directory.extend_from_slice(b"PK\x01\x02");
        put16(
            &mut directory,
            &[entry.made_by, 20, entry.flags, entry.method, 0, 0x21],
        );
        put32(
            &mut directory,
            &[entry.crc, entry.stored_length, entry.size],
        );
        put16(
            &mut directory,
            &[length16(&entry.name), length16(&entry.extra), 0, 0, 0],
        );
        put32(&mut directory, &[entry.attributes, offset]);
        directory.extend_from_slice(&entry.name);
        directory.extend_from_slice(&entry.extra);
    }
    let start = length(&out);
    out.extend_from_slice(&directory);
    end_record(&mut out, entries.len(), length(&directory), start);
    out
}

/// The record at the end of an archive.
pub(crate) fn end_record(out: &mut Vec<u8>, entries: usize, length: u32, start: u32) {
    let entries = u16::try_from(entries).unwrap_or(u16::MAX);
    out.extend_from_slice(b"PK\x05\x06");
    put16(out, &[0, 0, entries, entries]);
    put32(out, &[length, start]);
    put16(out, &[0]);
}

fn put16(out: &mut Vec<u8>, numbers: &[u16]) {
    out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, numbers: &[u32]) {
    out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

fn length16(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap()
}
