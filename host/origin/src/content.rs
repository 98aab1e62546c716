//! The bytes of an opened object, as downloads read them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use colophon_core::event::NamedEvent;
use colophon_core::ports::{Content, OriginError, Service, Unavailable};

use crate::counts::Counters;
use crate::load::Key;
use crate::reachability::Reachability;
use crate::stored_file::{ReadError, StoredFile};
use crate::workers::{NoAnswer, Workers};

/// An object held in memory as a whole.
pub(crate) struct InMemory {
    pub(crate) bytes: Bytes,
}

#[async_trait]
impl Content for InMemory {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    async fn read(&self, offset: u64, most: usize) -> Result<Bytes, OriginError> {
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(self.bytes.len());
        let end = start.saturating_add(most).min(self.bytes.len());
        Ok(self.bytes.slice(start..end))
    }
}

/// How much is read from disk at once, at most: one buffer of this size per download.
///
/// Larger ones were seen to be no faster: at 256 KiB the page cache gives 20 to 30 GB/s to one
/// thread, three to five times what it gives through a thread that may block (one hand-over for
/// each chunk). So bytes that are in the page cache are copied on the spot, which takes some 15 µs
/// and cannot wait for the disk; only what is not there goes to a thread that may block. The kernel
/// reads ahead of sequential readers by itself: asking for the next chunks explicitly halved what a
/// single cold reader got.
const CHUNK_BYTES: usize = 256 * 1024;

/// An object read from disk as it is asked for, through one descriptor for all downloads.
pub(crate) struct OnDisk {
    pub(crate) key: Key,
    pub(crate) file: Arc<StoredFile>,
    pub(crate) workers: Workers,
    pub(crate) counters: Arc<Counters>,
    pub(crate) reachability: Arc<Reachability>,
    damaged: AtomicBool,
}

impl OnDisk {
    pub(crate) fn new(
        key: Key,
        file: Arc<StoredFile>,
        workers: Workers,
        counters: Arc<Counters>,
        reachability: Arc<Reachability>,
    ) -> Self {
        let damaged = AtomicBool::new(false);
        Self {
            key,
            file,
            workers,
            counters,
            reachability,
            damaged,
        }
    }

    /// Whether the object can still be given out. Looks at the file's status, not at its bytes.
    pub(crate) fn is_sound(&self) -> bool {
        !self.damaged.load(Ordering::Acquire) && self.file.check_unchanged().is_ok()
    }

    /// No byte of it is given out any more, not even to downloads under way.
    pub(crate) fn condemn(&self, problem: &str) -> OriginError {
        if !self.damaged.swap(true, Ordering::AcqRel) {
            report_damaged(&self.key, problem);
        }
        OriginError::Damaged {
            problem: problem.to_owned(),
        }
    }

    async fn read_chunk(&self, offset: u64, length: usize) -> Result<Vec<u8>, OriginError> {
        let mut buffer = vec![0; length];
        let at_once = self.file.read_at_once(&mut buffer, offset);
        if let Some(length) = at_once.map_err(|error| self.failed(error))? {
            buffer.truncate(length);
            return Ok(buffer);
        }
        let file = Arc::clone(&self.file);
        let read = self.workers.run(move || {
            let length = file.read_at(&mut buffer, offset)?;
            buffer.truncate(length);
            Ok(buffer)
        });
        read.await
            .map_err(|silent| self.unanswered(silent))?
            .map_err(|error| self.failed(error))
    }

    fn failed(&self, error: ReadError) -> OriginError {
        match error {
            ReadError::Changed => self.condemn("it was changed while it was being read"),
            ReadError::Io(error) => {
                let root = &self.key.root;
                self.reachability.fell_silent(root, &error);
                OriginError::Unreachable(Unavailable::new(Service::ContentStore, error))
            }
        }
    }

    fn unanswered(&self, silent: NoAnswer) -> OriginError {
        self.reachability.fell_silent(&self.key.root, &silent);
        OriginError::Unreachable(Unavailable::new(Service::ContentStore, silent))
    }
}

#[async_trait]
impl Content for OnDisk {
    fn size(&self) -> u64 {
        self.file.size()
    }

    async fn read(&self, offset: u64, most: usize) -> Result<Bytes, OriginError> {
        if self.damaged.load(Ordering::Acquire) {
            return Err(self.condemn("it was found damaged while it was being read"));
        }
        let left = usize::try_from(self.file.size().saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = most.min(CHUNK_BYTES).min(left);
        if length == 0 {
            return Ok(Bytes::new());
        }
        let bytes = self.read_chunk(offset, length).await?;
        self.counters.read_bytes.add(bytes.len() as u64);
        Ok(bytes.into())
    }
}

pub(crate) fn report_damaged(key: &Key, problem: &str) {
    let event = NamedEvent::TitleFileDamaged;
    tracing::error!(
        event.code = event.code(),
        event.name = event.slug(),
        store.root = key.root.as_str(),
        store.object = key.object.as_str(),
        problem,
        "a stored title file is not what the catalog says"
    );
}
