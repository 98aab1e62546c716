//! Repositories made to order by one worker, through the database, against the same worker from
//! memory to memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use colophon_activation::PinnedRoots;
use colophon_core::activation::admit::Admission;
use colophon_core::activation::ports::{Activations, KeyPool, RepositoryOrder, RepositoryWorker};
use colophon_core::activation::repository_orders::RepositoryOrders;
use colophon_core::id::WorkerRef;
use colophon_core::time::{Clock, Timestamp};
use colophon_individual::{Presence, RepositoryWorkers, Workers, WorkersElsewhere, Workshop};
use colophon_keys::{AwsLc, SystemRandom, persona_key_pair};
use colophon_store::activation::ActivationStore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::activation::{NOW, open, request};
use crate::figure::{Figure, Target};

/// Orders of each run.
const ORDERS: usize = 256;

/// Requests that wait for a repository at once.
const AT_ONCE: usize = 64;

/// Leases and presence do not run out while it is measured.
struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        NOW
    }
}

pub(crate) fn measure() -> Result<Vec<Figure>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let (ordered, in_memory) = runtime
        .map_err(|error| error.to_string())?
        .block_on(rates())?;
    Ok(vec![Figure {
        name: format!("repositories made to order, {AT_ONCE} waiting, one worker"),
        ours: ordered,
        peer: Some((
            "the same worker, from memory to memory".to_owned(),
            in_memory,
        )),
        unit: "per s",
        target: Target::None,
    }])
}

async fn rates() -> Result<(f64, f64), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let store = open(&folder.path().join("activation.db")).await?;
    let limits = Workers {
        at_once: 1,
        waiting_max: AT_ONCE,
    };
    let worker = RepositoryWorkers::new(limits, Arc::new(AwsLc), || Box::new(SystemRandom));
    let worker = Arc::new(worker.map_err(|error| error.to_string())?);
    let (first, second) = orders(&store).await?;
    let in_memory = rate(worker.clone(), first).await?;

    let workshop = Arc::new(Workshop {
        work: store.clone(),
        worker,
        clock: Arc::new(Standing),
        name: WorkerRef::from_bytes([1; 16]),
        presence: Presence::Always,
        at_once: 1,
        lease: Duration::from_secs(20),
    });
    let stop = CancellationToken::new();
    let working = tokio::spawn(workshop.run(stop.clone()));
    while at_work(&store).await? == 0 {
        tokio::task::yield_now().await;
    }
    let patience = Duration::from_secs(60);
    let elsewhere = WorkersElsewhere::new(store, Arc::new(Standing), patience);
    let ordered = rate(Arc::new(elsewhere), second).await;
    stop.cancel();
    working.await.map_err(|error| error.to_string())?;
    Ok((ordered?, in_memory))
}

async fn at_work(store: &ActivationStore) -> Result<u64, String> {
    let backlog = store.backlog(NOW).await;
    Ok(backlog.map_err(|error| error.to_string())?.workers)
}

/// As many orders for each of two runs.
async fn orders(
    store: &ActivationStore,
) -> Result<(Vec<RepositoryOrder>, Vec<RepositoryOrder>), String> {
    let pair = persona_key_pair().map_err(|error| error.to_string())?;
    let mut orders = Vec::new();
    for number in 0..2 * ORDERS {
        let added = store.add(&pair, NOW).await;
        added.map_err(|error| error.to_string())?;
        let request = request(store, number).await?;
        let admission = store.admit(&request, NOW).await;
        let Admission::Admitted(admitted) = admission.map_err(|error| error.to_string())? else {
            return Err("not admitted".to_owned());
        };
        orders.push(RepositoryOrder {
            activation: admitted.activation,
            persona: admitted.persona,
            machine: admitted.machine,
            facts: request.facts,
            roots: PinnedRoots::new([[7; 32]]).map_err(|error| error.to_string())?,
            pkcs8: admitted.key_pair.pkcs8,
        });
    }
    let second = orders.split_off(ORDERS);
    Ok((orders, second))
}

/// Repositories a second.
async fn rate(
    worker: Arc<dyn RepositoryWorker>,
    orders: Vec<RepositoryOrder>,
) -> Result<f64, String> {
    let count = orders.len();
    let mut asking = JoinSet::new();
    let begun = Instant::now();
    for order in orders {
        if asking.len() == AT_ONCE {
            made(asking.join_next().await)?;
        }
        let worker = Arc::clone(&worker);
        asking.spawn(async move {
            let made = worker.individualize(order).await;
            made.map(drop).map_err(|error| error.to_string())
        });
    }
    while let Some(done) = asking.join_next().await {
        made(Some(done))?;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

fn made(done: Option<Result<Result<(), String>, tokio::task::JoinError>>) -> Result<(), String> {
    match done {
        Some(done) => done.map_err(|error| error.to_string())?,
        None => Ok(()),
    }
}
