//! Centers in one host see nothing of each other.
//!
//! `COLOPHON_CANARY_CALLS=100000` looks more often for what must not be there than the usual 5,000
//! times.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use colophon_core::plugin::{PluginCalls, PluginFailure, Plugins, ResolverAnswer};
use colophon_plugin_host::{Capacity, Granted, Limits, Registry, Sandbox, Settings};

use crate::guest::{resolver, reworked};
use crate::length::tries;
use crate::loopback::{Loopback, Manner};
use crate::services::name;
use crate::world::{Shelf, book, center, request, resolve, serving};

/// What the center `north` holds and nobody else may see: one in its plug-in's settings and memory,
/// the other put by the host into its plug-in's requests.
const SET: &[u8; 16] = b"CANARY-OF-NORTH!";
const SECRET: &[u8; 16] = b"HEADER-OF-NORTH?";

const CONFIG: &str = r#"
  (import "colophon:host/config@1.0.0" "get" (func $get (param i32 i32 i32)))"#;

const HTTP: &str = r#"
  (import "colophon:host/http@1.0.0" "fetch"
    (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#;

/// Instances that live at once: more than the pool keeps warm for a component that was here before,
/// so that places change hands between the centers.
const AT_ONCE: usize = Capacity::INSTANCES_MAX;

/// `$grow` takes four more pages. `$scan` looks through all six: a block of 64 bytes that is not all
/// zero is searched for both canaries, halves of which are constants of the code and therefore not
/// in memory. Whatever else stands where this guest has written nothing is a residue.
fn tools() -> String {
    let halves = [SET, SECRET].map(|canary| {
        let (first, second) = canary.split_at(8);
        [first, second].map(|half| i64::from_le_bytes(half.try_into().expect("eight bytes")))
    });
    let is_half: String = halves
        .as_flattened()
        .iter()
        .map(|half| {
            format!(
                "(if (i64.eq (i64.load (local.get $here)) (i64.const {half}))
                   (then (return (call $found (i32.const 9000) (i32.const 6)))))"
            )
        })
        .collect();
    format!(
        r#"
  (data (i32.const 5000) "canary")
  (data (i32.const 9000) "canary")
  (data (i32.const 9010) "residue")
  (func $grow
    (if (i32.ne (memory.grow (i32.const 4)) (i32.const 2)) (then unreachable)))
  (func $own (param $at i32) (result i32)
    (i32.or
      (i32.lt_u (local.get $at) (i32.const 10240))
      (i32.and
        (i32.ge_u (local.get $at) (i32.const 65536))
        (i32.lt_u (local.get $at) (i32.const 67584)))))
  (func $scan (result i32)
    (local $at i32) (local $here i32) (local $end i32) (local $stained i32)
    (loop $blocks
      (if
        (v128.any_true (v128.or
          (v128.or (v128.load (local.get $at)) (v128.load offset=16 (local.get $at)))
          (v128.or (v128.load offset=32 (local.get $at)) (v128.load offset=48 (local.get $at)))))
        (then
          (local.set $here (local.get $at))
          (local.set $end (i32.add (local.get $at) (i32.const 57)))
          (loop $bytes
            {is_half}
            (br_if $bytes (i32.lt_u
              (local.tee $here (i32.add (local.get $here) (i32.const 1)))
              (local.get $end))))
          (if (i32.eqz (call $own (local.get $at)))
            (then (local.set $stained (i32.const 1))))))
      (br_if $blocks (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 64)))
        (i32.const 393216))))
    (if (local.get $stained) (then (return (call $found (i32.const 9010) (i32.const 7)))))
    (call $not_mine))"#
    )
}

fn guest(imports: &str, body: &str) -> Vec<u8> {
    let body = format!(
        "{} (func $resolve (param i32) (result i32) {body})",
        tools()
    );
    reworked(&[(";; IMPORTS", imports), (";; BODY", &body)])
}

/// Reads what is set for it and fills its memory with it, where others would find room.
fn holder() -> Vec<u8> {
    guest(
        CONFIG,
        "(local $length i32)
         (call $get (i32.const 5000) (i32.const 6) (i32.const 8192))
         (call $grow)
         (memory.copy (i32.const 131072) (i32.load (i32.const 8196)) (i32.const 16))
         (local.set $length (i32.const 16))
         (loop $again
           (memory.copy (i32.add (i32.const 131072) (local.get $length)) (i32.const 131072)
             (local.get $length))
           (br_if $again (i32.lt_u
             (local.tee $length (i32.shl (local.get $length) (i32.const 1)))
             (i32.const 262144))))
         (memory.copy (i32.const 10240) (i32.const 131072) (i32.const 53248))
         (call $not_mine)",
    )
}

/// Looks for what others have left.
fn searcher() -> Vec<u8> {
    guest("", "(call $grow) (call $scan)")
}

