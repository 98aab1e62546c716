//! A workshop: how many orders it takes, what it does with those it cannot make, and how it ends.
//! Time is the test's: nothing is waited for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::activation::ports::{
    Individual, RepositoryFailed, RepositoryOrder, RepositoryWorker,
};
use colophon_core::activation::repository_orders::{
    AttemptFailed, Claim, Claimed, PRESENT_MS, RepositoryWork,
};
use colophon_core::id::{ActivationRef, ClaimRef, WorkerRef};
use colophon_core::ports::{Service, Unavailable};
use colophon_core::time::Timestamp;
use colophon_individual::Workshop;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::elsewhere::Frozen;
use crate::workers::order;

/// What a workshop has told the records.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Announced,
    Claimed(u8),
    Delivered(u8),
    Failed(u8, AttemptFailed),
    Left,
}

/// Orders in memory, and everything that was told.
#[derive(Default)]
struct Records {
    orders: Mutex<VecDeque<Result<u8, ()>>>,
    told: Mutex<Vec<Told>>,
}

impl Records {
    fn with(orders: impl IntoIterator<Item = Result<u8, ()>>) -> Arc<Records> {
        Arc::new(Records {
            orders: Mutex::new(orders.into_iter().collect()),
            told: Mutex::default(),
        })
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

    async fn claim(
        &self,
        _: WorkerRef,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<Claimed>, Unavailable> {
        assert_eq!(lease_until.unix_ms() - now.unix_ms(), 20_000);
        let next = self.orders.lock().expect("orders").pop_front();
        match next {
            None => Ok(None),
            Some(Err(())) => Err(Unavailable::new(Service::ActivationDatabase, "away")),
            Some(Ok(number)) => {
                self.tell(Told::Claimed(number));
                let claim = Claim {
                    activation: ActivationRef::from_bytes([9; 16]),
                    claim: ClaimRef::from_bytes([number; 16]),
                    attempt: 1,
                };
                Ok(Some(Claimed {
                    claim,
                    order: order(),
                }))
            }
        }
    }

    async fn deliver(
        &self,
        claim: &Claim,
        _: &Individual,
        _: Timestamp,
    ) -> Result<bool, Unavailable> {
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
    let maker = Arc::new(Maker {
        permits: Semaphore::new(0),
        failure,
    });
    let workshop = Arc::new(Workshop {
        work: records.clone(),
        worker: maker.clone(),
        clock: Arc::new(Frozen),
        name: WorkerRef::from_bytes([1; 16]),
        at_once: 2,
        lease: Duration::from_secs(20),
    });
    let stop = CancellationToken::new();
    let task = tokio::spawn(workshop.run(stop.clone()));
    Running { stop, task, maker }
}

const CLAIMED: fn(&Told) -> bool = |told| matches!(told, Told::Claimed(_));
const DELIVERED: fn(&Told) -> bool = |told| matches!(told, Told::Delivered(_));

#[tokio::test(start_paused = true)]
async fn no_more_is_claimed_than_is_made_at_once() {
    let records = Records::with((0..5).map(Ok));
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
    let records = Records::with((0..5).map(Ok));
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
    let records = Records::with([Ok(1)]);
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
    let records = Records::with([Ok(1)]);
    let running = start(&records, || Some(RepositoryFailed::Busy));
    running.maker.permits.add_permits(1);
    let expected = Told::Failed(1, AttemptFailed::NoRoom);
    records.until(1, |told| *told == expected).await;
}

/// A worker that cannot read orders must not race through all of them.
#[tokio::test(start_paused = true)]
async fn after_a_fault_it_waits_and_goes_on() {
    let records = Records::with([Err(()), Err(()), Ok(1)]);
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
