//! What plug-ins cost: added up by several hosts, each batch once, and gone by age.

use std::sync::Arc;

use colophon_core::capability::Name;
use colophon_core::cost::{CostKey, Costs, Day, Payer, Spender};
use colophon_core::id::RunId;
use colophon_core::time::Timestamp;
use colophon_store::costs::{Booked, CostFilter, CostLine, CostPart, CostsBy};
use colophon_store::store::Store;

use crate::place::{Place, moment};
use crate::samples::{center, center_id, furnish};

/// The day of that number.
fn day(number: i64) -> Day {
    Day::of(Timestamp::from_unix_ms(number * 86_400_000))
}

fn run(number: u8) -> RunId {
    RunId::from_bytes([number; 16])
}

fn shop(name: &str) -> Payer {
    Payer::Retailer(name.try_into().unwrap())
}

fn own(name: &str) -> Spender {
    Spender::Own(Name::parse(name).unwrap())
}

fn key(payer: Payer) -> CostKey {
    CostKey {
        center: center_id(),
        spender: own("acme"),
        version: "1".parse().unwrap(),
        component: [1; 32],
        payer,
        day: day(100),
        role: "policy",
    }
}

/// So many calls, each with a fuel of 10.
fn costs(calls: u64) -> Costs {
    Costs {
        calls,
        failures: 1,
        fuel: 10 * calls,
        host_calls: 2,
        host_bytes: 30,
        memory_bytes_max: 1 << 20,
    }
}

async fn furnished(ground: &Place) -> Arc<Store> {
    let store = ground.store().await;
    furnish(&store).await;
    store
}

async fn book(store: &Store, run: RunId, batch: u64, rows: &[(CostKey, Costs)]) -> Booked {
    store.book_costs(run, batch, rows, moment(1)).await.unwrap()
}

async fn told(store: &Store, by: CostsBy) -> Vec<CostLine> {
    let filter = CostFilter {
        plugin: None,
        from: day(0),
        until: day(1000),
    };
    store.costs(&center_id(), &filter, by).await.unwrap()
}

pub(crate) async fn what_hosts_book_is_added_up(ground: &Place) {
    let store = furnished(ground).await;
    assert_eq!(told(&store, CostsBy::Day).await, []);
    let more = Costs {
        memory_bytes_max: 3 << 20,
        ..costs(5)
    };
    let less = Costs {
        memory_bytes_max: 2 << 20,
        ..costs(1)
    };
    assert_eq!(book(&store, run(1), 1, &[]).await, Booked::Now);
    book(&store, run(1), 2, &[(key(shop("shop")), costs(3))]).await;
    book(&store, run(2), 1, &[(key(shop("shop")), more)]).await;
    let twice = [(key(shop("shop")), less), (key(shop("shop")), less)];
    book(&store, run(1), 3, &twice).await;
    let sum = Costs {
        calls: 10,
        failures: 4,
        fuel: 100,
        host_calls: 8,
        host_bytes: 120,
        memory_bytes_max: 3 << 20,
    };
    let [line] = told(&store, CostsBy::Retailer).await.try_into().unwrap();
    assert_eq!(line.spender, own("acme"));
    assert_eq!(line.part, CostPart::Retailer(shop("shop")));
    assert_eq!(line.costs, sum);
}

pub(crate) async fn costs_are_told_by_every_part_of_their_key(ground: &Place) {
    let store = furnished(ground).await;
    let base = || key(shop("shop"));
    let built_in = CostKey {
        spender: Spender::BuiltIn,
        role: "resolver",
        ..base()
    };
    let again = CostKey {
        component: [2; 32],
        ..base()
    };
    let later = CostKey {
        version: "2".parse().unwrap(),
        day: day(101),
        ..base()
    };
    let elsewhere = CostKey {
        center: center("other").id,
        ..base()
    };
    let rows = [
        (key(Payer::Others), costs(1)),
        (key(Payer::Claimed), costs(2)),
        (later, costs(4)),
        (again, costs(8)),
        (built_in, costs(16)),
        (base(), costs(32)),
        (elsewhere, costs(64)),
    ];
    book(&store, run(1), 1, &rows).await;
    let calls = |lines: Vec<CostLine>| {
        let lines = lines.into_iter();
        let lines = lines.map(|line| (line.spender, line.part, line.costs.calls));
        lines.collect::<Vec<_>>()
    };
    let (acme, version) = (own("acme"), |text: &str| text.parse().unwrap());
    let by_version = |text, component| CostPart::Version(version(text), [component; 32]);
    assert_eq!(
        calls(told(&store, CostsBy::Version).await),
        [
            (Spender::BuiltIn, by_version("1", 1), 16),
            (acme.clone(), by_version("1", 1), 35),
            (acme.clone(), by_version("1", 2), 8),
            (acme.clone(), by_version("2", 1), 4),
        ]
    );
    assert_eq!(
        calls(told(&store, CostsBy::Retailer).await),
        [
            (Spender::BuiltIn, CostPart::Retailer(shop("shop")), 16),
            (acme.clone(), CostPart::Retailer(Payer::Claimed), 2),
            (acme.clone(), CostPart::Retailer(Payer::Others), 1),
            (acme.clone(), CostPart::Retailer(shop("shop")), 44),
        ]
    );
    assert_eq!(
        calls(told(&store, CostsBy::Day).await),
        [
            (Spender::BuiltIn, CostPart::Day(day(100)), 16),
            (acme.clone(), CostPart::Day(day(100)), 43),
            (acme.clone(), CostPart::Day(day(101)), 4),
        ]
    );
    assert_eq!(
        calls(told(&store, CostsBy::Role).await),
        [
            (Spender::BuiltIn, CostPart::Role("resolver".to_owned()), 16),
            (acme.clone(), CostPart::Role("policy".to_owned()), 47),
        ]
    );
    // One plug-in, and days from the first up to the last, which is not among them.
    let filter = CostFilter {
        plugin: Some(Name::parse("acme").unwrap()),
        from: day(101),
        until: day(102),
    };
    let one = store.costs(&center_id(), &filter, CostsBy::Role).await;
    assert_eq!(one.unwrap()[0].costs.calls, 4);
    let none = CostFilter {
        until: day(101),
        ..filter
    };
    let none = store.costs(&center_id(), &none, CostsBy::Role).await;
    assert_eq!(none.unwrap(), []);
}

