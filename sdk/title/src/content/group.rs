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
    pub(crate) digested: Digested<'s>,
    pub(crate) sha256: &'s [u8; 32],
}

/// Whose stored bytes are digested for an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Digested<'s> {
    /// Those of several entries that stand one behind the other, the entry one of them.
    Entries(&'s [EntryRecord]),
    /// Not the entry's, which is segmented, but those of its list of digests.
    List(&'s EntryRecord),
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
        let Digested::Entries(digested) = group.digested else {
            return Err(changed());
        };
        if digested.len() == 1 {
            let stored = read_stored(self.reader, record, bytes_max)?;
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
            self.memory.0 = self.checked_group(group, digested)?;
        }
        let held = self.memory.0.as_ref();
        let stored = held.and_then(|held| held.stored(record));
        stored.map(<[u8]>::to_vec).ok_or_else(changed)
    }

    /// Reads a group in one piece; none if its digest is not the one listed.
    fn checked_group(
        &mut self,
        group: PrefixGroup<'_>,
        digested: &[EntryRecord],
    ) -> Result<Option<CheckedGroup>, TitleRefused> {
        let (Some(first), Some(last)) = (digested.first(), digested.last()) else {
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
        let stored: Option<Vec<&[u8]>> = digested
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

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use colophon_crypto::{Engine, Portable};

    use super::*;
    use crate::container::Method;
    use crate::protection::Protection;
    use crate::validation::ListedEntry;
    use crate::{EntryPath, TitleRefused};

    #[test]
    fn a_list_of_digests_is_never_given_for_the_entry_it_is_about() {
        let (segmented, list) = (vec![1; 100], vec![2; 64]);
        let record = |path: &str, offset: u64, stored: &[u8]| EntryRecord {
            path: EntryPath::parse(path).expect("a path"),
            method: Method::Stored,
            crc32: crc32fast::hash(stored),
            stored: stored.len() as u64,
            size: stored.len() as u64,
            offset,
        };
        let first = record("film", 0, &segmented);
        let second = record("digests", first.end(), &list);
        let mut file = vec![0; first.data_offset() as usize];
        file.extend(&segmented);
        file.resize(second.data_offset() as usize, 0);
        file.extend(&list);
        let listed = ListedEntry {
            path: first.path.clone(),
            protection: Protection::Segments,
            method: Method::Stored,
            size: 100,
            stored: 100,
        };
        let stored = |record, digested| {
            ContentReader {
                engine: &Portable,
                reader: &mut Cursor::new(&file),
                memory: &mut GroupMemory::default(),
            }
            .stored(
                PrefixEntry {
                    record,
                    listed: &listed,
                    group: PrefixGroup {
                        number: 0,
                        digested,
                        sha256: &Portable.digest(&[&list]),
                    },
                },
                1 << 20,
            )
        };
        let refused = stored(&first, Digested::List(&second));
        assert!(
            matches!(&refused, Err(TitleRefused::Digest { path }) if *path == first.path),
            "{refused:?}"
        );
        let alone = std::slice::from_ref(&second);
        assert_eq!(
            stored(&second, Digested::Entries(alone)).expect("the list"),
            list
        );
        // Not even if a caller takes the list for the entry's whole group.
        let refused = stored(&first, Digested::Entries(alone));
        assert!(
            matches!(refused, Err(TitleRefused::Digest { .. })),
            "{refused:?}"
        );
    }
}
