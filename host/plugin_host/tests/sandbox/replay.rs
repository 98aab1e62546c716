//! Decisions that are recorded and made again: by the version that made them, and by others.

mod altered;
mod starting;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use colophon_core::decision::{Difference, Outcome};
use colophon_core::plugin::{Plugins, ResolverAnswer, Verdict};
use colophon_plugin_host::manifest::Manifest;
use colophon_plugin_host::{
    Asked, CATALOG_PLUGIN, Chain, Decided, Divergence, Granted, HostQuestion, Limits,
    NotReplayable, Record, Recorder, Registry, Sandbox, Shadow,
};

use crate::guest::{resolver, resolver_that_first};
use crate::host_calls::{CONFIG, KV, SQL, calling, running};
use crate::services::{Mapping, Values, granted_statements, granted_values, hasty, name};
use crate::warm::{counting, granted as warm, longest, started, terms};
use crate::world::{Shelf, book, offer, request, sandbox};

/// Keeps what it is told.
#[derive(Default)]
struct Kept(Mutex<Vec<Record>>);

impl Recorder for Kept {
    fn record(&self, decided: Decided) {
        self.0.lock().expect("records").push(decided.record);
    }
}

/// Asks for all that a guest here may ask for.
const MANIFEST: &str = r#"
id = "acme"
version = "1"
api = "1.0"
roles = ["resolver"]
catalog = true
config = ["zone"]

[kv]
quota = "1KiB"

[sql.statements.by_id]
text = "select path from books where id = $1"
params = ["text"]
max_rows = 1
timeout_ms = 50
"#;

/// A request's decisions, as they are read back.
async fn recorded(
    sandbox: &Arc<Sandbox>,
    wasm: &[u8],
    granted: Granted,
    shelf: Shelf,
    all_roles: bool,
) -> Vec<Record> {
    let generation = sandbox.load(wasm, granted).await.expect("loads");
    let kept = Arc::new(Kept::default());
    let asked = Asked::from(generation).recorded_by(kept.clone());
    let plugins = Registry::new(Arc::clone(sandbox), Arc::new(shelf), Chain::from([asked]));
    let mut calls = plugins.begin(request("north"));
    let resolved = calls.resolve(&book("1")).await;
    if all_roles {
        assert!(
            matches!(resolved, Ok(ResolverAnswer::Found(_))),
            "{resolved:?}"
        );
        assert!(matches!(
            calls.evaluate(offer()).await,
            Ok(Verdict::Allow(_))
        ));
        let facts = [("title", "Emma"), ("title", "twice"), ("a", "after")];
        let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(calls.file_name(facts.to_vec()).await.as_deref(), Ok("Emma"));
    }
    let records = std::mem::take(&mut *kept.0.lock().expect("records"));
    let read_back = records.iter().map(|record| {
        let read = Record::parse(&record.to_bytes()).expect("a record");
        assert_eq!(&read, record);
        read
    });
    read_back.collect()
}

/// The decision of a guest that only resolves.
async fn one(sandbox: &Arc<Sandbox>, wasm: &[u8], granted: Granted, shelf: Shelf) -> Record {
    let records = recorded(sandbox, wasm, granted, shelf, false).await;
    let [record] = records.try_into().expect("one decision");
    record
}

async fn again(sandbox: &Arc<Sandbox>, wasm: &[u8], record: &Record) -> (Option<Divergence>, u64) {
    let manifest = Manifest::parse(MANIFEST).expect("a manifest");
    let granted = Granted::for_replay(&manifest, record);
    let generation = sandbox.load(wasm, granted).await.expect("loads");
    let replay = sandbox.replay(&generation, record).await;
    let replay = replay.expect("replayable");
    (replay.divergence, replay.fuel)
}

async fn shadowed(sandbox: &Arc<Sandbox>, wasm: &[u8], record: &Record) -> Shadow {
    let generation = sandbox
        .load(wasm, Granted::catalog(Limits::default()))
        .await
        .expect("loads");
    let shadow = sandbox.shadow(&generation, record).await;
    shadow.expect("replayable")
}

