//! Instances that serve more than one request: who meets them, how long they live, and that a request
//! has in one what it would have in a fresh one.

mod bounds;
mod limits;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use colophon_core::plugin::{CallContext, PluginCalls, PluginFailure, Plugins, ResolverAnswer};
use colophon_core::ports::Catalog;
use colophon_core::rollout::PurchaseMark;
use colophon_plugin_host::{
    Chain, Chance, Granted, Limits, Registry, Sandbox, Settings, WarmTerms,
};
use colophon_receipt::RetailerId;

use crate::guest::reworked;
use crate::world::{Shelf, book, center, request};

/// A guest that counts its questions in memory and answers with the number as a path of four digits.
/// `then` is run before it answers and knows the number as `$n`. What the host passes in is forgotten
/// each time, so that it never fills the memory.
fn counting_with(imports: &str, then: &str) -> Vec<u8> {
    let body = format!(
        r#"(data (i32.const 5000) "ISBN")
           (data (i32.const 5010) "1")
           (func $digit (param $at i32) (param $number i32)
             (i32.store8 (local.get $at)
               (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10)))))
           (func $resolve (param i32) (result i32)
             (local $n i32) (local $left i32)
             (global.set $top (i32.const 65536))
             (local.set $n (i32.add (i32.load (i32.const 60000)) (i32.const 1)))
             (i32.store (i32.const 60000) (local.get $n))
             {then}
             (call $digit (i32.const 6000) (i32.div_u (local.get $n) (i32.const 1000)))
             (call $digit (i32.const 6001) (i32.div_u (local.get $n) (i32.const 100)))
             (call $digit (i32.const 6002) (i32.div_u (local.get $n) (i32.const 10)))
             (call $digit (i32.const 6003) (local.get $n))
             (call $found (i32.const 6000) (i32.const 4)))"#
    );
    reworked(&[(";; IMPORTS", imports), (";; BODY", &body)])
}

pub(crate) fn counting(then: &str) -> Vec<u8> {
    counting_with("", then)
}

/// Runs this where the guest is asked for the second time.
fn the_second_time(wrong: &str) -> String {
    format!("(if (i32.eq (local.get $n) (i32.const 2)) (then {wrong}))")
}

pub(crate) fn terms() -> WarmTerms {
    WarmTerms {
        requests: 10,
        idle: WarmTerms::IDLE_MAX,
        memory_bytes: 64 << 20,
        instances: 4,
    }
}

pub(crate) fn granted(terms: WarmTerms) -> Granted {
    granted_within(terms, Limits::default())
}

fn granted_within(terms: WarmTerms, limits: Limits) -> Granted {
    Granted {
        warm: Some(terms),
        ..Granted::catalog(limits)
    }
}

/// Chance that always lets an instance live as long as it may.
pub(crate) fn longest() -> Chance {
    // From five to ten are six numbers.
    Chance::of(|| 5)
}

pub(crate) fn started(chance: Option<Chance>) -> Arc<Sandbox> {
    let settings = Settings {
        chance,
        ..Settings::default()
    };
    Sandbox::start(&settings).expect("a sandbox")
}

async fn serving_by(
    chance: Option<Chance>,
    wasm: &[u8],
    granted: Granted,
    catalog: impl Catalog + 'static,
) -> Registry {
    let sandbox = started(chance);
    let loaded = sandbox.load(wasm, granted).await.expect("it loads");
    Registry::new(sandbox, Arc::new(catalog), Chain::from([loaded]))
}

async fn serving(wasm: &[u8], granted: Granted) -> Registry {
    serving_by(Some(longest()), wasm, granted, Shelf::empty()).await
}

fn by(at: &str, retailer: &str) -> CallContext {
    CallContext {
        retailer: RetailerId::try_from(retailer).expect("a retailer"),
        ..request(at)
    }
}

/// The number that the guest has come to.
async fn asked(calls: &mut dyn PluginCalls) -> Result<u32, PluginFailure> {
    match calls.resolve(&book("1")).await? {
        ResolverAnswer::Found(place) => Ok(place.path.parse().expect("a number")),
        ResolverAnswer::NotMine => panic!("not found"),
    }
}

/// The same in a request of its own.
async fn count(plugins: &Registry, context: CallContext) -> Result<u32, PluginFailure> {
    asked(plugins.begin(context).as_mut()).await
}

async fn counts(plugins: &Registry, times: usize) -> Vec<Result<u32, PluginFailure>> {
    let mut found = Vec::new();
    for _ in 0..times {
        found.push(count(plugins, request("north")).await);
    }
    found
}

#[tokio::test]
async fn every_request_has_a_fresh_instance_unless_it_is_granted_otherwise() {
    let guest = counting("");
    let plugins = serving(&guest, Granted::catalog(Limits::default())).await;
    assert_eq!(counts(&plugins, 20).await, vec![Ok(1); 20]);
    assert_eq!(plugins.sandbox().instances_at_rest(), 0);
    // A host without chance would let guests know how long they live.
    let plugins = serving_by(None, &guest, granted(terms()), Shelf::empty()).await;
    assert_eq!(counts(&plugins, 20).await, vec![Ok(1); 20]);
}

