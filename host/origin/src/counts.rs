//! What the cache has done since the start, for metrics and for tests.

use std::sync::atomic::{AtomicU64, Ordering};

/// A reading of the cache's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheCounts {
    /// Forms that were asked for and open already.
    pub hits: u64,
    /// Forms that were asked for and had to be opened, or waited for while another request did.
    pub misses: u64,
    /// Forms opened from the store; under a stampede far fewer than `misses`.
    pub loads: u64,
    /// Forms dropped to make room.
    pub evictions: u64,
    /// Bytes read from content stores.
    pub read_bytes: u64,
    /// Bytes of title files in memory now, cached or still being sent.
    pub resident_bytes: u64,
}

/// A counter that is read here and published as a metric.
pub(crate) struct Counter {
    here: AtomicU64,
    published: metrics::Counter,
}

impl Counter {
    fn new(published: metrics::Counter) -> Self {
        Self {
            here: AtomicU64::new(0),
            published,
        }
    }

    pub(crate) fn add(&self, amount: u64) {
        self.here.fetch_add(amount, Ordering::Relaxed);
        self.published.increment(amount);
    }

    pub(crate) fn get(&self) -> u64 {
        self.here.load(Ordering::Relaxed)
    }
}

/// The cache's counters. They publish to the recorder that is installed when they are made.
pub(crate) struct Counters {
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
    pub(crate) loads: Counter,
    pub(crate) evictions: Counter,
    pub(crate) read_bytes: Counter,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            hits: Counter::new(metrics::counter!("colophon_cache_hits_total")),
            misses: Counter::new(metrics::counter!("colophon_cache_misses_total")),
            loads: Counter::new(metrics::counter!("colophon_cache_loads_total")),
            evictions: Counter::new(metrics::counter!("colophon_cache_evictions_total")),
            read_bytes: Counter::new(metrics::counter!("colophon_origin_read_bytes_total")),
        }
    }
}
