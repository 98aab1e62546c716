//! What a request has in an instance that served others before: as much as in a fresh one.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use colophon_core::catalog::{Book, Location, TitleFacts};
use colophon_core::plugin::{CallContext, PluginFailure, Plugins};
use colophon_core::ports::{Catalog, Service, Unavailable};
use colophon_plugin_host::{
    Asked, FollowedCall, Follower, Granted, Limits, LineQueue, Lines, Registry, WarmTerms,
};
use colophon_receipt::CenterId;
use colophon_title::{ContentKey, VersionId};

use super::{
    asked, count, counting, counting_with, counts, granted, granted_within, longest, serving,
    serving_by, started, terms, the_second_time,
};
use crate::services::name;
use crate::world::{Shelf, request};

/// Turns so many times around a loop of five instructions.
fn busy(times: u32) -> String {
    format!(
        "(local.set $left (i32.const {times}))
         (loop $again
           (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))"
    )
}

const FIND_NOTHING: &str =
    "(call $find (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8192))";

/// Fuel of each call.
#[derive(Default)]
struct Fuel(Mutex<Vec<u64>>);

impl Follower for Fuel {
    fn followed(&self, call: &FollowedCall<'_>) {
        self.0.lock().expect("nobody panics").push(call.fuel);
    }
}

#[tokio::test]
async fn fuel_of_one_call_is_not_spent_by_the_next() {
    let limits = Limits {
        fuel: 1_000_000,
        ..Limits::default()
    };
    // More than half of what a call has.
    let guest = counting(&busy(120_000));
    let sandbox = started(Some(longest()));
    let loaded = sandbox.load(&guest, granted_within(terms(), limits)).await;
    let fuel = Arc::new(Fuel::default());
    let followed = Asked::followed_by(loaded.expect("it loads"), fuel.clone());
    let plugins = Registry::new(sandbox, Arc::new(Shelf::empty()), [followed]);
    let expected: Vec<_> = (1..=10).map(Ok).collect();
    assert_eq!(counts(&plugins, 10).await, expected);
    let told = fuel.0.lock().expect("nobody panics");
    assert!(told.iter().all(|fuel| (500_000..1_000_000).contains(fuel)));
    // The start is paid once, and every call afterwards costs the same.
    assert!(told[1..].iter().all(|fuel| *fuel == told[1]), "{told:?}");
    assert!(told[0] >= told[1], "{told:?}");
}

#[tokio::test]
async fn time_of_one_call_is_not_spent_by_the_next() {
    let limits = Limits {
        fuel: u64::MAX,
        deadline: Duration::from_millis(600),
        ..Limits::default()
    };
    let terms = WarmTerms {
        requests: 1000,
        ..terms()
    };
    let plugins = serving(&counting(&busy(5_000_000)), granted_within(terms, limits)).await;
    let begun = Instant::now();
    let mut turns = 0;
    // Together they take longer than one may.
    while begun.elapsed() < 2 * limits.deadline {
        turns += 1;
        assert_eq!(count(&plugins, request("north")).await, Ok(turns));
    }
}

#[tokio::test]
async fn an_endless_loop_in_a_used_instance_is_stopped_in_its_time() {
    let limits = Limits {
        fuel: u64::MAX,
        ..Limits::default()
    };
    let guest = counting(&the_second_time("(loop $again (br $again))"));
    let plugins = serving(&guest, granted_within(terms(), limits)).await;
    let mut shortest = Duration::MAX;
    for _ in 0..3 {
        assert_eq!(count(&plugins, request("north")).await, Ok(1));
        let begun = Instant::now();
        let stopped = count(&plugins, request("north")).await;
        shortest = shortest.min(begun.elapsed());
        assert_eq!(stopped, Err(PluginFailure::TimedOut));
    }
    assert!(shortest < 2 * limits.deadline, "stopped after {shortest:?}");
}

#[tokio::test]
async fn host_calls_and_their_transcript_are_those_of_the_request() {
    let limits = Limits {
        host_calls: 2,
        ..Limits::default()
    };
    let twice = format!("{FIND_NOTHING} {FIND_NOTHING}");
    let plugins = serving(&counting(&twice), granted_within(terms(), limits)).await;
    for turn in 1..=10 {
        let mut calls = plugins.begin(request("north"));
        assert_eq!(asked(calls.as_mut()).await, Ok(turn));
        assert_eq!(calls.host_calls().len(), 2);
    }
    // One too many in a request is one too many in a used instance too.
    let third = format!("{twice} {}", the_second_time(FIND_NOTHING));
    let plugins = serving(&counting(&third), granted_within(terms(), limits)).await;
    let limit = "host calls";
    let reached = Err(PluginFailure::LimitReached { limit });
    assert_eq!(counts(&plugins, 3).await, [Ok(1), reached, Ok(1)]);
}

