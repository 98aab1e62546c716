//! Guests that load well and then do harm when they are called: each is stopped, in time, with the
//! right name for what it did, and the next request is served.

use std::time::{Duration, Instant};

use colophon_core::plugin::{Blame, PluginFailure, Plugins, ResolverAnswer};
use colophon_plugin_host::{CATALOG_PLUGIN, Limits};

use crate::guest::{resolver, resolver_that_first, reworked};
use crate::world::{Shelf, book, request, resolve, serving};

const FOREVER: &str = "(loop $again (br $again))";

/// The guest is stopped with this failure, every time, by its own fault.
async fn check(guest: &[u8], limits: Limits, expected: &PluginFailure) {
    let plugins = serving(guest, limits, Shelf::empty()).await;
    for _ in 0..3 {
        let failure = resolve(&plugins, "north", "1").await.expect_err("stopped");
        assert_eq!(&failure, expected);
        assert_eq!(failure.blame(), Blame::Plugin);
    }
}

async fn check_limit(guest: &[u8], limit: &'static str) {
    check(
        guest,
        Limits::default(),
        &PluginFailure::LimitReached { limit },
    )
    .await;
}

fn unlimited_fuel() -> Limits {
    Limits {
        fuel: u64::MAX,
        ..Limits::default()
    }
}

#[tokio::test]
async fn endless_loop_runs_out_of_fuel() {
    let limits = Limits {
        fuel: 1_000_000,
        ..Limits::default()
    };
    check(
        &resolver_that_first(FOREVER),
        limits,
        &PluginFailure::OutOfFuel,
    )
    .await;
}

#[tokio::test]
async fn endless_loop_is_stopped_within_twice_its_deadline() {
    let guest = resolver_that_first(FOREVER);
    let plugins = serving(&guest, unlimited_fuel(), Shelf::empty()).await;
    let mut shortest = Duration::MAX;
    // The best of three: the machine may be busy, a guest that is not stopped never ends.
    for _ in 0..3 {
        let begun = Instant::now();
        let failure = resolve(&plugins, "north", "1").await.expect_err("stopped");
        shortest = shortest.min(begun.elapsed());
        assert_eq!(failure, PluginFailure::TimedOut);
    }
    assert!(
        shortest < 2 * Limits::default().deadline,
        "stopped after {shortest:?}"
    );
}

#[tokio::test]
async fn endless_loop_leaves_the_thread_to_others() {
    // One thread: the neighbor is only served because the loop is interrupted.
    let bad = serving(
        &resolver_that_first(FOREVER),
        unlimited_fuel(),
        Shelf::empty(),
    )
    .await;
    let good = serving(CATALOG_PLUGIN, Limits::default(), Shelf::empty()).await;
    let (looped, answered) = tokio::join!(resolve(&bad, "north", "1"), async {
        let answer = resolve(&good, "south", "1").await;
        (answer, Instant::now())
    });
    let ended = Instant::now();
    assert_eq!(looped, Err(PluginFailure::TimedOut));
    assert_eq!(answered.0, Ok(ResolverAnswer::NotMine));
    assert!(answered.1 < ended);
}

#[tokio::test]
async fn endless_loop_where_the_host_asks_for_room() {
    let looping = format!("(local $start i32) {FOREVER}");
    let guest = reworked(&[("(local $start i32)", &looping)]);
    let limits = Limits {
        fuel: 1_000_000,
        ..Limits::default()
    };
    check(&guest, limits, &PluginFailure::OutOfFuel).await;
}

#[tokio::test]
async fn memory_bomb() {
    let bomb = "(loop $again (drop (memory.grow (i32.const 16))) (br $again))";
    check_limit(&resolver_that_first(bomb), "memory").await;
}

#[tokio::test]
async fn memory_asked_for_at_once() {
    check_limit(
        &resolver_that_first("(drop (memory.grow (i32.const 60000)))"),
        "memory",
    )
    .await;
}

#[tokio::test]
async fn table_growth() {
    let bomb = "(loop $again
        (drop (table.grow $table (ref.null func) (i32.const 1000))) (br $again))";
    check_limit(&resolver_that_first(bomb), "table elements").await;
}

#[tokio::test]
async fn deep_recursion() {
    let guest = resolver(
        "(func $deeper (param i32) (result i32)
           (i32.add (call $deeper (local.get 0)) (i32.const 1)))
         (func $resolve (param i32) (result i32) (call $deeper (i32.const 0)))",
    );
    check_limit(&guest, "stack").await;
}

#[tokio::test]
async fn giant_text_as_answer() {
    let guest = resolver(
        "(func $resolve (param i32) (result i32)
           (drop (memory.grow (i32.const 320)))
           (call $found (i32.const 65536) (i32.const 20000000)))",
    );
    check_limit(&guest, "data handed to the host").await;
}

#[tokio::test]
async fn list_of_a_billion_as_answer() {
    let guest = resolver(
        "(func $resolve (param i32) (result i32)
           (i32.store (i32.const 4160) (i32.const 65536))
           (i32.store (i32.const 4164) (i32.const 1000000000))
           (call $found (i32.const 3000) (i32.const 4)))",
    );
    let plugins = serving(&guest, Limits::default(), Shelf::empty()).await;
    let failure = resolve(&plugins, "north", "1").await.expect_err("stopped");
    // The list ends outside the memory, which is seen first.
    assert!(
        matches!(failure, PluginFailure::Trapped { .. }),
        "{failure:?}"
    );
}