#[tokio::test]
async fn an_instance_serves_no_more_requests_than_are_granted_and_then_a_fresh_one_does() {
    let plugins = serving(&counting(""), granted(terms())).await;
    let found = counts(&plugins, 25).await;
    let expected: Vec<_> = (1..=10).chain(1..=10).chain(1..=5).map(Ok).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn how_long_an_instance_lives_is_left_to_chance() {
    let drawn = AtomicU64::new(0);
    let chance = Chance::of(move || drawn.fetch_add(1, Relaxed));
    let plugins = serving_by(
        Some(chance),
        &counting(""),
        granted(terms()),
        Shelf::empty(),
    )
    .await;
    let found = counts(&plugins, 5 + 6 + 7 + 8 + 9 + 10 + 5).await;
    let lives = [5, 6, 7, 8, 9, 10, 5];
    let expected: Vec<_> = lives.iter().flat_map(|life| (1..=*life).map(Ok)).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn grants_beyond_all_bounds_are_held_to_them() {
    let endless = WarmTerms {
        requests: u32::MAX,
        instances: usize::MAX,
        ..terms()
    };
    let chance = Chance::of(|| 500);
    let plugins = serving_by(
        Some(chance),
        &counting(""),
        granted(endless),
        Shelf::empty(),
    )
    .await;
    let found = counts(&plugins, 1200).await;
    let most = WarmTerms::REQUESTS_MAX;
    let expected: Vec<_> = (1..=most).chain(1..=200).map(Ok).collect();
    assert_eq!(found, expected);
    let mut open = Vec::new();
    for _ in 0..40 {
        let mut calls = plugins.begin(request("north"));
        asked(calls.as_mut()).await.expect("an answer");
        open.push(calls);
    }
    drop(open);
    let resting = plugins.sandbox().instances_at_rest();
    assert_eq!(resting, WarmTerms::INSTANCES_MAX);
}

#[tokio::test]
async fn nobody_meets_an_instance_of_another_center_or_retailer() {
    let plugins = serving(&counting(""), granted(terms())).await;
    for turn in 1..=5 {
        for (at, retailer) in [("north", "shop"), ("north", "other"), ("south", "shop")] {
            let found = count(&plugins, by(at, retailer)).await;
            assert_eq!(found, Ok(turn), "{at} {retailer}");
        }
    }
}

#[tokio::test]
async fn before_a_receipt_is_opened_nobody_is_who_it_says() {
    let plugins = serving(&counting(""), granted(terms())).await;
    assert_eq!(counts(&plugins, 3).await, [Ok(1), Ok(2), Ok(3)]);
    let shop = request("north").retailer;
    for purchase in [None, Some(PurchaseMark::claimed(&shop))] {
        let claimed = CallContext {
            purchase,
            ..request("north")
        };
        for _ in 0..3 {
            assert_eq!(count(&plugins, claimed.clone()).await, Ok(1));
        }
    }
    assert_eq!(counts(&plugins, 1).await, [Ok(4)]);
}

#[tokio::test]
async fn another_generation_of_the_same_plug_in_begins_anew() {
    let sandbox = started(Some(longest()));
    let guest = counting("");
    let load = async || {
        let loaded = sandbox.load(&guest, granted(terms())).await;
        loaded.expect("it loads")
    };
    let first = load().await;
    let plugins = Registry::new(Arc::clone(&sandbox), Arc::new(Shelf::empty()), [first]);
    assert_eq!(counts(&plugins, 3).await, [Ok(1), Ok(2), Ok(3)]);
    plugins.publish(&center("north"), [load().await]);
    assert_eq!(counts(&plugins, 2).await, [Ok(1), Ok(2)]);
    assert_eq!(sandbox.instances_at_rest(), 2);
    // A generation that is gone leaves nothing at rest.
    plugins.publish(&center("north"), [load().await]);
    assert_eq!(sandbox.instances_at_rest(), 1);
    drop(plugins);
    assert_eq!(sandbox.instances_at_rest(), 0);
}

#[tokio::test]
async fn roles_and_questions_of_one_request_share_an_instance_as_ever() {
    let plugins = serving(&counting(""), granted(terms())).await;
    for turn in [1, 3, 5] {
        let mut calls = plugins.begin(request("north"));
        assert_eq!(asked(calls.as_mut()).await, Ok(turn));
        assert_eq!(asked(calls.as_mut()).await, Ok(turn + 1));
    }
}

#[tokio::test]
async fn a_failure_ends_the_instance() {
    let failures = [
        ("unreachable", "trap"),
        // err(internal("")): the plug-in's own word.
        (
            "(i32.store8 (i32.const 4096) (i32.const 1))
             (i32.store8 (i32.const 4104) (i32.const 4))
             (return (i32.const 4096))",
            "reported",
        ),
        // A path longer than any, which the host refuses.
        (
            "(return (call $found (i32.const 5000) (i32.const 60000)))",
            "unusable",
        ),
        ("(loop $again (br $again))", "out of fuel"),
    ];
    for (wrong, called) in failures {
        let guest = counting(&the_second_time(wrong));
        let plugins = serving(&guest, granted(terms())).await;
        for _ in 0..3 {
            assert_eq!(count(&plugins, request("north")).await, Ok(1), "{called}");
            let failed = count(&plugins, request("north")).await;
            assert!(failed.is_err(), "{called}: {failed:?}");
            assert_eq!(plugins.sandbox().instances_at_rest(), 0, "{called}");
        }
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_takes_its_instance_along() {
    let find = the_second_time(
        "(call $find (i32.const 5000) (i32.const 4) (i32.const 5010) (i32.const 1) (i32.const 8192))",
    );
    let plugins = serving_by(
        Some(longest()),
        &counting(&find),
        granted(terms()),
        Shelf::Hanging,
    )
    .await;
    assert_eq!(count(&plugins, request("north")).await, Ok(1));
    let hangs = count(&plugins, request("north"));
    let given_up = tokio::time::timeout(Duration::from_millis(5), hangs).await;
    assert!(given_up.is_err());
    assert_eq!(plugins.sandbox().instances_at_rest(), 0);
    assert_eq!(count(&plugins, request("north")).await, Ok(1));
}
