//! A node's own database, which is always a SQLite file.

use std::path::Path;

use colophon_core::id::EventId;
use colophon_core::ports::{OutboxRow, OutboxRows, Readiness, SetAside};
use colophon_store::node::{NodeDatabase, NodeRefused, NodeStore};

use crate::place::{address, moment};
use crate::samples::event;

async fn node(folder: &Path) -> NodeStore {
    let database = NodeDatabase::open(&address(&folder.join("node.db")))
        .await
        .unwrap();
    database.migrate(moment(1)).await.unwrap();
    database.into_store().await.unwrap()
}

fn rows(numbers: std::ops::RangeInclusive<u32>) -> Vec<(EventId, Vec<u8>)> {
    numbers
        .map(|number| (event(number), number.to_be_bytes().repeat(40)))
        .collect()
}

/// How many rows were set aside, for each reason.
async fn set_aside(node: &NodeStore) -> [u64; 3] {
    let mut counts = [0; 3];
    for (reason, count) in SetAside::ALL.into_iter().zip(&mut counts) {
        *count = node.count_set_aside(reason).await.unwrap();
    }
    counts
}

async fn sequences(node: &NodeStore) -> Vec<i64> {
    node.after(0, 10_000)
        .await
        .unwrap()
        .iter()
        .map(|row| row.sequence)
        .collect()
}

#[tokio::test]
async fn a_node_keeps_its_identity() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path()).await;
    let id = first.id();
    first.close().await;
    assert_eq!(node(folder.path()).await.id(), id);
    let other = tempfile::tempdir().unwrap();
    assert_ne!(node(other.path()).await.id(), id);
    let server = "postgres://db/node".parse().unwrap();
    assert!(matches!(
        NodeDatabase::open(&server).await,
        Err(NodeRefused::Address(_))
    ));
}

#[tokio::test]
async fn rows_are_numbered_densely_in_the_order_given() {
    let folder = tempfile::tempdir().unwrap();
    let store = node(folder.path()).await;
    let mut next = 1;
    for length in [1, 64, 2, 0, 200, 3, 86] {
        let last = next + length - 1;
        if length > 0 {
            let appended = store.append(rows(next..=last)).await.unwrap();
            assert_eq!(appended, Some(i64::from(last)));
        } else {
            assert_eq!(store.append(Vec::new()).await.unwrap(), None);
        }
        next += length;
    }
    let all = store.after(0, 10_000).await.unwrap();
    assert_eq!(all.len() as u32, next - 1);
    for (number, row) in (1u32..).zip(&all) {
        let payload = number.to_be_bytes().repeat(40);
        let expected = OutboxRow {
            sequence: i64::from(number),
            event: event(number),
            payload,
        };
        assert_eq!(*row, expected);
    }
    let some = store.after(5, 3).await.unwrap();
    assert_eq!(
        some.iter().map(|row| row.sequence).collect::<Vec<_>>(),
        [6, 7, 8]
    );
}

#[tokio::test]
async fn numbers_are_never_given_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = node(folder.path()).await;
    store.append(rows(1..=3)).await.unwrap();
    let remove = async |numbers: &[u32]| {
        let rows = numbers
            .iter()
            .map(|number| (i64::from(*number), event(*number)));
        store.remove(&rows.collect::<Vec<_>>()).await.unwrap();
    };
    remove(&[2]).await;
    assert_eq!(sequences(&store).await, [1, 3]);
    remove(&[2, 1]).await;
    assert_eq!(sequences(&store).await, [3]);
    remove(&[]).await;
    remove(&[3]).await;
    assert_eq!(store.waiting().await.unwrap(), (0, 0));
    store.close().await;
    let store = node(folder.path()).await;
    store.append(rows(4..=5)).await.unwrap();
    assert_eq!(sequences(&store).await, [4, 5]);
    assert_eq!(store.waiting().await.unwrap(), (2, 320));
}

