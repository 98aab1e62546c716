//! Centers whose guests use more of the threads than their share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use colophon_core::plugin::{PluginFailure, Plugins, ResolverAnswer};
use colophon_plugin_host::{
    CATALOG_PLUGIN, Chain, Digested, Granted, Limits, LoadRefused, Registry,
};
use tokio::sync::Barrier;
use tokio::task::{JoinSet, yield_now};

use crate::guest::{resolver, reworked};
use crate::harm::{FIND, FOREVER, endless_loop};
use crate::world::{Shelf, book, center, request, sandbox};

/// Long enough for a share to be used up on a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(2);

async fn registry(shelf: Shelf) -> Arc<Registry> {
    let sandbox = sandbox();
    let built_in = Granted::catalog(Limits {
        deadline: DEADLINE,
        ..Limits::default()
    });
    let built_in = sandbox.load(CATALOG_PLUGIN, built_in).await.expect("loads");
    Arc::new(Registry::new(
        sandbox,
        Arc::new(shelf),
        Chain::from([built_in]),
    ))
}

/// Asks so many times at once, and returns the answers as they come.
fn asking(
    plugins: &Arc<Registry>,
    at: &str,
    times: usize,
) -> JoinSet<Result<ResolverAnswer, PluginFailure>> {
    let mut asking = JoinSet::new();
    for _ in 0..times {
        let (plugins, context) = (Arc::clone(plugins), request(at));
        asking.spawn(async move { plugins.begin(context).resolve(&book("1")).await });
    }
    asking
}

/// Has a center use up its share by guests that never end, and says how they failed.
async fn use_up(plugins: &Arc<Registry>, at: &str, times: usize) -> Vec<PluginFailure> {
    let limits = Limits {
        fuel: u64::MAX,
        deadline: DEADLINE,
        ..Limits::default()
    };
    let looping = plugins.sandbox();
    let looping = looping
        .load(&endless_loop(), Granted::catalog(limits))
        .await;
    plugins.publish(&center(at), [looping.expect("loads")]);
    let answers = asking(plugins, at, times).join_all().await;
    plugins.withdraw(&center(at));
    let failures = answers
        .into_iter()
        .map(|answer| answer.expect_err("no end"));
    failures.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_that_never_end_keep_their_own_center_waiting_and_nobody_else() {
    let plugins = registry(Shelf::Together(Barrier::new(1))).await;
    let neighbors = {
        let plugins = Arc::clone(&plugins);
        async move {
            let mut took = Vec::new();
            while plugins.centers_taking_turns() == 0 {
                yield_now().await;
            }
            for _ in 0..100 {
                let begun = Instant::now();
                let answer = asking(&plugins, "south", 1).join_all().await;
                assert!(matches!(answer.as_slice(), [Ok(ResolverAnswer::Found(_))]));
                took.push(begun.elapsed());
                yield_now().await;
            }
            took
        }
    };
    let neighbors = tokio::spawn(neighbors);
    let failures = use_up(&plugins, "north", 64).await;
    assert_eq!(plugins.centers_taking_turns(), 1);
    let mut took = neighbors.await.expect("neighbors are served");
    took.sort();
    // Behind 64 guests with a tick each, on two threads, it would be more than 30 ms each time.
    let median = took.get(took.len() / 2).copied();
    assert!(
        median < Some(Duration::from_millis(20)),
        "{median:?} of {}",
        took.len()
    );
    let of = |failure: &PluginFailure| failures.iter().filter(|one| *one == failure).count();
    let (ended, never_done) = (of(&PluginFailure::TimedOut), of(&PluginFailure::Saturated));
    assert_eq!(ended + never_done, 64, "{failures:?}");
    assert!(
        never_done > 0,
        "what had to wait is not to blame: {failures:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_turn_is_held_while_a_service_is_waited_for() {
    let plugins = registry(Shelf::Together(Barrier::new(4))).await;
    use_up(&plugins, "north", 16).await;
    // There is one turn on so small a host: the second asks only if the first has given it up.
    let asked = asking(&plugins, "north", 4);
    assert_eq!(plugins.centers_taking_turns(), 1);
    for answer in asked.join_all().await {
        assert!(matches!(answer, Ok(ResolverAnswer::Found(_))), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_center_that_takes_turns_is_served_all_the_same() {
    let plugins = registry(Shelf::Together(Barrier::new(1))).await;
    use_up(&plugins, "north", 16).await;
    let asked = asking(&plugins, "north", 100);
    assert_eq!(plugins.centers_taking_turns(), 1);
    let answers = asked.join_all().await;
    let found = answers
        .iter()
        .filter(|answer| matches!(answer, Ok(ResolverAnswer::Found(_))));
    assert_eq!(found.count(), 100);
}

/// A service that is never there at once, and whose guest works between two calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_between_two_host_calls_is_counted() {
    let plugins = registry(Shelf::Later).await;
    let busy = format!(
        "(func $resolve (param i32) (result i32) (local $calls i32) (local $work i32)
           (loop $again {FIND}
             (local.set $work (i32.const 400000))
             (loop $on (br_if $on (local.tee $work (i32.sub (local.get $work) (i32.const 1)))))
             (br_if $again (i32.lt_u (local.tee $calls (i32.add (local.get $calls) (i32.const 1)))
               (i32.const 60))))
           (call $not_mine))"
    );
    let limits = Limits {
        fuel: u64::MAX,
        deadline: DEADLINE,
        ..Limits::default()
    };
    let busy = plugins
        .sandbox()
        .load(&resolver(&busy), Granted::catalog(limits))
        .await;
    plugins.publish(&center("north"), [busy.expect("loads")]);
    asking(&plugins, "north", 16).join_all().await;
    assert_eq!(plugins.centers_taking_turns(), 1);
}

/// A version that keeps threads busy whenever it is loaded does so on account of its own center.
#[tokio::test]
async fn what_a_guest_does_while_it_is_loaded_is_counted() {
    let plugins = registry(Shelf::empty()).await;
    assert_eq!(plugins.centers_taking_turns(), 0);
    let limits = Limits {
        fuel: u64::MAX,
        deadline: Duration::from_millis(300),
        ..Limits::default()
    };
    let starting = format!("(func $forever {FOREVER}) (start $forever) ;; BODY");
    let endless = reworked(&[(";; BODY", &starting)]);
    let (north, endless) = (center("north"), Digested::of(endless));
    let granted = Granted::catalog(limits);
    let loaded = plugins.sandbox().load_for(&north, &endless, granted).await;
    let refused = loaded.err().expect("it never ends");
    assert!(
        matches!(refused, LoadRefused::Failed(PluginFailure::TimedOut)),
        "{refused}"
    );
    assert_eq!(plugins.centers_taking_turns(), 1);
}
