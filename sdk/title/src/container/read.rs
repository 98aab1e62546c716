//! Reading a container.

use std::io::{self, Read, Seek, SeekFrom};

use super::layout;
use super::{EntryRecord, Method};
use crate::EntryPath;
use crate::path::FoldedPath;

/// More entries than any title has: 16,384 of the source's, as many digest lists, and ours.
const ENTRIES_MAX: usize = 2 * 16_384 + 16;
/// More than the records of that many entries take with paths of ordinary length.
const DIRECTORY_BYTES_MAX: u64 = 16 << 20;

/// Why a container was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerRefused {
    /// The file could not be read.
    #[error("the file could not be read")]
    Read(#[from] io::Error),
    /// The file does not end with the end record of an archive: it is cut off, it has
    /// something after its end, or it is no archive at all.
    #[error("the file does not end as a container does")]
    End,
    /// The directory is larger than any title's.
    #[error("the directory is too large")]
    TooLarge,
    /// The directory is not as it would be written.
    #[error("the directory is not in the form it is written in")]
    Directory,
    /// An entry's path is not safe to extract.
    #[error("an entry's path is not permitted")]
    Path(#[from] crate::PathRefused),
    /// Two entries that some system would take for one, or one within the other.
    #[error("{path} is there twice, or is both a file and a folder")]
    Twin {
        /// The later of the two.
        path: EntryPath,
    },
    /// There are bytes between entries, or entries overlap, or they are out of order.
    #[error("{path} does not begin where the entry before it ends")]
    NotContiguous {
        /// The entry.
        path: EntryPath,
    },
    /// There are bytes between the last entry and the directory.
    #[error("the directory does not begin where the last entry ends")]
    DirectoryNotContiguous,
    /// The header in front of an entry is not as it would be written.
    #[error("the header of {path} differs from the directory")]
    LocalHeader {
        /// The entry.
        path: EntryPath,
    },
}

impl ContainerRefused {
    /// A short name that stays the same, for logs and test vectors.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            ContainerRefused::Read(_) => "read",
            ContainerRefused::End => "container-end",
            ContainerRefused::TooLarge => "container-too-large",
            ContainerRefused::Directory => "container-directory",
            ContainerRefused::Path(_) => "entry-path",
            ContainerRefused::Twin { .. } => "entry-twin",
            ContainerRefused::NotContiguous { .. } | ContainerRefused::DirectoryNotContiguous => {
                "container-not-contiguous"
            }
            ContainerRefused::LocalHeader { .. } => "entry-header",
        }
    }
}

/// The directory of a container that is, outside its entries, exactly as it would be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The entries, in the order of the file.
    pub entries: Vec<EntryRecord>,
    /// Length of the file in bytes.
    pub length: u64,
}

impl Directory {
    /// Reads the directory and every entry's header, and holds them against re-emission.
    ///
    /// # Errors
    ///
    /// [`ContainerRefused`], see its variants.
    pub fn read<R: Read + Seek>(reader: &mut R) -> Result<Directory, ContainerRefused> {
        let length = reader.seek(SeekFrom::End(0))?;
        let end = End::read(reader, length)?;
        let bytes = read_span(reader, end.directory_offset, length)?;
        let entries = parse_records(&bytes, end.directory_length)?;
        if emit(&entries, end.directory_offset) != bytes {
            return Err(ContainerRefused::Directory);
        }
        check_names(&entries)?;
        check_places(reader, &entries, end.directory_offset)?;
        Ok(Directory { entries, length })
    }
}

/// Where the directory is, as the end record says. Whether all of the end is well-formed is
/// seen when it is written again.
struct End {
    directory_offset: u64,
    directory_length: u64,
}

impl End {
    fn read<R: Read + Seek>(reader: &mut R, length: u64) -> Result<End, ContainerRefused> {
        let at = length
            .checked_sub(layout::END_LENGTH)
            .ok_or(ContainerRefused::End)?;
        let bytes = read_span(reader, at, length)?;
        let mut fields = Fields(&bytes);
        if fields.u32() != Some(layout::END_SIGNATURE) {
            return Err(ContainerRefused::End);
        }
        let numbers = (|| {
            fields.skip(4)?;
            Some((
                fields.u16()?,
                fields.u16()?,
                fields.u32()?,
                fields.u32()?,
                fields.u16()?,
            ))
        })();
        let (_, count, directory_length, directory_offset, comment) =
            numbers.ok_or(ContainerRefused::End)?;
        if comment != 0 {
            return Err(ContainerRefused::End);
        }
        let saturated = count == layout::SATURATED_16
            || directory_length == layout::SATURATED_32
            || directory_offset == layout::SATURATED_32;
        let end = if saturated {
            End::read64(reader, at)?
        } else {
            End {
                directory_offset: directory_offset.into(),
                directory_length: directory_length.into(),
            }
        };
        let directory_end = if saturated {
            at.saturating_sub(layout::END64_LENGTH)
        } else {
            at
        };
        if end.directory_offset.checked_add(end.directory_length) != Some(directory_end) {
            return Err(ContainerRefused::Directory);
        }
        if end.directory_length > DIRECTORY_BYTES_MAX {
            return Err(ContainerRefused::TooLarge);
        }
        Ok(end)
    }

