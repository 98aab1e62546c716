//! Keeps key pairs waiting for personas to come: making one takes longer than a person who
//! activates a reader should wait.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use colophon_core::activation::ports::{KeyPool as _, Settings as _};
use colophon_core::time::Clock as _;
use colophon_keys::persona_key_pair;
use colophon_store::activation::ActivationStore;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::house::SystemClock;

/// How often the pool is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long to wait after something went wrong.
const PAUSE: Duration = Duration::from_secs(15);

/// Fills the pool whenever fewer key pairs wait in it than should, up to half as many more, until
/// it is stopped. Several hosts on one database may do so at once; then there are a few more.
pub(super) async fn keep_filled(store: Arc<ActivationStore>, stop: CancellationToken) {
    metrics::describe_gauge!(
        "colophon_key_pairs_waiting",
        "Key pairs that wait for personas to come."
    );
    let mut failing = false;
    loop {
        let pause = match fill(&store, &stop).await {
            Ok(()) => {
                failing = false;
                LOOK_EVERY
            }
            Err(error) => {
                // Told once, not at every turn.
                if !failing {
                    tracing::error!(
                        reason = format!("{error:#}"),
                        "no key pairs are made for personas; readiness tells whether the activation database answers"
                    );
                }
                failing = true;
                PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(pause) => {}
        }
    }
}

async fn fill(store: &ActivationStore, stop: &CancellationToken) -> Result<()> {
    let keys_min = u64::from(store.settings().await?.keys_min);
    let mut waiting = store.waiting().await?;
    level(waiting);
    if waiting >= keys_min {
        return Ok(());
    }
    let enough = keys_min + keys_min.div_ceil(2);
    while waiting < enough && !stop.is_cancelled() {
        let pair = tokio::task::spawn_blocking(persona_key_pair).await??;
        store.add(&pair, SystemClock.now()).await?;
        waiting = store.waiting().await?;
        level(waiting);
    }
    Ok(())
}

fn level(waiting: u64) {
    metrics::gauge!("colophon_key_pairs_waiting").set(waiting as f64);
}
