use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use colophon_core::id::NodeId;
use colophon_core::ports::{FieldCipher, FieldPlace, Outbox, OutboxRows};
use colophon_pipeline::{
    DurableOutbox, LogWriter, LogWriterPorts, OutboxLimits, OutboxPorts, Running,
};
use tokio::time::{sleep, timeout};

use crate::events::Events;
use crate::fakes::{Log, NODE, NoChance, Node, Sum, disk, event, named_record, record};

struct House {
    node: Arc<Node>,
    log: Arc<Log>,
    outbox: DurableOutbox,
}

impl House {
    async fn new(limits: OutboxLimits) -> Self {
        let node = Arc::new(Node::default());
        let ports = OutboxPorts {
            rows: Arc::clone(&node) as _,
            cipher: Arc::new(Sum),
            disk: disk(&Arc::new(AtomicU64::new(u64::MAX))),
        };
        Self {
            node,
            log: Arc::default(),
            outbox: DurableOutbox::open(ports, limits).await.unwrap(),
        }
    }

    fn writer(&self) -> Running {
        let ports = LogWriterPorts {
            node: NodeId::from_bytes(NODE),
            rows: Arc::clone(&self.node) as _,
            log: Arc::clone(&self.log) as _,
            cipher: Arc::new(Sum),
            backlog: self.outbox.backlog(),
        };
        LogWriter::start(ports, Box::new(NoChance))
    }

    async fn submit(&self, numbers: std::ops::Range<u64>) {
        let commits = numbers.map(|number| self.outbox.admit().unwrap().submit(record(number)));
        for commit in commits.collect::<Vec<_>>() {
            commit.await.unwrap();
        }
    }

    fn logged(&self) -> Vec<u64> {
        self.log.order.lock().unwrap().clone()
    }
}

async fn house() -> House {
    House::new(OutboxLimits::default()).await
}

