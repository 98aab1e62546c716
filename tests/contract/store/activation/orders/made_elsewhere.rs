//! The flow with workers that run apart: the host that orders, the records between, and the
//! workshop that takes orders. Only what a repository consists of is made up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use colophon_core::activation::activate::{Activating, ActivationFailed, Outcome};
use colophon_core::activation::grant::Progress;
use colophon_core::activation::ports::RepositoryFailed;
use colophon_core::activation::repository_orders::RepositoryOrders;
use colophon_core::causes::causes;
use colophon_core::id::FrontEndRef;
use colophon_core::time::{Clock, Timestamp};
use colophon_individual::{Presence, WorkersElsewhere, Workshop};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::worker;
use crate::activation::flow::{Ground, Mood, ground, package};
use crate::activation::ground::{approved, day, persona, stock, used};
use crate::place::Place;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time that passes, from the first day on.
struct Passing(Instant);

impl Clock for Passing {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.0.elapsed().as_millis()).unwrap();
        Timestamp::from_unix_ms(day(0).unix_ms() + passed)
    }
}

/// A host whose repositories are made elsewhere, and the clock that all go by.
struct Apart {
    ground: Ground,
    clock: Arc<Passing>,
}

async fn apart(place: &Place) -> Apart {
    let Ground {
        store,
        around,
        flow,
    } = ground(place).await;
    let clock = Arc::new(Passing(Instant::now()));
    let flow = Arc::new(Activating {
        activations: flow.activations.clone(),
        grants: flow.grants.clone(),
        authority: flow.authority.clone(),
        roots: flow.roots.clone(),
        repository: Arc::new(WorkersElsewhere::new(
            store.clone(),
            clock.clone(),
            PATIENCE,
        )),
        packages: flow.packages.clone(),
        engine: flow.engine.clone(),
    });
    stock(&store, 1).await;
    let ground = Ground {
        store,
        around,
        flow,
    };
    Apart { ground, clock }
}

/// A worker in a process of its own, as far as the records can tell.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Apart {
    /// Starts a worker and waits until it has said that it is there.
    async fn start_worker(&self, number: u8, lease: Duration) -> Running {
        let before = self.workers().await;
        let running = self.start(number, lease, Presence::Always);
        while self.workers().await == before {
            assert!(!running.task.is_finished());
        }
        running
    }

    fn start(&self, number: u8, lease: Duration, presence: Presence) -> Running {
        let workshop = Arc::new(Workshop {
            work: self.ground.store.clone(),
            worker: self.ground.around.clone(),
            clock: self.clock.clone(),
            name: worker(number),
            presence,
            at_once: 2,
            lease,
        });
        let stop = CancellationToken::new();
        let task = tokio::spawn(workshop.run(stop.clone()));
        Running { stop, task }
    }

    async fn workers(&self) -> u64 {
        let now = self.clock.now();
        self.ground.store.backlog(now).await.unwrap().workers
    }
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

pub(crate) async fn requests_at_once_get_one_package_from_a_worker_elsewhere(place: &Place) {
    let apart = apart(place).await;
    let ground = &apart.ground;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    let worker = apart.start_worker(1, PATIENCE).await;
    let mut asking = Vec::new();
    for _ in 0..8 {
        let flow = Arc::clone(&ground.flow);
        let request = ground.request(grant).await;
        asking.push(tokio::spawn(async move {
            package(flow.activate(&request, day(0)).await)
        }));
    }
    let mut packages = Vec::new();
    for asked in asking {
        packages.push(asked.await.unwrap());
    }
    packages.dedup();
    assert_eq!(packages.len(), 1);
    assert_eq!(ground.around.made.load(Ordering::SeqCst), 1);
    assert_eq!(used(&ground.store, ada).await, 1);
    assert_eq!(package(ground.ask(grant).await), packages[0]);
    worker.stop().await;
    assert_eq!(apart.workers().await, 0, "it has said that it goes");
}

pub(crate) async fn without_a_worker_a_reader_is_told_to_ask_again(place: &Place) {
    let apart = apart(place).await;
    let ground = &apart.ground;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    for _ in 0..2 {
        let asked = Instant::now();
        assert_eq!(ground.ask(grant).await.unwrap(), Outcome::Busy);
        assert!(asked.elapsed() < PATIENCE, "nobody is waited for");
        let progress = ground.progress(grant).await;
        assert!(matches!(progress, Progress::Admitted { .. }));
        assert_eq!(used(&ground.store, ada).await, 1);
    }
    let worker = apart.start_worker(1, PATIENCE).await;
    let (activation, _) = package(ground.ask(grant).await);
    assert_eq!(ground.progress(grant).await, Progress::Made { activation });
    assert_eq!(ground.around.made.load(Ordering::SeqCst), 1);
    assert_eq!(used(&ground.store, ada).await, 1);
    worker.stop().await;
}

