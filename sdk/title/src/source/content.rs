//! Reading an entry's content, held to what the directory declared of it.

use std::io::{self, BufRead, ErrorKind, Read, Seek, SeekFrom, Take};

use flate2::bufread::DeflateDecoder;

/// Where an entry's content is and what it must turn out to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// Where the stored bytes begin in the source.
    pub(super) start: u64,
    /// How many there are.
    pub(super) stored: u64,
    pub(super) deflated: bool,
    /// The size after inflation.
    pub(super) size: u64,
    /// CRC-32 of the content; a source that is one file has none.
    pub(super) checksum: Option<u32>,
}

impl Expected {
    pub(super) fn whole_file(length: u64) -> Expected {
        Expected {
            start: 0,
            stored: length,
            deflated: false,
            size: length,
            checksum: None,
        }
    }
}

/// An entry's content. Fails with [`ErrorKind::InvalidData`] as soon as it is known to be
/// other than declared.
pub(super) struct Content<'s, B> {
    bytes: Bytes<Take<&'s mut B>>,
    remaining: u64,
    checksum: Option<u32>,
    actual: crc32fast::Hasher,
    finished: bool,
}

enum Bytes<B> {
    Stored(B),
    Deflated(DeflateDecoder<B>),
}

impl<B: BufRead> Read for Bytes<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Bytes::Stored(bytes) => bytes.read(buffer),
            Bytes::Deflated(bytes) => bytes.read(buffer),
        }
    }
}

impl<'s, B: BufRead + Seek> Content<'s, B> {
    pub(super) fn open(source: &'s mut B, expected: Expected) -> io::Result<Content<'s, B>> {
        source.seek(SeekFrom::Start(expected.start))?;
        let stored = source.take(expected.stored);
        Ok(Content {
            bytes: if expected.deflated {
                Bytes::Deflated(DeflateDecoder::new(stored))
            } else {
                Bytes::Stored(stored)
            },
            remaining: expected.size,
            checksum: expected.checksum,
            actual: crc32fast::Hasher::new(),
            finished: false,
        })
    }
}

impl<B: BufRead> Content<'_, B> {
    /// At the declared end: nothing more may come, and the checksum must fit.
    fn finish(&mut self) -> io::Result<usize> {
        if !self.finished {
            if self.bytes.read(&mut [0])? != 0 {
                return Err(other_than_declared("the content is larger than declared"));
            }
            let actual = self.actual.clone().finalize();
            if self.checksum.is_some_and(|checksum| checksum != actual) {
                return Err(other_than_declared(
                    "the content does not have its checksum",
                ));
            }
            self.finished = true;
        }
        Ok(0)
    }
}

impl<B: BufRead> Read for Content<'_, B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.remaining == 0 {
            return self.finish();
        }
        let room = usize::try_from(self.remaining)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let (room, _) = buffer.split_at_mut(room);
        let read = self.bytes.read(room)?;
        if read == 0 {
            return Err(other_than_declared("the content is smaller than declared"));
        }
        let (content, _) = room.split_at(read);
        if self.checksum.is_some() {
            self.actual.update(content);
        }
        self.remaining = self.remaining.saturating_sub(read as u64);
        Ok(read)
    }
}

fn other_than_declared(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