fn own_place() -> Vec<u8> {
    resolver(
        r#"(data (i32.const 3100) "own/place")
           (func $resolve (param i32) (result i32)
             (call $found (i32.const 3100) (i32.const 9)))"#,
    )
}

fn trapping() -> Vec<u8> {
    resolver_that_first("unreachable")
}

/// A record with a part of its text put differently.
fn altered(record: &Record, from: &str, to: &str) -> Record {
    let text = String::from_utf8(record.to_bytes()).expect("text");
    let changed = text.replace(from, to);
    assert_ne!(changed, text, "{from} is not in {text}");
    Record::parse(changed.as_bytes()).expect("a record")
}

/// The same with other calls in its only question.
fn with_calls(record: &Record, calls: impl FnOnce(&str) -> String) -> Record {
    let text = String::from_utf8(record.to_bytes()).expect("text");
    let (head, rest) = text.split_once("\"calls\":[").expect("calls");
    let (made, tail) = rest.split_once("],\"output\"").expect("an output");
    let changed = format!("{head}\"calls\":[{}],\"output\"{tail}", calls(made));
    Record::parse(changed.as_bytes()).expect("a record")
}

#[tokio::test]
async fn a_request_of_three_questions_is_answered_again_to_the_byte() {
    let sandbox = sandbox();
    let shelf = Shelf::with("north", "1", "shelf/1");
    let granted = Granted::catalog(Limits::default());
    let records = recorded(&sandbox, CATALOG_PLUGIN, granted, shelf, true).await;
    let kinds: Vec<String> = records
        .iter()
        .map(|record| record.outcome().kind().to_owned())
        .collect();
    assert_eq!(kinds, ["found", "allow", "named"]);
    assert_eq!(records.first().map(Record::host_calls), Some(1));
    for record in &records {
        let (divergence, fuel) = again(&sandbox, CATALOG_PLUGIN, record).await;
        assert_eq!(divergence, None);
        assert_eq!(fuel, record.fuel());
    }
}

#[tokio::test]
async fn another_answer_of_then_is_another_outcome_now() {
    let sandbox = sandbox();
    let shelf = Shelf::with("north", "1", "shelf/1");
    let granted = Granted::catalog(Limits::default());
    let record = one(&sandbox, CATALOG_PLUGIN, granted, shelf).await;
    // The answer is JSON in a text of JSON, and so is the output: only the catalog's is changed.
    let record = with_calls(&record, |made| made.replace("shelf/1", "shelf/2"));
    let (divergence, _) = again(&sandbox, CATALOG_PLUGIN, &record).await;
    let Some(Divergence::OtherOutcome {
        recorded, replayed, ..
    }) = divergence
    else {
        panic!("{divergence:?}")
    };
    assert!(recorded.contains("shelf/1") && replayed.contains("shelf/2"));
}

#[tokio::test]
async fn a_call_that_differs_is_named_with_both_questions() {
    let sandbox = sandbox();
    let shelf = Shelf::with("north", "1", "shelf/1");
    let granted = Granted::catalog(Limits::default());
    let record = one(&sandbox, CATALOG_PLUGIN, granted, shelf).await;
    let other = with_calls(&record, |made| made.replace("ISBN", "EAN"));
    let (divergence, _) = again(&sandbox, CATALOG_PLUGIN, &other).await;
    let Some(Divergence::OtherCall {
        question: 1,
        call: 1,
        recorded,
        asked,
    }) = divergence
    else {
        panic!("{divergence:?}")
    };
    assert!(recorded.question.contains("EAN") && asked.question.contains("ISBN"));

    let none = with_calls(&record, |_| String::new());
    let (divergence, _) = again(&sandbox, CATALOG_PLUGIN, &none).await;
    let Some(Divergence::MoreCalls { asked, .. }) = divergence else {
        panic!("{divergence:?}")
    };
    assert_eq!(asked.function, "catalog.find");

    let twice = with_calls(&record, |made| format!("{made},{made}"));
    let (divergence, _) = again(&sandbox, CATALOG_PLUGIN, &twice).await;
    assert!(
        matches!(divergence, Some(Divergence::FewerCalls { .. })),
        "{divergence:?}"
    );
}

