//! Guests that ask the host while they start.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use colophon_core::plugin::Plugins;
use colophon_plugin_host::manifest::Manifest;
use colophon_plugin_host::{
    Asked, CATALOG_PLUGIN, Chain, Divergence, FollowedCall, Follower, Granted, Limits,
    NotReplayable, Record, Registry, Sandbox,
};

use super::{Kept, MANIFEST, again, one, with_calls};
use crate::guest::reworked;
use crate::host_calls::KV;
use crate::services::{Values, granted_values};
use crate::warm::{longest, started, terms};
use crate::world::{Shelf, book, request, sandbox};

#[tokio::test]
async fn what_a_start_asks_of_the_host_is_part_of_the_first_question() {
    let sandbox = sandbox();
    // The answer of the start decides what is found.
    let body = "(func (export \"_initialize\")
           (call $get (i32.const 5000) (i32.const 4) (i32.const 8192)))
         (data (i32.const 5000) \"zone\")
         (func $resolve (param i32) (result i32)
           (call $found (i32.load (i32.const 8200)) (i32.load (i32.const 8204))))";
    let guest = reworked(&[(";; IMPORTS", KV), (";; BODY", body)]);
    let values = Values::default();
    let place = ("north".to_owned(), "zone".to_owned());
    let kept = b"shelf/7".to_vec();
    values.kept.lock().expect("values").insert(place, kept);
    let (granted, _) = granted_values(values, true);
    let record = one(&sandbox, &guest, granted, Shelf::empty()).await;
    assert_eq!(record.outcome().to_string(), "found main:shelf/7");
    assert_eq!(record.host_calls(), 1);
    let (divergence, fuel) = again(&sandbox, &guest, &record).await;
    assert_eq!((divergence, fuel), (None, record.fuel()));
    // Another answer then is another outcome now, so that it is the record's that counts.
    let shelf_7 = "c2hlbGYvNw==";
    let other = with_calls(&record, |made| made.replace(shelf_7, "c2hlbGYvOA=="));
    let (divergence, _) = again(&sandbox, &guest, &other).await;
    let Some(Divergence::OtherOutcome { replayed, .. }) = divergence else {
        panic!("{divergence:?}")
    };
    assert!(replayed.contains("shelf/8"), "{replayed}");
}

#[tokio::test]
async fn a_start_that_fails_after_a_call_fails_again() {
    let sandbox = sandbox();
    // Without a value it traps; with one, as while it is loaded, it does not matter what it does.
    let body = "(func (export \"_initialize\")
           (call $get (i32.const 5000) (i32.const 4) (i32.const 8192))
           (if (i32.eqz (i32.load8_u (i32.const 8192))) (then (unreachable))))
         (data (i32.const 5000) \"zone\")
         (func $resolve (param i32) (result i32) (call $not_mine))";
    let guest = reworked(&[(";; IMPORTS", KV), (";; BODY", body)]);
    let (granted, _) = granted_values(Values::default(), true);
    let record = one(&sandbox, &guest, granted, Shelf::empty()).await;
    assert_eq!(record.outcome().kind(), "trapped");
    assert_eq!(record.host_calls(), 1);
    assert!(record.fuel() > 0);
    assert_eq!(again(&sandbox, &guest, &record).await.0, None);
}