#[tokio::test]
async fn memory_is_limited_for_all_requests_together() {
    let limits = Limits {
        memory_bytes: 4 << 20,
        ..Limits::default()
    };
    // 1 MiB with each request, beside the two pages that it begins with.
    let growing = counting("(drop (memory.grow (i32.const 16)))");
    let kept = WarmTerms {
        memory_bytes: 4 << 20,
        ..terms()
    };
    let plugins = serving(&growing, granted_within(kept, limits)).await;
    let limit = "memory";
    let reached = Err(PluginFailure::LimitReached { limit });
    assert_eq!(
        counts(&plugins, 5).await,
        [Ok(1), Ok(2), Ok(3), reached, Ok(1)]
    );
    // Let go in time it never fails.
    let half = WarmTerms {
        memory_bytes: 2 << 20,
        ..terms()
    };
    let plugins = serving(&growing, granted_within(half, limits)).await;
    assert_eq!(
        counts(&plugins, 5).await,
        [Ok(1), Ok(2), Ok(1), Ok(2), Ok(1)]
    );
}

#[tokio::test]
async fn what_is_handed_over_is_limited_in_a_used_instance() {
    let giant = the_second_time(
        "(drop (memory.grow (i32.const 320)))
         (call $find (i32.const 65536) (i32.const 4) (i32.const 65536) (i32.const 20000000)
           (i32.const 8192))",
    );
    let plugins = serving(&counting(&giant), granted(terms())).await;
    let limit = "data handed to the host";
    let reached = Err(PluginFailure::LimitReached { limit });
    assert_eq!(counts(&plugins, 3).await, [Ok(1), reached, Ok(1)]);
}

/// A catalog that fails once and then has nothing.
struct Recovering(AtomicBool);

#[async_trait]
impl Catalog for Recovering {
    async fn find(&self, _: &CenterId, _: &Book) -> Result<Option<Location>, Unavailable> {
        if self.0.swap(true, Relaxed) {
            return Ok(None);
        }
        Err(Unavailable::new(Service::FulfillmentDatabase, "away"))
    }

    async fn facts(
        &self,
        _: &CenterId,
        _: &Location,
    ) -> Result<Option<Arc<TitleFacts>>, Unavailable> {
        Ok(None)
    }

    async fn content_key(
        &self,
        _: &CenterId,
        _: &VersionId,
    ) -> Result<Option<Arc<ContentKey>>, Unavailable> {
        Ok(None)
    }
}

#[tokio::test]
async fn nobody_is_blamed_for_what_failed_in_a_request_before() {
    // It makes do without the catalog at first, and then says that something is unavailable.
    let guest = counting(&format!(
        "(call $find (i32.const 5000) (i32.const 4) (i32.const 5010) (i32.const 1) (i32.const 8192))
         {}",
        the_second_time(
            "(i32.store8 (i32.const 4096) (i32.const 1))
             (i32.store8 (i32.const 4104) (i32.const 3))
             (i32.store (i32.const 4112) (i32.const 0))
             (return (i32.const 4096))"
        )
    ));
    let catalog = Recovering(AtomicBool::new(false));
    let plugins = serving_by(Some(longest()), &guest, granted(terms()), catalog).await;
    let message = "unavailable: ".to_owned();
    let its_own = Err(PluginFailure::Reported { message });
    assert_eq!(counts(&plugins, 2).await, [Ok(1), its_own]);
}

#[tokio::test]
async fn lines_are_written_for_the_request_and_at_the_rate_of_the_plug_in() {
    let (queue, lines) = LineQueue::to_reader();
    let own = Arc::new(Lines::of(name("acme"), queue));
    let granted = Granted {
        log: Some(own.clone()),
        ..granted(terms())
    };
    let import = r#"(import "colophon:host/log@1.0.0" "write"
        (func $write (param i32 i32 i32 i32 i32)))"#;
    let write =
        "(call $write (i32.const 1) (i32.const 5000) (i32.const 4) (i32.const 0) (i32.const 0))";
    let plugins = serving(&counting_with(import, write), granted.clone()).await;
    for turn in 1..=3 {
        let context = CallContext {
            request_id: format!("request-{turn}"),
            ..request("north")
        };
        let id = context.request_id.clone();
        assert_eq!(count(&plugins, context).await, Ok(turn));
        assert_eq!(lines.try_recv().expect("a line").request_id, Some(id));
    }
    // 200 at once, however many instances and requests they come from.
    let flood = format!(
        "(local.set $left (i32.const 150))
         (loop $again {write}
           (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))"
    );
    let plugins = serving(&counting_with(import, &flood), granted).await;
    let expected: Vec<_> = (1..=10).map(Ok).collect();
    assert_eq!(counts(&plugins, 10).await, expected);
    let arrived = lines.try_iter().count() as u64;
    assert_eq!(own.dropped() + arrived, 1500);
    assert!(own.dropped() > 1000, "{} dropped", own.dropped());
}
