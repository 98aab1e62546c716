//! Writing the entries of the prefix, and listing them for `validation.xml`.

use std::io::{Read, Seek, Write};
use std::mem;

use colophon_crypto::{Engine, Randomness};

use super::packed::{Packed, Packer, expect_end};
use super::{SealError, SealTerms};
use crate::container::{ContainerWriter, Method};
use crate::group::GroupDigests;
use crate::keys::resource_key;
use crate::protection::{MESSAGE_OVERHEAD, Protection};
use crate::segment::{NONCE_PREFIX, SEGMENT, SegmentCipher, Segments, TAG};
use crate::source::{Source, SourceRefused};
use crate::validation::ListedEntry;
use crate::{EntryPath, Progress, names};

/// What happens to an entry of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    Clear,
    Encrypted,
}

/// Writes entries of the prefix.
pub(super) struct EntrySealer<'t, W> {
    engine: &'t dyn Engine,
    random: &'t mut dyn Randomness,
    terms: &'t SealTerms<'t>,
    packer: Packer,
    container: ContainerWriter<W>,
    listed: Vec<ListedEntry>,
    groups: GroupDigests<'t>,
    segmented: usize,
    progress: &'t mut dyn FnMut(Progress),
    bytes_done: u64,
    bytes_total: u64,
}

