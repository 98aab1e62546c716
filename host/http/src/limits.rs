//! How much of the host one client, and all clients together, may take up.

use std::time::Duration;

/// The edge's limits. The defaults hold for a host on the open Internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Open connections on all public listeners; one more is answered 503 and closed.
    pub connections_max: usize,
    /// Open connections from one address (for IPv6 from one /64 network). Trusted proxies, which
    /// speak for many clients, are exempt.
    pub connections_per_address_max: usize,
    /// Downloads being prepared or sent; one more is answered 503 at once.
    pub downloads_max: usize,
    /// From accepting a connection to knowing which protocol it speaks.
    pub first_byte: Duration,
    /// The TLS handshake.
    pub tls_handshake: Duration,
    /// The head of an HTTP/1.1 request, counted from the end of the answer before it; so it is
    /// also how long an idle HTTP/1.1 connection is kept.
    pub head: Duration,
    /// How long a connection is kept on which nothing is asked for and nothing is being sent.
    pub idle: Duration,
    /// Time a request body has before the floor of [`Limits::body_bytes_per_s_min`] holds.
    pub body_grace: Duration,
    /// The slowest a request body may arrive, in bytes per second.
    pub body_bytes_per_s_min: u32,
    /// Size of a request body, in bytes.
    pub body_bytes_max: usize,
    /// Size of a query, in bytes; longer receipts are posted.
    pub query_bytes_max: usize,
    /// Size of a request's head, in bytes.
    pub head_bytes_max: usize,
    /// Header fields of a request.
    pub headers_max: usize,
    /// How long a client may take nothing at all of an answer under way.
    pub write_stall: Duration,
    /// How long a client may take so little that the kernel's buffer has no room for more. The
    /// buffer may be large, so this is longer than [`Limits::write_stall`].
    pub write_crawl: Duration,
    /// How long downloads under way may go on after the host was told to stop.
    pub drain: Duration,
    /// How long, from then on, a connection that was accepted before and has asked for nothing yet
    /// may take to begin: its request is under way, and would fail if it were not waited for.
    pub newcomers: Duration,
    /// How long the services behind the host have to answer a readiness check.
    pub ready: Duration,
    /// What `Retry-After` says, in seconds.
    pub retry_after_s: u32,
    /// HTTP/2 streams open at once on one connection.
    pub http2_streams_max: u32,
    /// HTTP/2 streams a client may reset before the edge has looked at them.
    pub http2_resets_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 8_192,
            connections_per_address_max: 256,
            downloads_max: 4_096,
            first_byte: Duration::from_secs(5),
            tls_handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            body_grace: Duration::from_secs(5),
            body_bytes_per_s_min: 1_024,
            // A receipt has up to 8 KB and an upload form up to 16.
            body_bytes_max: 32 * 1_024,
            query_bytes_max: 2_048,
            head_bytes_max: 16 * 1_024,
            headers_max: 64,
            write_stall: Duration::from_secs(30),
            write_crawl: Duration::from_secs(120),
            drain: Duration::from_secs(30),
            newcomers: Duration::from_secs(2),
            ready: Duration::from_secs(2),
            retry_after_s: 5,
            http2_streams_max: 100,
            http2_resets_max: 20,
        }
    }
}
