//! A workshop: how many orders it takes, what it does with those it cannot make, and how it ends.
//! Time is the test's: nothing is waited for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::activation::ports::{
    Individual, RepositoryFailed, RepositoryOrder, RepositoryWorker,
};
use colophon_core::activation::repository_orders::{
    ATTEMPTS_MAX, AttemptFailed, Claim, Claimed, Claiming, Demand, OrderDigest, PRESENT_MS,
    RepositoryWork,
};
use colophon_core::id::{ActivationRef, ClaimRef, WorkerRef};
use colophon_core::ports::{Service, Unavailable};
use colophon_core::time::{Clock, Timestamp};
use colophon_individual::{Presence, Workshop};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::elsewhere::Frozen;
use crate::workers::order;

const LEASE: Duration = Duration::from_secs(20);
const LEASE_MS: i64 = 20_000;

/// What a workshop has told the records.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Announced,
    Claimed(u8),
    Renewed(u8),
    Tried(u8),
    Delivered(u8),
    Failed(u8, AttemptFailed),
    Left,
}

/// What is found when an order is asked for.
#[derive(Clone, Copy)]
enum Found {
    Order(u8),
    Damaged,
    Away,
}

/// Orders in memory, and everything that was told.
#[derive(Default)]
struct Records {
    orders: Mutex<VecDeque<Found>>,
    told: Mutex<Vec<Told>>,
    /// Front ends that rely on workers.
    front_ends: AtomicU64,
    /// Deliveries that do not get through.
    away: AtomicU32,
    /// Whether claims are good for nothing any more.
    ended: AtomicBool,
    /// Which attempt each one is.
    attempt: u32,
}

impl Records {
    fn with(orders: impl IntoIterator<Item = Found>) -> Arc<Records> {
        Arc::new(Records::new(orders))
    }

    fn new(orders: impl IntoIterator<Item = Found>) -> Records {
        Records {
            orders: Mutex::new(orders.into_iter().collect()),
            attempt: 1,
            ..Records::default()
        }
    }

    fn tell(&self, told: Told) {
        self.told.lock().expect("what was told").push(told);
    }

    fn count(&self, is_it: impl Fn(&Told) -> bool) -> usize {
        let told = self.told.lock().expect("what was told");
        told.iter().filter(|told| is_it(told)).count()
    }

    /// Waits, in the test's time, until so much was told.
    async fn until(&self, count: usize, is_it: impl Fn(&Told) -> bool) {
        let told = async {
            while self.count(&is_it) < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let told = timeout(Duration::from_secs(600), told).await;
        assert!(told.is_ok(), "{:?}", self.told.lock());
    }
}

fn away() -> Unavailable {
    Unavailable::new(Service::ActivationDatabase, "away")
}

fn number(claim: &Claim) -> u8 {
    claim.claim.as_bytes()[0]
}

#[async_trait]
impl RepositoryWork for Records {
    async fn announce(&self, _: WorkerRef, _: Timestamp) -> Result<(), Unavailable> {
        self.tell(Told::Announced);
        Ok(())
    }

    async fn leave(&self, _: WorkerRef) -> Result<(), Unavailable> {
        self.tell(Told::Left);
        Ok(())
    }

    async fn demand(&self, _: Timestamp) -> Result<Demand, Unavailable> {
        Ok(Demand {
            front_ends: self.front_ends.load(Ordering::SeqCst),
            strangers: 0,
        })
    }

    async fn claim(
        &self,
        _: WorkerRef,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Claiming, Unavailable> {
        assert_eq!(lease_until.unix_ms() - now.unix_ms(), LEASE_MS);
        let activation = ActivationRef::from_bytes([9; 16]);
        let next = self.orders.lock().expect("orders").pop_front();
        match next {
            None => Ok(Claiming::Nothing),
            Some(Found::Away) => Err(away()),
            Some(Found::Damaged) => Ok(Claiming::Damaged {
                activation,
                problem: "odd".to_owned(),
            }),
            Some(Found::Order(number)) => {
                self.tell(Told::Claimed(number));
                let claim = Claim {
                    activation,
                    claim: ClaimRef::from_bytes([number; 16]),
                    digest: OrderDigest::from_bytes([number; 32]),
                    attempt: self.attempt,
                };
                Ok(Claiming::Claimed(Box::new(Claimed {
                    claim,
                    order: order(),
                })))
            }
        }
    }

    async fn renew(&self, claim: &Claim, lease_until: Timestamp) -> Result<bool, Unavailable> {
        assert_eq!(lease_until.unix_ms() - Frozen.now().unix_ms(), LEASE_MS);
        self.tell(Told::Renewed(number(claim)));
        Ok(!self.ended.load(Ordering::SeqCst))
    }

    async fn deliver(
        &self,
        claim: &Claim,
        _: &Individual,
        _: Timestamp,
    ) -> Result<bool, Unavailable> {
        let taken = |left: u32| left.checked_sub(1);
        if self
            .away
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, taken)
            .is_ok()
        {
            self.tell(Told::Tried(number(claim)));
            return Err(away());
        }
        self.tell(Told::Delivered(number(claim)));
        Ok(true)
    }

