//! Tells whether anything has changed since.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use colophon_core::catalog::{Book, Location};
use colophon_receipt::CenterId;
use colophon_title::VersionId;

/// Records that share a counter only lose entries early.
const COUNTERS: usize = 1024;

/// What an entry rests on.
#[derive(Hash)]
pub(super) enum Subject<'a> {
    Center(&'a CenterId),
    Retailer(&'a CenterId, &'a str),
    Book(&'a CenterId, &'a Book),
    Place(&'a CenterId, &'a Location),
    Version(&'a CenterId, &'a VersionId),
}

/// How often the records behind each counter have changed.
pub(super) struct Fence {
    flushes: AtomicU64,
    changes: Box<[AtomicU64]>,
}

/// The state of the fence before a load. An entry with an older mark is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    flushes: u64,
    changes: u64,
}

impl Fence {
    pub(super) fn new() -> Self {
        let changes = (0..COUNTERS).map(|_| AtomicU64::new(0)).collect();
        Self {
            flushes: AtomicU64::new(0),
            changes,
        }
    }

    pub(super) fn mark(&self, subject: &Subject<'_>) -> Mark {
        Mark {
            flushes: self.flushes.load(Ordering::SeqCst),
            changes: self
                .counter(subject)
                .map_or(0, |counter| counter.load(Ordering::SeqCst)),
        }
    }

    /// Makes every mark of the subject a mark of the past.
    pub(super) fn raise(&self, subject: &Subject<'_>) {
        if let Some(counter) = self.counter(subject) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Makes every mark a mark of the past.
    pub(super) fn raise_all(&self) {
        self.flushes.fetch_add(1, Ordering::SeqCst);
    }

    fn counter(&self, subject: &Subject<'_>) -> Option<&AtomicU64> {
        let mut hasher = DefaultHasher::new();
        subject.hash(&mut hasher);
        let index = hasher.finish() % self.changes.len() as u64;
        self.changes.get(index as usize)
    }
}
