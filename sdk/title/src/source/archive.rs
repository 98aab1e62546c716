//! The structure of an archive that somebody else made.

use std::io::{Read, Seek, SeekFrom};

use zip::read::{ArchiveOffset, Config, ZipFileEntry};
use zip::{CompressionMethod, ZipArchive};

use super::archive_end::number;
use super::content::Expected;
use super::{ArchiveRefused, Limits, SourceRefused, archive_end};
use crate::EntryPath;
use crate::path::FoldedPath;

const LOCAL_HEADER_LENGTH: u64 = 30;
const FLAG_ENCRYPTED: u64 = 1;
const STORED: u64 = 0;
const DEFLATED: u64 = 8;

const FILE_TYPE: u32 = 0o170_000;
const REGULAR_FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// Up to this size a large ratio is no sign of a bomb: a blank image or a table of zeros.
const ENTRY_BYTES_WITHOUT_RATIO: u64 = 1 << 20;
const TOTAL_BYTES_WITHOUT_RATIO: u64 = 64 << 20;

/// A file in an archive.
#[derive(Clone, Debug)]
pub(super) struct ArchivedFile {
    pub(super) path: EntryPath,
    pub(super) content: Expected,
}

/// What the directory says of an entry.
struct Listed {
    path: EntryPath,
    is_folder: bool,
    /// As the headers write it; an extra field may give the entry another name.
    name_in_header: Vec<u8>,
    header: u64,
    content: Expected,
}

/// Reads the directory and the local headers and gives the files, in the order they are
/// stored in. Folders are checked and left out.
pub(super) fn files<R: Read + Seek>(
    reader: &mut R,
    length: u64,
    limits: &Limits,
) -> Result<Vec<ArchivedFile>, SourceRefused> {
    let names = archive_end::check(reader, length, limits)?;
    let (mut listed, directory) = listed(reader, names, limits)?;
    check_sizes(&listed, length, limits)?;
    check_names(&listed)?;
    listed.sort_by_key(|entry| entry.header);
    if listed.first().is_none_or(|first| first.header != 0) {
        return Err(ArchiveRefused::JunkInFront.into());
    }
    let mut free = 0;
    for entry in &mut listed {
        if entry.header < free {
            return Err(ArchiveRefused::Overlap {
                path: entry.path.clone(),
            }
            .into());
        }
        entry.content.start = check_local_header(reader, entry)?;
        let end = entry.content.start.checked_add(entry.content.stored);
        free = end
            .filter(|end| *end <= directory)
            .ok_or_else(|| ArchiveRefused::Overlap {
                path: entry.path.clone(),
            })?;
    }
    Ok(listed
        .into_iter()
        .filter(|entry| !entry.is_folder)
        .map(|entry| ArchivedFile {
            path: entry.path,
            content: entry.content,
        })
        .collect())
}

/// The entries of the directory, and where it begins.
fn listed<R: Read + Seek>(
    reader: &mut R,
    names: Vec<Vec<u8>>,
    limits: &Limits,
) -> Result<(Vec<Listed>, u64), ArchiveRefused> {
    let config = Config {
        archive_offset: ArchiveOffset::Known(0),
    };
    let archive = ZipArchive::with_config(config, reader).map_err(ArchiveRefused::Damaged)?;
    // The crate keeps the last of several entries of one name and forgets the others.
    if archive.len() != names.len() {
        return Err(ArchiveRefused::DuplicateNames);
    }
    let listed: Result<_, _> = names
        .into_iter()
        .enumerate()
        .map(|(index, name_in_header)| {
            let entry = archive
                .by_index_data(index)
                .map_err(ArchiveRefused::Damaged)?;
            listed_entry(&entry, name_in_header, limits)
        })
        .collect();
    Ok((listed?, archive.central_directory_start()))
}

