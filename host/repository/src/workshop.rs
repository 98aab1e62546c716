//! Where orders are taken and repositories delivered, on a host that may be apart from those that
//! people talk to.

mod making;

use std::sync::Arc;
use std::time::Duration;

use colophon_core::activation::ports::RepositoryWorker;
use colophon_core::activation::repository_orders::{Claiming, PRESENT_MS, RepositoryWork};
use colophon_core::causes::causes;
use colophon_core::id::WorkerRef;
use colophon_core::ports::Unavailable;
use colophon_core::time::{Clock, Timestamp};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::making::Lease;
use crate::pauses::Pauses;

/// Between two looks for orders. Whoever ordered looks as often at first, and a look is one read.
const LOOKS: Pauses = Pauses::new(Duration::from_millis(20), Duration::from_millis(500));

/// How long to wait after the orders could not be read.
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
    /// When it says that it is at work.
    pub presence: Presence,
    /// Orders claimed at once. What waits for a processor is better left to other workers.
    pub at_once: usize,
    /// How long a claimed order is left to this worker, unless it says that it is still at it.
    pub lease: Duration,
}

/// When a worker says that it is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// All the time, as one does that is there for nothing else.
    Always,
    /// While somebody relies on workers. A host that makes its own repositories has others to make
    /// only then, and each time it says so is a write.
    WhileReliedOn,
}

/// Says what the metrics of workshops mean.
pub fn describe() {
    metrics::describe_counter!(MADE, "Secure repositories made to order and delivered.");
    metrics::describe_counter!(
        FAILED,
        "Attempts to make a secure repository that nothing came of, damaged orders among them."
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
        // Each is told once, not at every turn.
        let mut failing = false;
        let mut strange = false;
        while !stop.is_cancelled() {
            match self.say_present().await {
                Ok(strangers) => {
                    if strangers > 0 && !strange {
                        tracing::error!(
                            front_ends = strangers,
                            "repositories are ordered under another master key, and this worker \
                             makes none of them: copy the master key of the activation service here"
                        );
                    }
                    (failing, strange) = (false, strangers > 0);
                }
                Err(error) => {
                    if !failing {
                        let reason = causes(&error);
                        tracing::error!(reason, "nobody is told that this worker is at work");
                    }
                    failing = true;
                }
            }
            stop.run_until_cancelled(sleep(ANNOUNCE_EVERY)).await;
        }
    }

    /// Says that the worker is at work, if somebody should know, and counts who relies on workers
    /// under another master key.
    async fn say_present(&self) -> Result<u64, Unavailable> {
        let now = self.clock.now();
        if self.presence == Presence::Always {
            self.work.announce(self.name, now).await?;
        }
        let demand = self.work.demand(now).await?;
        if self.presence == Presence::WhileReliedOn && demand.front_ends > 0 {
            self.work.announce(self.name, now).await?;
        }
        Ok(demand.strangers)
    }

    async fn take_orders(self: &Arc<Self>, stop: &CancellationToken) {
        let places = Arc::new(Semaphore::new(self.at_once.max(1)));
        let under_way = TaskTracker::new();
        let mut pauses = LOOKS;
        let mut failing = false;
        loop {
            let place = stop.run_until_cancelled(Arc::clone(&places).acquire_owned());
            let Some(Ok(place)) = place.await else { break };
            let asked = Instant::now();
            let claiming = self.claim().await;
            let was_failing = std::mem::replace(&mut failing, claiming.is_err());
            let pause = match claiming {
                Ok(Claiming::Claimed(claimed)) => {
                    pauses = LOOKS;
                    let lease = Lease::from(asked, self.lease);
                    under_way.spawn(Arc::clone(self).make(*claimed, lease, place));
                    continue;
                }
                // It is left alone for a moment, so that the next look finds others.
                Ok(Claiming::Damaged {
                    activation,
                    problem,
                }) => {
                    metrics::counter!(FAILED).increment(1);
                    tracing::error!(%activation, problem, "a repository order is damaged");
                    pauses = LOOKS;
                    pauses.next()
                }
                Ok(Claiming::Nothing) => pauses.next(),
                Err(error) => {
                    if !was_failing {
                        let reason = causes(&error);
                        tracing::error!(reason, "no repository order was taken");
                    }
                    AFTER_A_FAULT
                }
            };
            drop(place);
            stop.run_until_cancelled(sleep(pause)).await;
        }
        under_way.close();
        under_way.wait().await;
    }

    async fn claim(&self) -> Result<Claiming, Unavailable> {
        let now = self.clock.now();
        self.work.claim(self.name, now, self.lease_until(now)).await
    }

    /// The end of a lease that begins now.
    fn lease_until(&self, now: Timestamp) -> Timestamp {
        let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_unix_ms(now.unix_ms().saturating_add(lease_ms))
    }
}
