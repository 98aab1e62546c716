//! Reading entries of the prefix, each checked against what `validation.xml` lists.

mod group;
mod segments;

use std::io::{self, Read, Seek, SeekFrom};

use colophon_crypto::Engine;

pub(crate) use self::group::{Digested, GroupMemory, PrefixGroup};
pub(crate) use self::segments::SegmentReader;
use crate::container::{EntryRecord, Method};
use crate::inflate::{InflateError, inflate};
use crate::keys::resource_key;
use crate::protection::{INFLATED_BYTES_MAX, MESSAGE_BYTES_MAX, MESSAGE_OVERHEAD, Protection};
use crate::segment::{SEGMENT, TAG};
use crate::validation::ListedEntry;
use crate::{ContentKey, TitleRefused, VersionSalt};

/// An entry of the prefix: what the directory and what `validation.xml` say of it, which is
/// known to agree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrefixEntry<'s> {
    pub(crate) record: &'s EntryRecord,
    pub(crate) listed: &'s ListedEntry,
    pub(crate) group: PrefixGroup<'s>,
}

/// The key of a title version, with its salt.
#[derive(Clone, Copy)]
pub(crate) struct VersionKey<'k> {
    pub(crate) key: &'k ContentKey,
    pub(crate) salt: &'k VersionSalt,
}

/// What takes content as it is read.
pub(crate) type Sink<'s> = dyn FnMut(&[u8]) -> io::Result<()> + 's;

/// Reads the entries of one file.
pub(crate) struct ContentReader<'r, R> {
    pub(crate) engine: &'r dyn Engine,
    pub(crate) reader: &'r mut R,
    pub(crate) memory: &'r mut GroupMemory,
}

impl<R: Read + Seek> ContentReader<'_, R> {
    /// Gives the entry's content to `sink`. All bytes of the entry and its checksum are
    /// checked; encrypted content is given only after what it came from was checked, but
    /// clear entries of more than 1 MiB are given before their end was seen.
    pub(crate) fn pour(
        &mut self,
        entry: PrefixEntry<'_>,
        key: VersionKey<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), TitleRefused> {
        match entry.listed.protection {
            Protection::Clear => self.pour_clear(entry, sink),
            Protection::Message => {
                let message = self.message(entry, key)?;
                pour_small(entry, &message, sink)
            }
            Protection::Segments => self.pour_segments(entry, key, sink),
        }
    }

    /// Checks the stored bytes of the entry, for which no key is needed.
    pub(crate) fn check(&mut self, entry: PrefixEntry<'_>) -> Result<(), TitleRefused> {
        match entry.listed.protection {
            Protection::Clear => self.pour_clear(entry, &mut |_| Ok(())),
            Protection::Message => self.small(entry).map(|_| ()),
            Protection::Segments => {
                let (_, digests) = self.begin_segments(entry)?;
                self.walk_segments(entry, &digests, &mut |_, _, _| Ok(()))
            }
        }
    }

    /// The decrypted message of an entry, still deflated if it is.
    pub(crate) fn message(
        &mut self,
        entry: PrefixEntry<'_>,
        key: VersionKey<'_>,
    ) -> Result<Vec<u8>, TitleRefused> {
        let path = &entry.listed.path;
        let failed = || TitleRefused::Decryption { path: path.clone() };
        let mut stored = self.small(entry)?;
        let (nonce, sealed) = stored.split_first_chunk_mut::<12>().ok_or_else(failed)?;
        let (content, tag) = sealed.split_last_chunk_mut::<TAG>().ok_or_else(failed)?;
        let resource = resource_key(self.engine, key.key, key.salt, path);
        let cipher = self.engine.aes256_gcm(&resource);
        cipher
            .open(nonce, &[], content, tag)
            .map_err(|_| failed())?;
        stored.truncate(stored.len() - TAG);
        stored.drain(..12);
        Ok(stored)
    }

    /// The stored bytes of a clear or single-message entry that fits into memory, checked.
    pub(crate) fn small(&mut self, entry: PrefixEntry<'_>) -> Result<Vec<u8>, TitleRefused> {
        let PrefixEntry { record, .. } = entry;
        let stored = self.stored(entry, MESSAGE_BYTES_MAX + MESSAGE_OVERHEAD)?;
        match record.method {
            Method::Stored => check_crc(record, crc32fast::hash(&stored))?,
            Method::Deflated => {}
        }
        Ok(stored)
    }

    fn pour_clear(
        &mut self,
        entry: PrefixEntry<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), TitleRefused> {
        let PrefixEntry { record, group, .. } = entry;
        if record.stored <= MESSAGE_BYTES_MAX {
            let stored = self.small(entry)?;
            return pour_small(entry, &stored, sink);
        }
        let mut digest = self.engine.sha256();
        let mut crc32 = crc32fast::Hasher::new();
        let mut piece = vec![0; SEGMENT];
        let mut left = record.stored;
        seek(self.reader, record.data_offset())?;
        while left > 0 {
            let length = left.min(SEGMENT as u64) as usize;
            let bytes = piece.get_mut(..length).unwrap_or_default();
            self.reader.read_exact(bytes).map_err(TitleRefused::Read)?;
            digest.update(bytes);
            crc32.update(bytes);
            sink(bytes).map_err(TitleRefused::Write)?;
            left -= length as u64;
        }
        // So large an entry is alone in its group.
        if digest.finish() != *group.sha256 {
            return Err(TitleRefused::Digest {
                path: record.path.clone(),
            });
        }
        check_crc(record, crc32.finalize())
    }
}

