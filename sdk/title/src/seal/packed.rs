//! Entries that fit into memory, compressed where that helps.

use std::io::{self, Read, Seek};

use super::SealError;
use crate::EntryPath;
use crate::container::Method;
use crate::inflate::{Deflated, deflate, inflate};
use crate::protection::{INFLATED_BYTES_MAX, MESSAGE_BYTES_MAX};
use crate::source::{Source, SourceRefused};

/// What is compressed already; deflating it again only takes time.
const COMPRESSED: [&str; 38] = [
    "7z", "aac", "apk", "avi", "avif", "br", "bz2", "docx", "epub", "flac", "gif", "gz", "heic",
    "jar", "jp2", "jpeg", "jpg", "jxl", "m4a", "m4b", "m4v", "mkv", "mov", "mp3", "mp4", "oga",
    "ogg", "ogv", "opus", "pdf", "png", "webm", "webp", "woff", "woff2", "xz", "zip", "zst",
];

/// An entry that fits into memory, compressed if that helps.
pub(super) struct Packed {
    pub(super) method: Method,
    pub(super) bytes: Vec<u8>,
    pub(super) size: u64,
    pub(super) crc32: u32,
}

/// Reads an entry that takes at most 1 MiB once it is deflated; none if it takes more.
///
/// Where the source has deflated the entry better than this does, its work is taken over.
pub(super) fn read_packed<R: Read + Seek>(
    source: &mut Source<R>,
    index: usize,
    path: &EntryPath,
    size: u64,
) -> Result<Option<Packed>, SealError> {
    let ours = deflate_entry(source, index, path, size)?;
    let theirs = take_deflated(source, index, size)?;
    Ok(match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours.bytes.len() <= theirs.bytes.len() => Some(ours),
        (_, Some(theirs)) => Some(theirs),
        (ours, None) => ours,
    })
}

fn deflate_entry<R: Read + Seek>(
    source: &mut Source<R>,
    index: usize,
    path: &EntryPath,
    size: u64,
) -> Result<Option<Packed>, SealError> {
    let deflatable = !COMPRESSED.contains(&path.extension().as_str());
    let mut content = source.open_entry(index)?;
    if size <= MESSAGE_BYTES_MAX {
        let mut bytes = vec![0; size as usize];
        content
            .read_exact(&mut bytes)
            .map_err(SourceRefused::Read)?;
        expect_end(&mut content)?;
        let packed = if deflatable {
            pack(bytes)
        } else {
            Ok(unpacked(bytes))
        };
        return packed.map(Some).map_err(SealError::Write);
    }
    if !deflatable || size > INFLATED_BYTES_MAX {
        return Ok(None);
    }
    let deflated = deflate(&mut content, MESSAGE_BYTES_MAX as usize);
    match deflated.map_err(SourceRefused::Read)? {
        Some(deflated) if deflated.size == size => Ok(Some(deflated.into())),
        Some(_) => Err(SourceRefused::Read(io::ErrorKind::InvalidData.into()).into()),
        None => Ok(None),
    }
}

/// Takes an entry over as the source has deflated it; none if that is not possible.
fn take_deflated<R: Read + Seek>(
    source: &mut Source<R>,
    index: usize,
    size: u64,
) -> Result<Option<Packed>, SealError> {
    if size > INFLATED_BYTES_MAX {
        return Ok(None);
    }
    let Some((bytes, checksum)) = source.deflated(index, MESSAGE_BYTES_MAX)? else {
        return Ok(None);
    };
    let mut crc32 = crc32fast::Hasher::new();
    let inflated = inflate(&bytes, size, &mut |piece| {
        crc32.update(piece);
        Ok(())
    });
    let crc32 = crc32.finalize();
    // What is damaged is refused when it is read in the ordinary way.
    let usable = inflated.is_ok() && crc32 == checksum && (bytes.len() as u64) < size;
    Ok(usable.then_some(Packed {
        method: Method::Deflated,
        bytes,
        size,
        crc32,
    }))
}

/// Deflates if that saves anything.
pub(super) fn pack(bytes: Vec<u8>) -> io::Result<Packed> {
    let shorter = bytes.len().saturating_sub(1);
    let deflated = deflate(&mut bytes.as_slice(), shorter)?;
    Ok(deflated.map_or_else(|| unpacked(bytes), Packed::from))
}

fn unpacked(bytes: Vec<u8>) -> Packed {
    let (size, crc32) = (bytes.len() as u64, crc32fast::hash(&bytes));
    Packed {
        method: Method::Stored,
        bytes,
        size,
        crc32,
    }
}

impl From<Deflated> for Packed {
    fn from(deflated: Deflated) -> Packed {
        let Deflated { bytes, size, crc32 } = deflated;
        Packed {
            method: Method::Deflated,
            bytes,
            size,
            crc32,
        }
    }
}

/// Reads to the end, where a source notices that a checksum is wrong.
pub(super) fn expect_end(content: &mut dyn Read) -> Result<(), SealError> {
    let more = io::copy(content, &mut io::sink()).map_err(SourceRefused::Read)?;
    if more == 0 {
        Ok(())
    } else {
        Err(SourceRefused::Read(io::ErrorKind::InvalidData.into()).into())
    }
}
