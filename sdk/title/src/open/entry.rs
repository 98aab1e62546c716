//! Reading an entry at any position.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use crate::TitleRefused;
use crate::content::{ContentReader, PrefixEntry, SegmentReader, VersionKey, seek};
use crate::protection::{MESSAGE_BYTES_MAX, Protection};
use crate::segment::SEGMENT;

/// The content of one entry, readable at any position.
///
/// Of an entry encrypted in segments, one segment is held in memory, and only the segments
/// that are asked for are read. What reading finds damaged is an [`io::Error`] of kind
/// [`InvalidData`](io::ErrorKind::InvalidData) with the [`TitleRefused`] inside.
pub struct EntryReader<'t, R> {
    content: ContentReader<'t, R>,
    position: u64,
    entry: OpenEntry,
}

/// An entry that was opened, apart from the title it is read from, which alone keeps it.
pub(super) struct OpenEntry {
    size: u64,
    kind: Kind,
}

enum Kind {
    Memory(Cursor<Vec<u8>>),
    /// Clear and larger than what is held in memory; checked when it was opened.
    Clear {
        data_offset: u64,
    },
    Segments {
        segments: Box<SegmentReader>,
        index: Option<u64>,
        segment: Vec<u8>,
    },
}

impl OpenEntry {
    pub(super) fn open<R: Read + Seek>(
        content: &mut ContentReader<'_, R>,
        entry: PrefixEntry<'_>,
        key: VersionKey<'_>,
    ) -> Result<OpenEntry, TitleRefused> {
        let listed = entry.listed;
        let kind = match listed.protection {
            Protection::Segments => Kind::Segments {
                segments: Box::new(content.open_segments(entry, key)?),
                index: None,
                segment: Vec::new(),
            },
            Protection::Clear if listed.stored > MESSAGE_BYTES_MAX => {
                content.check(entry)?;
                Kind::Clear {
                    data_offset: entry.record.data_offset(),
                }
            }
            Protection::Clear | Protection::Message => {
                let mut bytes = Vec::new();
                content.pour(entry, key, &mut |piece| {
                    bytes.extend_from_slice(piece);
                    Ok(())
                })?;
                Kind::Memory(Cursor::new(bytes))
            }
        };
        Ok(OpenEntry {
            size: listed.size,
            kind,
        })
    }

    /// Reads some of the content at a position; nothing at its end and beyond.
    pub(super) fn read_at<R: Read + Seek>(
        &mut self,
        from: &mut ContentReader<'_, R>,
        position: u64,
        out: &mut [u8],
    ) -> Result<usize, TitleRefused> {
        let left = self.size.saturating_sub(position);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
        let Some(out) = out.get_mut(..wanted).filter(|out| !out.is_empty()) else {
            return Ok(0);
        };
        match &mut self.kind {
            Kind::Memory(content) => {
                content.set_position(position);
                content.read(out).map_err(TitleRefused::Read)
            }
            Kind::Clear { data_offset } => {
                seek(from.reader, *data_offset + position)?;
                from.reader.read(out).map_err(TitleRefused::Read)
            }
            Kind::Segments {
                segments,
                index,
                segment,
            } => {
                let wanted = position / SEGMENT as u64;
                if *index != Some(wanted) {
                    *index = None;
                    let place = segments.segments.segment(wanted);
                    segments.read(from, place, segment)?;
                    *index = Some(wanted);
                }
                let skipped = (position % SEGMENT as u64) as usize;
                let mut rest = segment.get(skipped..).unwrap_or_default();
                rest.read(out).map_err(TitleRefused::Read)
            }
        }
    }
}

impl<'t, R: Read + Seek> EntryReader<'t, R> {
    pub(super) fn open(
        mut content: ContentReader<'t, R>,
        entry: PrefixEntry<'_>,
        key: VersionKey<'_>,
    ) -> Result<EntryReader<'t, R>, TitleRefused> {
        let entry = OpenEntry::open(&mut content, entry, key)?;
        Ok(EntryReader {
            content,
            position: 0,
            entry,
        })
    }

    /// Length of the content in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.entry.size
    }
}

impl<R: Read + Seek> Read for EntryReader<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let given = self.entry.read_at(&mut self.content, self.position, out);
        let given = given.map_err(damaged)?;
        self.position += given as u64;
        Ok(given)
    }
}

impl<R: Read + Seek> Seek for EntryReader<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all others mean damage, those to come included"
)]
fn damaged(refused: TitleRefused) -> io::Error {
    match refused {
        TitleRefused::Read(error) => error,
        refused => io::Error::new(io::ErrorKind::InvalidData, refused),
    }
}
