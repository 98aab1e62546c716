use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::change::{
    Caches, Change, ChangeLog, ChangePosition, ChangedRecord, Changes, Numbering,
};
use colophon_core::ports::{Service, Unavailable};
use colophon_core::time::{Clock, Timestamp};
use colophon_pipeline::{AgentSettings, CacheUpdateAgent, Followed, Running};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use crate::events::Events;

/// An order of changes that the test writes.
#[derive(Default)]
struct Order {
    epoch: AtomicI64,
    numbers: Mutex<Vec<i64>>,
    silent: AtomicBool,
    /// Numbers ascend with gaps, as a database with several writers gives them.
    ascending: AtomicBool,
    /// There are changes that are not listed yet.
    unsettled: AtomicBool,
    /// How long a reading takes.
    slow: Mutex<Duration>,
}

impl Order {
    fn add(&self, numbers: impl IntoIterator<Item = i64>) {
        self.numbers.lock().unwrap().extend(numbers);
    }
}

#[async_trait]
impl ChangeLog for Order {
    async fn after(&self, after: i64, limit: u32) -> Result<Changes, Unavailable> {
        let slow = *self.slow.lock().unwrap();
        sleep(slow).await;
        if self.silent.load(Ordering::Relaxed) {
            return Err(Unavailable::new(
                Service::FulfillmentDatabase,
                "the test says no",
            ));
        }
        let numbers = self.numbers.lock().unwrap();
        let later = numbers
            .iter()
            .filter(|number| **number > after)
            .take(limit as usize);
        Ok(Changes {
            epoch: self.epoch.load(Ordering::Relaxed),
            oldest: numbers.first().copied().unwrap_or(1),
            newest: numbers.last().copied().unwrap_or(0),
            unsettled: self.unsettled.load(Ordering::Relaxed),
            numbering: match self.ascending.load(Ordering::Relaxed) {
                true => Numbering::Ascending,
                false => Numbering::Dense,
            },
            list: later.map(|number| change(*number)).collect(),
        })
    }
}

fn change(number: i64) -> Change {
    Change {
        number,
        center: "main".parse().unwrap(),
        record: ChangedRecord::Title,
        key: "a".to_owned(),
        row_version: number,
    }
}

/// What the caches were told, in order, renewals apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Change(i64),
    Flush,
}

#[derive(Default)]
struct Cachette {
    told: Mutex<Vec<Told>>,
    lease: Mutex<Option<(i64, i64)>>,
}

impl Caches for Cachette {
    fn apply(&self, change: &Change) {
        self.told.lock().unwrap().push(Told::Change(change.number));
    }

    fn flush(&self) {
        self.told.lock().unwrap().push(Told::Flush);
    }

    fn renew(&self, seen_at: Timestamp, lease_until: Timestamp) {
        *self.lease.lock().unwrap() = Some((seen_at.unix_ms(), lease_until.unix_ms()));
    }
}

/// The paused time of the test, from 0 on.
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.elapsed().as_millis() as i64)
    }
}

struct Office {
    order: Arc<Order>,
    caches: Arc<Cachette>,
    hint: Arc<Notify>,
    followed: watch::Receiver<Followed>,
    _agent: Running,
}

impl Office {
    fn open(order: Order) -> Self {
        let order = Arc::new(order);
        let caches = Arc::new(Cachette::default());
        let hint = Arc::new(Notify::new());
        let (agent, followed) = CacheUpdateAgent::start(
            Arc::clone(&order) as _,
            Arc::clone(&caches) as _,
            Arc::new(PausedClock(Instant::now())),
            Arc::clone(&hint),
            AgentSettings {
                batch_changes_max: 10,
                ..AgentSettings::default()
            },
        );
        Self {
            order,
            caches,
            hint,
            followed,
            _agent: agent,
        }
    }

