//! How far instances may be used again.

use std::time::Duration;

/// How far the instances of a plug-in may be used again, as its grant says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarmTerms {
    /// Requests that one instance serves at most, at most [`WarmTerms::REQUESTS_MAX`].
    pub requests: u32,
    /// How long one rests for its next request, at most [`WarmTerms::IDLE_MAX`].
    pub idle: Duration,
    /// Linear memory up to which one is kept, in bytes.
    pub memory_bytes: usize,
    /// How many of the plug-in's rest at once on one host, at most [`WarmTerms::INSTANCES_MAX`].
    pub instances: usize,
}

impl WarmTerms {
    /// The most requests that one instance serves.
    pub const REQUESTS_MAX: u32 = 1000;
    /// The longest that an instance rests.
    pub const IDLE_MAX: Duration = Duration::from_secs(30);
    /// The most instances of one generation that rest at once on one host.
    pub const INSTANCES_MAX: usize = 16;
}
