//! Counts the bytes of title files in memory, cached or still being sent.
//!
//! A cache that evicts a title frees nothing while a slow client is being sent it. So what bounds
//! memory is this count, which falls when the last slice of a buffer is dropped; the cache's own
//! weights only decide what leaves first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes in memory and how many there may be.
pub(crate) struct Resident {
    bytes: AtomicU64,
    bytes_max: u64,
    published: metrics::Gauge,
}

impl Resident {
    pub(crate) fn new(bytes_max: u64) -> Arc<Self> {
        Arc::new(Self {
            bytes: AtomicU64::new(0),
            bytes_max,
            published: metrics::gauge!("colophon_cache_resident_bytes"),
        })
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Room for `bytes` more, if there is.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: u64) -> Option<Reservation> {
        let fits = |now: u64| now.checked_add(bytes).filter(|sum| *sum <= self.bytes_max);
        let reserved = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        reserved.ok()?;
        self.published.increment(bytes as f64);
        Some(Reservation {
            resident: Arc::clone(self),
            bytes,
        })
    }
}

/// Room in memory, given back when it is dropped.
pub(crate) struct Reservation {
    resident: Arc<Resident>,
    bytes: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.resident.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.resident.published.decrement(self.bytes as f64);
    }
}

/// A buffer with the room it takes: dropped together.
pub(crate) struct Held {
    bytes: Vec<u8>,
    _room: Reservation,
}

impl Held {
    pub(crate) fn new(bytes: Vec<u8>, room: Reservation) -> Self {
        Self { bytes, _room: room }
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn room_is_given_back_with_the_last_slice() {
        let resident = Resident::new(10);
        let room = resident.reserve(6).unwrap();
        assert!(resident.reserve(5).is_none());
        let bytes = Bytes::from_owner(Held::new(vec![0; 6], room));
        let slice = bytes.slice(2..3);
        drop(bytes);
        assert!(resident.reserve(5).is_none());
        drop(slice);
        assert!(resident.reserve(10).is_some());
        assert_eq!(resident.bytes(), 0);
    }
}
