//! The repository role: who makes repositories, here or elsewhere, and what that is told by.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use colophon_core::activation::ports::RepositoryWorker;
use colophon_core::activation::repository_orders::{Backlog, RepositoryOrders as _, Stalled};
use colophon_core::event::NamedEvent;
use colophon_core::id::WorkerRef;
use colophon_core::ports::{Readiness, Service, Unavailable};
use colophon_core::time::Clock as _;
use colophon_crypto::{Engine, Randomness as _};
use colophon_individual::{RepositoryWorkers, Workers, WorkersElsewhere, Workshop};
use colophon_keys::SystemRandom;
use colophon_store::activation::ActivationStore;
use tokio::task::JoinHandle;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use super::SystemClock;
use crate::config::Repository;

/// Repositories that may wait for a processor, for each that is being made.
const WAITING_PER_RUNNING: usize = 16;

/// How long a reader's request waits for a worker elsewhere; then the reader is told to ask again.
/// Shorter than the time that a stopping host gives to requests, and than proxies and readers wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often the orders are counted.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// Counts in a row that find orders which nobody makes, before that is told.
const TOLD_AFTER: u32 = 2;

const WAITING: &str = "colophon_repository_orders_waiting";
const OLDEST: &str = "colophon_repository_orders_oldest_seconds";
const GIVEN_UP: &str = "colophon_repository_orders_failed";
const AT_WORK: &str = "colophon_repository_workers";

/// The workers of this host.
pub(crate) struct WorkersHere {
    workers: Arc<RepositoryWorkers>,
    at_once: usize,
    lease: Duration,
}

impl WorkersHere {
    /// Reads what repositories are made of.
    pub(crate) fn new(engine: &Arc<dyn Engine>, settings: &Repository) -> Result<Self> {
        let processors = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let at_once = settings.at_once.map_or_else(processors, NonZero::get);
        let limits = Workers {
            at_once,
            waiting_max: at_once * WAITING_PER_RUNNING,
        };
        let workers =
            RepositoryWorkers::new(limits, Arc::clone(engine), || Box::new(SystemRandom))?;
        Ok(Self {
            workers: Arc::new(workers),
            at_once,
            lease: settings.lease,
        })
    }

    fn workshop(&self, store: Arc<ActivationStore>) -> Workshop {
        let mut name = [0; 16];
        SystemRandom.fill(&mut name);
        Workshop {
            work: store,
            worker: self.workers.clone(),
            clock: Arc::new(SystemClock),
            name: WorkerRef::from_bytes(name),
            at_once: self.at_once,
            lease: self.lease,
        }
    }
}

/// Who makes the repositories of this host's activations: its own workers, from memory to memory,
/// or whoever takes the orders from the activation database.
pub(crate) fn maker(
    here: Option<&WorkersHere>,
    store: &Arc<ActivationStore>,
) -> Arc<dyn RepositoryWorker> {
    match here {
        Some(here) => here.workers.clone(),
        None => Arc::new(WorkersElsewhere::new(
            store.clone(),
            Arc::new(SystemClock),
            PATIENCE,
        )),
    }
}

/// What goes on with orders in the background.
pub(crate) struct OrderTasks {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl OrderTasks {
    /// Begins to take orders, if there are workers here, and to count those that wait.
    pub(crate) fn start(store: &Arc<ActivationStore>, here: Option<&WorkersHere>) -> Self {
        let stop = CancellationToken::new();
        let counting = Counting {
            store: store.clone(),
            depends: here.is_none(),
            stalled_turns: 0,
        };
        let mut tasks = vec![tokio::spawn(counting.run(stop.clone()))];
        if let Some(here) = here {
            colophon_individual::describe();
            let workshop = Arc::new(here.workshop(store.clone()));
            tasks.push(tokio::spawn(workshop.run(stop.clone())));
        }
        Self { stop, tasks }
    }

    /// Ends when the repositories under way are delivered.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            // A panic has been reported where it happened; there is nothing more to wait for.
            let _panicked = task.await;
        }
    }
}

/// Counts orders for whoever looks at the metrics.
struct Counting {
    store: Arc<ActivationStore>,
    /// Whether this host has its repositories made elsewhere.
    depends: bool,
    /// How often in a row the orders were found not to be made.
    stalled_turns: u32,
}

impl Counting {
    async fn run(mut self, stop: CancellationToken) {
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
        metrics::describe_gauge!(AT_WORK, "Repository workers that are at work.");
        let mut turns = interval(COUNT_EVERY);
        while stop.run_until_cancelled(turns.tick()).await.is_some() {
            let now = SystemClock.now();
            // A database that does not answer is told of by readiness.
            let Ok(backlog) = self.store.backlog(now).await else {
                continue;
            };
            metrics::gauge!(WAITING).set(backlog.waiting as f64);
            metrics::gauge!(OLDEST).set(backlog.oldest_ms(now) as f64 / 1000.0);
            metrics::gauge!(GIVEN_UP).set(backlog.failed as f64);
            metrics::gauge!(AT_WORK).set(backlog.workers as f64);
            if self.depends {
                self.tell(backlog.check(now), &backlog);
            }
        }
    }

    /// Tells of a change, once. What starts together with its workers may find none at first.
    fn tell(&mut self, state: Result<(), Stalled>, backlog: &Backlog) {
        let turns = match state {
            Ok(()) => 0,
            Err(_) => self.stalled_turns.saturating_add(1),
        };
        let was_told = std::mem::replace(&mut self.stalled_turns, turns) >= TOLD_AFTER;
        match state {
            Err(stalled) if turns == TOLD_AFTER => tracing::error!(
                event.code = NamedEvent::RepositoryWorkersStalled.code(),
                event.name = NamedEvent::RepositoryWorkersStalled.slug(),
                reason = %stalled,
                "repositories are ordered and not made: start a host with --roles repository on \
                 this activation database"
            ),
            Ok(()) if was_told => {
                tracing::info!(workers = backlog.workers, "repositories are made again");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Whether workers elsewhere make what this host orders.
pub(super) struct OrdersAnswered {
    pub(super) store: Arc<ActivationStore>,
}

#[async_trait]
impl Readiness for OrdersAnswered {
    async fn check(&self) -> Vec<(Service, Result<(), Unavailable>)> {
        let now = SystemClock.now();
        let state = match self.store.backlog(now).await {
            Ok(backlog) => backlog
                .check(now)
                .map_err(|stalled| Unavailable::new(Service::RepositoryWorkers, stalled)),
            Err(error) => Err(Unavailable::new(Service::RepositoryWorkers, error)),
        };
        vec![(Service::RepositoryWorkers, state)]
    }
}