#[tokio::test]
async fn many_small_things_as_answer() {
    // 4 million pairs of empty texts: little in the guest, much in the host.
    let guest = resolver(
        "(func $resolve (param i32) (result i32)
           (drop (memory.grow (i32.const 980)))
           (i32.store (i32.const 4160) (i32.const 65536))
           (i32.store (i32.const 4164) (i32.const 4000000))
           (call $found (i32.const 3000) (i32.const 4)))",
    );
    check_limit(&guest, "data handed to the host").await;
}

#[tokio::test]
async fn giant_text_to_the_host() {
    let guest = resolver_that_first(
        "(drop (memory.grow (i32.const 320)))
         (call $find (i32.const 65536) (i32.const 4) (i32.const 65536) (i32.const 20000000)
           (i32.const 8192))",
    );
    check_limit(&guest, "data handed to the host").await;
}

#[tokio::test]
async fn host_call_flood() {
    let flood = "(loop $again
        (call $find (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8192))
        (br $again))";
    check_limit(&resolver_that_first(flood), "host calls").await;
}

#[tokio::test]
async fn trap_names_the_function_it_happened_in() {
    let guest = resolver(
        "(func $divide_the_price (param i32) (result i32)
           (i32.div_u (i32.const 1) (local.get 0)))
         (func $resolve (param i32) (result i32) (call $divide_the_price (i32.const 0)))",
    );
    let plugins = serving(&guest, Limits::default(), Shelf::empty()).await;
    let failure = resolve(&plugins, "north", "1").await.expect_err("stopped");
    assert_eq!(failure.blame(), Blame::Plugin);
    let PluginFailure::Trapped { function, message } = failure else {
        panic!("{failure:?}")
    };
    assert_eq!(function, "resolve");
    assert!(message.contains("integer divide by zero"), "{message}");
    assert!(message.contains("divide_the_price"), "{message}");
}

#[tokio::test]
async fn ten_thousand_traps_leave_every_place_free() {
    let guest = resolver("(func $resolve (param i32) (result i32) unreachable)");
    let plugins = serving(&guest, Limits::default(), Shelf::empty()).await;
    for _ in 0..10_000 {
        let failure = resolve(&plugins, "north", "1").await.expect_err("stopped");
        assert!(
            matches!(failure, PluginFailure::Trapped { .. }),
            "{failure:?}"
        );
    }
}

#[tokio::test]
async fn catalog_that_hangs_is_the_hosts_fault() {
    let limits = Limits {
        deadline: Duration::from_millis(50),
        ..Limits::default()
    };
    let plugins = serving(CATALOG_PLUGIN, limits, Shelf::Hanging).await;
    let failure = resolve(&plugins, "north", "1").await.expect_err("stopped");
    assert_eq!(failure, PluginFailure::HostUnavailable);

    // With time left the guest hears of it, and says so itself.
    let limits = Limits {
        host_call_timeout: Duration::from_millis(20),
        ..Limits::default()
    };
    let plugins = serving(CATALOG_PLUGIN, limits, Shelf::Hanging).await;
    let mut calls = plugins.begin(request("north"));
    assert_eq!(
        calls.resolve(&book("1")).await,
        Err(PluginFailure::HostUnavailable)
    );
    let facts = [("title".to_owned(), "Emma".to_owned())];
    assert_eq!(calls.file_name(&facts).await.as_deref(), Ok("Emma"));
}

#[tokio::test]
async fn panic_in_the_host_ends_the_call_and_nothing_else() {
    let plugins = serving(CATALOG_PLUGIN, Limits::default(), Shelf::Panicking).await;
    for _ in 0..20 {
        let failure = resolve(&plugins, "north", "1").await.expect_err("stopped");
        assert_eq!(failure, PluginFailure::HostUnavailable);
        assert_eq!(failure.blame(), Blame::Host);
    }
    let mut calls = plugins.begin(request("north"));
    let facts = [("title".to_owned(), "Emma".to_owned())];
    assert_eq!(calls.file_name(&facts).await.as_deref(), Ok("Emma"));
}

#[tokio::test]
async fn blaming_the_host_without_cause_is_seen() {
    // err(unavailable("")) without having called anything.
    let guest = resolver(
        "(func $resolve (param i32) (result i32)
           (i32.store8 (i32.const 4096) (i32.const 1))
           (i32.store8 (i32.const 4104) (i32.const 3))
           (i32.const 4096))",
    );
    let reported = PluginFailure::Reported {
        message: "unavailable: ".to_owned(),
    };
    check(&guest, Limits::default(), &reported).await;
}

#[tokio::test]
async fn what_a_request_leaves_in_memory_is_gone_for_the_next() {
    // Answers not-mine the first time it is called and traps the second time.
    let guest = resolver(
        "(func $resolve (param i32) (result i32)
           (if (i32.load (i32.const 60000)) (then unreachable))
           (i32.store (i32.const 60000) (i32.const 1))
           (call $not_mine))",
    );
    let plugins = serving(&guest, Limits::default(), Shelf::empty()).await;
    for _ in 0..1000 {
        assert_eq!(
            resolve(&plugins, "north", "1").await,
            Ok(ResolverAnswer::NotMine)
        );
    }
    let mut calls = plugins.begin(request("north"));
    assert_eq!(calls.resolve(&book("1")).await, Ok(ResolverAnswer::NotMine));
    let again = calls
        .resolve(&book("1"))
        .await
        .expect_err("the same instance");
    assert!(matches!(again, PluginFailure::Trapped { .. }));
    // A trap killed that instance; the request goes on with another.
    assert_eq!(calls.resolve(&book("1")).await, Ok(ResolverAnswer::NotMine));
}
