//! What is counted and billed.

use std::collections::BTreeMap;
use std::sync::Arc;

use colophon_core::code::Code;
use colophon_core::log::{DownloadRecord, Outcome};
use colophon_core::ports::LogRows;
use colophon_store::log::{Step, StepCounts};

use crate::log::{always, append, between, billed};
use crate::place::{Place, moment};
use crate::samples::{LENGTH, book, center_id, download, node, part};

pub(crate) async fn counts_are_given_step_by_step(ground: &Place) {
    const HOUR_MS: i64 = 3_600_000;
    let store = ground.store().await;
    let at = |number: u32, hour: i64, sale: &str| DownloadRecord {
        at: moment(hour * HOUR_MS + i64::from(number)),
        ..download(number, sale)
    };
    let broken = DownloadRecord {
        outcome: Outcome::Broken,
        ..part(3, "b", 0, 10)
    };
    let refused = DownloadRecord {
        outcome: Outcome::Refused(Code::Busy),
        copy: None,
        ..at(4, 5, "c")
    };
    // Answered with nothing, for the client has the copy.
    let mut unchanged = part(5, "a", 0, LENGTH);
    if let Some(copy) = &mut unchanged.copy {
        copy.sent = 0;
    }
    let unchanged = DownloadRecord {
        at: moment(5 * HOUR_MS),
        outcome: Outcome::Completed,
        ..unchanged
    };
    let records = [
        at(1, 0, "a"),
        at(2, 0, "a"),
        unchanged,
        DownloadRecord {
            at: moment(HOUR_MS),
            ..broken
        },
        refused,
    ];
    append(&store, (1..).zip(records)).await;
    let hours = store
        .count_downloads(&center_id(), always(), Step::Hour)
        .await
        .unwrap();
    let step = |hour: i64, counts: [u64; 7]| {
        let [
            requests,
            completed,
            unchanged,
            broken,
            refused,
            purchases,
            bytes,
        ] = counts;
        let from = moment(hour * HOUR_MS);
        StepCounts {
            from,
            requests,
            completed,
            unchanged,
            broken,
            refused,
            purchases,
            bytes,
        }
    };
    let expected = [
        step(0, [2, 2, 0, 0, 0, 1, 2 * LENGTH]),
        step(1, [1, 0, 0, 1, 0, 1, 10]),
        step(5, [2, 0, 1, 0, 1, 0, 0]),
    ];
    assert_eq!(hours, expected);
    let days = store
        .count_downloads(&center_id(), always(), Step::Day)
        .await
        .unwrap();
    assert_eq!(days, [step(0, [5, 2, 1, 1, 1, 2, 2 * LENGTH + 10])]);
    let nobody = "nobody".parse().unwrap();
    assert!(
        store
            .count_downloads(&nobody, always(), Step::Week)
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn purchases_are_billed_once_all_bytes_were_sent(ground: &Place) {
    let store = ground.store().await;
    // In parts, over two nodes, the last part in another period.
    append(
        &store,
        [
            (1, part(1, "parts", 0, 400)),
            (2, part(2, "parts", 300, 300)),
        ],
    )
    .await;
    assert_eq!(billed(&store, always()).await, 0);
    store
        .append(node(2), &[(1, part(9, "parts", 600, 400).into())])
        .await
        .unwrap();
    assert_eq!(billed(&store, between(0, 9000)).await, 0);
    assert_eq!(billed(&store, between(9000, 9001)).await, 1);
    // Again, later: no second bill.
    append(
        &store,
        [
            (3, part(20, "parts", 0, LENGTH)),
            (4, download(21, "parts")),
        ],
    )
    .await;
    assert_eq!(billed(&store, always()).await, 1);
    // Never whole: one byte is missing, or it is another copy's.
    let mut other_copy = part(31, "mixed", 500, 500);
    other_copy.copy.as_mut().unwrap().etag = [6; 32];
    append(
        &store,
        [
            (5, part(22, "short", 0, LENGTH - 1)),
            (6, part(30, "mixed", 0, 500)),
            (7, other_copy),
        ],
    )
    .await;
    assert_eq!(billed(&store, always()).await, 1);

    // Sums by key and currency.
    let mut dollars = download(40, "dollars");
    if let Some(claims) = &mut dollars.claims {
        claims.currency = Some("USD".parse().unwrap());
        claims.cost = None;
    }
    let second_key = DownloadRecord {
        key: Some("shop.2".parse().unwrap()),
        ..download(41, "second")
    };
    append(
        &store,
        [(8, dollars), (9, second_key), (10, download(42, "third"))],
    )
    .await;
    let lines = store.bill(&center_id(), always()).await.unwrap();
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            let currency = line.sums.currency.as_ref().unwrap().as_str();
            (
                line.key.as_str(),
                currency,
                line.purchases,
                line.sums.retail_price,
                line.sums.cost,
            )
        })
        .collect();
    let expected = [
        ("shop.1", "EUR", 2, Some(2 * 1299), Some(2 * 700)),
        ("shop.1", "USD", 1, Some(1299), None),
        ("shop.2", "EUR", 1, Some(1299), Some(700)),
    ];
    assert_eq!(lines, expected);
    let most = store
        .most_downloaded(&center_id(), always(), 5)
        .await
        .unwrap();
    let most: Vec<_> = most
        .iter()
        .map(|one| (one.book.clone(), one.purchases))
        .collect();
    assert_eq!(most, [(book("111"), 4)]);
}

