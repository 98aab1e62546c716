//! Where orders are taken and repositories delivered, on a host that may be apart from those that
//! people talk to.

use std::sync::Arc;
use std::time::Duration;

use colophon_core::activation::ports::{RepositoryFailed, RepositoryWorker};
use colophon_core::activation::repository_orders::{
    AttemptFailed, Claim, Claimed, PRESENT_MS, RepositoryWork,
};
use colophon_core::causes::causes;
use colophon_core::id::WorkerRef;
use colophon_core::ports::Unavailable;
use colophon_core::time::{Clock, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::pauses::Pauses;

/// Between two looks for orders. Whoever ordered looks as often at first, and a look is one read.
const LOOKS: Pauses = Pauses::new(Duration::from_millis(20), Duration::from_millis(500));

/// How long to wait after the orders could not be read. It is also what keeps a worker with a
/// wrong master key from using up the attempts of every order before the others come to them.
const AFTER_A_FAULT: Duration = Duration::from_secs(5);

/// How often the worker says that it is at work: twice may fail.
const ANNOUNCE_EVERY: Duration = Duration::from_millis(PRESENT_MS.unsigned_abs() / 3);

const MADE: &str = "colophon_repositories_made_total";
const FAILED: &str = "colophon_repository_attempts_failed_total";

/// A place where repositories are made to order.
pub struct Workshop {
    /// The orders.
    pub work: Arc<dyn RepositoryWork>,
    /// Who makes what is ordered.
    pub worker: Arc<dyn RepositoryWorker>,
    /// Dates claims and deliveries.
    pub clock: Arc<dyn Clock>,
    /// What this worker is called, from its start to its end.
    pub name: WorkerRef,
    /// Orders claimed at once. What waits for a processor is better left to other workers.
    pub at_once: usize,
    /// How long a claimed order is left to this worker.
    pub lease: Duration,
}

/// Says what the metrics of workshops mean.
pub fn describe() {
    metrics::describe_counter!(MADE, "Secure repositories made to order and delivered.");
    metrics::describe_counter!(
        FAILED,
        "Attempts to make a secure repository that nothing came of."
    );
    metrics::counter!(MADE).increment(0);
    metrics::counter!(FAILED).increment(0);
}

impl Workshop {
    /// Takes orders until it is stopped, and ends when those under way are delivered.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        tokio::join!(self.be_present(&stop), self.take_orders(&stop));
        if let Err(error) = self.work.leave(self.name).await {
            tracing::debug!(%error, "the worker counts as present for a moment more");
        }
    }

    async fn be_present(&self, stop: &CancellationToken) {
        let mut failing = false;
        while !stop.is_cancelled() {
            let announced = self.work.announce(self.name, self.clock.now()).await;
            match announced {
                Ok(()) => failing = false,
                // Told once, not at every turn.
                Err(error) if !failing => {
                    failing = true;
                    let reason = causes(&error);
                    tracing::error!(reason, "nobody is told that this worker is at work");
                }
                Err(_) => {}
            }
            stop.run_until_cancelled(sleep(ANNOUNCE_EVERY)).await;
        }
    }

    async fn take_orders(self: &Arc<Self>, stop: &CancellationToken) {
        let places = Arc::new(Semaphore::new(self.at_once.max(1)));
        let under_way = TaskTracker::new();
        let mut pauses = LOOKS;
        let mut failing = false;
        loop {
            let place = stop.run_until_cancelled(Arc::clone(&places).acquire_owned());
            let Some(Ok(place)) = place.await else { break };
            let pause = match self.claim().await {
                Ok(Some(claimed)) => {
                    (failing, pauses) = (false, LOOKS);
                    under_way.spawn(Arc::clone(self).make(claimed, place));
                    continue;
                }
                Ok(None) => {
                    failing = false;
                    pauses.next()
                }
                Err(error) => {
                    if !failing {
                        let reason = causes(&error);
                        tracing::error!(reason, "no repository order was taken");
                    }
                    failing = true;
                    AFTER_A_FAULT
                }
            };
            drop(place);
            stop.run_until_cancelled(sleep(pause)).await;
        }
        under_way.close();
        under_way.wait().await;
    }

    async fn claim(&self) -> Result<Option<Claimed>, Unavailable> {
        let now = self.clock.now();
        let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        let lease_until = Timestamp::from_unix_ms(now.unix_ms().saturating_add(lease_ms));
        self.work.claim(self.name, now, lease_until).await
    }

    async fn make(self: Arc<Self>, claimed: Claimed, place: OwnedSemaphorePermit) {
        let Claimed { claim, order } = claimed;
        let delivered = match self.worker.individualize(order).await {
            Ok(individual) => {
                let delivered = self
                    .work
                    .deliver(&claim, &individual, self.clock.now())
                    .await;
                if let Ok(true) = delivered {
                    metrics::counter!(MADE).increment(1);
                }
                delivered
            }
            Err(failed) => self.fail(&claim, &failed).await,
        };
        drop(place);
        let activation = claim.activation;
        match delivered {
            Ok(true) => {}
            Ok(false) => tracing::info!(%activation, "a repository order ended before its worker"),
            Err(error) => tracing::warn!(
                %activation,
                reason = causes(&error),
                "what came of a repository order was not noted; another attempt follows"
            ),
        }
    }

    async fn fail(&self, claim: &Claim, failed: &RepositoryFailed) -> Result<bool, Unavailable> {
        let failure = match failed {
            RepositoryFailed::Busy => AttemptFailed::NoRoom,
            RepositoryFailed::Gone
            | RepositoryFailed::Broken(_)
            | RepositoryFailed::Unavailable(_) => AttemptFailed::Broken(causes(failed)),
        };
        if let AttemptFailed::Broken(reason) = &failure {
            metrics::counter!(FAILED).increment(1);
            let (activation, attempt) = (claim.activation, claim.attempt);
            tracing::warn!(%activation, attempt, reason, "no repository was made");
        }
        let now = self.clock.now();
        self.work.fail(claim, &failure, now).await
    }
}
