//! Guests that call the host without end.

use std::collections::BTreeMap;
use std::sync::Arc;

use colophon_plugin_host::{Granted, Limits, LineQueue, Lines};

use super::{Gets, House, Row, neighbor, plain};
use crate::guest::{resolver_that_first, reworked};
use crate::harm::{FIND, LOG, WRITE, flooding};
use crate::services::{Values, granted_values, name};
use crate::world::{Shelf, resolve, serving_granted};

fn no_end_of_fuel() -> Limits {
    Limits {
        fuel: u64::MAX,
        ..Limits::default()
    }
}

fn with_lines(lines: Arc<Lines>) -> Granted {
    Granted {
        log: Some(lines),
        ..Granted::catalog(no_end_of_fuel())
    }
}

#[tokio::test]
async fn a_flood_ends_at_a_limit() {
    let config = r#"
      (import "colophon:host/config@1.0.0" "get" (func $get (param i32 i32 i32)))"#;
    let kv = r#"
      (import "colophon:host/kv@1.0.0" "put" (func $put (param i32 i32 i32 i32 i32)))"#;
    let (values, kept) = granted_values(Values::default(), true);
    let set = BTreeMap::from([(name("zone"), "EU".to_owned())]);
    let (queue, lines) = LineQueue::to_reader();
    let own_lines = Arc::new(Lines::of(name("acme"), queue));
    let row = |name, guest, granted, gets, says| Row {
        name,
        guest,
        granted,
        gets,
        says,
    };
    let (host_calls, of_host_calls) = (Gets::Limit("host calls"), "its limit of host calls");
    let house = House::open().await;
    for row in [
        row(
            "titles looked up",
            flooding("", FIND),
            plain(),
            host_calls,
            of_host_calls,
        ),
        row(
            "one title looked up while it is answered",
            resolver_that_first(&FIND.repeat(65)),
            plain(),
            host_calls,
            of_host_calls,
        ),
        row(
            "values put, each under a key of its own",
            flooding(
                kv,
                "(i32.store (i32.const 7000)
                   (i32.add (i32.load (i32.const 7000)) (i32.const 1)))
                 (i32.store (i32.const 7004)
                   (i32.add (i32.const 0x30303030) (i32.load (i32.const 7000))))
                 (call $put (i32.const 7004) (i32.const 4) (i32.const 7004) (i32.const 4)
                   (i32.const 8192))",
            ),
            values,
            host_calls,
            of_host_calls,
        ),
        // These do not count as host calls, so that time ends them.
        row(
            "settings read",
            flooding(
                config,
                "(call $get (i32.const 7000) (i32.const 0) (i32.const 8192))",
            ),
            Granted {
                config: Some(set),
                ..Granted::catalog(no_end_of_fuel())
            },
            Gets::TimedOut,
            "did not answer in time",
        ),
        row(
            "lines written",
            flooding(LOG, WRITE),
            with_lines(own_lines.clone()),
            Gets::TimedOut,
            "did not answer in time",
        ),
        row(
            "lines of a megabyte and a half written",
            flooding(
                LOG,
                "(drop (memory.grow (i32.const 32)))
                 (call $write (i32.const 2) (i32.const 65536) (i32.const 1500000) (i32.const 0)
                   (i32.const 0))",
            ),
            with_lines(own_lines.clone()),
            Gets::Limit("data handed to the host"),
            "its limit of data handed to the host",
        ),
    ] {
        house.stops(row).await;
    }
    // No more was kept than calls were allowed, three times over the same keys.
    assert!(kept.kept.lock().expect("values").len() <= 64);
    assert!(own_lines.dropped() > 0);
    assert!(lines.try_iter().count() < 1000);
}

#[tokio::test]
async fn a_flood_of_lines_takes_no_place_of_the_neighbors() {
    let (queue, lines) = LineQueue::to_reader();
    let own = Arc::new(Lines::of(name("flood"), queue.clone()));
    let others = Arc::new(Lines::of(name("other"), queue));
    let flood = serving_granted(
        &flooding(LOG, WRITE),
        with_lines(own.clone()),
        Shelf::empty(),
    )
    .await;
    assert!(resolve(&flood, "north", "1").await.is_err());
    assert!(own.dropped() > 0);
    let once = format!("(func $resolve (param i32) (result i32) {WRITE} (call $not_mine))");
    let once = reworked(&[(";; IMPORTS", LOG), (";; BODY", &once)]);
    let other = serving_granted(&once, with_lines(others.clone()), Shelf::empty()).await;
    assert!(resolve(&other, "south", "1").await.is_ok());
    assert_eq!(others.dropped(), 0);
    let of_other = |line: &colophon_plugin_host::Line| line.plugin.as_str() == "other";
    assert_eq!(lines.try_iter().filter(of_other).count(), 1);
}

#[tokio::test]
async fn a_host_with_floods_in_all_its_places_serves_when_they_are_over() {
    let house = House::open().await;
    let flood = flooding("", FIND);
    let flood = house.sandbox.load(&flood, plain()).await.expect("it loads");
    let plugins = Arc::new(house.plugins(Shelf::empty()));
    plugins.publish(&crate::world::center("north"), [flood]);
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let plugins = Arc::clone(&plugins);
        running.spawn(async move { resolve(&plugins, "north", "1").await });
    }
    for answer in running.join_all().await {
        assert!(answer.is_err());
    }
    house
        .serves_the_neighbor("a hundred at once", &plugins)
        .await;
    let north = house.sandbox.load(&neighbor(), plain()).await;
    plugins.publish(&crate::world::center("north"), [north.expect("it loads")]);
    assert!(resolve(&plugins, "north", "1").await.is_ok());
}
