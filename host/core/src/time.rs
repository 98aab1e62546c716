//! Points in time. Core never asks for the time: the edge passes it in.

use colophon_receipt::UnixSeconds;

/// A moment in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A moment from milliseconds since the Unix epoch.
    pub const fn from_unix_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub fn unix_ms(self) -> i64 {
        self.0
    }

    /// The whole second this moment falls in, as receipts count time.
    pub fn unix_seconds(self) -> UnixSeconds {
        UnixSeconds::new(self.0.div_euclid(1000))
    }
}

/// Where an adapter or the edge takes the time from; frozen in tests.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}
