//! How many rest, and who runs beside them.

use colophon_core::plugin::Plugins;
use colophon_plugin_host::{Capacity, Chain, Registry, Sandbox, Settings, WarmTerms};
use std::sync::Arc;

use super::{asked, by, count, counting, granted, longest, serving, terms};
use crate::world::{Shelf, request};

#[tokio::test]
async fn one_that_serves_is_nobody_elses_meanwhile() {
    let plugins = serving(&counting(""), granted(terms())).await;
    assert_eq!(count(&plugins, request("north")).await, Ok(1));
    let mut first = plugins.begin(request("north"));
    assert_eq!(asked(first.as_mut()).await, Ok(2));
    assert_eq!(plugins.sandbox().instances_at_rest(), 0);
    let mut second = plugins.begin(request("north"));
    assert_eq!(asked(second.as_mut()).await, Ok(1));
    drop(first);
    drop(second);
    assert_eq!(plugins.sandbox().instances_at_rest(), 2);
}

#[tokio::test]
async fn no_more_rest_than_are_granted() {
    let one = WarmTerms {
        instances: 1,
        ..terms()
    };
    let plugins = serving(&counting(""), granted(one)).await;
    let mut open = Vec::new();
    for _ in 0..5 {
        let mut calls = plugins.begin(request("north"));
        assert_eq!(asked(calls.as_mut()).await, Ok(1));
        open.push(calls);
    }
    drop(open);
    assert_eq!(plugins.sandbox().instances_at_rest(), 1);
    // Another retailer's takes the place, and finds none of the first one's.
    assert_eq!(count(&plugins, by("north", "other")).await, Ok(1));
    assert_eq!(plugins.sandbox().instances_at_rest(), 1);
    assert_eq!(count(&plugins, request("north")).await, Ok(1));
}

#[tokio::test]
async fn many_at_once_are_each_served_in_an_instance_of_their_own() {
    let plugins = Arc::new(serving(&counting(""), granted(terms())).await);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let plugins = Arc::clone(&plugins);
        tasks.spawn(async move {
            for _ in 0..20 {
                let mut calls = plugins.begin(request("north"));
                let first = asked(calls.as_mut()).await.expect("an answer");
                tokio::task::yield_now().await;
                // Had another request been served meanwhile, a number would be missing.
                let second = asked(calls.as_mut()).await.expect("an answer");
                assert_eq!(second, first + 1);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no task panics");
    }
    assert!(plugins.sandbox().instances_at_rest() <= terms().instances);
}

#[tokio::test]
async fn one_that_has_grown_beyond_what_is_kept_goes() {
    let small = WarmTerms {
        memory_bytes: 1 << 20,
        ..terms()
    };
    let grown = counting(
        "(if (i32.eq (local.get $n) (i32.const 3)) (then (drop (memory.grow (i32.const 16)))))",
    );
    let plugins = serving(&grown, granted(small)).await;
    for turn in [1, 2, 3, 1, 2, 3, 1] {
        assert_eq!(count(&plugins, request("north")).await, Ok(turn));
    }
}

#[tokio::test]
async fn those_at_rest_hold_no_place_that_others_wait_for() {
    let settings = Settings {
        capacity: Capacity {
            instances: 1,
            instances_per_center: 1,
        },
        chance: Some(longest()),
        ..Settings::default()
    };
    let sandbox = Sandbox::start(&settings).expect("a sandbox");
    let loaded = sandbox
        .load(&counting(""), granted(terms()))
        .await
        .expect("it loads");
    let plugins = Registry::new(sandbox, Arc::new(Shelf::empty()), Chain::from([loaded]));
    for turn in 1..=3 {
        for (at, retailer) in [("north", "shop"), ("south", "shop"), ("north", "other")] {
            let found = count(&plugins, by(at, retailer)).await;
            assert_eq!(found, Ok(turn), "{at} {retailer}");
        }
    }
}
