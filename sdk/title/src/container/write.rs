//! Writing a container.

use std::io::{self, Seek, SeekFrom, Write};

use super::layout;
use super::{EntryRecord, Method};
use crate::EntryPath;

/// Writes a container entry by entry.
///
/// Paths must be unique, which is the caller's to ensure.
#[derive(Debug)]
pub struct ContainerWriter<W> {
    out: W,
    head: DirectoryHead,
}

/// The directory so far: what stands in front of the next entry, or of the directory's end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DirectoryHead {
    /// Length of the entries it lists, in bytes.
    pub(crate) length: u64,
    /// Their records.
    pub(crate) records: Vec<u8>,
    /// Their number.
    pub(crate) entries: u64,
}

impl DirectoryHead {
    /// The head that lists these entries, the first of them at the beginning of the file.
    pub(crate) fn of(entries: &[EntryRecord]) -> DirectoryHead {
        let mut head = DirectoryHead::default();
        entries.iter().for_each(|entry| head.push(entry));
        head
    }

    /// What the directory will say of an entry that comes next.
    fn next(
        &self,
        path: &EntryPath,
        method: Method,
        crc32: u32,
        size: u64,
        stored: u64,
    ) -> EntryRecord {
        EntryRecord {
            path: path.clone(),
            method,
            crc32,
            stored,
            size,
            offset: self.length,
        }
    }

    fn push(&mut self, entry: &EntryRecord) {
        layout::push_central_record(entry, &mut self.records);
        self.entries += 1;
        self.length = entry.end();
    }

    /// The directory with its end.
    fn finish(self) -> Vec<u8> {
        let mut directory = self.records;
        let length = directory.len() as u64;
        layout::push_end(self.entries, length, self.length, &mut directory);
        directory
    }
}

/// Makes, in memory, what follows entries that are written elsewhere.
pub(crate) struct TailWriter {
    bytes: Vec<u8>,
    head: DirectoryHead,
}

impl TailWriter {
    /// Goes on after the entries of `head`; there will be about `room` bytes in the tail
    /// besides their records.
    pub(crate) fn after(head: &DirectoryHead, room: usize) -> TailWriter {
        let room = head.records.len().saturating_add(room);
        let mut records = Vec::with_capacity(room);
        records.extend_from_slice(&head.records);
        let head = DirectoryHead { records, ..*head };
        TailWriter {
            bytes: Vec::with_capacity(room),
            head,
        }
    }

    /// Appends an entry as it is.
    pub(crate) fn stored(&mut self, path: &EntryPath, content: &[u8]) {
        let size = content.len() as u64;
        let crc32 = crc32fast::hash(content);
        let record = self.head.next(path, Method::Stored, crc32, size, size);
        layout::push_local_header(&record, &mut self.bytes);
        self.bytes.extend_from_slice(content);
        self.head.push(&record);
    }

    /// The tail with its directory.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut bytes = self.bytes;
        bytes.extend_from_slice(&self.head.finish());
        bytes
    }
}

impl<W: Write> ContainerWriter<W> {
    /// Begins a container at the current position of `out`.
    pub fn new(out: W) -> ContainerWriter<W> {
        ContainerWriter {
            out,
            head: DirectoryHead::default(),
        }
    }

    /// Writes an entry as it is.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn stored(&mut self, path: &EntryPath, content: &[u8]) -> io::Result<()> {
        let crc32 = crc32fast::hash(content);
        self.entry(path, Method::Stored, crc32, content.len() as u64, content)
    }

    /// Writes an entry that is already in its stored form; `crc32` and `size` are those of
    /// the bytes before storing.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn entry(
        &mut self,
        path: &EntryPath,
        method: Method,
        crc32: u32,
        size: u64,
        stored: &[u8],
    ) -> io::Result<()> {
        let record = self
            .head
            .next(path, method, crc32, size, stored.len() as u64);
        self.header(&record)?;
        self.out.write_all(stored)?;
        self.head.push(&record);
        Ok(())
    }

    /// Length of what is written so far, in bytes.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.head.length
    }

    /// Writes the directory and gives the writer back with the length of the container.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        let offset = self.head.length;
        let directory = self.head.finish();
        self.out.write_all(&directory)?;
        self.out.flush()?;
        Ok((self.out, offset.saturating_add(directory.len() as u64)))
    }

    fn header(&mut self, record: &EntryRecord) -> io::Result<()> {
        let mut header = Vec::with_capacity(128);
        layout::push_local_header(record, &mut header);
        self.out.write_all(&header)
    }
}

impl<W: Write + Seek> ContainerWriter<W> {
    /// Begins an entry of `size` bytes that is stored as it is and arrives piece by piece. Its
    /// checksum is known only at its end and then written into its header, which is why the
    /// writer must be able to seek.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn begin(&mut self, path: &EntryPath, size: u64) -> io::Result<EntryWriter<'_, W>> {
        let record = self.head.next(path, Method::Stored, 0, size, size);
        let header_at = self.out.stream_position()?;
        self.header(&record)?;
        let crc32 = crc32fast::Hasher::new();
        Ok(EntryWriter {
            container: self,
            record,
            header_at,
            crc32,
            left: size,
        })
    }
}

/// An entry that is being written piece by piece.
#[derive(Debug)]
pub struct EntryWriter<'c, W> {
    container: &'c mut ContainerWriter<W>,
    record: EntryRecord,
    header_at: u64,
    crc32: crc32fast::Hasher,
    left: u64,
}

impl<W: Write + Seek> EntryWriter<'_, W> {
    /// Writes the next piece.
    ///
    /// # Errors
    ///
    /// Those of the writer, and [`io::ErrorKind::InvalidInput`] for more than was announced.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or(io::ErrorKind::InvalidInput)?;
        self.crc32.update(bytes);
        self.container.out.write_all(bytes)
    }

    /// Ends the entry.
    ///
    /// # Errors
    ///
    /// Those of the writer, and [`io::ErrorKind::InvalidInput`] for less than was announced.
    pub fn finish(mut self) -> io::Result<()> {
        if self.left != 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.record.crc32 = self.crc32.finalize();
        let out = &mut self.container.out;
        let end = out.stream_position()?;
        let crc_at = self.header_at.saturating_add(layout::LOCAL_CRC_OFFSET);
        out.seek(SeekFrom::Start(crc_at))?;
        out.write_all(&self.record.crc32.to_le_bytes())?;
        out.seek(SeekFrom::Start(end))?;
        self.container.head.push(&self.record);
        Ok(())
    }
}