#[tokio::test]
async fn another_component_diverges() {
    let sandbox = sandbox();
    let shelf = Shelf::with("north", "1", "shelf/1");
    let granted = Granted::catalog(Limits::default());
    let records = recorded(&sandbox, CATALOG_PLUGIN, granted, shelf, true).await;
    let [resolved, judged, _] = records.try_into().expect("three decisions");
    let (divergence, _) = again(&sandbox, &own_place(), &resolved).await;
    assert!(
        matches!(divergence, Some(Divergence::FewerCalls { .. })),
        "{divergence:?}"
    );
    let own = one(
        &sandbox,
        &own_place(),
        Granted::catalog(Limits::default()),
        Shelf::empty(),
    )
    .await;
    let (divergence, _) = again(&sandbox, &trapping(), &own).await;
    let Some(Divergence::OtherOutcome { replayed, .. }) = divergence else {
        panic!("{divergence:?}")
    };
    assert_eq!(replayed, "trapped");
    // What was asked of the same instance before counts as well.
    let (divergence, _) = again(&sandbox, &resolver_that_first(""), &judged).await;
    assert!(divergence.is_some());
}

#[tokio::test]
async fn failures_are_repeated_and_so_is_whose_fault_they_were() {
    let sandbox = sandbox();
    let granted = Granted::catalog(Limits::default());
    let trapped = one(&sandbox, &trapping(), granted.clone(), Shelf::empty()).await;
    assert_eq!(trapped.outcome().kind(), "trapped");
    assert!(trapped.outcome().is_own_fault());
    assert_eq!(again(&sandbox, &trapping(), &trapped).await.0, None);

    let endless = resolver_that_first("(loop $on (br $on))");
    let thirsty = Granted::catalog(Limits {
        fuel: 1_000_000,
        ..Limits::default()
    });
    let spent = one(&sandbox, &endless, thirsty, Shelf::empty()).await;
    assert_eq!(spent.outcome().kind(), "out-of-fuel");
    let (divergence, fuel) = again(&sandbox, &endless, &spent).await;
    assert_eq!((divergence, fuel), (None, spent.fuel()));

    let granted = Granted::catalog(hasty());
    for shelf in [Shelf::Away, Shelf::Hanging] {
        let away = one(&sandbox, CATALOG_PLUGIN, granted.clone(), shelf).await;
        assert_eq!(away.outcome().kind(), "host-unavailable");
        assert!(!away.outcome().is_own_fault());
        assert_eq!(again(&sandbox, CATALOG_PLUGIN, &away).await.0, None);
    }
}

#[tokio::test]
async fn what_the_clock_has_stopped_is_not_replayed() {
    let sandbox = sandbox();
    let endless = resolver_that_first("(loop $on (br $on))");
    let hurried = Granted::catalog(Limits {
        deadline: Duration::from_millis(20),
        fuel: 100_000_000_000,
        ..Limits::default()
    });
    let stopped = one(&sandbox, &endless, hurried, Shelf::empty()).await;
    assert_eq!(stopped.replayable(), Err(NotReplayable::TimedOut));
    // Stopped while it waited for the host, which never answered.
    let waiting = Granted::catalog(Limits {
        deadline: Duration::from_millis(50),
        host_call_timeout: Duration::from_secs(10),
        ..Limits::default()
    });
    let unanswered = one(&sandbox, CATALOG_PLUGIN, waiting, Shelf::Hanging).await;
    assert_eq!(unanswered.replayable(), Err(NotReplayable::Unanswered));
    let generation = sandbox
        .load(CATALOG_PLUGIN, Granted::catalog(Limits::default()))
        .await
        .expect("loads");
    let refused = sandbox.replay(&generation, &unanswered).await;
    assert_eq!(refused.err(), Some(NotReplayable::Unanswered));
}

