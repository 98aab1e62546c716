//! The repository role: who makes repositories, here or elsewhere, and what that is told by.

mod counting;
mod readiness;

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use colophon_core::activation::ports::RepositoryWorker;
use colophon_core::activation::repository_orders::backlog::Stalled;
use colophon_core::id::{FrontEndRef, WorkerRef};
use colophon_crypto::{Engine, Randomness as _};
use colophon_individual::{Presence, RepositoryWorkers, Workers, WorkersElsewhere, Workshop};
use colophon_keys::SystemRandom;
use colophon_store::activation::ActivationStore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::counting::Counting;
pub(super) use self::readiness::OrdersAnswered;
pub(crate) use self::readiness::WorkerServices;

use super::SystemClock;
use crate::config::Repository;

/// Repositories that may wait for a processor, for each that is being made.
const WAITING_PER_RUNNING: usize = 16;

/// How long a reader's request waits for a worker elsewhere; then the reader is told to ask again.
/// Shorter than the time that a stopping host gives to requests, and than proxies and readers wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// The workers of this host.
pub(crate) struct WorkersHere {
    workers: Arc<RepositoryWorkers>,
    presence: Presence,
    at_once: usize,
    lease: Duration,
}

impl WorkersHere {
    /// Reads what repositories are made of.
    pub(crate) fn new(
        engine: &Arc<dyn Engine>,
        settings: &Repository,
        presence: Presence,
    ) -> Result<Self> {
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
            presence,
            at_once,
            lease: settings.lease,
        })
    }

    fn workshop(&self, store: Arc<ActivationStore>) -> Workshop {
        Workshop {
            work: store,
            worker: self.workers.clone(),
            clock: Arc::new(SystemClock),
            name: WorkerRef::from_bytes(chance()),
            presence: self.presence,
            at_once: self.at_once,
            lease: self.lease,
        }
    }
}

fn chance() -> [u8; 16] {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes);
    bytes
}

/// Who makes the repositories of this host's activations.
pub(crate) struct Maker {
    /// Its own workers, from memory to memory, or whoever takes the orders from the activation
    /// database.
    pub(crate) worker: Arc<dyn RepositoryWorker>,
    /// Whether they are other hosts'.
    pub(crate) is_elsewhere: bool,
}

impl Maker {
    /// The workers here, if there are any.
    pub(crate) fn of(here: Option<&WorkersHere>, store: &Arc<ActivationStore>) -> Self {
        let worker: Arc<dyn RepositoryWorker> = match here {
            Some(here) => here.workers.clone(),
            None => Arc::new(WorkersElsewhere::new(
                store.clone(),
                Arc::new(SystemClock),
                PATIENCE,
            )),
        };
        Self {
            worker,
            is_elsewhere: here.is_none(),
        }
    }
}

/// What an operator does about repositories that are not made.
pub(crate) fn advice(stalled: &Stalled) -> &'static str {
    match stalled {
        Stalled::NobodyAtWork { .. } => {
            "start a host with --roles repository on this activation database"
        }
        Stalled::OtherMasterKey { .. } => {
            "copy the master key of the activation service to the workers"
        }
        Stalled::Behind { .. } => "start another host with --roles repository",
        Stalled::GivenUp { .. } => "a reader that asks again has it tried again",
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
        let front_end = here.is_none().then(|| FrontEndRef::from_bytes(chance()));
        let counting = Counting::new(store, front_end);
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
