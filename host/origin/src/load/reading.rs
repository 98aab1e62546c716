//! Reading a whole object, step by step: a step is one blocking call, short enough to be timed.

use std::sync::Arc;

use colophon_crypto::{Engine, Sha256Stream};

use super::error::LoadError;
use crate::stored_file::{ReadError, StoredFile};

/// How much is read in one call while a whole object is read.
pub(super) const STEP_BYTES: usize = 4 * 1024 * 1024;

/// A whole object on its way into memory.
pub(super) struct Reading {
    pub(super) file: Arc<StoredFile>,
    pub(super) bytes: Vec<u8>,
    pub(super) digest: Box<dyn Sha256Stream>,
    size: usize,
    /// Bytes that the last step read.
    pub(super) stepped: u64,
}

impl Reading {
    pub(super) fn begin(
        engine: &dyn Engine,
        file: Arc<StoredFile>,
        size: u64,
    ) -> Result<Self, LoadError> {
        let size = usize::try_from(size).map_err(|_| LoadError::NoRoom)?;
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(size)
            .map_err(|_| LoadError::NoRoom)?;
        Ok(Self {
            file,
            bytes,
            digest: engine.sha256(),
            size,
            stepped: 0,
        })
    }

    pub(super) fn bytes_left(&self) -> usize {
        self.size.saturating_sub(self.bytes.len())
    }

    pub(super) fn step(mut self) -> Result<Self, ReadError> {
        let start = self.bytes.len();
        self.bytes
            .resize(start.saturating_add(self.bytes_left().min(STEP_BYTES)), 0);
        let room = self.bytes.get_mut(start..).unwrap_or_default();
        let length = self.file.read_at(room, start as u64)?;
        self.digest.update(room.get(..length).unwrap_or_default());
        self.bytes.truncate(start.saturating_add(length));
        self.stepped = length as u64;
        Ok(self)
    }
}
