//! What the download service has done since it started.
//!
//! A *request* is a download asked for: each refused one, and each prepared one that is not the
//! continuation of another, so that a download fetched in many ranges counts once. It is a
//! *success* when the copy's last byte has been handed to the connection after its log row was
//! durable, in whichever range that byte came. A *failure* is a refusal, or an answer that broke
//! off. HEAD requests and answers without bytes (304, 412, 416) count as nothing here, though the
//! latter leave a row in the log.

mod exported;
mod per_second;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use colophon_core::code::Code;
use tokio::time::Instant;

use crate::counters::per_second::PerSecond;

/// The counters, shared by everything that counts or shows them.
#[derive(Debug)]
pub struct Counters {
    started: Instant,
    requests: AtomicU64,
    resumed: AtomicU64,
    successes: AtomicU64,
    refused: AtomicU64,
    broken: AtomicU64,
    pending: AtomicU64,
    bytes_sent: AtomicU64,
    processed: Durations,
    prepared: Durations,
    requests_per_second: PerSecond,
    successes_per_second: PerSecond,
    connections: AtomicU64,
}

/// How long something took, most recently and in all.
#[derive(Debug, Default)]
struct Durations {
    count: AtomicU64,
    total_us: AtomicU64,
    last_us: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CounterValues {
    /// Downloads asked for; ranges that continue one are not counted again.
    pub requests: u64,
    /// Answers that continued a download already begun.
    pub resumed: u64,
    /// Downloads whose last byte was sent.
    pub successes: u64,
    /// Failed requests: refused and broken ones together.
    pub failed: u64,
    /// Refused requests.
    pub refused: u64,
    /// Answers that broke off: connection lost, too slow, or the content could not be read.
    pub broken: u64,
    /// Downloads being prepared or sent right now.
    pub pending: u64,
    /// Bytes of copies handed to connections.
    pub bytes_sent: u64,
    /// Requests per second, averaged over the last minute.
    pub requests_per_second: f64,
    /// Successes per second, averaged over the last minute.
    pub successes_per_second: f64,
    /// From the arrival of a request to the last byte of its answer: the last one, in ms.
    pub processing_ms_last: f64,
    /// The same, averaged over all, in ms.
    pub processing_ms_average: f64,
    /// From the arrival of a request to the beginning of its answer: the last one, in ms.
    pub preparation_ms_last: f64,
    /// The same, averaged over all, in ms.
    pub preparation_ms_average: f64,
    /// Open connections.
    pub connections: u64,
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

impl Counters {
    /// Counters that start now.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            requests: AtomicU64::default(),
            resumed: AtomicU64::default(),
            successes: AtomicU64::default(),
            refused: AtomicU64::default(),
            broken: AtomicU64::default(),
            pending: AtomicU64::default(),
            bytes_sent: AtomicU64::default(),
            processed: Durations::default(),
            prepared: Durations::default(),
            requests_per_second: PerSecond::default(),
            successes_per_second: PerSecond::default(),
            connections: AtomicU64::default(),
        }
    }

    /// The present values.
    pub fn values(&self) -> CounterValues {
        let second = self.second();
        let (refused, broken) = (self.refused.load(Relaxed), self.broken.load(Relaxed));
        CounterValues {
            requests: self.requests.load(Relaxed),
            resumed: self.resumed.load(Relaxed),
            successes: self.successes.load(Relaxed),
            failed: refused.saturating_add(broken),
            refused,
            broken,
            pending: self.pending.load(Relaxed),
            bytes_sent: self.bytes_sent.load(Relaxed),
            requests_per_second: self.requests_per_second.average(second),
            successes_per_second: self.successes_per_second.average(second),
            processing_ms_last: self.processed.last_ms(),
            processing_ms_average: self.processed.average_ms(),
            preparation_ms_last: self.prepared.last_ms(),
            preparation_ms_average: self.prepared.average_ms(),
            connections: self.connections.load(Relaxed),
        }
    }

