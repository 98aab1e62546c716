//! Clears away sessions, readers' requests and packages whose time is over.

use std::sync::Arc;
use std::time::Duration;

use colophon_core::time::Clock as _;
use colophon_store::activation::ActivationStore;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use crate::house::SystemClock;

const EVERY: Duration = Duration::from_secs(15 * 60);

/// Clears until it is stopped. What is over is never used, cleared or not, so a turn that fails is
/// made up for by the next.
pub(super) async fn keep_clear(store: Arc<ActivationStore>, stop: CancellationToken) {
    let mut turns = interval(EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = turns.tick() => {}
        }
        if let Err(error) = store.forget_expired(SystemClock.now()).await {
            tracing::warn!(
                reason = format!("{:#}", anyhow::Error::new(error)),
                "what has run out in the activation database was not cleared away"
            );
        }
    }
}
