use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::change::ChangePosition;
use colophon_core::id::{NodeId, RunId};
use colophon_core::node::{Doing, Heard, Introduction, NodeRegistry, NodeRole, State};
use colophon_core::ports::{Service, Unavailable};
use colophon_core::time::{Clock, Timestamp};
use colophon_crypto::Randomness;
use colophon_pipeline::{
    Announcer, AnnouncerPorts, AnnouncerSettings, DurableOutbox, Followed, OutboxLimits,
    OutboxPorts, Running,
};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::events::Events;
use crate::fakes::{NODE, Node, Sum, disk};

/// What the registry was told, with the second at which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Entered(u64),
    Renewed(u64),
    Left(u64),
    Forgot(u64),
}

/// A registry whose clock is an hour ahead of everybody's.
struct Desk {
    since: Instant,
    told: Mutex<Vec<Told>>,
    states: Mutex<Vec<State>>,
    silent: AtomicBool,
    hangs: AtomicBool,
    copies: AtomicU64,
}

impl Desk {
    fn second(&self) -> u64 {
        self.since.elapsed().as_secs()
    }

    async fn hear(&self, told: Told, state: &State) -> Result<Heard, Unavailable> {
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if self.silent.load(Ordering::Relaxed) {
            let service = Service::FulfillmentDatabase;
            return Err(Unavailable::new(service, "the test says no"));
        }
        self.told.lock().unwrap().push(told);
        self.states.lock().unwrap().push(*state);
        let now = self.since.elapsed().as_millis() as i64;
        Ok(Heard {
            at: Timestamp::from_unix_ms(now + 3_600_000),
            copies: self.copies.load(Ordering::Relaxed),
        })
    }
}

#[async_trait]
impl NodeRegistry for Desk {
    async fn enter(&self, _who: &Introduction, state: &State) -> Result<Heard, Unavailable> {
        self.hear(Told::Entered(self.second()), state).await
    }

    async fn renew(&self, _who: &Introduction, state: &State) -> Result<Heard, Unavailable> {
        self.hear(Told::Renewed(self.second()), state).await
    }

    async fn leave(&self, _who: &Introduction) -> Result<(), Unavailable> {
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.told.lock().unwrap().push(Told::Left(self.second()));
        Ok(())
    }

    async fn forget_unseen(&self, kept: Duration) -> Result<u64, Unavailable> {
        assert_eq!(kept, Duration::from_hours(24));
        self.told.lock().unwrap().push(Told::Forgot(self.second()));
        Ok(1)
    }
}

struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.elapsed().as_millis() as i64)
    }
}

struct Always(u8);

impl Randomness for Always {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

struct Host {
    desk: Arc<Desk>,
    followed: watch::Sender<Followed>,
    drains: CancellationToken,
    announcer: Running,
}

impl Host {
    /// One that has read the changes once.
    async fn open(chance: u8) -> Self {
        let host = Self::begin(chance).await;
        host.follow(7, 5_000);
        secs(0).await;
        host
    }

    async fn begin(chance: u8) -> Self {
        let since = Instant::now();
        let desk = Arc::new(Desk {
            since,
            told: Mutex::default(),
            states: Mutex::default(),
            silent: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
            copies: AtomicU64::new(0),
        });
        let outbox = OutboxPorts {
            rows: Arc::new(Node::default()),
            cipher: Arc::new(Sum),
            disk: disk(&Arc::new(AtomicU64::new(u64::MAX))),
        };
        let outbox = DurableOutbox::open(outbox, OutboxLimits::default());
        let (followed, receiver) = watch::channel(Followed::default());
        let ports = AnnouncerPorts {
            registry: Arc::clone(&desk) as _,
            followed: receiver,
            clock: Arc::new(PausedClock(since)),
            backlog: outbox.await.unwrap().backlog(),
        };
        let who = Introduction {
            node: NodeId::from_bytes(NODE),
            run: RunId::from_bytes([2; 16]),
            place: "here".to_owned(),
            name: "host".to_owned(),
            roles: vec![NodeRole::Download],
            version: "1".to_owned(),
            address: None,
            silent_after: Duration::from_secs(20),
        };
        let settings = AnnouncerSettings {
            every: Duration::from_secs(5),
            kept: Duration::from_hours(24),
        };
        let drains = CancellationToken::new();
        let chance = Box::new(Always(chance));
        let announcer = Announcer::start(ports, who, settings, chance, drains.clone());
        Self {
            desk,
            followed,
            drains,
            announcer,
        }
    }

    fn follow(&self, number: i64, until_ms: i64) {
        self.followed.send_replace(Followed {
            position: Some(ChangePosition { epoch: 1, number }),
            lease_until: Some(Timestamp::from_unix_ms(until_ms)),
        });
    }

    fn told(&self) -> Vec<Told> {
        std::mem::take(&mut *self.desk.told.lock().unwrap())
    }

