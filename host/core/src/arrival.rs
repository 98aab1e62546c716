//! A request, as the edge hands it to pages that are made elsewhere.

use crate::id::EventId;
use crate::log::Client;
use crate::time::Timestamp;

/// What the edge knows about a request that it lets others answer.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The request's id.
    pub event: EventId,
    /// When it arrived.
    pub at: Timestamp,
    /// Who asks, seen through trusted proxies.
    pub client: Client,
}
