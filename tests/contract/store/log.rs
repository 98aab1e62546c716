//! The download log.

use std::sync::Arc;

use colophon_core::code::Code;
use colophon_core::id::EventId;
use colophon_core::log::{ByteSpan, DownloadRecord, LogRecord, Outcome};
use colophon_core::ports::LogRows;
use colophon_receipt::{RequestedLevel, UnixSeconds};
use colophon_store::decisions::Mentions;
use colophon_store::log::{
    Amounts, DownloadRow, LoggedOutcome, LoggedPerson, NodeProgress, Period, PersonName, RowCursor,
    RowFilter,
};
use colophon_store::store::Store;
use colophon_title::Level;

use crate::place::{Place, moment};
use crate::samples::{LENGTH, book, center_id, download, event, furnish, node, server_event};

pub(crate) fn always() -> Period {
    between(0, i64::MAX)
}

fn everything() -> RowFilter {
    RowFilter {
        period: always(),
        retailer: None,
        transaction: None,
    }
}

pub(crate) async fn append(
    store: &Store,
    records: impl IntoIterator<Item = (i64, DownloadRecord)>,
) {
    let records = records.into_iter();
    let records: Vec<_> = records
        .map(|(sequence, record)| (sequence, LogRecord::from(record)))
        .collect();
    store.append(node(1), &records).await.unwrap();
}

pub(crate) async fn rows(store: &Store) -> Vec<DownloadRow> {
    store
        .list_downloads(&center_id(), &everything(), None, 10_000)
        .await
        .unwrap()
}

/// How many purchases are billed in a period.
pub(crate) async fn billed(store: &Store, period: Period) -> u64 {
    store
        .bill(&center_id(), period)
        .await
        .unwrap()
        .iter()
        .map(|line| line.purchases)
        .sum()
}

pub(crate) fn between(from: i64, until: i64) -> Period {
    Period {
        from: moment(from),
        until: moment(until),
    }
}

pub(crate) async fn a_row_comes_back_as_it_was_handed_in(ground: &Place) {
    let store = ground.store().await;
    let mut record = download(1, "order-1");
    if let Some(claims) = &mut record.claims {
        claims.level = Some(RequestedLevel::Four);
        claims.sold_at = Some(UnixSeconds::new(1_800_000_000));
        claims.persona = Some("persona-1".parse().unwrap());
    }
    let copy = record.copy.as_mut().unwrap();
    (copy.asked, copy.sent) = (
        ByteSpan {
            start: 10,
            end: 900,
        },
        700,
    );
    record.outcome = Outcome::Broken;
    append(&store, [(1, record)]).await;

    let [row] = rows(&store).await.try_into().unwrap();
    assert_eq!(
        (row.event, row.node, row.at, row.took_us),
        (event(1), node(1), moment(1000), 1234)
    );
    assert_eq!(
        (row.center, row.key.unwrap().as_str()),
        (center_id(), "shop.1")
    );
    assert_eq!(row.outcome, LoggedOutcome::Broken);
    let sale = row.sale.unwrap();
    assert_eq!(
        (sale.transaction.as_str(), sale.book),
        ("order-1", book("111"))
    );
    assert_eq!(
        (sale.requested_level, sale.sold_at),
        (Some(RequestedLevel::Four), Some(1_800_000_000))
    );
    let amounts = Amounts {
        retail_price: Some(1299),
        cost: Some(700),
        list_price: Some(1500),
        currency: Some("EUR".parse().unwrap()),
    };
    assert_eq!(sale.amounts, amounts);
    let copy = row.copy.unwrap();
    assert_eq!(
        (copy.level, copy.length, copy.etag),
        (Level::IndividuallySealed, LENGTH, [5; 32])
    );
    assert_eq!(
        (copy.asked, copy.sent),
        (
            ByteSpan {
                start: 10,
                end: 900
            },
            700
        )
    );
    let LoggedPerson::Known(person) = row.person else {
        panic!("erased")
    };
    assert_eq!(person.user_name.as_deref(), Some("Jane Canaryname"));
    assert_eq!(person.customer_id.as_deref(), Some("customer-0815"));
    assert_eq!(person.persona.as_deref(), Some("persona-1"));
    assert_eq!(person.address.to_string(), "192.0.2.77");
    assert_eq!(person.agent.as_deref(), Some("CanaryAgent/1.0"));
    assert_eq!(person.file_name.as_deref(), Some("Emma for Jane.epub"));
}