    /// What the caches have been told since this was last asked.
    fn told(&self) -> Vec<Told> {
        std::mem::take(&mut *self.caches.told.lock().unwrap())
    }

    fn lease(&self) -> Option<(i64, i64)> {
        *self.caches.lease.lock().unwrap()
    }
}

async fn ms(milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds)).await;
}

#[tokio::test(start_paused = true)]
async fn it_starts_at_the_newest_change_with_empty_caches() {
    let events = Events::listen();
    let order = Order::default();
    order.add(1..=1000);
    let office = Office::open(order);
    ms(1).await;
    assert_eq!(office.told(), [Told::Flush]);
    assert_eq!(office.lease(), Some((0, 5000)));
    office.order.add([1001]);
    ms(100).await;
    assert_eq!(office.told(), [Told::Change(1001)]);
    assert_eq!(
        events.take(),
        Vec::<String>::new(),
        "an empty cache that is emptied is no event"
    );
}

#[tokio::test(start_paused = true)]
async fn changes_are_seen_within_a_tenth_of_a_second_and_sooner_with_a_hint() {
    let office = Office::open(Order::default());
    ms(1).await;
    office.told();
    office.order.add([1, 2]);
    ms(98).await;
    assert_eq!(office.told(), []);
    ms(2).await;
    assert_eq!(office.told(), [Told::Change(1), Told::Change(2)]);
    office.order.add([3]);
    office.hint.notify_one();
    ms(1).await;
    assert_eq!(office.told(), [Told::Change(3)]);
}