#[tokio::test(start_paused = true)]
async fn rows_arrive_in_order_and_leave_the_outbox() {
    let house = house().await;
    let writer = house.writer();
    house.submit(0..1000).await;
    writer.stop().await;
    assert_eq!(house.logged(), (0..1000).collect::<Vec<_>>());
    assert_eq!(house.node.waiting().await.unwrap(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_commit_wakes_an_idle_writer() {
    let house = house().await;
    let _writer = house.writer();
    sleep(Duration::from_secs(1)).await;
    house.submit(0..1).await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!(house.logged(), [0]);
}

#[tokio::test(start_paused = true)]
async fn rows_of_an_earlier_run_are_carried_without_a_new_one() {
    let house = house().await;
    house.submit(0..10).await;
    house.writer().stop().await;
    assert_eq!(house.logged().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_makes_no_row_twice() {
    let house = house().await;
    house.submit(0..10).await;
    house.log.forgets_to_answer.store(true, Ordering::Relaxed);
    let writer = house.writer();
    sleep(Duration::from_secs(1)).await;
    writer.stop().await;
    assert_eq!(house.log.handed_in.load(Ordering::Relaxed), 20);
    assert_eq!(house.logged(), (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn named_events_travel_among_the_downloads_and_arrive_once() {
    let house = house().await;
    let is_named = |number: &u64| number % 3 == 1;
    let mut commits = Vec::new();
    for number in 0..300 {
        let (admission, record) = if is_named(&number) {
            (house.outbox.admit_refusal(), named_record(number))
        } else {
            (house.outbox.admit(), record(number))
        };
        commits.push(admission.unwrap().submit(record));
    }
    for commit in commits {
        commit.await.unwrap();
    }
    // The first batch is stored and the answer lost; then the database is gone for a while.
    house.log.forgets_to_answer.store(true, Ordering::Relaxed);
    let writer = house.writer();
    sleep(Duration::from_millis(10)).await;
    house.log.silent.store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(60)).await;
    house.log.silent.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(20)).await;
    writer.stop().await;
    assert_eq!(house.log.handed_in.load(Ordering::Relaxed), 300 + 256);
    assert_eq!(house.logged(), (0..300).collect::<Vec<_>>());
    let named = house.log.named.lock().unwrap().clone();
    assert_eq!(named, (0..300).filter(is_named).collect());
    assert_eq!(house.node.waiting().await.unwrap(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_row_stays_until_it_can_be_removed() {
    let house = house().await;
    house.submit(0..10).await;
    house.node.silent.store(true, Ordering::Relaxed);
    let writer = house.writer();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(house.logged(), Vec::<u64>::new());
    house.node.silent.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(20)).await;
    writer.stop().await;
    assert_eq!(house.logged().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_logging_database_that_is_gone_is_reported_once_and_not_stormed() {
    let events = Events::listen();
    let house = house().await;
    house.log.silent.store(true, Ordering::Relaxed);
    let writer = house.writer();
    house.submit(0..5).await;
    sleep(Duration::from_secs(600)).await;
    let asked = house.log.asked.load(Ordering::Relaxed);
    assert!(
        (60..=70).contains(&asked),
        "asked {asked} times in 10 minutes"
    );
    assert_eq!(events.take(), ["log-writer-delayed"]);

    house.log.silent.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(house.logged(), (0..5).collect::<Vec<_>>());
    house.log.silent.store(true, Ordering::Relaxed);
    house.submit(5..6).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(events.take(), ["log-writer-delayed"]);

    // Stopping does not wait for a database that does not answer: the row is safe where it is.
    timeout(Duration::from_secs(1), writer.stop())
        .await
        .unwrap();
    assert_eq!(house.node.events(), [5]);
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_row_is_set_aside_and_the_others_arrive() {
    let events = Events::listen();
    let house = house().await;
    house.submit(0..600).await;
    house.node.damage(3, 100);
    house.node.damage(599, 0);
    house.writer().stop().await;
    let expected = (0..599).filter(|number| *number != 3).collect::<Vec<_>>();
    assert_eq!(house.logged(), expected);
    let dead = house.node.dead.lock().unwrap().clone();
    assert_eq!(
        dead.iter()
            .map(|(sequence, _)| *sequence)
            .collect::<Vec<_>>(),
        [4, 600]
    );
    assert_eq!(events.take(), ["log-row-unreadable", "log-row-unreadable"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_row_is_set_aside_and_the_others_arrive() {
    let events = Events::listen();
    let house = house().await;
    house.log.refused.lock().unwrap().extend([3, 400, 599]);
    house.submit(0..600).await;
    let writer = house.writer();
    sleep(Duration::from_secs(10)).await;
    // Some that come to a writer at work, in memory.
    house.log.refused.lock().unwrap().insert(620);
    house.submit(600..650).await;
    sleep(Duration::from_secs(10)).await;
    writer.stop().await;
    let refused = [3, 400, 599, 620];
    let expected = (0..650).filter(|number| !refused.contains(number));
    assert_eq!(house.logged(), expected.collect::<Vec<_>>());
    assert_eq!(house.node.waiting().await.unwrap(), (0, 0));
    let dead = house.node.dead.lock().unwrap().clone();
    let problem = "the logging database refuses the record (code 7)".to_owned();
    let expected = refused.map(|number| (number as i64 + 1, problem.clone()));
    assert_eq!(dead, expected);
    assert_eq!(events.take(), ["log-row-set-aside"; 4]);
}

#[tokio::test(start_paused = true)]
async fn where_every_row_is_refused_all_wait_and_are_told_of_once() {
    let events = Events::listen();
    let house = house().await;
    house.log.refused.lock().unwrap().extend(0..600);
    house.submit(0..600).await;
    let writer = house.writer();
    sleep(Duration::from_secs(600)).await;
    assert_eq!(house.node.dead.lock().unwrap().len(), 0);
    assert_eq!(house.node.events(), (0..600).collect::<Vec<_>>());
    assert_eq!(events.take(), ["log-writer-delayed"]);
    // Mended, but for one.
    house
        .log
        .refused
        .lock()
        .unwrap()
        .retain(|number| *number == 300);
    sleep(Duration::from_secs(60)).await;
    writer.stop().await;
    let mut logged = house.logged();
    logged.sort_unstable();
    assert_eq!(
        logged,
        (0..600).filter(|number| *number != 300).collect::<Vec<_>>()
    );
    assert_eq!(house.node.dead.lock().unwrap().len(), 1);
    assert_eq!(house.node.waiting().await.unwrap(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn more_refused_rows_than_are_written_at_once_hold_up_no_other() {
    let house = house().await;
    house.log.refused.lock().unwrap().extend(0..700);
    house.submit(0..800).await;
    let writer = house.writer();
    sleep(Duration::from_secs(60)).await;
    writer.stop().await;
    assert_eq!(house.logged(), (700..800).collect::<Vec<_>>());
    let dead = house.node.dead.lock().unwrap().clone();
    let mut dead: Vec<i64> = dead.iter().map(|(sequence, _)| *sequence).collect();
    dead.sort_unstable();
    assert_eq!(dead, (1..=700).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_refused_row_takes_up_room_until_it_is_tried_again() {
    let limits = OutboxLimits {
        rows_max: 10,
        ..OutboxLimits::default()
    };
    let house = House::new(limits).await;
    house.log.refused.lock().unwrap().extend(0..4);
    house.submit(0..10).await;
    house.writer().stop().await;
    assert_eq!(house.logged().len(), 6);
    let admitted: Vec<_> = (0..10).map_while(|_| house.outbox.admit()).collect();
    assert_eq!(admitted.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_row_of_a_later_version_is_set_aside() {
    let house = house().await;
    let first = event(1);
    let place = FieldPlace {
        table: "outbox",
        row: first.as_bytes(),
        column: "payload",
    };
    let later = Sum.seal(place, br#"{"v":3,"something":"new"}"#);
    house.node.append(vec![(first, later)]).await.unwrap();
    house.submit(2..3).await;
    house.writer().stop().await;
    assert_eq!(house.logged(), [2]);
    let dead = house.node.dead.lock().unwrap().clone();
    assert_eq!(
        dead[0].1,
        "the record is of version 3, which this host does not know"
    );
}

#[tokio::test(start_paused = true)]
async fn no_flipped_bit_becomes_a_log_row() {
    let house = house().await;
    house.submit(0..1).await;
    let bits = house.node.payload_bits(0);
    for bit in 0..bits {
        house.submit(1..2).await;
        house.node.damage(1 + bit, bit);
    }
    house.writer().stop().await;
    assert_eq!(house.logged(), [0]);
    assert_eq!(house.node.dead.lock().unwrap().len(), bits);
}

#[tokio::test(start_paused = true)]
async fn room_comes_back_as_rows_are_carried() {
    let limits = OutboxLimits {
        rows_max: 10,
        ..OutboxLimits::default()
    };
    let house = House::new(limits).await;
    house.log.silent.store(true, Ordering::Relaxed);
    let writer = house.writer();
    house.submit(0..10).await;
    assert!(house.outbox.admit().is_none());
    house.node.damage(4, 0);
    house.log.silent.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(20)).await;
    house.submit(10..20).await;
    writer.stop().await;
    assert_eq!(house.logged().len(), 19);
}

#[tokio::test(start_paused = true)]
async fn rows_committed_while_the_writer_runs_are_not_read_back() {
    let house = house().await;
    let writer = house.writer();
    house.submit(0..1).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(house.node.rows_read.load(Ordering::Relaxed), 1);
    for number in 0..20 {
        house.submit(1 + 100 * number..101 + 100 * number).await;
        sleep(Duration::from_millis(30)).await;
    }
    writer.stop().await;
    assert_eq!(house.logged(), (0..2001).collect::<Vec<_>>());
    assert_eq!(house.node.waiting().await.unwrap(), (0, 0));
    assert_eq!(house.node.rows_read.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn rows_handed_over_that_do_not_arrive_are_read_back_and_arrive_once() {
    let house = house().await;
    let writer = house.writer();
    house.submit(0..1).await;
    sleep(Duration::from_secs(1)).await;
    house.log.forgets_to_answer.store(true, Ordering::Relaxed);
    house.submit(1..5).await;
    house.log.silent.store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(60)).await;
    house.submit(5..3000).await;
    house.node.silent.store(true, Ordering::Relaxed);
    house.log.silent.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(60)).await;
    house.node.silent.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(60)).await;
    writer.stop().await;
    assert_eq!(house.logged(), (0..3000).collect::<Vec<_>>());
    assert_eq!(house.node.waiting().await.unwrap(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn more_rows_than_are_held_wait_in_the_outbox_and_arrive_in_order() {
    let house = house().await;
    let writer = house.writer();
    house.submit(0..1).await;
    sleep(Duration::from_secs(1)).await;
    house.log.silent.store(true, Ordering::Relaxed);
    house.submit(1..10_000).await;
    house.log.silent.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(60)).await;
    house.submit(10_000..10_001).await;
    writer.stop().await;
    assert_eq!(house.logged(), (0..10_001).collect::<Vec<_>>());
    assert_eq!(house.node.waiting().await.unwrap(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn rows_that_came_in_another_way_are_carried_before_they_are_removed() {
    let house = house().await;
    house.submit(7..8).await;
    let restored = house.node.oldest();
    let writer = house.writer();
    house.submit(8..10).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(house.logged(), [7, 8, 9]);

    house.log.forget(7);
    house.node.restore(restored);
    house.submit(10..12).await;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(house.logged(), [8, 9, 10, 11, 7]);
    writer.stop().await;
    assert_eq!(house.node.waiting().await.unwrap(), (0, 0));
}