/// Asks a service with its secret and looks for it in its own memory.
fn asking(server: &Loopback) -> Vec<u8> {
    let url = server.url();
    let length = url.len();
    let body = format!(
        "(i32.store (i32.const 6000) (i32.const 5300))
         (i32.store (i32.const 6004) (i32.const 5))
         (call $fetch (i32.const 5200) (i32.const 3) (i32.const 5400) (i32.const {length})
           (i32.const 0) (i32.const 0) (i32.const 6000) (i32.const 1) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8192))
         (if (i32.load8_u (i32.const 8192)) (then unreachable))
         (call $grow) (call $scan)"
    );
    let data = format!(
        "(data (i32.const 5200) \"GET\") (data (i32.const 5300) \"token\")
         (data (i32.const 5400) \"{url}\") (func $resolve"
    );
    let body = format!(
        "{} (func $resolve (param i32) (result i32) {body})",
        tools()
    );
    let body = body.replacen("(func $resolve", &data, 1);
    reworked(&[(";; IMPORTS", HTTP), (";; BODY", &body)])
}

fn with_canary() -> Granted {
    let canary = String::from_utf8(SET.to_vec()).expect("text");
    Granted {
        config: Some(BTreeMap::from([(name("canary"), canary)])),
        ..plain()
    }
}

/// With time to wait in: centers that are asked as much as here take turns.
fn plain() -> Granted {
    Granted::catalog(Limits {
        deadline: Duration::from_secs(10),
        ..Limits::default()
    })
}

fn path(answer: Result<ResolverAnswer, PluginFailure>) -> Option<String> {
    match answer.expect("an answer") {
        ResolverAnswer::Found(place) => Some(place.path),
        ResolverAnswer::NotMine => None,
    }
}

fn roomy() -> Arc<Sandbox> {
    let capacity = Capacity {
        instances: AT_ONCE,
        instances_per_center: AT_ONCE,
    };
    let settings = Settings {
        capacity,
        ..Settings::default()
    };
    Sandbox::start(&settings).expect("a sandbox")
}

/// Asks in so many requests that are all open at the end, and gives back what was found.
async fn asked_at_once(plugins: &Registry, at: &str, count: usize) -> Vec<String> {
    let mut open: Vec<Box<dyn PluginCalls>> = Vec::new();
    let mut found = Vec::new();
    for _ in 0..count {
        let mut calls = plugins.begin(request(at));
        found.extend(path(calls.resolve(&book("1")).await));
        open.push(calls);
    }
    found
}

#[tokio::test]
async fn hostile_searchers_never_find_another_centers_canary() {
    let count = tries("COLOPHON_CANARY_CALLS", 5000);
    let server = Loopback::start(Manner::Answering).await;
    let sandbox = roomy();
    let web = Granted {
        http: Some(Arc::new(
            server.web(std::str::from_utf8(SECRET).expect("text")),
        )),
        ..plain()
    };
    let holder = sandbox.load(&holder(), with_canary()).await;
    let searcher = sandbox.load(&searcher(), plain()).await;
    let asking = sandbox.load(&asking(&server), web).await;
    let (holder, searcher) = (holder.expect("it loads"), searcher.expect("it loads"));
    let asking = asking.expect("it loads");
    let plugins = Registry::new(sandbox, Arc::new(Shelf::empty()), [searcher]);
    let mut searched = 0;
    let mut rounds = 0;
    while searched < count {
        plugins.publish(&center("north"), [Arc::clone(&asking)]);
        // Not even the plug-in that it is put in for sees the secret.
        assert_eq!(path(resolve(&plugins, "north", "1").await), None);
        plugins.publish(&center("north"), [Arc::clone(&holder)]);
        let held = asked_at_once(&plugins, "north", AT_ONCE).await;
        assert_eq!(held, Vec::<String>::new());
        let more = AT_ONCE.min(count - searched);
        let found = asked_at_once(&plugins, "south", more).await;
        assert_eq!(found, Vec::<String>::new(), "after {searched} calls");
        searched += more;
        rounds += 1;
    }
    let heads = server.heads.lock().expect("a list");
    assert_eq!(heads.len(), rounds);
    // Both canaries were there to be found.
    let secret = String::from_utf8_lossy(SECRET).into_owned();
    assert!(heads.iter().all(|head| head.contains(&secret)));
    println!("{searched} searches in {rounds} rounds of {AT_ONCE} instances");
}

#[tokio::test]
async fn hostile_searchers_find_a_canary_that_is_there() {
    let sandbox = roomy();
    let given = guest(
        CONFIG,
        "(call $get (i32.const 5000) (i32.const 6) (i32.const 8192)) (call $grow) (call $scan)",
    );
    let moved = |to: u32| {
        let body = format!(
            "(call $get (i32.const 5000) (i32.const 6) (i32.const 8192)) (call $grow)
             (memory.copy (i32.const {to}) (i32.load (i32.const 8196)) (i32.const 16))
             (memory.fill (i32.load (i32.const 8196)) (i32.const 0) (i32.const 16))
             (call $scan)"
        );
        guest(CONFIG, &body)
    };
    let stained = guest(
        "",
        "(call $grow) (i32.store8 (i32.const 200000) (i32.const 1)) (call $scan)",
    );
    let at_the_end = 6 * 65536 - 16;
    for (wasm, found) in [
        (given, "canary"),
        (moved(131_072), "canary"),
        (moved(200_059), "canary"),
        (moved(at_the_end), "canary"),
        (stained, "residue"),
    ] {
        let loaded = sandbox.load(&wasm, with_canary()).await.expect("it loads");
        let shelf = Arc::new(Shelf::empty());
        let plugins = Registry::new(Arc::clone(&sandbox), shelf, [loaded]);
        let answer = path(resolve(&plugins, "south", "1").await);
        assert_eq!(answer.as_deref(), Some(found));
    }
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