#[tokio::test]
async fn settings_rows_and_values_of_then_are_those_of_the_replay() {
    let sandbox = sandbox();
    let read_setting = calling(
        CONFIG,
        "(call $get (i32.const 5000) (i32.const 4) (i32.const 8192))
         (call $found (i32.load (i32.const 8196)) (i32.load (i32.const 8200)))",
    );
    let set = Granted {
        config: Some(BTreeMap::from([(name("zone"), "EU".to_owned())])),
        ..Granted::catalog(hasty())
    };
    let record = one(&sandbox, &read_setting, set.clone(), Shelf::empty()).await;
    assert_eq!(record.host_calls(), 0, "it does not count");
    assert_eq!(again(&sandbox, &read_setting, &record).await.0, None);
    // Another version has its own settings.
    let otherwise = Granted {
        config: Some(BTreeMap::from([(name("zone"), "US".to_owned())])),
        ..set
    };
    let candidate = sandbox.load(&read_setting, otherwise).await.expect("loads");
    let shadow = sandbox.shadow(&candidate, &record).await;
    let Ok(Shadow::Decided { outcome, .. }) = shadow else {
        panic!("{shadow:?}")
    };
    assert_eq!(outcome.to_string(), "found main:US");

    let swap_and_read = calling(
        KV,
        "(call $put (i32.const 5000) (i32.const 4) (i32.const 5010) (i32.const 5) (i32.const 8192))
         (call $get (i32.const 5000) (i32.const 4) (i32.const 8192))
         (call $found (i32.load (i32.const 8200)) (i32.load (i32.const 8204)))",
    );
    let (granted, values) = granted_values(Values::default(), true);
    let record = one(&sandbox, &swap_and_read, granted, Shelf::empty()).await;
    assert_eq!(record.outcome().to_string(), "found main:by_id");
    values.kept.lock().expect("values").clear();
    assert_eq!(again(&sandbox, &swap_and_read, &record).await.0, None);
    assert!(
        values.kept.lock().expect("values").is_empty(),
        "nothing is written"
    );

    let ask_database = calling(SQL, &format!("{} (call $arms)", running(5, 4, 1)));
    for mapping in [Mapping::Echoing, Mapping::Away, Mapping::Unfit] {
        let granted = granted_statements(mapping, Duration::from_secs(1));
        let record = one(&sandbox, &ask_database, granted, Shelf::empty()).await;
        assert_eq!(again(&sandbox, &ask_database, &record).await.0, None);
    }
}

#[tokio::test]
async fn another_version_is_asked_what_was_asked_then() {
    let sandbox = sandbox();
    let shelf = Shelf::with("north", "1", "shelf/1");
    let granted = Granted::catalog(Limits::default());
    let records = recorded(&sandbox, CATALOG_PLUGIN, granted.clone(), shelf, true).await;
    let [resolved, judged, _] = records.try_into().expect("three decisions");
    let difference = |shadow: Shadow, record: &Record| match shadow {
        Shadow::Decided { outcome, .. } => Difference::between(&record.outcome(), &outcome),
        other @ (Shadow::AskedNew(_) | Shadow::NotPlayed | Shadow::NotReached) => {
            panic!("{other:?}")
        }
    };
    let same = shadowed(&sandbox, CATALOG_PLUGIN, &resolved).await;
    assert_eq!(difference(same, &resolved), Difference::None);
    let same = shadowed(&sandbox, CATALOG_PLUGIN, &judged).await;
    assert_eq!(difference(same, &judged), Difference::None);
    let elsewhere = shadowed(&sandbox, &own_place(), &resolved).await;
    assert_eq!(difference(elsewhere, &resolved), Difference::Path);
    let fails = shadowed(&sandbox, &trapping(), &resolved).await;
    assert_eq!(difference(fails, &resolved), Difference::NewFailure);
    let not_played = shadowed(&sandbox, &own_place(), &judged).await;
    assert!(matches!(not_played, Shadow::NotPlayed), "{not_played:?}");
    let not_reached = shadowed(&sandbox, &trapping(), &judged).await;
    assert!(matches!(not_reached, Shadow::NotReached), "{not_reached:?}");
}

