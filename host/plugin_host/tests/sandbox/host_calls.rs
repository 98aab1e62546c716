//! Calls into the host beyond the catalog: what a guest gets, what it is refused, and what the
//! transcript says of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use colophon_core::capability::WebFailure;
use colophon_core::plugin::{HostCall, PluginFailure, Plugins, ResolverAnswer};
use colophon_plugin_host::manifest::Manifest;
use colophon_plugin_host::{Granted, Limits, LineLevel, LineQueue, Lines, LoadRefused, Registry};

use crate::guest::reworked;
use crate::services::{
    Mapping, Values, Web, granted_statements, granted_values, granted_web, hasty, name,
};
use crate::world::{Shelf, book, request, resolve, sandbox, serving_granted};

pub(crate) const KV: &str = r#"
  (import "colophon:host/kv@1.0.0" "get" (func $get (param i32 i32 i32)))
  (import "colophon:host/kv@1.0.0" "put" (func $put (param i32 i32 i32 i32 i32)))
  (import "colophon:host/kv@1.0.0" "swap"
    (func $swap (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "colophon:host/kv@1.0.0" "delete" (func $delete (param i32 i32 i32)))
  (import "colophon:host/kv@1.0.0" "list-keys"
    (func $list (param i32 i32 i32 i32 i32 i32)))"#;

pub(crate) const SQL: &str = r#"
  (import "colophon:host/sql@1.0.0" "run" (func $run (param i32 i32 i32 i32 i32)))"#;

const HTTP: &str = r#"
  (import "colophon:host/http@1.0.0" "fetch"
    (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#;

pub(crate) const CONFIG: &str = r#"
  (import "colophon:host/config@1.0.0" "get" (func $get (param i32 i32 i32)))"#;

const LOG: &str = r#"
  (import "colophon:host/log@1.0.0" "write" (func $write (param i32 i32 i32 i32 i32)))"#;

/// Texts that guests call with, and the arms of what a call left at 8192, shown as a path: one
/// digit for the result, one for what is inside of it.
const TOOLS: &str = r#"
  (data (i32.const 5000) "zone")
  (data (i32.const 5010) "by_id")
  (data (i32.const 5020) "https://api.example/")
  (data (i32.const 5040) "GET")
  (data (i32.const 5044) "get")
  (data (i32.const 5048) "TRACE")
  (data (i32.const 5056) "PATCH")
  (data (i32.const 5100) "one\0d\0atwo\1b[2J")
  (func $arms (result i32)
    (i32.store8 (i32.const 6000)
      (i32.add (i32.const 48) (i32.load8_u (i32.const 8192))))
    (i32.store8 (i32.const 6001)
      (i32.add (i32.const 48) (i32.load8_u (i32.const 8196))))
    (call $found (i32.const 6000) (i32.const 2)))"#;

/// A guest that resolves by what this body leaves behind.
pub(crate) fn calling(imports: &str, body: &str) -> Vec<u8> {
    let body = format!("{TOOLS} (func $resolve (param i32) (result i32) {body})");
    reworked(&[(";; IMPORTS", imports), (";; BODY", &body)])
}

async fn serving(imports: &str, body: &str, granted: Granted) -> Registry {
    serving_granted(&calling(imports, body), granted, Shelf::empty()).await
}

async fn path_of(plugins: &Registry, center: &str) -> Result<String, PluginFailure> {
    match resolve(plugins, center, "1").await? {
        ResolverAnswer::Found(place) => Ok(place.path),
        ResolverAnswer::NotMine => panic!("not found"),
    }
}

async fn answer(imports: &str, body: &str, granted: Granted) -> Result<String, PluginFailure> {
    path_of(&serving(imports, body, granted).await, "north").await
}

#[tokio::test]
async fn what_is_set_is_read_and_nothing_else() {
    let granted = Granted {
        config: Some(BTreeMap::from([(name("zone"), "EU".to_owned())])),
        ..Granted::catalog(hasty())
    };
    let body = "(call $get (i32.const 5000) (i32.const 4) (i32.const 8192))
        (call $found (i32.load (i32.const 8196)) (i32.load (i32.const 8200)))";
    assert_eq!(
        answer(CONFIG, body, granted.clone()).await.as_deref(),
        Ok("EU")
    );
    let body = "(call $get (i32.const 5000) (i32.const 3) (i32.const 8192)) (call $arms)";
    let path = answer(CONFIG, body, granted.clone())
        .await
        .expect("an answer");
    assert!(path.starts_with('0'), "{path}");
    // It does not count as a host call.
    let granted = Granted {
        limits: Limits {
            host_calls: 0,
            ..hasty()
        },
        ..granted
    };
    let body = "(local $left i32) (local.set $left (i32.const 1000))
        (loop $again
          (call $get (i32.const 5000) (i32.const 4) (i32.const 8192))
          (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        (call $arms)";
    assert!(answer(CONFIG, body, granted).await.is_ok());
}

#[tokio::test]
async fn lines_arrive_without_control_characters_and_at_their_rate() {
    let (queue, lines) = LineQueue::to_reader();
    let own = Arc::new(Lines::of(name("acme"), queue));
    let granted = Granted {
        log: Some(own.clone()),
        ..Granted::catalog(hasty())
    };
    let body =
        "(call $write (i32.const 2) (i32.const 5100) (i32.const 12) (i32.const 0) (i32.const 0))
        (call $arms)";
    let plugins = serving(LOG, body, granted.clone()).await;
    assert!(path_of(&plugins, "north").await.is_ok());
    let line = lines.try_recv().expect("a line");
    assert_eq!(line.message, "one  two [2J");
    assert_eq!(
        (line.level, line.plugin.as_str()),
        (LineLevel::Warning, "acme")
    );
    assert_eq!(line.center.as_deref(), Some("north"));
    assert!(line.request_id.is_some());

    let flood = "(local $left i32) (local.set $left (i32.const 5000))
        (loop $again
          (call $write (i32.const 0) (i32.const 5100) (i32.const 3) (i32.const 0) (i32.const 0))
          (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        (call $arms)";
    let plugins = serving(LOG, flood, granted).await;
    assert!(path_of(&plugins, "north").await.is_ok());
    let arrived = lines.try_iter().count() as u64;
    assert!((199..1000).contains(&arrived), "{arrived}");
    assert_eq!(own.dropped() + arrived, 5000);
}

#[tokio::test]
async fn values_outlive_a_request_and_stay_in_their_center() {
    let body =
        "(call $put (i32.const 5000) (i32.const 4) (i32.const 5010) (i32.const 5) (i32.const 8192))
        (call $arms)";
    let (granted, values) = granted_values(Values::default(), true);
    assert_eq!(answer(KV, body, granted.clone()).await.as_deref(), Ok("00"));
    let kept = values.kept.lock().expect("values").clone();
    let place = ("north".to_owned(), "zone".to_owned());
    assert_eq!(kept.get(&place).map(Vec::as_slice), Some(&b"by_id"[..]));

    let read = "(call $get (i32.const 5000) (i32.const 4) (i32.const 8192))
        (if (i32.eqz (i32.load8_u (i32.const 8196))) (then (return (call $arms))))
        (call $found (i32.load (i32.const 8200)) (i32.load (i32.const 8204)))";
    let plugins = serving(KV, read, granted.clone()).await;
    assert_eq!(path_of(&plugins, "north").await.as_deref(), Ok("by_id"));
    assert_eq!(path_of(&plugins, "south").await.as_deref(), Ok("00"));

    let swap =
        "(call $swap (i32.const 5000) (i32.const 4) (i32.const 1) (i32.const 5010) (i32.const 5)
          (i32.const 5000) (i32.const 4) (i32.const 8192))
        (call $arms)";
    let plugins = serving(KV, swap, granted.clone()).await;
    assert_eq!(path_of(&plugins, "north").await.as_deref(), Ok("01"));
    assert_eq!(path_of(&plugins, "north").await.as_deref(), Ok("00"));

    // The first key that begins with `zo`, after none.
    let list =
        "(call $list (i32.const 5000) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0)
          (i32.const 8192))
        (if (i32.or (i32.load8_u (i32.const 8192)) (i32.eqz (i32.load (i32.const 8200))))
          (then (return (call $found (i32.const 5010) (i32.const 5)))))
        (call $found (i32.load (i32.load (i32.const 8196)))
          (i32.load (i32.add (i32.load (i32.const 8196)) (i32.const 4))))";
    let plugins = serving(KV, list, granted.clone()).await;
    assert_eq!(path_of(&plugins, "north").await.as_deref(), Ok("zone"));
    assert_eq!(path_of(&plugins, "south").await.as_deref(), Ok("by_id"));

    let delete = "(call $delete (i32.const 5000) (i32.const 4) (i32.const 8192)) (call $arms)";
    let plugins = serving(KV, delete, granted).await;
    assert_eq!(path_of(&plugins, "north").await.as_deref(), Ok("01"));
    assert_eq!(path_of(&plugins, "north").await.as_deref(), Ok("00"));
}

#[tokio::test]
async fn values_that_are_refused_say_why() {
    let put = |key: usize, value: usize| {
        format!(
            "(drop (memory.grow (i32.const 4)))
             (call $put (i32.const 40000) (i32.const {key}) (i32.const 131072) (i32.const {value})
               (i32.const 8192))
             (call $arms)"
        )
    };
    // Zeroed memory holds no key: it is all zero bytes.
    for (key, value) in [(0, 1), (257, 1), (4, 1)] {
        let (granted, _) = granted_values(Values::default(), true);
        let arms = answer(KV, &put(key, value), granted).await;
        assert_eq!(arms.as_deref(), Ok("10"), "{key} {value}");
    }
    let put = |value: usize| {
        format!(
            "(drop (memory.grow (i32.const 4)))
             (call $put (i32.const 5000) (i32.const 4) (i32.const 131072) (i32.const {value})
               (i32.const 8192))
             (call $arms)"
        )
    };
    for (value, write, arms) in [
        (96, true, "00"),
        (97, true, "11"),
        ((64 << 10) + 1, true, "10"),
        (1, false, "12"),
    ] {
        let (granted, _) = granted_values(Values::default(), write);
        assert_eq!(
            answer(KV, &put(value), granted).await.as_deref(),
            Ok(arms),
            "{value}"
        );
    }
    for values in [
        Values {
            away: true,
            ..Values::default()
        },
        Values {
            hangs: true,
            ..Values::default()
        },
    ] {
        let (granted, _) = granted_values(values, true);
        assert_eq!(answer(KV, &put(1), granted).await.as_deref(), Ok("13"));
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_the_hosts_fault() {
    // err(unavailable("")) after a call that failed.
    let body = "(call $get (i32.const 5000) (i32.const 4) (i32.const 8192))
        (i32.store8 (i32.const 4096) (i32.const 1))
        (i32.store8 (i32.const 4104) (i32.const 3))
        (i32.const 4096)";
    for values in [
        Values {
            away: true,
            ..Values::default()
        },
        Values {
            hangs: true,
            ..Values::default()
        },
    ] {
        let (granted, _) = granted_values(values, true);
        let failure = answer(KV, body, granted).await;
        assert_eq!(failure, Err(PluginFailure::HostUnavailable));
    }
}

#[tokio::test]
async fn every_call_that_counts_is_counted() {
    let floods = [
        (KV, "(call $get (i32.const 5000) (i32.const 4) (i32.const 8192))"),
        (SQL, "(call $run (i32.const 5010) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 8192))"),
        (
            HTTP,
            "(call $fetch (i32.const 5040) (i32.const 3) (i32.const 5020) (i32.const 20) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const 8192))",
        ),
    ];
    for (imports, call) in floods {
        let (granted, _) = granted_values(Values::default(), true);
        let granted = Granted {
            sql: granted_statements(Mapping::Echoing, Duration::from_secs(1)).sql,
            http: granted_web(Web::Echoing).http,
            ..granted
        };
        let body = format!("(loop $again {call} (br $again)) (call $arms)");
        let failure = answer(imports, &body, granted).await;
        let limit = "host calls";
        assert_eq!(failure, Err(PluginFailure::LimitReached { limit }));
    }
}

/// Runs a statement by the name at 5010 with one parameter: the text at 5000.
pub(crate) fn running(name_bytes: usize, arm: usize, parameters: usize) -> String {
    format!(
        "(i32.store8 (i32.const 7000) (i32.const {arm}))
         (i32.store (i32.const 7008) (i32.const 5000))
         (i32.store (i32.const 7012) (i32.const 4))
         (call $run (i32.const 5010) (i32.const {name_bytes}) (i32.const 7000)
           (i32.const {parameters}) (i32.const 8192))"
    )
}

#[tokio::test]
async fn a_statement_is_run_by_its_name_with_its_types() {
    let granted = |mapping| granted_statements(mapping, Duration::from_secs(1));
    // The one value of the one row.
    let value = "(call $found
        (i32.load (i32.add (i32.load (i32.load (i32.const 8204))) (i32.const 8)))
        (i32.load (i32.add (i32.load (i32.load (i32.const 8204))) (i32.const 12))))";
    let body = format!("{} {value}", running(5, 4, 1));
    assert_eq!(
        answer(SQL, &body, granted(Mapping::Echoing))
            .await
            .as_deref(),
        Ok("zone")
    );
    for (name_bytes, arm, parameters, arms) in [
        (4, 4, 1, "10"),
        (0, 4, 1, "10"),
        (5, 4, 0, "11"),
        (5, 4, 2, "11"),
        (5, 5, 1, "11"),
        (5, 3, 1, "11"),
        (5, 2, 1, "11"),
        // A type that this version does not know.
        (5, 6, 1, "11"),
    ] {
        let body = format!("{} (call $arms)", running(name_bytes, arm, parameters));
        let told = answer(SQL, &body, granted(Mapping::Echoing)).await;
        assert_eq!(told.as_deref(), Ok(arms), "{name_bytes} {arm} {parameters}");
    }
    let body = format!("{} (call $arms)", running(5, 4, 1));
    for (mapping, arms) in [
        (Mapping::Overflowing, "12"),
        (Mapping::Hanging, "13"),
        (Mapping::Away, "14"),
        (Mapping::Unfit, "11"),
    ] {
        assert_eq!(
            answer(SQL, &body, granted(mapping)).await.as_deref(),
            Ok(arms)
        );
    }
    // A statement's own time is shorter than that of the host call.
    let short = granted_statements(Mapping::Hanging, Duration::from_millis(1));
    let begun = std::time::Instant::now();
    assert_eq!(answer(SQL, &body, short).await.as_deref(), Ok("13"));
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_service_is_asked_and_its_failures_are_told_apart() {
    let with_method = |at: usize, bytes: usize| {
        format!(
            "(call $fetch (i32.const {at}) (i32.const {bytes}) (i32.const 5020) (i32.const 20)
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8192))"
        )
    };
    let fetch = with_method(5040, 3);
    let shown =
        format!("{fetch} (call $found (i32.load (i32.const 8208)) (i32.load (i32.const 8212)))");
    let told = answer(HTTP, &shown, granted_web(Web::Echoing)).await;
    assert_eq!(told.as_deref(), Ok("https://api.example/"));
    // Methods are texts, in capitals, and only those that do what they say.
    for (at, bytes) in [(5040, 2), (5044, 3), (5048, 5)] {
        let arms = format!("{} (call $arms)", with_method(at, bytes));
        let told = answer(HTTP, &arms, granted_web(Web::Echoing)).await;
        assert_eq!(told.as_deref(), Ok("10"), "{at}");
    }
    let patched = shown.replace(&fetch, &with_method(5056, 5));
    let told = answer(HTTP, &patched, granted_web(Web::Echoing)).await;
    assert_eq!(told.as_deref(), Ok("https://api.example/"));
    let arms = format!("{fetch} (call $arms)");
    let text = || "x".to_owned();
    for (web, expected) in [
        (Web::Failing(WebFailure::Invalid(text())), "10"),
        (Web::Failing(WebFailure::Denied(text())), "11"),
        (Web::Failing(WebFailure::TooLarge), "12"),
        (Web::Failing(WebFailure::Timeout), "13"),
        (Web::Hanging, "13"),
        (Web::Failing(WebFailure::Unavailable(text())), "14"),
    ] {
        assert_eq!(
            answer(HTTP, &arms, granted_web(web)).await.as_deref(),
            Ok(expected)
        );
    }
}

#[tokio::test]
async fn what_was_not_granted_cannot_be_imported() {
    let (all, _) = granted_values(Values::default(), true);
    let cases = [
        (
            KV,
            "(call $delete (i32.const 0) (i32.const 0) (i32.const 8192))",
            "kv.quota",
        ),
        (
            SQL,
            "(call $run (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8192))",
            "sql.statements",
        ),
        (
            CONFIG,
            "(call $get (i32.const 0) (i32.const 0) (i32.const 8192))",
            "config = ",
        ),
        (
            LOG,
            "(call $write (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
            "log = true",
        ),
    ];
    for (imports, call, line) in cases {
        let guest = calling(imports, &format!("{call} (call $arms)"));
        let granted = Granted::catalog(hasty());
        let Err(refused) = sandbox().load(&guest, granted).await else {
            panic!("{line}: it was loaded")
        };
        assert!(
            matches!(refused, LoadRefused::NotGranted { .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains(line), "{refused}");
    }
    // What was granted and is not imported does no harm.
    assert!(answer("", "(call $arms)", all).await.is_ok());
}

#[tokio::test]
async fn an_author_without_a_host_sees_whether_it_loads() {
    let manifest = Manifest::parse(
        "id = \"acme\"\nversion = \"1\"\napi = \"1.0\"\nroles = [\"resolver\"]\ncatalog = true\n\
         [kv]\nquota = \"1KiB\"",
    );
    let manifest = manifest.expect("a manifest");
    let granted = Granted::unconnected(&manifest);
    let body = "(call $get (i32.const 5000) (i32.const 4) (i32.const 8192)) (call $arms)";
    let sandbox = sandbox();
    let loaded = sandbox
        .load(&calling(KV, body), granted.clone())
        .await
        .expect("it loads");
    assert!(manifest.agrees_with(loaded.roles()).is_ok());
    assert_eq!(answer(KV, body, granted.clone()).await.as_deref(), Ok("13"));
    let log = "(call $write (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (call $arms)";
    assert!(sandbox.load(&calling(LOG, log), granted).await.is_err());
}

async fn transcript(plugins: &Registry, center: &str, id: &str) -> Vec<HostCall> {
    let mut calls = plugins.begin(request(center));
    let _ = calls.resolve(&book(id)).await;
    calls.host_calls().to_vec()
}

#[tokio::test]
async fn the_transcript_names_every_call_with_how_much_crossed_the_boundary() {
    let body = "(call $get (i32.const 5000) (i32.const 4) (i32.const 8192))
        (call $put (i32.const 5000) (i32.const 4) (i32.const 5010) (i32.const 5) (i32.const 8192))
        (call $get (i32.const 5000) (i32.const 4) (i32.const 8192))
        (call $arms)";
    let (granted, values) = granted_values(Values::default(), true);
    let plugins = serving(KV, body, granted).await;
    let first = transcript(&plugins, "north", "1").await;
    let functions: Vec<_> = first.iter().map(|call| call.function).collect();
    assert_eq!(functions, ["kv.get", "kv.put", "kv.get"]);
    let bytes = |calls: &[HostCall]| -> Vec<_> { calls.iter().map(|call| call.bytes).collect() };
    // A key of four bytes with its length and two arms for the answer that there is nothing; then the
    // five bytes of the value and its length as well.
    assert_eq!(bytes(&first), [12 + 2, 12 + 13 + 1, 12 + 2 + 13]);
    values.kept.lock().expect("values").clear();
    let again = transcript(&plugins, "north", "1").await;
    assert_eq!(bytes(&first), bytes(&again));
    let third = transcript(&plugins, "north", "1").await;
    assert_eq!(bytes(&third), [12 + 2 + 13, 12 + 13 + 1, 12 + 2 + 13]);
}

#[tokio::test]
async fn a_guest_that_traps_leaves_its_transcript() {
    let body = "(call $get (i32.const 5000) (i32.const 4) (i32.const 8192)) unreachable";
    let (granted, _) = granted_values(Values::default(), true);
    let plugins = serving(KV, body, granted).await;
    let calls = transcript(&plugins, "north", "1").await;
    assert_eq!(calls.len(), 1);
}
