//! Contents that are larger than they are.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use colophon_core::ports::{Content, OriginError};

const PERIOD: u64 = 1_000_003;

/// Bytes that can be told apart by their place, of any length, in little memory.
pub(crate) struct Pattern {
    bytes: Bytes,
    length: u64,
    /// Reading from here on fails.
    fails_at: u64,
    /// The most one read gives.
    piece_bytes_max: usize,
}

impl Pattern {
    pub(crate) fn new(length: u64) -> Self {
        let byte = |n: u64| (n.wrapping_mul(2_654_435_761) >> 7) as u8;
        let bytes: Vec<u8> = (0..PERIOD.min(length)).map(byte).collect();
        Self {
            bytes: bytes.into(),
            length,
            fails_at: u64::MAX,
            piece_bytes_max: usize::MAX,
        }
    }

    pub(crate) fn failing_at(self, fails_at: u64) -> Self {
        Self { fails_at, ..self }
    }

    pub(crate) fn in_pieces_of(self, piece_bytes_max: usize) -> Self {
        Self {
            piece_bytes_max,
            ..self
        }
    }

    pub(crate) fn shared(self) -> Arc<dyn Content> {
        Arc::new(self)
    }

    /// All of it; for short ones.
    pub(crate) fn whole(length: u64) -> Vec<u8> {
        let pattern = Self::new(length);
        (0..length)
            .map(|n| pattern.bytes[(n % PERIOD) as usize])
            .collect()
    }
}

#[async_trait]
impl Content for Pattern {
    fn size(&self) -> u64 {
        self.length
    }

    async fn read(&self, offset: u64, most: usize) -> Result<Bytes, OriginError> {
        if offset >= self.fails_at {
            return Err(OriginError::Damaged {
                problem: "made to fail".to_owned(),
            });
        }
        let start = (offset % PERIOD) as usize;
        let until_failure = usize::try_from(self.fails_at - offset).unwrap_or(usize::MAX);
        let left = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = most.min(left).min(until_failure).min(self.piece_bytes_max);
        let end = (start + count).min(self.bytes.len());
        Ok(self.bytes.slice(start..end))
    }
}