    fn read64<R: Read + Seek>(reader: &mut R, end_at: u64) -> Result<End, ContainerRefused> {
        let at = end_at
            .checked_sub(layout::END64_LENGTH)
            .ok_or(ContainerRefused::Directory)?;
        let bytes = read_span(reader, at, end_at)?;
        let mut fields = Fields(&bytes);
        let numbers = (|| {
            fields.skip(40)?;
            Some((fields.u64()?, fields.u64()?))
        })();
        let (directory_length, directory_offset) = numbers.ok_or(ContainerRefused::Directory)?;
        Ok(End {
            directory_offset,
            directory_length,
        })
    }
}

fn read_span<R: Read + Seek>(reader: &mut R, from: u64, to: u64) -> io::Result<Vec<u8>> {
    reader.seek(SeekFrom::Start(from))?;
    // Callers bound the span: by the directory's largest length, or by a fixed one.
    let mut bytes = vec![0; to.saturating_sub(from) as usize];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn parse_records(bytes: &[u8], length: u64) -> Result<Vec<EntryRecord>, ContainerRefused> {
    let mut rest = usize::try_from(length)
        .ok()
        .and_then(|length| bytes.get(..length))
        .ok_or(ContainerRefused::Directory)?;
    let mut entries = Vec::new();
    while !rest.is_empty() {
        if entries.len() == ENTRIES_MAX {
            return Err(ContainerRefused::TooLarge);
        }
        let mut fields = Fields(rest);
        let raw = RawRecord::read(&mut fields).ok_or(ContainerRefused::Directory)?;
        rest = fields.0;
        let name = std::str::from_utf8(raw.name).map_err(|_| ContainerRefused::Directory)?;
        let path = EntryPath::parse(name)?;
        entries.push(raw.record(path).ok_or(ContainerRefused::Directory)?);
    }
    Ok(entries)
}

/// A central record, taken apart.
struct RawRecord<'a> {
    method: u16,
    crc32: u32,
    stored: u32,
    size: u32,
    offset: u32,
    name: &'a [u8],
    extra: &'a [u8],
}

impl<'a> RawRecord<'a> {
    fn read(fields: &mut Fields<'a>) -> Option<RawRecord<'a>> {
        if fields.u32()? != layout::CENTRAL_SIGNATURE {
            return None;
        }
        fields.skip(6)?;
        let method = fields.u16()?;
        fields.skip(4)?;
        let crc32 = fields.u32()?;
        let (stored, size) = (fields.u32()?, fields.u32()?);
        let (name_length, extra_length) = (fields.u16()?, fields.u16()?);
        fields.skip(10)?;
        let offset = fields.u32()?;
        let name = fields.take(name_length.into())?;
        let extra = fields.take(extra_length.into())?;
        Some(RawRecord {
            method,
            crc32,
            stored,
            size,
            offset,
            name,
            extra,
        })
    }

    /// The values, those that overflow taken from the extra field.
    fn record(&self, path: EntryPath) -> Option<EntryRecord> {
        let mut extra = Fields(self.extra);
        if !self.extra.is_empty() {
            extra.skip(4)?;
        }
        let mut wide = |value: u32| {
            if value == layout::SATURATED_32 {
                extra.u64()
            } else {
                Some(value.into())
            }
        };
        let (size, stored, offset) = (wide(self.size)?, wide(self.stored)?, wide(self.offset)?);
        Some(EntryRecord {
            path,
            method: Method::from_number(self.method)?,
            crc32: self.crc32,
            stored,
            size,
            offset,
        })
    }
}

fn emit(entries: &[EntryRecord], directory_offset: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * (layout::CENTRAL_LENGTH + 32));
    for entry in entries {
        layout::push_central_record(entry, &mut bytes);
    }
    let length = bytes.len() as u64;
    layout::push_end(entries.len() as u64, length, directory_offset, &mut bytes);
    bytes
}

/// Refuses names that a file system might take for one, and a file that is also a folder.
///
/// Only neighbors in the order of folded paths can be such, so what is held is one folded path for
/// each entry, whatever depth of folders the paths claim.
fn check_names(entries: &[EntryRecord]) -> Result<(), ContainerRefused> {
    let mut names: Vec<(FoldedPath, usize)> = entries
        .iter()
        .enumerate()
        .map(|(number, entry)| (FoldedPath::of(&entry.path), number))
        .collect();
    names.sort_unstable();
    let mut neighbors = names.iter().zip(names.iter().skip(1));
    let twins = neighbors.find(|((name, _), (next, _))| name.is_or_holds(next));
    let later = twins.and_then(|((_, one), (_, other))| entries.get(*one.max(other)));
    later.map_or(Ok(()), |entry| {
        Err(ContainerRefused::Twin {
            path: entry.path.clone(),
        })
    })
}

/// Holds every local header against what it must be, at the only place where it may be.
fn check_places<R: Read + Seek>(
    reader: &mut R,
    entries: &[EntryRecord],
    directory_offset: u64,
) -> Result<(), ContainerRefused> {
    let mut expected = Vec::new();
    let mut found = Vec::new();
    let mut position = 0;
    for entry in entries {
        let path = || entry.path.clone();
        if entry.offset != position || entry.end() > directory_offset {
            return Err(ContainerRefused::NotContiguous { path: path() });
        }
        expected.clear();
        layout::push_local_header(entry, &mut expected);
        found.resize(expected.len(), 0);
        reader.seek(SeekFrom::Start(position))?;
        reader.read_exact(&mut found)?;
        if expected != found {
            return Err(ContainerRefused::LocalHeader { path: path() });
        }
        position = entry.end();
    }
    if position == directory_offset {
        Ok(())
    } else {
        Err(ContainerRefused::DirectoryNotContiguous)
    }
}

/// Little-endian numbers, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.take(length).map(|_| ())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}
