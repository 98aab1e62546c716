//! Guests that never end.

use std::time::{Duration, Instant};

use colophon_core::plugin::{PluginFailure, ResolverAnswer};
use colophon_plugin_host::{CATALOG_PLUGIN, Limits, Registry};

use super::{Because, Gets, House, Refused, Row, plain, with_fuel};
use crate::guest::{resolver, resolver_that_first, reworked};
use crate::harm::{FOREVER, endless_loop};
use crate::world::{Shelf, resolve, serving};

const LITTLE: u64 = 1_000_000;

#[tokio::test]
async fn loops_without_end_run_out_of_fuel_or_time() {
    let filling = "(drop (memory.grow (i32.const 960)))
        (loop $again
          (memory.fill (i32.const 65536) (i32.const 1) (i32.const 62914560)) (br $again))";
    let where_the_host_asks_for_room = format!("(local $start i32) {FOREVER}");
    let after_its_answer = format!(
        "(func (export \"cabi_post_colophon:resolver/resolver@1.0.0#resolve\") (param i32) {FOREVER})
         ;; BODY"
    );
    let tail_calls = resolver(
        "(func $again (param i32) (result i32) (return_call $resolve (local.get 0)))
         (func $resolve (param i32) (result i32) (return_call $again (local.get 0)))",
    );
    let row = |name, guest, fuel, gets, says| Row {
        name,
        guest,
        granted: with_fuel(fuel),
        gets,
        says,
    };
    let (used_up, too_late) = ("used up its fuel", "did not answer in time");
    let house = House::open().await;
    for row in [
        row("a loop", endless_loop(), LITTLE, Gets::OutOfFuel, used_up),
        row(
            "a loop with all the fuel there is",
            endless_loop(),
            u64::MAX,
            Gets::TimedOut,
            too_late,
        ),
        row(
            "tail calls, which take no stack",
            tail_calls,
            LITTLE,
            Gets::OutOfFuel,
            used_up,
        ),
        row(
            "one instruction with much to do, over and over",
            resolver_that_first(filling),
            u64::MAX,
            Gets::TimedOut,
            too_late,
        ),
        row(
            "where the host asks for room",
            reworked(&[("(local $start i32)", &where_the_host_asks_for_room)]),
            LITTLE,
            Gets::OutOfFuel,
            used_up,
        ),
        row(
            "after its answer was read",
            reworked(&[(";; BODY", &after_its_answer)]),
            LITTLE,
            Gets::OutOfFuel,
            used_up,
        ),
    ] {
        house.stops(row).await;
    }
}

#[tokio::test]
async fn loops_before_the_first_call_keep_a_plug_in_from_being_loaded() {
    let starting = format!("(func $forever {FOREVER}) (start $forever) ;; BODY");
    let describing = format!("(result i32) {FOREVER} (i32.const 1024))");
    let testing = format!("(result i32) {FOREVER} (i32.const 2048))");
    let row = |name, guest, fuel, gets, says| Refused {
        name,
        guest,
        granted: with_fuel(fuel),
        because: Because::Failed(gets),
        says,
    };
    let started = reworked(&[(";; BODY", &starting)]);
    let (used_up, too_late) = ("used up its fuel", "did not answer in time");
    let house = House::open().await;
    for row in [
        row(
            "at its start",
            started.clone(),
            LITTLE,
            Gets::OutOfFuel,
            used_up,
        ),
        row(
            "at its start, with all the fuel there is",
            started,
            u64::MAX,
            Gets::TimedOut,
            too_late,
        ),
        row(
            "while it describes itself",
            reworked(&[("(result i32) (i32.const 1024))", &describing)]),
            LITTLE,
            Gets::OutOfFuel,
            used_up,
        ),
        row(
            "while it tests itself",
            reworked(&[("(result i32) (i32.const 2048))", &testing)]),
            LITTLE,
            Gets::OutOfFuel,
            used_up,
        ),
        row(
            "while it tests itself, with all the fuel there is",
            reworked(&[("(result i32) (i32.const 2048))", &testing)]),
            u64::MAX,
            Gets::TimedOut,
            too_late,
        ),
    ] {
        house.refuses(row).await;
    }
}

#[tokio::test]
async fn endless_loop_is_stopped_within_twice_its_deadline() {
    let guest = endless_loop();
    let limits = with_fuel(u64::MAX).limits;
    let plugins = serving(&guest, limits, Shelf::empty()).await;
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
    let limits = with_fuel(u64::MAX).limits;
    let bad = serving(&endless_loop(), limits, Shelf::empty()).await;
    let good = serving(CATALOG_PLUGIN, plain().limits, Shelf::empty()).await;
    let (looped, answered) = tokio::join!(ended(&bad, "north"), ended(&good, "south"));
    assert_eq!(looped.0, Err(PluginFailure::TimedOut));
    assert_eq!(answered.0, Ok(ResolverAnswer::NotMine));
    assert!(answered.1 < looped.1);
}

/// What came of a request, and when.
async fn ended(plugins: &Registry, at: &str) -> (Result<ResolverAnswer, PluginFailure>, Instant) {
    let answer = resolve(plugins, at, "1").await;
    (answer, Instant::now())
}
