//! Where an archive's directory is and how large, before anything of it is parsed.
//!
//! The ZIP crate keeps the whole directory in memory, so its size is bounded first. The
//! directory must end where its end record begins: then the crate looks at no other
//! candidate than the one that was bounded.

use std::io::{Read, Seek, SeekFrom};

use super::{ArchiveRefused, Limits, SourceRefused};

const END_SIGNATURE: &[u8; 4] = b"PK\x05\x06";
const END_LENGTH: u64 = 22;
const END64_SIGNATURE: &[u8; 4] = b"PK\x06\x06";
const END64_LENGTH: u64 = 56;
const LOCATOR64_SIGNATURE: &[u8; 4] = b"PK\x06\x07";
const LOCATOR64_LENGTH: u64 = 20;
const COMMENT_LENGTH_MAX: u64 = 0xffff;

const ENTRY_SIGNATURE: &[u8; 4] = b"PK\x01\x02";
const ENTRY_LENGTH: usize = 46;

/// What one directory may take, in bytes. Books of thousands of files have 100 to 200 for each.
const DIRECTORY_BYTES_MAX: u64 = 8 << 20;
/// What the extra fields in it may take together, in bytes: parsed, they are many times that.
const EXTRA_BYTES_MAX: usize = 1 << 20;

/// What an end record says of the directory.
struct Directory {
    entries: u64,
    start: u64,
    length: u64,
}

/// Refuses an archive whose directory is too large to be parsed, or is not where it must be.
/// Gives the names in the directory, byte for byte, in its order.
pub(super) fn check<R: Read + Seek>(
    reader: &mut R,
    length: u64,
    limits: &Limits,
) -> Result<Vec<Vec<u8>>, SourceRefused> {
    let end = find_end(reader, length)?;
    let record = read_at(reader, end, END_LENGTH)?;
    let directory = Directory {
        entries: number(&record, 10, 2)?,
        length: number(&record, 12, 4)?,
        start: number(&record, 16, 4)?,
    };
    let (directory, end) = match end64(reader, end)? {
        None => (directory, end),
        Some((directory64, end64)) => {
            // What the small record says besides must be the same, or a sign that it is too
            // small to say it: two programs must not see two directories.
            let agrees = |small: u64, large: u64, sign: u64| small == large || small == sign;
            let both = agrees(directory.entries, directory64.entries, 0xffff)
                && agrees(directory.length, directory64.length, 0xffff_ffff)
                && agrees(directory.start, directory64.start, 0xffff_ffff);
            if !both {
                return Err(ArchiveRefused::Directory.into());
            }
            (directory64, end64)
        }
    };
    if directory.entries > limits.entries_max as u64 {
        return Err(ArchiveRefused::TooManyEntries {
            entries_max: limits.entries_max,
        }
        .into());
    }
    if directory.length > DIRECTORY_BYTES_MAX {
        return Err(ArchiveRefused::DirectoryTooLarge {
            bytes_max: DIRECTORY_BYTES_MAX,
        }
        .into());
    }
    if directory.start.checked_add(directory.length) != Some(end) {
        return Err(ArchiveRefused::Directory.into());
    }
    let bytes = read_at(reader, directory.start, directory.length)?;
    Ok(names(&bytes, directory.entries)?)
}

/// Walks from entry to entry; there must be as many as declared, and nothing after them.
fn names(mut directory: &[u8], entries: u64) -> Result<Vec<Vec<u8>>, ArchiveRefused> {
    let mut extra: usize = 0;
    let mut names = Vec::new();
    for _ in 0..entries {
        if !directory.starts_with(ENTRY_SIGNATURE) {
            return Err(ArchiveRefused::Directory);
        }
        let field = |at| -> Result<usize, ArchiveRefused> {
            usize::try_from(number(directory, at, 2)?).map_err(|_| ArchiveRefused::Directory)
        };
        let (name_length, extra_length, comment_length) = (field(28)?, field(30)?, field(32)?);
        let name_end = ENTRY_LENGTH + name_length;
        let end = name_end + extra_length + comment_length;
        names.push(
            directory
                .get(ENTRY_LENGTH..name_end)
                .unwrap_or_default()
                .to_vec(),
        );
        extra += extra_length;
        directory = directory.get(end..).ok_or(ArchiveRefused::Directory)?;
    }
    if extra > EXTRA_BYTES_MAX {
        return Err(ArchiveRefused::DirectoryTooLarge {
            bytes_max: EXTRA_BYTES_MAX as u64,
        });
    }
    if directory.is_empty() {
        Ok(names)
    } else {
        Err(ArchiveRefused::Directory)
    }
}

/// The last end record. Bytes after it are let pass: nothing is ever taken from there.
fn find_end<R: Read + Seek>(reader: &mut R, length: u64) -> Result<u64, SourceRefused> {
    let start = length.saturating_sub(END_LENGTH + COMMENT_LENGTH_MAX);
    reader.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    reader
        .by_ref()
        .take(END_LENGTH + COMMENT_LENGTH_MAX)
        .read_to_end(&mut tail)?;
    let at = tail
        .windows(END_SIGNATURE.len())
        .rposition(|window| window == END_SIGNATURE)
        .ok_or(ArchiveRefused::Directory)?;
    Ok(start + at as u64)
}

/// The ZIP64 end record and where it is, if there is a locator for one.
fn end64<R: Read + Seek>(
    reader: &mut R,
    end: u64,
) -> Result<Option<(Directory, u64)>, SourceRefused> {
    let Some(at) = end.checked_sub(LOCATOR64_LENGTH) else {
        return Ok(None);
    };
    let locator = read_at(reader, at, LOCATOR64_LENGTH)?;
    if !locator.starts_with(LOCATOR64_SIGNATURE) {
        return Ok(None);
    }
    let end64 = number(&locator, 8, 8)?;
    // Directly before its locator, so that there is nothing to hide between them.
    if end64.checked_add(END64_LENGTH) != Some(at) {
        return Err(ArchiveRefused::Directory.into());
    }
    let record = read_at(reader, end64, END64_LENGTH)?;
    if !record.starts_with(END64_SIGNATURE) {
        return Err(ArchiveRefused::Directory.into());
    }
    let directory = Directory {
        entries: number(&record, 32, 8)?,
        length: number(&record, 40, 8)?,
        start: number(&record, 48, 8)?,
    };
    Ok(Some((directory, end64)))
}

fn read_at<R: Read + Seek>(reader: &mut R, at: u64, length: u64) -> Result<Vec<u8>, SourceRefused> {
    reader.seek(SeekFrom::Start(at))?;
    let mut record = Vec::new();
    reader.by_ref().take(length).read_to_end(&mut record)?;
    if record.len() as u64 == length {
        Ok(record)
    } else {
        Err(ArchiveRefused::Directory.into())
    }
}

/// The little-endian number of `length` bytes at `at`.
pub(super) fn number(record: &[u8], at: usize, length: usize) -> Result<u64, ArchiveRefused> {
    let bytes = record
        .get(at..at + length)
        .ok_or(ArchiveRefused::Directory)?;
    Ok(bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
