use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use colophon_core::ports::{Commit, Outbox, Service};
use colophon_pipeline::{DurableOutbox, OutboxLimits, OutboxPorts};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, advance, timeout};

use crate::events::Events;
use crate::fakes::{Node, Sum, disk, record};

struct Desk {
    node: Arc<Node>,
    free_bytes: Arc<AtomicU64>,
    outbox: Arc<DurableOutbox>,
}

async fn desk_with(node: Node, limits: OutboxLimits) -> Desk {
    let node = Arc::new(node);
    let free_bytes = Arc::new(AtomicU64::new(u64::MAX));
    let ports = OutboxPorts {
        rows: Arc::clone(&node) as _,
        cipher: Arc::new(Sum),
        disk: disk(&free_bytes),
    };
    let outbox = Arc::new(DurableOutbox::open(ports, limits).await.unwrap());
    Desk {
        node,
        free_bytes,
        outbox,
    }
}

async fn desk() -> Desk {
    desk_with(Node::default(), OutboxLimits::default()).await
}

impl Desk {
    fn submit(&self, number: u64) -> Commit {
        self.outbox.admit().unwrap().submit(record(number))
    }

    fn commits(&self) -> Vec<usize> {
        self.node.commits.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_row_is_committed_at_once() {
    let desk = desk().await;
    let begun = Instant::now();
    desk.submit(1).await.unwrap();
    assert_eq!(
        begun.elapsed(),
        Duration::from_millis(1),
        "the commit itself and no more"
    );
    assert_eq!(desk.node.events(), [1]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_a_commit_runs_shares_the_next() {
    let desk = desk().await;
    let first = desk.submit(0);
    // Its commit has begun when nothing else was ready for a while.
    for _ in 0..8 {
        yield_now().await;
    }
    let others: Vec<_> = (1..=600).map(|number| desk.submit(number)).collect();
    let begun = Instant::now();
    first.await.unwrap();
    for other in others {
        other.await.unwrap();
    }
    assert_eq!(desk.commits(), [1, 256, 256, 88]);
    assert_eq!(begun.elapsed(), Duration::from_millis(4));
    assert_eq!(
        desk.node.events(),
        (0..=600).collect::<Vec<_>>(),
        "in the order they came"
    );
}

#[tokio::test(start_paused = true)]
async fn rows_of_everything_that_is_ready_share_a_commit() {
    let desk = Arc::new(desk().await);
    let gate = Arc::new(Semaphore::new(0));
    let mut downloads = JoinSet::new();
    for number in 1..32 {
        let (desk, gate) = (Arc::clone(&desk), Arc::clone(&gate));
        downloads.spawn(async move {
            gate.acquire().await.unwrap().forget();
            desk.submit(number).await
        });
    }
    for _ in 0..8 {
        yield_now().await;
    }
    // They are ready only after the first row has woken whoever commits.
    let first = desk.submit(0);
    gate.add_permits(31);
    first.await.unwrap();
    while let Some(done) = downloads.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(desk.commits(), [32]);
}

#[tokio::test(start_paused = true)]
async fn a_commit_nobody_waits_for_is_made_all_the_same() {
    let desk = desk().await;
    for number in 0..10 {
        drop(desk.submit(number));
    }
    desk.outbox.stop().await;
    assert_eq!(desk.node.events().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_failed_commit_fails_everyone_and_is_never_tried_again() {
    let events = Events::listen();
    let node = Node::failing_at(2);
    let desk = desk_with(
        node,
        OutboxLimits {
            batch_rows_max: 3,
            ..OutboxLimits::default()
        },
    )
    .await;
    desk.submit(0).await.unwrap();
    let admitted_before = desk.outbox.admit().unwrap();
    let in_the_batch: Vec<_> = (1..=3).map(|number| desk.submit(number)).collect();
    let in_the_queue: Vec<_> = (4..=9).map(|number| desk.submit(number)).collect();
    timeout(Duration::from_secs(1), desk.outbox.failed())
        .await
        .unwrap();

    for waiting in in_the_batch.into_iter().chain(in_the_queue) {
        assert_eq!(waiting.await.unwrap_err().service, Service::NodeDatabase);
    }
    assert!(desk.outbox.has_failed());
    assert!(desk.outbox.admit().is_none());
    assert!(admitted_before.submit(record(10)).await.is_err());
    assert_eq!(
        desk.commits(),
        [1, 3],
        "nothing is written after the failure"
    );
    assert_eq!(desk.node.events(), [0]);
    assert_eq!(events.take(), ["outbox-failed"]);
    timeout(Duration::from_secs(1), desk.outbox.stop())
        .await
        .unwrap();
}

/// Whichever commit fails, exactly the rows that were reported durable are there.
#[tokio::test(start_paused = true)]
async fn no_row_is_reported_durable_that_is_not() {
    for fails_at in 1..=40 {
        let node = Node::failing_at(fails_at);
        let limits = OutboxLimits {
            batch_rows_max: 5,
            ..OutboxLimits::default()
        };
        let desk = desk_with(node, limits).await;
        let commits: Vec<_> = (0..100)
            .map(|number| (number, desk.submit(number)))
            .collect();
        let mut durable = Vec::new();
        for (number, commit) in commits {
            if commit.await.is_ok() {
                durable.push(number);
            }
        }
        assert_eq!(desk.node.events(), durable);
        assert_eq!(desk.outbox.has_failed(), fails_at <= 20);
    }
}

#[tokio::test(start_paused = true)]
async fn stopping_waits_for_rows_that_were_promised_room() {
    let desk = desk().await;
    let (used, given_back) = (desk.outbox.admit().unwrap(), desk.outbox.admit().unwrap());
    let stopping = tokio::spawn({
        let outbox = Arc::clone(&desk.outbox);
        async move { outbox.stop().await }
    });
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!stopping.is_finished());
    assert!(desk.outbox.admit().is_none(), "nothing new is admitted");
    drop(given_back);
    used.submit(record(7)).await.unwrap();
    stopping.await.unwrap();
    assert_eq!(desk.node.events(), [7]);
    assert!(!desk.outbox.has_failed());
}

#[tokio::test(start_paused = true)]
async fn rows_left_by_an_earlier_run_count() {
    let node = desk().await;
    for number in 0..3 {
        node.submit(number).await.unwrap();
    }
    node.outbox.stop().await;
    let free_bytes = Arc::new(AtomicU64::new(u64::MAX));
    let ports = OutboxPorts {
        rows: Arc::clone(&node.node) as _,
        cipher: Arc::new(Sum),
        disk: disk(&free_bytes),
    };
    let limits = OutboxLimits {
        rows_max: 4,
        ..OutboxLimits::default()
    };
    let outbox = DurableOutbox::open(ports, limits).await.unwrap();
    let _last = outbox.admit().unwrap();
    assert!(outbox.admit().is_none());
}

#[tokio::test(start_paused = true)]
async fn no_more_is_admitted_than_may_be_at_once() {
    let limits = OutboxLimits {
        admitted_max: 2,
        ..OutboxLimits::default()
    };
    let desk = desk_with(Node::default(), limits).await;
    let one = desk.outbox.admit().unwrap();
    let two = desk.outbox.admit().unwrap();
    assert!(desk.outbox.admit().is_none());
    drop(one);
    assert!(desk.outbox.admit().is_some());
    two.submit(record(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_reported_once_and_heals() {
    let events = Events::listen();
    let desk = desk().await;
    desk.free_bytes.store(0, Ordering::Relaxed);
    assert!((0..100).all(|_| desk.outbox.admit().is_none()));
    desk.free_bytes.store(u64::MAX, Ordering::Relaxed);
    desk.submit(1).await.unwrap();
    desk.free_bytes.store(0, Ordering::Relaxed);
    // A disk that had plenty is believed for a moment.
    advance(Duration::from_millis(10)).await;
    assert!(desk.outbox.admit().is_none());
    assert_eq!(events.take(), ["outbox-full", "outbox-full"]);
}
