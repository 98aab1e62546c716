//! Reading groups: the stored bytes of entries, none of which is given out before the digest of
//! all of its group was found to be the one listed.

use std::io::{Read, Seek};

use super::{ContentReader, PrefixEntry, read_stored, seek};
use crate::TitleRefused;
use crate::container::EntryRecord;
use crate::group::GROUP_BYTES_MAX;

/// What the digest of a group is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrefixGroup<'s> {
    /// The number of the group in its file.
    pub(crate) number: usize,
    /// The entries whose stored bytes are digested, in the order of the file: the group's, but
    /// of a segmented entry and its list of digests, the list alone.
    pub(crate) digested: &'s [EntryRecord],
    pub(crate) sha256: &'s [u8; 32],
}

/// The group that was read last, so that reading entry after entry digests each group once.
///
/// It holds the bytes and not just the number of the group: what is given out are bytes that
/// were digested, even if the file is changed between two entries.
#[derive(Default)]
pub(crate) struct GroupMemory(Option<CheckedGroup>);

/// A group of several entries, in one piece and with the headers between them, after its digest
/// was checked.
struct CheckedGroup {
    number: usize,
    /// Where the bytes stand in the file.
    offset: u64,
    bytes: Vec<u8>,
}

impl<R: Read + Seek> ContentReader<'_, R> {
    /// The stored bytes of a clear or single-message entry of at most `bytes_max`, with the
    /// digest of its group checked.
    pub(crate) fn stored(
        &mut self,
        entry: PrefixEntry<'_>,
        bytes_max: u64,
    ) -> Result<Vec<u8>, TitleRefused> {
        let PrefixEntry { record, group, .. } = entry;
        let changed = || TitleRefused::Digest {
            path: record.path.clone(),
        };
        if let [alone] = group.digested {
            let stored = read_stored(self.reader, alone, bytes_max)?;
            return if self.engine.digest(&[&stored]) == *group.sha256 {
                Ok(stored)
            } else {
                Err(changed())
            };
        }
        let held = self.memory.0.as_ref();
        if held.is_none_or(|held| held.number != group.number) {
            // First the room, then what takes it.
            self.memory.0 = None;
            self.memory.0 = self.checked_group(group)?;
        }
        let held = self.memory.0.as_ref();
        let stored = held.and_then(|held| held.stored(record));
        stored.map(<[u8]>::to_vec).ok_or_else(changed)
    }

    /// Reads a group in one piece; none if its digest is not the one listed.
    fn checked_group(
        &mut self,
        group: PrefixGroup<'_>,
    ) -> Result<Option<CheckedGroup>, TitleRefused> {
        let (Some(first), Some(last)) = (group.digested.first(), group.digested.last()) else {
            return Ok(None);
        };
        let offset = first.data_offset();
        let length = last.end().saturating_sub(offset);
        if length > GROUP_BYTES_MAX {
            return Ok(None);
        }
        let mut bytes = vec![0; length as usize];
        seek(self.reader, offset)?;
        self.reader
            .read_exact(&mut bytes)
            .map_err(TitleRefused::Read)?;
        let checked = CheckedGroup {
            number: group.number,
            offset,
            bytes,
        };
        let stored: Option<Vec<&[u8]>> = group
            .digested
            .iter()
            .map(|record| checked.stored(record))
            .collect();
        let intact = stored.is_some_and(|stored| self.engine.digest(&stored) == *group.sha256);
        Ok(intact.then_some(checked))
    }
}

impl CheckedGroup {
    fn stored(&self, record: &EntryRecord) -> Option<&[u8]> {
        let start = record.data_offset().checked_sub(self.offset)?;
        let end = start.checked_add(record.stored)?;
        self.bytes
            .get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }
}
