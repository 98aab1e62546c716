//! What all endpoints of a running edge share.

use std::sync::Arc;

use colophon_core::download::Downloads;
use colophon_core::id::EventId;
use colophon_core::log::Client;
use colophon_core::ports::Readiness;
use colophon_core::time::{Clock, Timestamp};
use http::HeaderMap;
use http::header::USER_AGENT;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::{NoContext, Uuid};

use crate::client_address::TrustedProxies;
use crate::connection::peer::Peer;
use crate::connection::state::ConnectionState;
use crate::counters::Counters;
use crate::edge::MetricsRender;
use crate::endpoint::ready::LastCheck;
use crate::limits::Limits;

/// Characters of a `User-Agent` that are kept.
const AGENT_CHARS_MAX: usize = 256;

pub(crate) struct App {
    pub(crate) readiness: Arc<dyn Readiness>,
    pub(crate) last_check: LastCheck,
    pub(crate) metrics_render: MetricsRender,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) counters: Arc<Counters>,
    /// One permit for each download that may be under way.
    pub(crate) download_places: Arc<Semaphore>,
    /// Cancelled when the host is stopping.
    pub(crate) stop: CancellationToken,
}

/// What the endpoints of the download service have besides.
#[derive(Clone)]
pub(crate) struct Offer {
    pub(crate) app: Arc<App>,
    pub(crate) downloads: Arc<Downloads>,
}

/// A request to the download service, as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// The request's id, in the log, in events and in problems.
    pub(crate) event: EventId,
    pub(crate) at: Timestamp,
    pub(crate) client: Client,
    pub(crate) peer: Peer,
}

impl App {
    /// Gives a request its id and its time.
    pub(crate) fn arrival(
        &self,
        connection: &Arc<ConnectionState>,
        headers: &HeaderMap,
    ) -> Arrival {
        let at = self.clock.now();
        let address = self.trusted_proxies.client(connection.peer, headers);
        let agent = headers.get(USER_AGENT).map(|agent| {
            String::from_utf8_lossy(agent.as_bytes())
                .chars()
                .take(AGENT_CHARS_MAX)
                .collect()
        });
        Arrival {
            event: event_id(at),
            at,
            client: Client { address, agent },
            peer: Peer {
                client: address,
                connection: Arc::clone(connection),
            },
        }
    }
}

/// A fresh UUIDv7 of this moment.
fn event_id(at: Timestamp) -> EventId {
    let ms = u64::try_from(at.unix_ms()).unwrap_or(0);
    let nanoseconds = u32::try_from(ms % 1_000)
        .unwrap_or(0)
        .saturating_mul(1_000_000);
    let moment = uuid::Timestamp::from_unix(NoContext, ms / 1_000, nanoseconds);
    EventId::from_bytes(Uuid::new_v7(moment).into_bytes())
}