pub(crate) async fn what_cannot_be_made_is_said_with_its_cause_and_costs_nothing(place: &Place) {
    let apart = apart(place).await;
    let ground = &apart.ground;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    let worker = apart.start_worker(1, PATIENCE).await;
    ground.around.turn(Mood::WorkerBroken);
    let failed = ground.ask(grant).await.unwrap_err();
    let given_up = matches!(
        &failed,
        ActivationFailed::Repository(RepositoryFailed::Broken(_))
    );
    assert!(given_up, "{failed:?}");
    let said = causes(&failed);
    assert!(said.contains("given up after 3 attempts"), "{said}");
    assert!(
        said.ends_with("the repository cannot be made: broken"),
        "{said}"
    );

    ground.around.turn(Mood::Well);
    package(ground.ask(grant).await);
    assert_eq!(used(&ground.store, ada).await, 1);
    worker.stop().await;
}

/// It has claimed the order and is gone before it delivers.
pub(crate) async fn a_worker_that_dies_over_an_order_is_replaced(place: &Place) {
    let apart = apart(place).await;
    let ground = &apart.ground;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    let dying = apart.start_worker(1, Duration::from_millis(300)).await;
    ground.around.turn(Mood::WorkerSilent);
    let flow = Arc::clone(&ground.flow);
    let request = ground.request(grant).await;
    let asking = tokio::spawn(async move { flow.activate(&request, day(0)).await });
    ground.around.ordered.notified().await;
    dying.task.abort();
    assert!(dying.task.await.unwrap_err().is_cancelled());

    ground.around.turn(Mood::Well);
    let heir = apart.start_worker(2, PATIENCE).await;
    package(asking.await.unwrap());
    assert_eq!(ground.around.made.load(Ordering::SeqCst), 1);
    assert_eq!(used(&ground.store, ada).await, 1);
    heir.stop().await;
}

/// An operator withdraws the persona while its repository is being made: the request ends with
/// that, and does not wait for the worker.
pub(crate) async fn an_order_that_ends_meanwhile_ends_the_request(place: &Place) {
    let apart = apart(place).await;
    let ground = &apart.ground;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    let worker = apart.start_worker(1, PATIENCE).await;
    ground.around.turn(Mood::WorkerSilent);
    let flow = Arc::clone(&ground.flow);
    let request = ground.request(grant).await;
    let asking = tokio::spawn(async move { flow.activate(&request, day(0)).await });
    ground.around.ordered.notified().await;
    ground.store.withdraw(ada, day(0)).await.unwrap();
    assert_eq!(asking.await.unwrap().unwrap(), Outcome::Withdrawn);

    // What the worker brings then goes nowhere, and it goes on to the next order.
    ground.around.turn(Mood::Well);
    ground.around.answered.notify_one();
    worker.stop().await;
    assert_eq!(ground.ask(grant).await.unwrap(), Outcome::Withdrawn);
}

/// A host with all roles beside one that has no workers: the one makes what the other orders, and
/// while nobody orders it says nothing.
pub(crate) async fn a_host_that_makes_its_own_makes_others_too(place: &Place) {
    let apart = apart(place).await;
    let ground = &apart.ground;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    let mixed = apart.start(1, PATIENCE, Presence::WhileReliedOn);
    // Nobody has said that it relies on workers, so nobody says that it works; an order is made all
    // the same.
    assert_eq!(ground.ask(grant).await.unwrap(), Outcome::Busy);
    while ground.around.made.load(Ordering::SeqCst) == 0 {
        assert!(!mixed.task.is_finished());
    }
    let mut stranger = place.stranger().await;
    let said = "SELECT COUNT(*) FROM repository_workers";
    assert_eq!(stranger.numbers(said).await, [0]);
    mixed.stop().await;
    package(ground.ask(grant).await);

    let front_end = FrontEndRef::from_bytes([1; 16]);
    let now = apart.clock.now();
    ground.store.rely(front_end, now).await.unwrap();
    let mixed = apart.start(2, PATIENCE, Presence::WhileReliedOn);
    while apart.workers().await == 0 {
        assert!(!mixed.task.is_finished());
    }
    let again = approved(&ground.store, ada, day(0)).await;
    package(ground.ask(again).await);
    assert_eq!(ground.around.made.load(Ordering::SeqCst), 2);
    mixed.stop().await;
}
