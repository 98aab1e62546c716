//! What the task of a connection and the requests on it know of each other.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Why the edge cut a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CutReason {
    /// The client took nothing for too long.
    TooSlow,
    /// The host stops and its time to drain is over.
    Stopping,
}

impl CutReason {
    pub(crate) fn slug(self) -> &'static str {
        match self {
            Self::TooSlow => "too-slow",
            Self::Stopping => "stopping",
        }
    }
}

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    /// The socket's other end, which may be a proxy.
    pub(crate) peer: IpAddr,
    /// Cancelled when the connection is to be dropped at once.
    pub(crate) cut: CancellationToken,
    reason: OnceLock<CutReason>,
    opened: Instant,
    in_flight: AtomicUsize,
    /// When the last request ended, in milliseconds since `opened`.
    quiet_since_ms: AtomicU64,
    write_blocked: AtomicBool,
}

impl ConnectionState {
    /// A new connection, cut at the latest when `cut` is cancelled.
    pub(crate) fn new(peer: IpAddr, cut: CancellationToken) -> Self {
        Self {
            peer,
            cut,
            reason: OnceLock::new(),
            opened: Instant::now(),
            in_flight: AtomicUsize::new(0),
            quiet_since_ms: AtomicU64::new(0),
            write_blocked: AtomicBool::new(false),
        }
    }

    /// Notes why the connection is about to be cut; the first reason counts.
    pub(crate) fn give_reason(&self, reason: CutReason) {
        if self.reason.set(reason).is_ok() {
            metrics::counter!("colophon_http_connections_cut_total", "reason" => reason.slug())
                .increment(1);
        }
    }

    /// Cuts the connection, with everything on it.
    pub(crate) fn cut(&self, reason: CutReason) {
        self.give_reason(reason);
        self.cut.cancel();
    }

    /// Why an answer on this connection ended early.
    pub(crate) fn end_reason(&self) -> &'static str {
        match self.reason.get() {
            Some(reason) => reason.slug(),
            // Only a stopping host cuts without giving a reason first.
            None if self.cut.is_cancelled() => CutReason::Stopping.slug(),
            None => "connection-lost",
        }
    }

    /// Notes whether bytes wait because the client does not take them.
    pub(crate) fn set_write_blocked(&self, blocked: bool) {
        self.write_blocked.store(blocked, Relaxed);
    }

    /// How long nothing has been asked for or sent; none while something is.
    pub(crate) fn quiet_for(&self) -> Option<Duration> {
        if self.in_flight.load(Relaxed) > 0 || self.write_blocked.load(Relaxed) {
            return None;
        }
        let since = Duration::from_millis(self.quiet_since_ms.load(Relaxed));
        Some(self.opened.elapsed().saturating_sub(since))
    }

    /// Counts a request until the returned value goes.
    pub(crate) fn begin_request(self: &Arc<Self>) -> RequestInFlight {
        self.in_flight.fetch_add(1, Relaxed);
        RequestInFlight(Arc::clone(self))
    }
}

/// A request whose answer has not been handed over in full.
#[derive(Debug)]
pub(crate) struct RequestInFlight(Arc<ConnectionState>);

impl Drop for RequestInFlight {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.quiet_since_ms.store(now, Relaxed);
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}