/// What its start asks is known of each request that an instance serves.
#[tokio::test]
async fn an_instance_that_is_used_again_was_started_as_it_was() {
    let sandbox = started(Some(longest()));
    let body = "(func (export \"_initialize\")
           (call $get (i32.const 5000) (i32.const 4) (i32.const 8192)))
         (data (i32.const 5000) \"zone\")
         (func $resolve (param i32) (result i32)
           (call $put (i32.const 5000) (i32.const 4) (i32.const 5000) (i32.const 4) (i32.const 8300))
           (call $found (i32.load (i32.const 8200)) (i32.load (i32.const 8204))))";
    let guest = reworked(&[(";; IMPORTS", KV), (";; BODY", body)]);
    let values = Values::default();
    let place = ("north".to_owned(), "zone".to_owned());
    let kept = b"shelf/7".to_vec();
    values.kept.lock().expect("values").insert(place, kept);
    let (granted, _) = granted_values(values, true);
    let granted = Granted {
        warm: Some(terms()),
        ..granted
    };
    let generation = sandbox.load(&guest, granted).await.expect("loads");
    let records = Arc::new(Kept::default());
    let asked = Asked::from(generation).recorded_by(records.clone());
    let catalog = Arc::new(Shelf::empty());
    let plugins = Registry::new(Arc::clone(&sandbox), catalog, Chain::from([asked]));
    for _ in 0..3 {
        let mut calls = plugins.begin(request("north"));
        assert!(calls.resolve(&book("1")).await.is_ok());
        assert!(calls.resolve(&book("2")).await.is_ok());
    }
    let records = std::mem::take(&mut *records.0.lock().expect("records"));
    let reused: Vec<bool> = records.iter().map(|one| one.is_reused()).collect();
    assert_eq!(reused, [false, false, true, true, true, true]);
    for record in &records {
        assert_eq!(record.outcome().to_string(), "found main:shelf/7");
        let record = Record::parse(&record.to_bytes()).expect("a record");
        let (divergence, fuel) = again(&sandbox, &guest, &record).await;
        assert_eq!((divergence, fuel), (None, record.fuel()));
    }
    // As a release wrote it that did not record what a start asks: that is no other decision.
    let whole = String::from_utf8(records[2].to_bytes()).expect("text");
    let begins = whole.find("\"start\":").expect("a start");
    let ends = whole.find("\"before\":").expect("questions before");
    let older = [&whole[..begins], &whole[ends..]].concat();
    let older = older.replacen("\"format\":3", "\"format\":2", 1);
    let record = Record::parse(older.as_bytes()).expect("a record");
    let manifest = Manifest::parse(MANIFEST).expect("a manifest");
    let granted = Granted::for_replay(&manifest, &record);
    let generation = sandbox.load(&guest, granted).await.expect("loads");
    let replay = sandbox.replay(&generation, &record).await;
    let unknown = replay.expect_err("nobody knows what the start was answered");
    assert_eq!(unknown, NotReplayable::StartUnknown);
}

/// A start takes an interpreter longer than it is given for an answer, on a machine that is busy.
#[tokio::test]
async fn what_is_asked_again_is_given_time() {
    let manifest = Manifest::parse(MANIFEST).expect("a manifest");
    let granted = Granted::catalog(Limits::default());
    assert!(granted.limits.deadline < Duration::from_secs(1));
    let record = one(&sandbox(), CATALOG_PLUGIN, granted, Shelf::empty()).await;
    let granted = Granted::for_replay(&manifest, &record);
    assert_eq!(granted.limits.deadline, Duration::from_secs(10));
}

/// What calls have taken.
#[derive(Default)]
struct Taken(Mutex<Vec<(u64, usize, usize)>>);

impl Follower for Taken {
    fn followed(&self, call: &FollowedCall<'_>) {
        let taken = (call.fuel, call.memory_bytes, call.host_calls);
        self.0.lock().expect("nobody panics").push(taken);
    }
}

#[tokio::test]
async fn what_a_start_takes_that_fails_is_told() {
    let body = "(func (export \"_initialize\")
           (call $get (i32.const 5000) (i32.const 4) (i32.const 8192))
           (if (i32.eqz (i32.load8_u (i32.const 8192))) (then (unreachable))))
         (data (i32.const 5000) \"zone\")
         (func $resolve (param i32) (result i32) (call $not_mine))";
    let guest = reworked(&[(";; IMPORTS", KV), (";; BODY", body)]);
    let sandbox: Arc<Sandbox> = sandbox();
    let (granted, _) = granted_values(Values::default(), true);
    let generation = sandbox.load(&guest, granted).await.expect("loads");
    for recorded in [false, true] {
        let taken = Arc::new(Taken::default());
        let mut asked = Asked::followed_by(Arc::clone(&generation), taken.clone());
        if recorded {
            asked = asked.recorded_by(Arc::new(Kept::default()));
        }
        let catalog = Arc::new(Shelf::empty());
        let plugins = Registry::new(Arc::clone(&sandbox), catalog, Chain::from([asked]));
        let mut calls = plugins.begin(request("north"));
        assert!(calls.resolve(&book("1")).await.is_err());
        assert_eq!(calls.host_calls().len(), 1);
        let taken = taken.0.lock().expect("nobody panics");
        let [(fuel, memory_bytes, host_calls)] = taken[..] else {
            panic!("{taken:?}")
        };
        assert!(fuel > 0 && memory_bytes > 0);
        assert_eq!(host_calls, 1);
    }
}
