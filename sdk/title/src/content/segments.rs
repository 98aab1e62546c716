//! Reading entries that are encrypted in segments.

use std::io::{Read, Seek};

use super::{ContentReader, Digested, PrefixEntry, Sink, VersionKey, check_crc, read_stored, seek};
use crate::TitleRefused;
use crate::container::EntryRecord;
use crate::keys::resource_key;
use crate::segment::{NONCE_PREFIX, SEGMENT, Segment, SegmentCipher, Segments, TAG};

/// What looks at a segment as it is stored: its content and its tag.
type Visitor<'v> = dyn FnMut(Segment, &mut [u8], &[u8; TAG]) -> Result<(), TitleRefused> + 'v;

impl<R: Read + Seek> ContentReader<'_, R> {
    pub(super) fn pour_segments(
        &mut self,
        entry: PrefixEntry<'_>,
        key: VersionKey<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), TitleRefused> {
        let reader = self.open_segments(entry, key)?;
        self.walk_segments(entry, &reader.digests, &mut |segment, content, tag| {
            reader.decrypt(segment, content, tag)?;
            sink(content).map_err(TitleRefused::Write)
        })
    }

    /// Everything needed to read any segment. The last one is opened at once: an entry that
    /// was cut off gives no content at all.
    pub(crate) fn open_segments(
        &mut self,
        entry: PrefixEntry<'_>,
        key: VersionKey<'_>,
    ) -> Result<SegmentReader, TitleRefused> {
        let (nonce_prefix, digests) = self.begin_segments(entry)?;
        let resource = resource_key(self.engine, key.key, key.salt, &entry.listed.path);
        let reader = SegmentReader {
            record: entry.record.clone(),
            segments: segments(entry)?,
            cipher: SegmentCipher::new(self.engine, &resource, nonce_prefix),
            digests,
        };
        reader.read(self, reader.segments.last(), &mut Vec::new())?;
        Ok(reader)
    }

    /// The random bytes of a segmented entry, and its list of digests, checked.
    pub(super) fn begin_segments(
        &mut self,
        entry: PrefixEntry<'_>,
    ) -> Result<([u8; NONCE_PREFIX], Vec<u8>), TitleRefused> {
        let path = &entry.listed.path;
        let Digested::List(list) = entry.group.digested else {
            return Err(TitleRefused::Missing { path: path.clone() });
        };
        // The list's length is that of the entry's segments, and so bounded by the file's own.
        let digests = read_stored(self.reader, list, list.stored)?;
        if self.engine.digest(&[&digests]) != *entry.group.sha256 {
            return Err(TitleRefused::Digest {
                path: list.path.clone(),
            });
        }
        let mut nonce_prefix = [0; NONCE_PREFIX];
        seek(self.reader, entry.record.data_offset())?;
        self.reader
            .read_exact(&mut nonce_prefix)
            .map_err(TitleRefused::Read)?;
        Ok((nonce_prefix, digests))
    }

    /// Gives every segment to `visit` as it is stored, content and tag, after its digest was
    /// checked; then checks the checksum of all.
    pub(super) fn walk_segments(
        &mut self,
        entry: PrefixEntry<'_>,
        digests: &[u8],
        visit: &mut Visitor<'_>,
    ) -> Result<(), TitleRefused> {
        let path = &entry.listed.path;
        let mut nonce_prefix = [0; NONCE_PREFIX];
        let mut buffer = vec![0; SEGMENT + TAG];
        seek(self.reader, entry.record.data_offset())?;
        self.reader
            .read_exact(&mut nonce_prefix)
            .map_err(TitleRefused::Read)?;
        let mut crc32 = crc32fast::Hasher::new();
        crc32.update(&nonce_prefix);
        for segment in segments(entry)?.all() {
            let stored = buffer.get_mut(..segment.length + TAG).unwrap_or_default();
            self.reader.read_exact(stored).map_err(TitleRefused::Read)?;
            crc32.update(stored);
            let found = self
                .engine
                .digest(&[segment.digest_prefix(&nonce_prefix), stored]);
            let changed = || TitleRefused::Digest { path: path.clone() };
            if listed_digest(digests, segment) != Some(&found) {
                return Err(changed());
            }
            let (content, tag) = stored.split_last_chunk_mut().ok_or_else(changed)?;
            visit(segment, content, tag)?;
        }
        check_crc(entry.record, crc32.finalize())
    }
}

/// Reads single segments of one entry, in any order.
pub(crate) struct SegmentReader {
    record: EntryRecord,
    pub(crate) segments: Segments,
    cipher: SegmentCipher,
    digests: Vec<u8>,
}

impl SegmentReader {
    /// Reads, checks and decrypts one segment; `content` holds just that afterwards.
    pub(crate) fn read<R: Read + Seek>(
        &self,
        from: &mut ContentReader<'_, R>,
        segment: Segment,
        content: &mut Vec<u8>,
    ) -> Result<(), TitleRefused> {
        let changed = || TitleRefused::Digest {
            path: self.record.path.clone(),
        };
        content.resize(segment.length + TAG, 0);
        seek(
            from.reader,
            self.record.data_offset() + segment.stored_offset(),
        )?;
        from.reader
            .read_exact(content)
            .map_err(TitleRefused::Read)?;
        let prefix = segment.digest_prefix(self.cipher.nonce_prefix());
        let found = from.engine.digest(&[prefix, content]);
        if listed_digest(&self.digests, segment) != Some(&found) {
            return Err(changed());
        }
        let (stored, tag) = content.split_last_chunk_mut().ok_or_else(changed)?;
        let opened = self.decrypt(segment, stored, tag);
        content.truncate(segment.length);
        opened.inspect_err(|_| content.clear())
    }

    fn decrypt(
        &self,
        segment: Segment,
        content: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), TitleRefused> {
        let failed = |_| TitleRefused::Decryption {
            path: self.record.path.clone(),
        };
        self.cipher.open(segment, content, tag).map_err(failed)
    }
}

fn segments(entry: PrefixEntry<'_>) -> Result<Segments, TitleRefused> {
    let listed = entry.listed;
    Segments::of(listed.size).ok_or_else(|| TitleRefused::Facts {
        path: listed.path.clone(),
    })
}

fn listed_digest(digests: &[u8], segment: Segment) -> Option<&[u8; 32]> {
    let (list, _) = digests.as_chunks();
    list.get(segment.index as usize)
}