pub(crate) async fn rows_handed_in_again_change_nothing(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    let batch: Vec<_> = (1..=150)
        .map(|n| {
            let record = download(n as u32, &format!("order-{}", n % 7));
            (n, LogRecord::from(record))
        })
        .collect();
    for records in [&batch[..], &batch[50..], &batch[..1], &batch[..]] {
        store.append(node(1), records).await.unwrap();
    }
    let doubled: Vec<_> = batch.iter().chain(&batch).cloned().collect();
    store.append(node(1), &doubled).await.unwrap();
    assert_eq!(rows(&store).await.len(), 150);
    assert_eq!(billed(&store, always()).await, 7);
    let retailer = store
        .show_retailer(&center_id(), &"shop".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(retailer.keys[0].uses, 150);
    // The same event from a node that claims another sequence is the same event.
    append(&store, [(9999, download(1, "order-1"))]).await;
    assert_eq!(rows(&store).await.len(), 150);
}

pub(crate) async fn a_new_person_beside_a_known_row_stays_readable(ground: &Place) {
    let store = ground.store().await;
    let bought_by = |number, customer: &str| {
        let mut record = download(number, &format!("order-{number}"));
        if let Some(claims) = &mut record.claims {
            claims.customer_id = Some(customer.parse().unwrap());
        }
        record
    };
    append(&store, [(1, bought_by(1, "customer-a"))]).await;
    let both = [
        (1, bought_by(1, "customer-a")),
        (2, bought_by(2, "customer-b")),
    ];
    append(&store, both).await;
    let mut customers: Vec<_> = rows(&store)
        .await
        .into_iter()
        .map(|row| match row.person {
            LoggedPerson::Known(person) => person.customer_id.clone(),
            LoggedPerson::Erased => None,
        })
        .collect();
    customers.sort();
    let expected = ["customer-a", "customer-b"].map(|customer| Some(customer.to_owned()));
    assert_eq!(customers, expected);
}

pub(crate) async fn a_refusal_has_no_sale(ground: &Place) {
    let store = ground.store().await;
    let refused = |number, key: Option<&str>| DownloadRecord {
        key: key.map(|key| key.parse().unwrap()),
        claims: None,
        copy: None,
        outcome: Outcome::Refused(Code::ReceiptInvalid),
        ..download(number, "unused")
    };
    append(
        &store,
        [(1, refused(1, None)), (2, refused(2, Some("shop.1")))],
    )
    .await;
    let rows = rows(&store).await;
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(
            row.outcome,
            LoggedOutcome::Refused("receipt-invalid".to_owned())
        );
        assert_eq!((row.sale, row.copy), (None, None));
        let LoggedPerson::Known(person) = row.person else {
            panic!("erased")
        };
        assert_eq!(
            (person.user_name, person.address.to_string().as_str()),
            (None, "192.0.2.77")
        );
    }
    assert_eq!(billed(&store, always()).await, 0);
}

