//! Orders counted for whoever looks at the metrics, and told of when nobody makes them.

use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::Duration;

use colophon_core::activation::repository_orders::RepositoryOrders as _;
use colophon_core::activation::repository_orders::backlog::{Backlog, Stalled};
use colophon_core::event::NamedEvent;
use colophon_core::id::FrontEndRef;
use colophon_core::ports::Unavailable;
use colophon_core::time::Clock as _;
use colophon_store::activation::ActivationStore;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use super::advice;
use crate::house::SystemClock;

/// How often the orders are counted.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// Counts in a row that find orders which nobody makes, before that is told.
const TOLD_AFTER: u32 = 2;

const WAITING: &str = "colophon_repository_orders_waiting";
const OLDEST: &str = "colophon_repository_orders_oldest_seconds";
const GIVEN_UP: &str = "colophon_repository_orders_failed";
const AT_WORK: &str = "colophon_repository_workers";

/// Counts orders.
pub(super) struct Counting {
    store: Arc<ActivationStore>,
    /// What this host is called as one that has its repositories made elsewhere.
    front_end: Option<FrontEndRef>,
    /// How often in a row the orders were found not to be made for one kind of reason.
    stalled: Stalling,
    /// Whether that they are not made was told, and that they are made again was not.
    was_told: bool,
}

/// Counts in a row that found orders not to be made.
#[derive(Default)]
struct Stalling {
    kind: Option<Discriminant<Stalled>>,
    turns: u32,
}

impl Stalling {
    /// One more count. Another kind of reason is another fault, and counted anew.
    fn count(&mut self, state: &Result<(), Stalled>) -> u32 {
        let kind = state.as_ref().err().map(discriminant);
        self.turns = match kind {
            None => 0,
            Some(_) if kind == self.kind => self.turns.saturating_add(1),
            Some(_) => 1,
        };
        self.kind = kind;
        self.turns
    }
}

impl Counting {
    pub(super) fn new(store: &Arc<ActivationStore>, front_end: Option<FrontEndRef>) -> Self {
        Self {
            store: store.clone(),
            front_end,
            stalled: Stalling::default(),
            was_told: false,
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        describe();
        let mut turns = interval(COUNT_EVERY);
        while stop.run_until_cancelled(turns.tick()).await.is_some() {
            // A database that does not answer is told of by readiness.
            let _unavailable = self.turn().await;
        }
        if let Some(front_end) = self.front_end {
            let forgotten = self.store.rely_no_more(front_end).await;
            if let Err(error) = forgotten {
                tracing::debug!(%error, "the host counts as relying on workers for a moment more");
            }
        }
    }

    async fn turn(&mut self) -> Result<(), Unavailable> {
        let now = SystemClock.now();
        if let Some(front_end) = self.front_end {
            self.store.rely(front_end, now).await?;
        }
        let backlog = self.store.backlog(now).await?;
        metrics::gauge!(WAITING).set(backlog.waiting as f64);
        metrics::gauge!(OLDEST).set(backlog.oldest_ms(now) as f64 / 1000.0);
        metrics::gauge!(GIVEN_UP).set(backlog.failed as f64);
        metrics::gauge!(AT_WORK).set(backlog.workers as f64);
        if self.front_end.is_some() {
            self.tell(backlog.check(now), &backlog);
        }
        Ok(())
    }

    /// Tells of a change, once. What starts together with its workers may find none at first.
    fn tell(&mut self, state: Result<(), Stalled>, backlog: &Backlog) {
        let turns = self.stalled.count(&state);
        match state {
            Err(stalled) if turns == TOLD_AFTER => {
                self.was_told = true;
                tracing::error!(
                    event.code = NamedEvent::RepositoryWorkersStalled.code(),
                    event.name = NamedEvent::RepositoryWorkersStalled.slug(),
                    reason = %stalled,
                    "no repositories are made for readers that ask: {}",
                    advice(&stalled)
                );
            }
            Ok(()) if std::mem::take(&mut self.was_told) => {
                tracing::info!(workers = backlog.workers, "repositories are made again");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

fn describe() {
    metrics::describe_gauge!(
        WAITING,
        "Repository orders that no worker has delivered yet."
    );
    metrics::describe_gauge!(
        OLDEST,
        metrics::Unit::Seconds,
        "How long the oldest of these has waited."
    );
    metrics::describe_gauge!(
        GIVEN_UP,
        "Repository orders given up after several attempts and not placed anew."
    );
    metrics::describe_gauge!(
        AT_WORK,
        "Repository workers that are at work for other hosts, under this host's master key."
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_kind_of_reason_is_counted_anew() {
        let mut stalling = Stalling::default();
        let behind = |oldest_s| {
            Err(Stalled::Behind {
                waiting: 1,
                oldest_s,
            })
        };
        assert_eq!(stalling.count(&Ok(())), 0);
        assert_eq!(stalling.count(&behind(60)), 1);
        assert_eq!(stalling.count(&behind(65)), 2);
        let nobody = || Err(Stalled::NobodyAtWork { waiting: 1 });
        assert_eq!(stalling.count(&nobody()), 1);
        assert_eq!(stalling.count(&nobody()), 2);
        assert_eq!(stalling.count(&nobody()), 3);
        assert_eq!(stalling.count(&Ok(())), 0);
        assert_eq!(stalling.count(&nobody()), 1);
    }
}