    async fn fail(
        &self,
        claim: &Claim,
        failure: &AttemptFailed,
        _: Timestamp,
    ) -> Result<bool, Unavailable> {
        self.tell(Told::Failed(number(claim), failure.clone()));
        Ok(true)
    }
}

/// A worker that makes one repository for each permit, or fails as it is told.
struct Maker {
    permits: Semaphore,
    failure: fn() -> Option<RepositoryFailed>,
}

#[async_trait]
impl RepositoryWorker for Maker {
    async fn individualize(&self, _: RepositoryOrder) -> Result<Individual, RepositoryFailed> {
        self.permits.acquire().await.expect("open").forget();
        match (self.failure)() {
            Some(failure) => Err(failure),
            None => Ok(Individual {
                module: Vec::new(),
                sealed_key: Vec::new(),
            }),
        }
    }
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
    maker: Arc<Maker>,
}

fn start(records: &Arc<Records>, failure: fn() -> Option<RepositoryFailed>) -> Running {
    start_with(records, failure, Presence::Always)
}

fn start_with(
    records: &Arc<Records>,
    failure: fn() -> Option<RepositoryFailed>,
    presence: Presence,
) -> Running {
    let maker = Arc::new(Maker {
        permits: Semaphore::new(0),
        failure,
    });
    let workshop = Arc::new(Workshop {
        work: records.clone(),
        worker: maker.clone(),
        clock: Arc::new(Frozen),
        name: WorkerRef::from_bytes([1; 16]),
        presence,
        at_once: 2,
        lease: LEASE,
    });
    let stop = CancellationToken::new();
    let task = tokio::spawn(workshop.run(stop.clone()));
    Running { stop, task, maker }
}

const CLAIMED: fn(&Told) -> bool = |told| matches!(told, Told::Claimed(_));
const RENEWED: fn(&Told) -> bool = |told| matches!(told, Told::Renewed(_));
const TRIED: fn(&Told) -> bool = |told| matches!(told, Told::Tried(_));
const DELIVERED: fn(&Told) -> bool = |told| matches!(told, Told::Delivered(_));

#[tokio::test(start_paused = true)]
async fn no_more_is_claimed_than_is_made_at_once() {
    let records = Records::with((0..5).map(Found::Order));
    let running = start(&records, || None);
    records.until(2, CLAIMED).await;
    // It goes on saying that it is there, and takes no more.
    records.until(5, |told| *told == Told::Announced).await;
    assert_eq!(records.count(CLAIMED), 2);
    running.maker.permits.add_permits(1);
    records.until(3, CLAIMED).await;
    assert_eq!(records.count(DELIVERED), 1);
    running.maker.permits.add_permits(4);
    records.until(5, DELIVERED).await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_workshop_delivers_what_it_has_begun_and_says_that_it_goes() {
    let records = Records::with((0..5).map(Found::Order));
    let running = start(&records, || None);
    records.until(2, CLAIMED).await;
    running.stop.cancel();
    running.maker.permits.add_permits(5);
    running.task.await.expect("it ends");
    assert_eq!(records.count(CLAIMED), 2);
    assert_eq!(records.count(DELIVERED), 2);
    let told = records.told.lock().expect("what was told");
    assert_eq!(told.last(), Some(&Told::Left));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_made_is_given_back_with_its_cause() {
    let records = Records::with([Found::Order(1)]);
    let running = start(&records, || {
        Some(RepositoryFailed::Broken("odd key".into()))
    });
    running.maker.permits.add_permits(1);
    let cause = "the repository cannot be made: odd key".to_owned();
    let expected = Told::Failed(1, AttemptFailed::Broken(cause));
    records.until(1, |told| *told == expected).await;
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_room_for_is_given_back_without_blame() {
    let records = Records::with([Found::Order(1)]);
    let running = start(&records, || Some(RepositoryFailed::Busy));
    running.maker.permits.add_permits(1);
    let expected = Told::Failed(1, AttemptFailed::NoRoom);
    records.until(1, |told| *told == expected).await;
}

/// The database does not answer for a while.
#[tokio::test(start_paused = true)]
async fn after_a_fault_it_waits_and_goes_on() {
    let records = Records::with([Found::Away, Found::Away, Found::Order(1)]);
    let begun = tokio::time::Instant::now();
    let running = start(&records, || None);
    running.maker.permits.add_permits(1);
    records.until(1, DELIVERED).await;
    assert!(begun.elapsed() >= Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn it_counts_as_present_all_the_time() {
    let records = Records::with([]);
    let begun = tokio::time::Instant::now();
    let _running = start(&records, || None);
    records.until(4, |told| *told == Told::Announced).await;
    let each = begun.elapsed().as_millis() / 3;
    assert!(each <= u128::from(PRESENT_MS.unsigned_abs() / 2), "{each}");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_order_does_not_keep_it_from_the_others() {
    let records = Records::with([Found::Damaged, Found::Order(1)]);
    let begun = Instant::now();
    let running = start(&records, || None);
    running.maker.permits.add_permits(1);
    records.until(1, DELIVERED).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
}

/// A host that makes its own repositories writes nothing while nobody relies on it.
#[tokio::test(start_paused = true)]
async fn nobody_is_told_of_workers_that_nobody_relies_on() {
    let records = Records::with([Found::Order(1)]);
    let running = start_with(&records, || None, Presence::WhileReliedOn);
    running.maker.permits.add_permits(1);
    records.until(1, DELIVERED).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    records
        .orders
        .lock()
        .expect("orders")
        .push_back(Found::Order(2));
    running.maker.permits.add_permits(1);
    records.until(2, DELIVERED).await;
    assert_eq!(records.count(|told| *told == Told::Announced), 0);

    records.front_ends.store(1, Ordering::SeqCst);
    records.until(3, |told| *told == Told::Announced).await;
    records.front_ends.store(0, Ordering::SeqCst);
    let said = records.count(|told| *told == Told::Announced);
    tokio::time::advance(Duration::from_secs(60)).await;
    records
        .orders
        .lock()
        .expect("orders")
        .push_back(Found::Order(3));
    running.maker.permits.add_permits(1);
    records.until(3, DELIVERED).await;
    assert_eq!(records.count(|told| *told == Told::Announced), said);
}

#[tokio::test(start_paused = true)]
async fn what_takes_long_is_kept_from_others_meanwhile() {
    let records = Records::with([Found::Order(1)]);
    let begun = Instant::now();
    let running = start(&records, || None);
    records.until(5, RENEWED).await;
    assert!(begun.elapsed() < 2 * LEASE, "twice may fail");
    running.maker.permits.add_permits(1);
    records.until(1, DELIVERED).await;
    assert_eq!(records.count(RENEWED), 5);
}

/// A worker that hangs gives its order up to the others, and says nothing of it for ever.
#[tokio::test(start_paused = true)]
async fn what_takes_too_long_is_left_to_others() {
    let records = Records::with([Found::Order(1)]);
    let begun = Instant::now();
    let running = start(&records, || None);
    records.until(1, RENEWED).await;
    let announced = |told: &Told| *told == Told::Announced;
    records.until(100, announced).await;
    let renewed = records.count(RENEWED);
    assert!((10..18).contains(&renewed), "{renewed}");
    records.until(200, announced).await;
    assert_eq!(records.count(RENEWED), renewed);
    assert!(begun.elapsed() > 40 * LEASE);
    // What it brings in the end is taken if nobody else has begun.
    running.maker.permits.add_permits(1);
    records.until(1, DELIVERED).await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_wants_any_more_is_not_waited_for() {
    let records = Records::with((1..4).map(Found::Order));
    records.ended.store(true, Ordering::SeqCst);
    let running = start(&records, || None);
    // Nothing is made, and yet the third is taken: the others have ended.
    records.until(3, CLAIMED).await;
    records.until(3, RENEWED).await;
    running.stop.cancel();
    running.task.await.expect("it ends");
    assert_eq!(records.count(DELIVERED), 0);
}

/// What was made once is not thrown away because the database was away for a moment.
#[tokio::test(start_paused = true)]
async fn a_delivery_that_does_not_get_through_is_tried_again() {
    let records = Records::with([Found::Order(1)]);
    records.away.store(4, Ordering::SeqCst);
    let begun = Instant::now();
    let running = start(&records, || None);
    running.maker.permits.add_permits(1);
    records.until(1, DELIVERED).await;
    assert_eq!(records.count(TRIED), 4);
    assert!(begun.elapsed() < LEASE);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_tried_until_the_lease_is_over() {
    let records = Arc::new(Records {
        attempt: ATTEMPTS_MAX,
        ..Records::new([Found::Order(1), Found::Order(2)])
    });
    records.away.store(u32::MAX, Ordering::SeqCst);
    let begun = Instant::now();
    let running = start(&records, || None);
    running.maker.permits.add_permits(1);
    records.until(5, TRIED).await;
    running.stop.cancel();
    running.maker.permits.add_permits(1);
    running.task.await.expect("it ends");
    assert!(begun.elapsed() >= LEASE && begun.elapsed() < 2 * LEASE);
    assert_eq!(records.count(DELIVERED), 0);
}