#[tokio::test]
async fn rows_are_removed_by_number_and_event() {
    let folder = tempfile::tempdir().unwrap();
    let store = node(folder.path()).await;
    store.append(rows(1..=300)).await.unwrap();
    // Of every third the number is that of another event.
    let confirmed = (1..=300_u32).map(|number| {
        let other = if number % 3 == 0 { number - 1 } else { number };
        (i64::from(number), event(other))
    });
    store.remove(&confirmed.collect::<Vec<_>>()).await.unwrap();
    let left: Vec<i64> = (1..=100).map(|number| 3 * number).collect();
    assert_eq!(sequences(&store).await, left);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let store = node(folder.path()).await;
    store.append(rows(1..=3)).await.unwrap();
    for _ in 0..2 {
        let unreadable = [(2, "does not decrypt".to_owned())];
        let set_aside_again = store.set_aside(SetAside::Unreadable, &unreadable);
        set_aside_again.await.unwrap();
        assert_eq!(sequences(&store).await, [1, 3]);
        assert_eq!(set_aside(&store).await, [1, 0, 0]);
        assert_eq!(store.waiting().await.unwrap(), (2, 320));
    }
}

#[tokio::test]
async fn many_rows_are_set_aside_at_once_and_each_problem_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = node(folder.path()).await;
    store.append(rows(1..=300)).await.unwrap();
    let problem = |number: i64| format!("code {}", number % 3);
    // Some of them are not there.
    let refused: Vec<_> = (101..=400)
        .map(|number| (number, problem(number)))
        .collect();
    store.set_aside(SetAside::Refused, &refused).await.unwrap();
    assert_eq!(set_aside(&store).await, [0, 0, 200]);
    assert_eq!(store.waiting().await.unwrap(), (100, 16_000));
    let told =
        async |reason: SetAside, limit: u32| store.problems_set_aside(reason, limit).await.unwrap();
    let [first, second, third] =
        [(0, 67), (2, 67), (1, 66)].map(|(number, rows)| (problem(number), rows));
    let all = [first.clone(), second.clone(), third];
    assert_eq!(told(SetAside::Refused, 9).await, all);
    assert_eq!(told(SetAside::Refused, 2).await, [first, second]);
    assert!(told(SetAside::TooLarge, 9).await.is_empty());
}

#[tokio::test]
async fn rows_that_are_tried_again_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let store = node(folder.path()).await;
    store.append(rows(1..=5)).await.unwrap();
    let before = store.after(0, 9).await.unwrap();
    for (sequence, reason) in [
        (2, SetAside::TooLarge),
        (3, SetAside::Unreadable),
        (5, SetAside::Refused),
    ] {
        let row = [(sequence, "why".to_owned())];
        store.set_aside(reason, &row).await.unwrap();
    }
    assert_eq!(set_aside(&store).await, [1, 1, 1]);
    assert_eq!(store.bring_back().await.unwrap(), 2);
    assert_eq!(set_aside(&store).await, [1, 0, 0]);
    let after = store.after(0, 9).await.unwrap();
    assert_eq!(after, [&before[..2], &before[3..]].concat());
    assert_eq!(store.bring_back().await.unwrap(), 0);
    // None is given the number of a row that was away.
    store.append(rows(6..=6)).await.unwrap();
    assert_eq!(sequences(&store).await, [1, 2, 4, 5, 6]);
}

#[tokio::test]
async fn a_lease_has_one_holder_until_it_runs_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = node(folder.path()).await;
    let take = |holder: &'static [u8], now, until| {
        store.take_lease("serving", holder, moment(now), moment(until))
    };
    assert!(take(b"a", 0, 10).await.unwrap());
    assert!(!take(b"b", 9, 20).await.unwrap());
    assert!(take(b"a", 9, 15).await.unwrap());
    assert!(!take(b"b", 14, 20).await.unwrap());
    assert!(take(b"b", 15, 30).await.unwrap());
    store.release_lease("serving", b"a").await.unwrap();
    assert!(!take(b"a", 16, 40).await.unwrap());
    store.release_lease("serving", b"b").await.unwrap();
    assert!(take(b"a", 16, 40).await.unwrap());
}

#[tokio::test]
async fn a_node_answers_and_its_file_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let store = node(folder.path()).await;
    assert_eq!(store.check_integrity().await.unwrap(), []);
    assert!(store.check().await.iter().all(|(_, state)| state.is_ok()));
    store.close().await;
    assert!(store.check().await.iter().all(|(_, state)| state.is_err()));
    assert!(store.append(rows(1..=1)).await.is_err());
}

#[tokio::test]
async fn a_broken_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.db");
    std::fs::write(&file, "this is no database, whatever its name may say").unwrap();
    assert!(NodeDatabase::open(&address(&file)).await.is_err());
}