#[tokio::test(start_paused = true)]
async fn more_changes_than_one_reading_holds_are_followed_before_the_lease_is_renewed() {
    let office = Office::open(Order::default());
    ms(50).await;
    office.told();
    *office.order.slow.lock().unwrap() = Duration::from_millis(30);
    office.order.add(1..=25);
    // Readings begin at 100, 130 and 160; only the last has seen everything.
    ms(130).await;
    assert_eq!(office.told().len(), 20);
    assert_eq!(office.lease(), Some((0, 5000)));
    ms(20).await;
    assert_eq!(office.told().len(), 5);
    assert_eq!(
        office.lease(),
        Some((160, 5160)),
        "counted from before the reading"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lease_runs_out_when_changes_cannot_be_read() {
    let events = Events::listen();
    let office = Office::open(Order::default());
    ms(250).await;
    office.order.silent.store(true, Ordering::Relaxed);
    ms(4900).await;
    assert_eq!(office.lease(), Some((200, 5200)), "nothing renewed it");
    assert_eq!(events.take(), Vec::<String>::new());
    ms(60_000).await;
    assert_eq!(events.take(), ["lease-lost"]);

    office.order.add([1]);
    office.order.silent.store(false, Ordering::Relaxed);
    ms(100).await;
    assert_eq!(
        office.told(),
        [Told::Flush, Told::Change(1)],
        "flushed at the start only"
    );
    let (seen_at, until) = office.lease().unwrap();
    assert!(seen_at > 65_000 && until == seen_at + 5000);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_hangs_is_as_good_as_gone() {
    let events = Events::listen();
    let office = Office::open(Order::default());
    ms(50).await;
    *office.order.slow.lock().unwrap() = Duration::from_secs(3600);
    ms(6000).await;
    assert_eq!(events.take(), ["lease-lost"]);
    *office.order.slow.lock().unwrap() = Duration::ZERO;
    ms(3000).await;
    assert!(office.lease().unwrap().0 > 6000);
}

async fn check_flush(before: &[i64], after: &[i64], epoch: i64) {
    let events = Events::listen();
    let order = Order::default();
    order.add(before.iter().copied());
    let office = Office::open(order);
    ms(1).await;
    office.told();
    *office.order.numbers.lock().unwrap() = after.to_vec();
    office.order.epoch.store(epoch, Ordering::Relaxed);
    ms(100).await;
    assert_eq!(office.told(), [Told::Flush]);
    assert_eq!(events.take(), ["cache-flushed"]);
    assert_eq!(office.lease(), Some((100, 5100)));

    // From there on it follows again.
    let next = after.last().copied().unwrap_or(0) + 1;
    office.order.add([next]);
    ms(100).await;
    assert_eq!(office.told(), [Told::Change(next)]);
}

#[tokio::test(start_paused = true)]
async fn missed_changes_flush_everything() {
    check_flush(&[1, 2, 3], &[1, 2, 3, 5], 0).await;
    check_flush(&[1, 2, 3], &[1, 2, 3, 4, 6, 7], 0).await;
    // Removed before they were read.
    check_flush(&[1, 2, 3], &[6, 7, 8], 0).await;
}

#[tokio::test(start_paused = true)]
async fn another_history_flushes_everything() {
    check_flush(&[1, 2, 3], &[1, 2, 3], 1).await;
    check_flush(&[1, 2, 3], &[1, 2, 3, 4, 5], -1).await;
    // A backup was put back and the epoch with it.
    check_flush(&[1, 2, 3], &[1, 2], 0).await;
}

#[tokio::test(start_paused = true)]
async fn changes_already_followed_may_be_removed() {
    let office = Office::open(Order::default());
    office.order.add(1..=5);
    ms(101).await;
    office.told();
    *office.order.numbers.lock().unwrap() = vec![5];
    ms(100).await;
    office.order.add([6]);
    ms(100).await;
    assert_eq!(office.told(), [Told::Change(6)]);
}

#[tokio::test(start_paused = true)]
async fn numbers_that_only_ascend_have_no_gaps() {
    let order = Order::default();
    order.ascending.store(true, Ordering::Relaxed);
    order.add([100, 200]);
    let office = Office::open(order);
    ms(1).await;
    office.told();
    office.order.add([300, 301, 900]);
    ms(100).await;
    assert_eq!(
        office.told(),
        [Told::Change(300), Told::Change(301), Told::Change(900)]
    );
    assert_eq!(office.lease(), Some((100, 5100)));
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_not_renewed_while_changes_are_unsettled() {
    let order = Order::default();
    order.ascending.store(true, Ordering::Relaxed);
    order.add([50]);
    let office = Office::open(order);
    ms(150).await;
    office.told();
    office.order.unsettled.store(true, Ordering::Relaxed);
    office.order.add([100]);
    ms(1000).await;
    assert_eq!(office.told(), [Told::Change(100)], "what is settled counts");
    assert_eq!(office.lease(), Some((100, 5100)));
    office.order.unsettled.store(false, Ordering::Relaxed);
    office.order.add([200]);
    ms(100).await;
    assert_eq!(office.told(), [Told::Change(200)]);
    assert_eq!(office.lease(), Some((1200, 6200)));
}

#[tokio::test(start_paused = true)]
async fn it_tells_how_far_it_has_come() {
    let order = Order::default();
    order.add(1..=7);
    let office = Office::open(order);
    let followed = |number, until| Followed {
        position: Some(ChangePosition { epoch: 0, number }),
        lease_until: Some(Timestamp::from_unix_ms(until)),
    };
    assert_eq!(*office.followed.borrow(), Followed::default());
    ms(1).await;
    assert_eq!(*office.followed.borrow(), followed(7, 5000));
    office.order.add([8]);
    ms(100).await;
    assert_eq!(*office.followed.borrow(), followed(8, 5100));
    // What is listed is followed, also where more is to come and the lease stays as it is.
    office.order.unsettled.store(true, Ordering::Relaxed);
    office.order.add([9]);
    ms(100).await;
    assert_eq!(*office.followed.borrow(), followed(9, 5100));
    office.order.silent.store(true, Ordering::Relaxed);
    office.order.add([10]);
    ms(60_000).await;
    assert_eq!(*office.followed.borrow(), followed(9, 5100));
}