impl<'t, W: Write + Seek> EntrySealer<'t, W> {
    pub(super) fn new(
        engine: &'t dyn Engine,
        random: &'t mut dyn Randomness,
        terms: &'t SealTerms<'t>,
        out: W,
        progress: &'t mut dyn FnMut(Progress),
        bytes_total: u64,
    ) -> EntrySealer<'t, W> {
        EntrySealer {
            engine,
            random,
            terms,
            packer: Packer::new(),
            container: ContainerWriter::new(out),
            listed: Vec::new(),
            groups: GroupDigests::new(engine),
            segmented: 0,
            progress,
            bytes_done: 0,
            bytes_total,
        }
    }

    /// What was written so far.
    pub(super) fn listed(&self) -> &[ListedEntry] {
        &self.listed
    }

    /// Ends the list: all entries that were written, and the digests of their groups.
    pub(super) fn close_list(&mut self) -> (Vec<ListedEntry>, Vec<[u8; 32]>) {
        (mem::take(&mut self.listed), self.groups.close())
    }

    /// Ends the prefix with its `validation.xml`, and gives the digest of its stored bytes.
    pub(super) fn finish(
        mut self,
        validation: Vec<u8>,
    ) -> Result<(ContainerWriter<W>, [u8; 32]), SealError> {
        let packed = self.packer.pack(validation).map_err(SealError::Write)?;
        let path = EntryPath::fixed(names::VALIDATION);
        write_packed(&mut self.container, &path, &packed)?;
        Ok((self.container, self.engine.digest(&[&packed.bytes])))
    }

    /// Writes an entry of ours as it is.
    pub(super) fn stored(&mut self, name: &'static str, content: &[u8]) -> Result<(), SealError> {
        let packed = Packed {
            method: Method::Stored,
            bytes: content.to_vec(),
            size: content.len() as u64,
            crc32: crc32fast::hash(content),
        };
        self.clear(&EntryPath::fixed(name), &packed)
    }

    /// Writes a document of ours, deflated if that helps.
    pub(super) fn document(&mut self, name: &'static str, content: &[u8]) -> Result<(), SealError> {
        let packed = self
            .packer
            .pack(content.to_vec())
            .map_err(SealError::Write)?;
        self.clear(&EntryPath::fixed(name), &packed)
    }

    /// Writes an entry of the source.
    pub(super) fn source_entry<R: Read + Seek>(
        &mut self,
        source: &mut Source<R>,
        index: usize,
        path: &EntryPath,
        size: u64,
        treatment: Treatment,
    ) -> Result<(), SealError> {
        match (self.packer.read(source, index, path, size)?, treatment) {
            (Some(packed), Treatment::Clear) => self.clear(path, &packed)?,
            (Some(packed), Treatment::Encrypted) => self.message(path, packed)?,
            (None, Treatment::Clear) => {
                let mut content = source.open_entry(index)?;
                return self.clear_stream(path, size, &mut content);
            }
            (None, Treatment::Encrypted) => {
                let mut content = source.open_entry(index)?;
                return self.segments(path, size, &mut content);
            }
        }
        self.advance(size);
        Ok(())
    }

    fn clear(&mut self, path: &EntryPath, packed: &Packed) -> Result<(), SealError> {
        let Packed {
            method,
            bytes,
            size,
            ..
        } = packed;
        let stored = bytes.len() as u64;
        self.list(path, Protection::Clear, *method, *size, stored);
        self.groups.update(bytes);
        write_packed(&mut self.container, path, packed)
    }

    fn clear_stream(
        &mut self,
        path: &EntryPath,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SealError> {
        self.list(path, Protection::Clear, Method::Stored, size, size);
        let mut entry = self.container.begin(path, size).map_err(SealError::Write)?;
        let mut piece = vec![0; SEGMENT];
        let mut left = size;
        while left > 0 {
            let length = left.min(SEGMENT as u64) as usize;
            let bytes = piece.get_mut(..length).unwrap_or_default();
            content.read_exact(bytes).map_err(SourceRefused::Read)?;
            self.groups.update(bytes);
            entry.write(bytes).map_err(SealError::Write)?;
            left -= length as u64;
        }
        expect_end(content)?;
        entry.finish().map_err(SealError::Write)?;
        self.advance(size);
        Ok(())
    }

    fn message(&mut self, path: &EntryPath, packed: Packed) -> Result<(), SealError> {
        let Packed {
            method,
            bytes,
            size,
            ..
        } = packed;
        let mut nonce = [0; 12];
        self.random.fill(&mut nonce);
        let mut stored = Vec::with_capacity(bytes.len() + MESSAGE_OVERHEAD as usize);
        stored.extend_from_slice(&nonce);
        stored.extend_from_slice(&bytes);
        let key = resource_key(self.engine, self.terms.key, &self.terms.salt, path);
        let content = stored.get_mut(nonce.len()..).unwrap_or_default();
        let tag = self.engine.aes256_gcm(&key).seal(&nonce, &[], content);
        stored.extend_from_slice(&tag);
        let length = stored.len() as u64;
        self.list(path, Protection::Message, method, size, length);
        self.groups.update(&stored);
        self.container
            .stored(path, &stored)
            .map_err(SealError::Write)
    }

    /// Every byte is read, encrypted in place, digested, written and forgotten; only the
    /// digests stay, 32 bytes of every 65,536.
    fn segments(
        &mut self,
        path: &EntryPath,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SealError> {
        let segments = Segments::of(size).ok_or(SealError::TooLarge)?;
        let mut nonce_prefix = [0; NONCE_PREFIX];
        self.random.fill(&mut nonce_prefix);
        let key = resource_key(self.engine, self.terms.key, &self.terms.salt, path);
        let cipher = SegmentCipher::new(self.engine, &key, nonce_prefix);
        let stored_length = segments.stored_length();
        self.list(
            path,
            Protection::Segments,
            Method::Stored,
            size,
            stored_length,
        );
        let mut entry = self
            .container
            .begin(path, stored_length)
            .map_err(SealError::Write)?;
        entry.write(&nonce_prefix).map_err(SealError::Write)?;
        let mut digests = Vec::new();
        let mut buffer = vec![0; SEGMENT + TAG];
        for segment in segments.all() {
            let stored = buffer.get_mut(..segment.length + TAG).unwrap_or_default();
            let (plain, tag) = stored.split_at_mut(segment.length);
            content.read_exact(plain).map_err(SourceRefused::Read)?;
            tag.copy_from_slice(&cipher.seal(segment, plain));
            let prefix = segment.digest_prefix(&nonce_prefix);
            digests.extend_from_slice(&self.engine.digest(&[prefix, stored]));
            entry.write(stored).map_err(SealError::Write)?;
            self.bytes_done = self.bytes_done.saturating_add(segment.length as u64);
            let Self {
                bytes_done,
                bytes_total,
                ..
            } = *self;
            (self.progress)(Progress {
                bytes_done,
                bytes_total,
            });
        }
        expect_end(content)?;
        entry.finish().map_err(SealError::Write)?;
        self.segmented += 1;
        let list = names::digests(self.segmented).ok_or(SealError::TooLarge)?;
        let length = digests.len() as u64;
        self.list(&list, Protection::Clear, Method::Stored, length, length);
        self.groups.update(&digests);
        self.container
            .stored(&list, &digests)
            .map_err(SealError::Write)
    }

    /// Lists the entry that is written next.
    fn list(
        &mut self,
        path: &EntryPath,
        protection: Protection,
        method: Method,
        size: u64,
        stored: u64,
    ) {
        let entry = ListedEntry {
            path: path.clone(),
            protection,
            method,
            size,
            stored,
        };
        self.groups.begin(&entry);
        self.listed.push(entry);
    }

    fn advance(&mut self, bytes: u64) {
        self.bytes_done = self.bytes_done.saturating_add(bytes);
        let Self {
            bytes_done,
            bytes_total,
            ..
        } = *self;
        (self.progress)(Progress {
            bytes_done,
            bytes_total,
        });
    }
}

fn write_packed<W: Write + Seek>(
    container: &mut ContainerWriter<W>,
    path: &EntryPath,
    packed: &Packed,
) -> Result<(), SealError> {
    let Packed {
        method,
        bytes,
        size,
        crc32,
    } = packed;
    container
        .entry(path, *method, *crc32, *size, bytes)
        .map_err(SealError::Write)
}