pub(crate) async fn rows_are_listed_from_the_latest_back(ground: &Place) {
    let store = ground.store().await;
    // Three at each moment, so that the moment alone does not tell where a page ended.
    let mut expected = Vec::new();
    for number in 0..30u32 {
        let record = DownloadRecord {
            at: moment(i64::from(number / 3)),
            ..download(number, &format!("order-{}", number % 2))
        };
        append(&store, [(i64::from(number) + 1, record)]).await;
        expected.push(event(number));
    }
    expected.reverse();
    for limit in [1, 4, 29, 30, 31] {
        let mut listed: Vec<EventId> = Vec::new();
        let mut after = None;
        loop {
            let page = store
                .list_downloads(&center_id(), &everything(), after, limit)
                .await
                .unwrap();
            let Some(last) = page.last() else { break };
            after = Some(RowCursor {
                at: last.at,
                event: last.event,
            });
            listed.extend(page.iter().map(|row| row.event));
        }
        assert_eq!(listed, expected, "in pages of {limit}");
    }
    let filter = RowFilter {
        period: between(2, 4),
        retailer: Some("shop".parse().unwrap()),
        transaction: Some("order-0".parse().unwrap()),
    };
    let page = store
        .list_downloads(&center_id(), &filter, None, 100)
        .await
        .unwrap();
    let numbers: Vec<_> = page.iter().map(|row| row.event).collect();
    assert_eq!(numbers, [event(10), event(8), event(6)]);
    let other = RowFilter {
        retailer: Some("other".parse().unwrap()),
        ..everything()
    };
    assert!(
        store
            .list_downloads(&center_id(), &other, None, 100)
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn an_erased_person_cannot_be_read_any_more(ground: &Place) {
    let store = ground.store().await;
    append(
        &store,
        (1..=3).map(|n| (n, download(n as u32, &format!("order-{n}")))),
    )
    .await;
    let shop = "shop".parse().unwrap();
    let person = PersonName::Customer("customer-0815".parse().unwrap());
    let before = billed(&store, always()).await;
    assert!(
        store
            .erase_person(&center_id(), &shop, &person, Mentions::Stay)
            .await
            .unwrap()
            .logged
    );
    assert!(
        !store
            .erase_person(&center_id(), &shop, &person, Mentions::Stay)
            .await
            .unwrap()
            .logged,
        "there is none any more"
    );
    let read = rows(&store).await;
    assert_eq!(read.len(), 3);
    assert!(
        read.iter()
            .all(|row| row.person == LoggedPerson::Erased && row.sale.is_some())
    );
    assert_eq!(billed(&store, always()).await, before);
    // Whoever comes back is somebody new.
    append(&store, [(4, download(4, "order-4"))]).await;
    let known = rows(&store)
        .await
        .iter()
        .filter(|row| row.person != LoggedPerson::Erased)
        .count();
    assert_eq!(known, 1);
    let mut stranger = ground.log_stranger().await;
    let persons = stranger
        .numbers("SELECT COUNT(DISTINCT person) FROM downloads")
        .await;
    assert_eq!(persons, [2]);
}

pub(crate) async fn erasing_one_person_leaves_the_others(ground: &Place) {
    let store = ground.store().await;
    let named = |number, name: Option<&str>, id: Option<&str>| {
        let mut record = download(number, &format!("order-{number}"));
        if let Some(claims) = &mut record.claims {
            claims.user_name = name.map(|name| name.parse().unwrap());
            claims.customer_id = id.map(|id| id.parse().unwrap());
        }
        (i64::from(number), record)
    };
    let records = [
        named(1, Some("Jane"), Some("c1")),
        named(2, Some("Jane"), None),
        named(3, None, Some("Jane")),
        named(4, None, None),
        named(5, Some("John"), Some("c1")),
    ];
    append(&store, records).await;
    let shop = "shop".parse().unwrap();
    let other_shop = "other".parse().unwrap();
    let name = |text: &str| PersonName::UserName(text.parse().unwrap());
    assert!(
        !store
            .erase_person(&center_id(), &other_shop, &name("Jane"), Mentions::Stay)
            .await
            .unwrap()
            .logged
    );
    let mut gone: Vec<u32> = Vec::new();
    for (person, rows_gone) in [
        (name("Jane"), vec![2]),
        (PersonName::Customer("Jane".parse().unwrap()), vec![3]),
        (PersonName::Sale("order-4".parse().unwrap()), vec![4]),
        (PersonName::Customer("c1".parse().unwrap()), vec![1, 5]),
    ] {
        assert!(
            store
                .erase_person(&center_id(), &shop, &person, Mentions::Stay)
                .await
                .unwrap()
                .logged,
            "{person:?}"
        );
        gone.extend(rows_gone);
        for row in rows(&store).await {
            let erased = gone.iter().any(|number| event(*number) == row.event);
            assert_eq!(
                row.person == LoggedPerson::Erased,
                erased,
                "{person:?}: {row:?}"
            );
        }
    }
}

pub(crate) async fn uses_of_keys_are_counted(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    store
        .add_retailer_key(
            &center_id(),
            &crate::samples::secret("shop.2", 2),
            moment(5),
        )
        .await
        .unwrap();
    let under = |number: u32, kid: &str| {
        (
            i64::from(number),
            DownloadRecord {
                key: Some(kid.parse().unwrap()),
                ..download(number, "o")
            },
        )
    };
    append(
        &store,
        [under(1, "shop.1"), under(3, "shop.2"), under(2, "shop.1")],
    )
    .await;
    append(&store, [under(4, "shop.1")]).await;
    let unopened = DownloadRecord {
        claims: None,
        copy: None,
        ..under(5, "shop.1").1
    };
    append(&store, [(5, unopened)]).await;
    let retailer = store
        .show_retailer(&center_id(), &"shop".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let uses: Vec<_> = retailer
        .keys
        .iter()
        .map(|key| (key.uses, key.last_used_at))
        .collect();
    assert_eq!(uses, [(3, Some(moment(4000))), (1, Some(moment(3000)))]);
}

pub(crate) async fn a_node_has_arrived_as_far_as_its_first_gap(ground: &Place) {
    let store = ground.store().await;
    let check = async |complete, highest| {
        let progress = store.node_progress().await.unwrap();
        assert_eq!(
            progress,
            [NodeProgress {
                node: node(1),
                complete,
                highest
            }]
        );
    };
    let record = |n: i64| (n, download(n as u32, "order"));
    append(&store, [record(1), record(2)]).await;
    check(2, 2).await;
    append(&store, [record(5), record(4)]).await;
    check(2, 5).await;
    append(&store, [record(7)]).await;
    check(2, 7).await;
    append(&store, [record(3)]).await;
    check(5, 7).await;
    append(&store, [record(6)]).await;
    check(7, 7).await;
    append(&store, [record(1)]).await;
    check(7, 7).await;
    append(&store, (9..=2500).map(record)).await;
    check(7, 2500).await;
    append(&store, [record(8)]).await;
    check(2500, 2500).await;
}

/// Each of two writers brings half of what a node has sent, at the same time.
pub(crate) async fn writers_that_share_a_nodes_rows_leave_no_gap(ground: &Place) {
    let store = ground.store().await;
    for round in 0..30_i64 {
        let half = |from: i64| {
            let numbers = (from..from + 5).map(|n| round * 10 + n);
            let records: Vec<(i64, LogRecord)> = numbers
                .map(|n| (n, download(n as u32, "order").into()))
                .collect();
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.append(node(1), &records).await })
        };
        for writer in [half(1), half(6)] {
            writer.await.unwrap().unwrap();
        }
        let [progress] = store.node_progress().await.unwrap().try_into().unwrap();
        let NodeProgress {
            complete, highest, ..
        } = progress;
        let last = round as u64 * 10 + 10;
        assert_eq!((complete, highest), (last, last));
    }
}

pub(crate) async fn what_has_arrived_of_a_node_is_told(ground: &Place) {
    let store = ground.store().await;
    let arrived = async |who, sequences| store.arrived(node(who), sequences).await.unwrap();
    assert_eq!(arrived(1, 1..=1000).await, []);
    let records = [
        (2, download(2, "order").into()),
        (3, server_event(3).into()),
        (5, download(5, "order").into()),
    ];
    store.append(node(1), &records).await.unwrap();
    let others = [(4, download(4, "order").into())];
    store.append(node(2), &others).await.unwrap();
    assert_eq!(
        arrived(1, 1..=1000).await,
        [(2, event(2)), (3, event(3)), (5, event(5))]
    );
    assert_eq!(arrived(1, 3..=4).await, [(3, event(3))]);
    assert_eq!(arrived(2, 1..=1000).await, [(4, event(4))]);
    let many: Vec<_> = (10..1200)
        .map(|n: i64| (n, download(n as u32, "order").into()))
        .collect();
    store.append(node(1), &many).await.unwrap();
    let first = arrived(1, 10..=i64::MAX).await;
    assert_eq!((first.len(), first[999].0), (1000, 1009));
}
