//! The client library at work, and another one in its place where it has ended.
//!
//! It makes a broken connection again by itself. What it does not survive is a header whose value has
//! a bare carriage return in it, which a broker stores and hands out as it comes: then the task that
//! has the connection panics, and whoever goes on asking that client is told so for ever.

use std::sync::{Arc, Weak};

use async_nats::Client;
use async_nats::jetstream::{Context, ContextBuilder};
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::broker::Broker;
use super::settings::{BrokerSettings, PATIENCE, SettingsUnusable, wait_before};
use super::standing::Standing;

/// A client that has lived for so long has not ended over what the last one ended over.
const LONG: Duration = Duration::from_secs(60);

/// One client.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) client: Client,
    pub(super) context: Context,
    /// Whether the client has ended. It says nothing of it, and goes on calling itself connected.
    ended: CancellationToken,
}

impl Link {
    /// Begins to connect, and goes on trying for as long as it takes.
    pub(super) async fn begin(
        settings: &BrokerSettings,
        standing: &Arc<Standing>,
    ) -> Result<Self, SettingsUnusable> {
        let ended = CancellationToken::new();
        let (heard, listens) = (Arc::clone(standing), ended.clone().drop_guard());
        let options = settings.options()?.retry_on_initial_connect();
        let options = options.event_callback(move |event| {
            // Whoever listens is let go when the client ends, in whatever way.
            let _as_long_as_it_lives = &listens;
            heard.hear(&event);
            std::future::ready(())
        });
        let connected = options.connect(settings.addresses()).await;
        let client = connected.map_err(|error| SettingsUnusable::Refused(error.into()))?;
        Ok(Self::of(client, ended))
    }

    /// A client that is used once.
    pub(super) fn for_once(client: Client) -> Self {
        Self::of(client, CancellationToken::new())
    }

    fn of(client: Client, ended: CancellationToken) -> Self {
        let context = ContextBuilder::new()
            .timeout(PATIENCE)
            .ack_timeout(PATIENCE)
            .build(client.clone());
        Self {
            client,
            context,
            ended,
        }
    }

    /// Tells when the client has ended, and keeps none alive.
    pub(super) fn until_ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }
}

/// Gives a broker a new client each time that it is left without one, after longer and longer as long
/// as each ends soon. Whoever publishes on the account may have that happen again and again.
pub(super) async fn keep(broker: Weak<Broker>, mut ended: CancellationToken) {
    let mut early = 0_usize;
    loop {
        let begun = Instant::now();
        ended.cancelled().await;
        early = match begun.elapsed() < LONG {
            true => early.saturating_add(1),
            false => 1,
        };
        // That also comes of a broker that nobody uses any more.
        let Some(left) = broker.upgrade() else {
            return;
        };
        left.standing.see_end();
        drop(left);
        sleep(wait_before(early)).await;
        let Some(broker) = broker.upgrade() else {
            return;
        };
        tracing::error!(
            "the client library has ended over what the broker handed it, and is begun anew"
        );
        match Link::begin(&broker.settings, &broker.standing).await {
            Ok(link) => {
                ended = link.until_ended();
                broker.go_on_with(link);
            }
            Err(unusable) => tracing::error!(
                error = &unusable as &(dyn std::error::Error + 'static),
                "it cannot be begun now"
            ),
        }
    }
}