pub(crate) async fn a_batch_is_booked_once(ground: &Place) {
    let store = furnished(ground).await;
    let rows = [(key(shop("shop")), costs(3))];
    assert_eq!(book(&store, run(1), 1, &rows).await, Booked::Now);
    // Its answer was lost, and the host hands it in again.
    assert_eq!(book(&store, run(1), 1, &rows).await, Booked::Before);
    assert_eq!(book(&store, run(2), 1, &rows).await, Booked::Now);
    assert_eq!(told(&store, CostsBy::Role).await[0].costs.calls, 6);
    // What cannot be written whole is not written at all, and is booked when it is tried again.
    let mut stranger = ground.log_stranger().await;
    stranger
        .run("ALTER TABLE plugin_costs RENAME TO away")
        .await;
    let failed = store.book_costs(run(1), 2, &rows, moment(1)).await;
    failed.unwrap_err();
    stranger
        .run("ALTER TABLE away RENAME TO plugin_costs")
        .await;
    assert_eq!(book(&store, run(1), 2, &rows).await, Booked::Now);
    assert_eq!(told(&store, CostsBy::Role).await[0].costs.calls, 9);
}

pub(crate) async fn hosts_that_book_the_same_rows_at_once_lose_nothing(ground: &Place) {
    let store = furnished(ground).await;
    let mut rows: Vec<_> = (0..200)
        .map(|number| (key(shop(&format!("shop-{number}"))), costs(1)))
        .collect();
    let mut working = tokio::task::JoinSet::new();
    for host in 1..=4 {
        rows.reverse();
        let (store, rows) = (Arc::clone(&store), rows.clone());
        working.spawn(async move {
            for batch in 1..=5 {
                book(&store, run(host), batch, &rows).await;
            }
        });
    }
    working.join_all().await;
    let lines = told(&store, CostsBy::Retailer).await;
    assert_eq!(lines.len(), 200);
    assert!(lines.iter().all(|line| line.costs.calls == 20));
}

pub(crate) async fn costs_go_by_age(ground: &Place) {
    let store = furnished(ground).await;
    for (batch, number) in [(1, 97), (2, 98), (3, 99), (4, 100)] {
        let row = CostKey {
            day: day(number),
            ..key(shop("shop"))
        };
        book(&store, run(1), batch, &[(row, costs(1))]).await;
    }
    let forgotten = store.forget_costs_before(day(99), moment(2)).await;
    assert_eq!(forgotten.unwrap(), 2);
    let left = told(&store, CostsBy::Day).await;
    let left: Vec<_> = left.into_iter().map(|line| line.part).collect();
    assert_eq!(left, [CostPart::Day(day(99)), CostPart::Day(day(100))]);
    // What a run has booked is known for longer than any host repeats a batch, and not for ever.
    let runs = "SELECT COUNT(*) FROM plugin_cost_runs";
    assert_eq!(ground.log_stranger().await.numbers(runs).await, [1]);
    let later = day(31).begins();
    store.forget_costs_before(day(0), later).await.unwrap();
    assert_eq!(ground.log_stranger().await.numbers(runs).await, [0]);
}

pub(crate) async fn costs_outlive_what_they_were_spent_on(ground: &Place) {
    let store = furnished(ground).await;
    crate::plugins::furnish_with_a_plugin(&store).await;
    book(&store, run(1), 1, &[(key(shop("shop")), costs(3))]).await;
    let acme = Name::parse("acme").unwrap();
    let removed = store.remove_plugin(&center_id(), &acme, moment(9)).await;
    removed.unwrap();
    assert_eq!(told(&store, CostsBy::Role).await[0].costs.calls, 3);
}