#[tokio::test]
async fn what_was_never_asked_is_asked_of_nobody() {
    let sandbox = sandbox();
    let granted = Granted::catalog(Limits::default());
    let record = one(&sandbox, &own_place(), granted, Shelf::empty()).await;
    let shadow = shadowed(&sandbox, CATALOG_PLUGIN, &record).await;
    let Shadow::AskedNew(HostQuestion { function, question }) = shadow else {
        panic!("{shadow:?}")
    };
    assert_eq!(function, "catalog.find");
    assert!(question.contains("ISBN"), "{question}");
}

#[tokio::test]
async fn a_question_with_more_than_is_kept_is_recorded_by_its_outcome() {
    let sandbox = sandbox();
    for (times, replayable) in [(8, Ok(())), (9, Err(NotReplayable::TooLarge))] {
        let often = calling(
            KV,
            &format!(
                "(local $left i32) (local.set $left (i32.const {times}))
                 (loop $again
                   (global.set $top (i32.const 65536))
                   (call $get (i32.const 5000) (i32.const 4) (i32.const 8192))
                   (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
                 (call $arms)"
            ),
        );
        let values = Values::default();
        let place = ("north".to_owned(), "zone".to_owned());
        let large = vec![255; 60 << 10];
        values.kept.lock().expect("values").insert(place, large);
        let (granted, _) = granted_values(values, true);
        let record = one(&sandbox, &often, granted, Shelf::empty()).await;
        assert!(matches!(record.outcome(), Outcome::Resolved(_)));
        assert_eq!(record.replayable(), replayable, "{times} values of 60 KiB");
        match replayable {
            Ok(()) => assert_eq!(again(&sandbox, &often, &record).await.0, None),
            Err(_) => assert!(record.bytes_about() < 8 << 10),
        }
    }
}

#[tokio::test]
async fn the_moment_of_a_question_is_a_part_of_it() {
    let sandbox = sandbox();
    let granted = Granted::catalog(Limits::default());
    let record = one(&sandbox, &own_place(), granted, Shelf::empty()).await;
    let moved = altered(
        &record,
        "\"now_ms\":1800000000000",
        "\"now_ms\":1800000000001",
    );
    // The guest does not look at the time: the outcome is the same, and so are the bytes.
    assert_eq!(again(&sandbox, &own_place(), &moved).await.0, None);
    assert_ne!(moved.parts(), record.parts());
}

#[tokio::test]
async fn what_an_instance_remembers_of_others_is_in_no_record() {
    let sandbox = started(Some(longest()));
    let guest = counting("");
    let generation = sandbox.load(&guest, warm(terms())).await.expect("loads");
    let kept = Arc::new(Kept::default());
    let asked = Asked::from(generation).recorded_by(kept.clone());
    let catalog = Arc::new(Shelf::empty());
    let plugins = Registry::new(Arc::clone(&sandbox), catalog, Chain::from([asked]));
    for _ in 0..2 {
        let mut calls = plugins.begin(request("north"));
        for _ in 0..2 {
            assert!(calls.resolve(&book("1")).await.is_ok());
        }
    }
    let records = std::mem::take(&mut *kept.0.lock().expect("records"));
    let told: Vec<(String, bool)> = records
        .iter()
        .map(|record| (record.outcome().to_string(), record.is_reused()))
        .collect();
    let expected = [
        ("0001", false),
        ("0002", false),
        ("0003", true),
        ("0004", true),
    ];
    let expected = expected.map(|(path, reused)| (format!("found main:{path}"), reused));
    assert_eq!(told, expected);
    let [_, second, third, fourth] = records.try_into().expect("four decisions");
    // What the same request has asked before is in it.
    assert_eq!(again(&sandbox, &guest, &second).await.0, None);
    // What another request has asked is not, and the guest goes by it.
    for (record, replays_as) in [(third, "0001"), (fourth, "0001")] {
        let (divergence, _) = again(&sandbox, &guest, &record).await;
        let Some(Divergence::OtherOutcome { replayed, .. }) = divergence else {
            panic!("{divergence:?}")
        };
        assert!(replayed.contains(replays_as), "{replayed}");
    }
}