/// Reads the stored bytes of an entry of at most `bytes_max`.
pub(crate) fn read_stored<R: Read + Seek>(
    reader: &mut R,
    record: &EntryRecord,
    bytes_max: u64,
) -> Result<Vec<u8>, TitleRefused> {
    if record.stored > bytes_max {
        return Err(TitleRefused::Facts {
            path: record.path.clone(),
        });
    }
    let mut stored = vec![0; record.stored as usize];
    seek(reader, record.data_offset())?;
    reader.read_exact(&mut stored).map_err(TitleRefused::Read)?;
    Ok(stored)
}

/// The content of small stored bytes, with the checksum checked.
pub(crate) fn unpack(
    record: &EntryRecord,
    stored: Vec<u8>,
    bytes_max: u64,
) -> Result<Vec<u8>, TitleRefused> {
    match record.method {
        Method::Stored if record.size != record.stored => Err(TitleRefused::Facts {
            path: record.path.clone(),
        }),
        Method::Stored => {
            check_crc(record, crc32fast::hash(&stored))?;
            Ok(stored)
        }
        Method::Deflated => {
            let mut content = Vec::new();
            let mut collect = |bytes: &[u8]| {
                content.extend_from_slice(bytes);
                Ok(())
            };
            inflate_entry(record, &stored, record.size.min(bytes_max), &mut collect)?;
            check_crc(record, crc32fast::hash(&content))?;
            Ok(content)
        }
    }
}

/// Gives the content of a small entry to `sink`, inflated if it is deflated.
pub(crate) fn pour_small(
    entry: PrefixEntry<'_>,
    content: &[u8],
    sink: &mut Sink<'_>,
) -> Result<(), TitleRefused> {
    let PrefixEntry { record, listed, .. } = entry;
    match listed.method {
        Method::Stored => sink(content).map_err(TitleRefused::Write),
        Method::Deflated => {
            let mut crc32 = crc32fast::Hasher::new();
            let size = listed.size.min(INFLATED_BYTES_MAX);
            inflate_entry(record, content, size, &mut |bytes| {
                crc32.update(bytes);
                sink(bytes)
            })?;
            match record.method {
                // The checksum of an encrypted entry is over its stored bytes.
                Method::Stored => Ok(()),
                Method::Deflated => check_crc(record, crc32.finalize()),
            }
        }
    }
}

fn inflate_entry(
    record: &EntryRecord,
    deflated: &[u8],
    size: u64,
    sink: &mut Sink<'_>,
) -> Result<(), TitleRefused> {
    inflate(deflated, size, sink).map_err(|error| match error {
        InflateError::Malformed => TitleRefused::Inflation {
            path: record.path.clone(),
        },
        InflateError::Sink(error) => TitleRefused::Write(error),
    })
}

fn check_crc(record: &EntryRecord, crc32: u32) -> Result<(), TitleRefused> {
    if record.crc32 == crc32 {
        Ok(())
    } else {
        Err(TitleRefused::Checksum {
            path: record.path.clone(),
        })
    }
}

pub(crate) fn seek<R: Seek>(reader: &mut R, position: u64) -> Result<(), TitleRefused> {
    reader
        .seek(SeekFrom::Start(position))
        .map(|_| ())
        .map_err(TitleRefused::Read)
}