pub(crate) async fn two_writers_with_a_half_each_complete_a_purchase(ground: &Place) {
    let store = ground.store().await;
    for round in 0..20u32 {
        let sale = format!("order-{round}");
        let halves = [
            part(2 * round, &sale, 0, 500),
            part(2 * round + 1, &sale, 500, 500),
        ];
        let writers: Vec<_> = (1..)
            .zip(halves)
            .map(|(number, half)| {
                let store = Arc::clone(&store);
                let sequence = i64::from(round) + 1;
                tokio::spawn(
                    async move { store.append(node(number), &[(sequence, half.into())]).await },
                )
            })
            .collect();
        for writer in writers {
            writer.await.unwrap().unwrap();
        }
        assert_eq!(billed(&store, always()).await, u64::from(round) + 1);
    }
}

/// Random parts of random copies in random batches, against a count of every single byte.
pub(crate) async fn billing_agrees_with_a_count_of_single_bytes(ground: &Place) {
    const SALES: u64 = 12;
    const BYTES: u64 = 16;
    let store = ground.store().await;
    let mut chance = Chance(20_260_801);
    let mut sent: BTreeMap<(u64, u64), Vec<bool>> = BTreeMap::new();
    let mut completed: BTreeMap<u64, i64> = BTreeMap::new();
    let mut number = 0;
    for _ in 0..40 {
        let mut batch = Vec::new();
        for _ in 0..=chance.below(9) {
            number += 1;
            let (sale, copy) = (chance.below(SALES), chance.below(2));
            let start = chance.below(BYTES);
            let length = chance.below(BYTES - start + 1);
            let mut record = part(number, &format!("order-{sale}"), start, length);
            let made = record.copy.as_mut().unwrap();
            (made.length, made.etag) = (BYTES, [copy as u8; 32]);
            batch.push((i64::from(number), record.into()));
            let bytes = sent
                .entry((sale, copy))
                .or_insert_with(|| vec![false; BYTES as usize]);
            bytes[start as usize..(start + length) as usize].fill(true);
            if bytes.iter().all(|byte| *byte) {
                completed.entry(sale).or_insert(i64::from(number) * 1000);
            }
        }
        store.append(node(1), &batch).await.unwrap();
        assert_eq!(billed(&store, always()).await, completed.len() as u64);
    }
    assert!(completed.len() > 3 && completed.len() < SALES as usize + 1);
    for at in completed.values() {
        let expected = completed.values().filter(|other| *other == at).count() as u64;
        assert_eq!(
            billed(&store, between(*at, at + 1)).await,
            expected,
            "{completed:?}"
        );
    }
}

/// A repeatable source of numbers.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}