fn listed_entry(
    entry: &ZipFileEntry<'_>,
    name_in_header: Vec<u8>,
    limits: &Limits,
) -> Result<Listed, ArchiveRefused> {
    let name = entry.name().map_err(ArchiveRefused::Damaged)?;
    let refused_path = |source| ArchiveRefused::Path {
        name: name.escape_default().to_string(),
        source,
    };
    let path = EntryPath::parse(name.strip_suffix('/').unwrap_or(&name)).map_err(refused_path)?;
    if path.as_str().len() > limits.path_bytes_max {
        return Err(ArchiveRefused::PathTooLong {
            path,
            bytes_max: limits.path_bytes_max,
        });
    }
    if entry.encrypted() {
        return Err(ArchiveRefused::Encrypted { path });
    }
    let kind = entry.unix_mode().unwrap_or_default() & FILE_TYPE;
    if !matches!(kind, 0 | REGULAR_FILE | FOLDER) {
        return Err(ArchiveRefused::SpecialFile { path });
    }
    let deflated = entry.compression() == CompressionMethod::Deflated;
    if !deflated && entry.compression() != CompressionMethod::Stored {
        return Err(ArchiveRefused::Method { path });
    }
    let is_folder = name.ends_with('/');
    let (stored, size) = (entry.compressed_size(), entry.size());
    if (!deflated && stored != size) || (is_folder && size != 0) {
        return Err(ArchiveRefused::Size { path });
    }
    Ok(Listed {
        is_folder,
        name_in_header,
        header: entry.header_start(),
        content: Expected {
            start: 0,
            stored,
            deflated,
            size,
            checksum: Some(entry.crc32()),
        },
        path,
    })
}

fn check_sizes(listed: &[Listed], length: u64, limits: &Limits) -> Result<(), ArchiveRefused> {
    let mut total: u64 = 0;
    for Listed { path, content, .. } in listed {
        if content.size > limits.entry_bytes_max {
            let bytes_max = limits.entry_bytes_max;
            return Err(ArchiveRefused::EntryTooLarge {
                path: path.clone(),
                bytes_max,
            });
        }
        let large = content.size > ENTRY_BYTES_WITHOUT_RATIO;
        if large && content.size / limits.ratio_max > content.stored {
            return Err(ArchiveRefused::Ratio { path: path.clone() });
        }
        total = total.saturating_add(content.size);
    }
    if total > limits.total_bytes_max {
        return Err(ArchiveRefused::TooLarge {
            bytes_max: limits.total_bytes_max,
        });
    }
    if total > TOTAL_BYTES_WITHOUT_RATIO && total / limits.ratio_max > length {
        return Err(ArchiveRefused::TotalRatio);
    }
    Ok(())
}

/// Refuses names that a file system might take for one, and a file that is also a folder.
fn check_names(listed: &[Listed]) -> Result<(), ArchiveRefused> {
    let mut names: Vec<(FoldedPath, bool, &EntryPath)> = listed
        .iter()
        .map(|entry| (FoldedPath::of(&entry.path), entry.is_folder, &entry.path))
        .collect();
    names.sort_unstable();
    for (name, next) in names.iter().zip(names.iter().skip(1)) {
        let (name, is_folder, _) = name;
        let (next, _, path) = next;
        if !is_folder && name.is_or_holds(next) {
            return Err(ArchiveRefused::Duplicate {
                path: (*path).clone(),
            });
        }
    }
    Ok(())
}

/// Compares the local header with the directory and gives where the content begins.
fn check_local_header<R: Read + Seek>(
    reader: &mut R,
    entry: &Listed,
) -> Result<u64, SourceRefused> {
    let refused = || ArchiveRefused::LocalHeader {
        path: entry.path.clone(),
    };
    reader.seek(SeekFrom::Start(entry.header))?;
    let mut header = Vec::new();
    reader
        .by_ref()
        .take(LOCAL_HEADER_LENGTH)
        .read_to_end(&mut header)?;
    let field = |at, length| number(&header, at, length).map_err(|_| refused());
    let method = if entry.content.deflated {
        DEFLATED
    } else {
        STORED
    };
    let name_length = field(26, 2)?;
    let mut name = Vec::new();
    reader.by_ref().take(name_length).read_to_end(&mut name)?;
    let same = header.starts_with(b"PK\x03\x04")
        && field(6, 2)? & FLAG_ENCRYPTED == 0
        && field(8, 2)? == method
        && name == entry.name_in_header;
    if !same {
        return Err(refused().into());
    }
    Ok(entry.header + LOCAL_HEADER_LENGTH + name_length + field(28, 2)?)
}