    fn state(&self) -> State {
        *self.desk.states.lock().unwrap().last().unwrap()
    }
}

/// So many seconds later, when what was due then has been done.
async fn secs(seconds: u64) {
    sleep(Duration::from_millis(seconds * 1000 + 1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_host_says_that_it_is_there_again_and_again() {
    let host = Host::open(0).await;
    assert_eq!(host.told(), [Told::Entered(0), Told::Forgot(0)]);
    secs(12).await;
    let expected = [Told::Renewed(4), Told::Renewed(8), Told::Renewed(12)];
    assert_eq!(host.told(), expected);
}

#[tokio::test(start_paused = true)]
async fn hosts_that_begin_together_do_not_come_together() {
    let host = Host::open(255).await;
    host.told();
    secs(12).await;
    assert_eq!(host.told(), [Told::Renewed(6), Told::Renewed(12)]);
}

#[tokio::test(start_paused = true)]
async fn it_says_how_far_it_has_followed_and_never_what_time_it_is() {
    let host = Host::open(0).await;
    let first = host.state();
    let position = |number| Some(ChangePosition { epoch: 1, number });
    assert_eq!(first.position, position(7));
    assert_eq!(first.lease_left, Duration::from_secs(5));
    assert_eq!((first.doing, first.clock_ahead_ms), (Doing::Serving, None));
    host.follow(9, 8_500);
    secs(4).await;
    let second = host.state();
    assert_eq!(second.position, position(9));
    assert!((4_400..=4_500).contains(&(second.lease_left.as_millis() as u64)));
    assert_eq!(second.up.as_secs(), 4);
    assert_eq!(second.clock_ahead_ms, Some(-3_600_000));
    // Nothing is read any more.
    secs(60).await;
    let last = host.state();
    assert_eq!(
        (last.position, last.lease_left),
        (position(9), Duration::ZERO)
    );
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_its_first_reading_and_not_for_ever() {
    let host = Host::begin(0).await;
    secs(2).await;
    assert_eq!(host.told(), []);
    secs(1).await;
    assert_eq!(host.told(), [Told::Entered(3), Told::Forgot(3)]);
    let state = host.state();
    assert_eq!((state.position, state.lease_left), (None, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_heard_is_said_again() {
    let host = Host::begin(0).await;
    host.desk.silent.store(true, Ordering::Relaxed);
    host.follow(7, 5_000);
    secs(9).await;
    assert_eq!(host.told(), []);
    host.desk.silent.store(false, Ordering::Relaxed);
    secs(8).await;
    // It was not known before.
    let expected = [Told::Entered(12), Told::Forgot(12), Told::Renewed(16)];
    assert_eq!(host.told(), expected);
    host.desk.hangs.store(true, Ordering::Relaxed);
    secs(60).await;
    assert_eq!(host.told(), []);
    host.desk.hangs.store(false, Ordering::Relaxed);
    secs(8).await;
    assert!(matches!(host.told()[..], [Told::Renewed(_), ..]));
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_told_of_once_as_long_as_it_lasts() {
    let events = Events::listen();
    let host = Host::open(0).await;
    secs(8).await;
    assert_eq!(events.take(), Vec::<String>::new());
    host.desk.copies.store(1, Ordering::Relaxed);
    secs(60).await;
    assert_eq!(events.take(), ["node-copied"]);
    host.desk.copies.store(0, Ordering::Relaxed);
    secs(8).await;
    host.desk.copies.store(2, Ordering::Relaxed);
    secs(8).await;
    assert_eq!(events.take(), ["node-copied"]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_drains_says_so_at_once_and_that_it_ends_at_last() {
    let host = Host::open(0).await;
    secs(1).await;
    host.told();
    host.drains.cancel();
    secs(0).await;
    assert_eq!(host.told(), [Told::Renewed(1)]);
    assert_eq!(host.state().doing, Doing::Draining);
    secs(4).await;
    assert_eq!(host.told(), [Told::Renewed(5)], "and again, without haste");
    let desk = Arc::clone(&host.desk);
    host.announcer.stop().await;
    assert_eq!(*desk.told.lock().unwrap(), [Told::Left(5)]);
    secs(60).await;
    assert_eq!(desk.told.lock().unwrap().len(), 1, "nothing after that");
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_hangs_does_not_keep_a_host_from_ending() {
    let host = Host::open(0).await;
    host.desk.hangs.store(true, Ordering::Relaxed);
    secs(5).await;
    let began = Instant::now();
    host.announcer.stop().await;
    assert_eq!(began.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn those_that_nobody_has_seen_are_forgotten_now_and_then() {
    let host = Host::open(0).await;
    secs(25 * 3600).await;
    let told = host.told().into_iter();
    let forgot = told.filter(|told| matches!(told, Told::Forgot(_)));
    assert_eq!(forgot.count(), 5);
}