    /// Counts a request that has arrived as pending until the returned value goes.
    pub(crate) fn begin(self: &Arc<Self>) -> PendingDownload {
        self.pending.fetch_add(1, Relaxed);
        PendingDownload {
            counters: Arc::clone(self),
            arrived: Instant::now(),
        }
    }

    /// Counts an open connection until the returned value goes.
    pub(crate) fn connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Relaxed);
        OpenConnection(Arc::clone(self))
    }

    fn second(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    fn request(&self) {
        self.requests.fetch_add(1, Relaxed);
        self.requests_per_second.add(self.second());
    }
}

/// A download request on its way through the edge.
#[derive(Debug)]
pub(crate) struct PendingDownload {
    counters: Arc<Counters>,
    arrived: Instant,
}

impl PendingDownload {
    /// Time since the request arrived.
    pub(crate) fn took(&self) -> Duration {
        self.arrived.elapsed()
    }

    /// It was refused.
    pub(crate) fn refused(&self, code: Code) {
        self.counters.request();
        self.counters.refused.fetch_add(1, Relaxed);
        metrics::counter!("colophon_download_refusals_total", "code" => code.slug()).increment(1);
    }

    /// Its copy has been prepared and is about to be sent.
    pub(crate) fn prepared(&self, resumes: bool) {
        self.counters.prepared.add(self.took());
        if resumes {
            self.counters.resumed.fetch_add(1, Relaxed);
        } else {
            self.counters.request();
        }
    }

    /// These many bytes were handed to the connection.
    pub(crate) fn sent(&self, bytes: usize) {
        self.counters.bytes_sent.fetch_add(bytes as u64, Relaxed);
    }

    /// Every byte asked for was handed over; `to_the_end` says whether the copy's last byte was
    /// among them.
    pub(crate) fn completed(&self, to_the_end: bool) {
        self.counters.processed.add(self.took());
        if to_the_end {
            self.counters.successes.fetch_add(1, Relaxed);
            self.counters
                .successes_per_second
                .add(self.counters.second());
        }
    }

    /// It broke off.
    pub(crate) fn broken(&self) {
        self.counters.broken.fetch_add(1, Relaxed);
    }
}

impl Drop for PendingDownload {
    fn drop(&mut self) {
        self.counters.pending.fetch_sub(1, Relaxed);
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Counters>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

impl Durations {
    fn add(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.count.fetch_add(1, Relaxed);
        self.total_us.fetch_add(us, Relaxed);
        self.last_us.store(us, Relaxed);
    }

    fn last_ms(&self) -> f64 {
        self.last_us.load(Relaxed) as f64 / 1e3
    }

    fn average_ms(&self) -> f64 {
        let count = self.count.load(Relaxed).max(1);
        self.total_us.load(Relaxed) as f64 / 1e3 / count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_download_in_three_ranges_is_one_request_and_one_success() {
        let counters = Arc::new(Counters::new());
        for (resumes, to_the_end) in [(false, false), (true, false), (true, true)] {
            let pending = counters.begin();
            assert_eq!(counters.values().pending, 1);
            pending.prepared(resumes);
            pending.sent(10);
            tokio::time::advance(Duration::from_millis(20)).await;
            pending.completed(to_the_end);
        }
        let values = counters.values();
        assert_eq!(
            (values.requests, values.resumed, values.successes),
            (1, 2, 1)
        );
        assert_eq!(
            (values.pending, values.failed, values.bytes_sent),
            (0, 0, 30)
        );
        assert_eq!(
            (values.processing_ms_last, values.processing_ms_average),
            (20.0, 20.0)
        );
        assert_eq!(values.preparation_ms_average, 0.0);
    }

    #[tokio::test(start_paused = true)]
    async fn refused_and_broken_ones_are_failures() {
        let counters = Arc::new(Counters::new());
        counters.begin().refused(Code::TitleUnknown);
        let pending = counters.begin();
        pending.prepared(false);
        pending.broken();
        drop(pending);
        let values = counters.values();
        assert_eq!((values.requests, values.refused, values.broken), (2, 1, 1));
        assert_eq!((values.failed, values.pending), (2, 0));
    }
}
