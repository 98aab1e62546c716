//! Entries that fit into memory, compressed where that helps.

use std::io::{self, Read, Seek};

use super::SealError;
use crate::EntryPath;
use crate::container::Method;
use crate::inflate::{Deflated, deflate, deflate_thoroughly, inflate};
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

/// Compresses the entries of one title.
///
/// A title is sealed once and delivered many times, and encryption adds about a hundred bytes
/// to each entry. Searching thoroughly for the shortest deflate stream earns that back for the
/// many small texts a book is made of. It takes about a hundred times longer than deflating as
/// usual, so one title gets a fixed amount of it; the rest is deflated as usual.
pub(super) struct Packer {
    thorough_bytes_left: usize,
}

/// The largest entry that is searched thoroughly: the search takes a hundred bytes of memory and
/// more for each of its bytes.
const THOROUGH_ENTRY_BYTES_MAX: usize = 1 << 18;

/// How much of one title is searched thoroughly. For text it takes a few seconds.
const THOROUGH_BYTES_MAX: usize = 1 << 20;

impl Packer {
    pub(super) fn new() -> Packer {
        Packer {
            thorough_bytes_left: THOROUGH_BYTES_MAX,
        }
    }

    /// Reads an entry that takes at most 1 MiB once it is deflated; none if it takes more.
    ///
    /// Where the source has deflated the entry better than this does, its work is taken over.
    pub(super) fn read<R: Read + Seek>(
        &mut self,
        source: &mut Source<R>,
        index: usize,
        path: &EntryPath,
        size: u64,
    ) -> Result<Option<Packed>, SealError> {
        let ours = self.deflate_entry(source, index, path, size)?;
        let theirs = take_deflated(source, index, size)?;
        Ok(match (ours, theirs) {
            (Some(ours), Some(theirs)) if ours.bytes.len() <= theirs.bytes.len() => Some(ours),
            (_, Some(theirs)) => Some(theirs),
            (ours, None) => ours,
        })
    }

    fn deflate_entry<R: Read + Seek>(
        &mut self,
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
                self.pack(bytes)
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

    /// Deflates if that saves anything.
    pub(super) fn pack(&mut self, bytes: Vec<u8>) -> io::Result<Packed> {
        let shorter = bytes.len().saturating_sub(1);
        let Some(mut deflated) = deflate(&mut bytes.as_slice(), shorter)? else {
            return Ok(unpacked(bytes));
        };
        if bytes.len() <= self.thorough_bytes_left.min(THOROUGH_ENTRY_BYTES_MAX) {
            self.thorough_bytes_left -= bytes.len();
            let thoroughly = deflate_thoroughly(&bytes)?;
            if thoroughly.len() < deflated.bytes.len() {
                deflated.bytes = thoroughly;
            }
        }
        Ok(deflated.into())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: usize) -> Vec<u8> {
        // Words in no order that repeats, as text has them.
        let words = (0_u32..).map(|n| n.wrapping_mul(2_654_435_761) >> 22);
        let letters = words.flat_map(|word| format!("<p>{word}</p>").into_bytes());
        letters.take(bytes).collect()
    }

    #[test]
    fn small_texts_take_less_than_ordinary_deflate_gives_them() {
        let ordinary = deflate(&mut text(20_000).as_slice(), usize::MAX);
        let packed = Packer::new().pack(text(20_000)).unwrap();
        assert!(packed.bytes.len() < ordinary.unwrap().unwrap().bytes.len());
        let (size, crc32) = (packed.size, packed.crc32);
        assert_eq!((size, crc32), (20_000, crc32fast::hash(&text(20_000))));
    }

    #[test]
    fn one_title_gets_so_much_searching_and_no_more() {
        let mut packer = Packer::new();
        packer.pack(text(THOROUGH_ENTRY_BYTES_MAX + 1)).unwrap();
        assert_eq!(packer.thorough_bytes_left, THOROUGH_BYTES_MAX);
        packer.thorough_bytes_left = 1000;
        packer.pack(text(600)).unwrap();
        assert_eq!(packer.thorough_bytes_left, 400);
        let ordinary = deflate(&mut text(600).as_slice(), usize::MAX);
        let packed = packer.pack(text(600)).unwrap();
        assert_eq!(packer.thorough_bytes_left, 400);
        assert_eq!(packed.bytes, ordinary.unwrap().unwrap().bytes);
    }

    #[test]
    fn what_does_not_shrink_is_stored_and_not_searched() {
        let mut packer = Packer::new();
        let noise: Vec<u8> = (0_u32..300)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        let packed = packer.pack(noise.clone()).unwrap();
        assert_eq!((packed.method, packed.bytes), (Method::Stored, noise));
        assert_eq!(packer.thorough_bytes_left, THOROUGH_BYTES_MAX);
    }
}
