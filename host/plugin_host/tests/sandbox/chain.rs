//! Several plug-ins in one center, and several centers in one host.

use std::sync::{Arc, Mutex};

use colophon_core::plugin::{Blame, CallContext, PluginFailure, Plugins, ResolverAnswer, Verdict};
use colophon_core::rollout::{PurchaseMark, Share};
use colophon_plugin_host::{
    Asked, CATALOG_PLUGIN, Capacity, Chain, FollowedCall, Follower, Generation, Granted, Limits,
    Place, Registry, Sandbox, Settings,
};

use crate::guest::{resolver, resolver_that_first};
use crate::harm::trap;
use crate::world::{Shelf, book, center, offer, request, resolve, sandbox, serving};

/// Finds everything at `own/place`.
fn own_place() -> Vec<u8> {
    resolver(
        r#"(data (i32.const 3100) "own/place")
           (func $resolve (param i32) (result i32)
             (call $found (i32.const 3100) (i32.const 9)))"#,
    )
}

#[tokio::test]
async fn not_mine_passes_on_to_the_next() {
    let sandbox = sandbox();
    let limits = Limits::default();
    let first = sandbox
        .load(&resolver_that_first(""), Granted::catalog(limits))
        .await
        .expect("loads");
    let second = sandbox
        .load(&own_place(), Granted::catalog(limits))
        .await
        .expect("loads");
    let plugins = Registry::new(
        sandbox,
        Arc::new(Shelf::empty()),
        Chain::from([first, second]),
    );
    let answer = resolve(&plugins, "north", "1").await.expect("an answer");
    let ResolverAnswer::Found(place) = answer else {
        panic!("not found")
    };
    assert_eq!(place.path, "own/place");
}

#[tokio::test]
async fn a_role_that_nobody_plays_is_the_configurations_fault() {
    let plugins = serving(&own_place(), Limits::default(), Shelf::empty()).await;
    let mut calls = plugins.begin(request("north"));
    let failure = calls.evaluate(offer()).await.expect_err("nobody to ask");
    assert_eq!(failure, PluginFailure::NoSuchRole { role: "policy" });
    assert_eq!(failure.blame(), Blame::Config);
    let failure = calls
        .file_name(Vec::new())
        .await
        .expect_err("nobody to ask");
    assert_eq!(failure, PluginFailure::NoSuchRole { role: "naming" });
}

#[tokio::test]
async fn roles_may_be_spread_over_the_chain() {
    let sandbox = sandbox();
    let own = sandbox
        .load(&own_place(), Granted::catalog(Limits::default()))
        .await
        .expect("loads");
    let built_in = sandbox
        .load(CATALOG_PLUGIN, Granted::catalog(Limits::default()))
        .await
        .expect("loads");
    let plugins = Registry::new(
        sandbox,
        Arc::new(Shelf::empty()),
        Chain::from([own, built_in]),
    );
    let mut calls = plugins.begin(request("north"));
    assert!(matches!(
        calls.resolve(&book("1")).await,
        Ok(ResolverAnswer::Found(_))
    ));
    assert!(matches!(
        calls.evaluate(offer()).await,
        Ok(Verdict::Allow(_))
    ));
    let facts = [("title".to_owned(), "Emma".to_owned())];
    assert_eq!(calls.file_name(facts.to_vec()).await.as_deref(), Ok("Emma"));
}

#[tokio::test]
async fn a_request_keeps_the_chain_it_began_with() {
    let sandbox = sandbox();
    let none = sandbox
        .load(
            &resolver_that_first(""),
            Granted::catalog(Limits::default()),
        )
        .await
        .expect("loads");
    let own = sandbox
        .load(&own_place(), Granted::catalog(Limits::default()))
        .await
        .expect("loads");
    let plugins = Registry::new(sandbox, Arc::new(Shelf::empty()), Chain::from([none]));
    let mut before = plugins.begin(request("north"));
    plugins.publish(&center("north"), Chain::from([own]));
    assert_eq!(
        before.resolve(&book("1")).await,
        Ok(ResolverAnswer::NotMine)
    );
    assert!(matches!(
        resolve(&plugins, "north", "1").await,
        Ok(ResolverAnswer::Found(_))
    ));
    assert_eq!(
        resolve(&plugins, "south", "1").await,
        Ok(ResolverAnswer::NotMine)
    );
    plugins.withdraw(&center("north"));
    assert_eq!(
        resolve(&plugins, "north", "1").await,
        Ok(ResolverAnswer::NotMine)
    );
}

#[tokio::test]
async fn what_a_request_asks_first_and_later_comes_of_one_chain() {
    let sandbox = sandbox();
    let first = loaded(&sandbox, &resolver_that_first("")).await;
    let second = loaded(&sandbox, &own_place()).await;
    let plugins = Registry::new(sandbox, Arc::new(Shelf::empty()), [first]);
    // A request asks whose a retailer id is, opens the receipt, and asks the rest only then.
    let taken = plugins.of_center(&center("north"));
    assert!(!taken.tells_retailers());
    plugins.publish(&center("north"), [second]);
    let answer = taken.begin(request("north")).resolve(&book("1")).await;
    assert_eq!(answer, Ok(ResolverAnswer::NotMine));
    plugins.close(&center("north"));
    let answer = taken.begin(request("north")).resolve(&book("1")).await;
    assert_eq!(answer, Ok(ResolverAnswer::NotMine));
    assert!(!taken.tells_retailers());
    let closed = plugins.of_center(&center("north"));
    plugins.withdraw(&center("north"));
    let answer = closed.begin(request("north")).resolve(&book("1")).await;
    assert_eq!(answer, Err(PluginFailure::NotLoaded));
}

#[tokio::test]
async fn a_center_that_takes_all_its_places_waits_for_itself_alone() {
    let settings = Settings {
        capacity: Capacity {
            instances: 2,
            instances_per_center: 1,
        },
        ..Settings::default()
    };
    let sandbox = Sandbox::start(&settings).expect("a sandbox");
    let loaded = sandbox
        .load(CATALOG_PLUGIN, Granted::catalog(Limits::default()))
        .await
        .expect("loads");
    let shelf = Shelf::with("north", "1", "books/one");
    let plugins = Registry::new(sandbox, Arc::new(shelf), Chain::from([loaded]));
    // An instance lives until its request is over, which this one is not.
    let mut long = plugins.begin(request("north"));
    assert!(long.resolve(&book("1")).await.is_ok());
    let failure = resolve(&plugins, "north", "1").await.expect_err("no place");
    assert_eq!(failure, PluginFailure::Saturated);
    assert_eq!(failure.blame(), Blame::Host);
    assert_eq!(
        resolve(&plugins, "south", "1").await,
        Ok(ResolverAnswer::NotMine)
    );
    drop(long);
    assert!(matches!(
        resolve(&plugins, "north", "1").await,
        Ok(ResolverAnswer::Found(_))
    ));
}

async fn loaded(sandbox: &Arc<Sandbox>, wasm: &[u8]) -> Arc<Generation> {
    let granted = Granted::catalog(Limits::default());
    sandbox.load(wasm, granted).await.expect("loads")
}

fn bought(number: u64) -> CallContext {
    CallContext {
        purchase: Some(PurchaseMark::from_number(number)),
        ..request("north")
    }
}

#[tokio::test]
async fn a_version_on_trial_is_asked_for_its_share_of_the_purchases() {
    let sandbox = sandbox();
    let active = loaded(&sandbox, &resolver_that_first("")).await;
    let trial = loaded(&sandbox, &own_place()).await;
    let plugins = Registry::new(
        Arc::clone(&sandbox),
        Arc::new(Shelf::empty()),
        [active.clone()],
    );
    let share = Share::percent(30).expect("a share");
    let version = "2".parse().expect("a version");
    let tried = Place::from(active).trying(trial.clone().into(), version, share);
    plugins.publish(&center("north"), [tried]);
    let mut met = Vec::new();
    for _ in 0..2 {
        let mut turn = Vec::new();
        for number in 0..200 {
            let mut calls = plugins.begin(bought(number));
            let answer = calls.resolve(&book("1")).await.expect("an answer");
            turn.push(matches!(answer, ResolverAnswer::Found(_)));
        }
        met.push(turn);
    }
    assert_eq!(
        met[0], met[1],
        "a purchase meets the same version every time"
    );
    let count = met[0].iter().filter(|trial| **trial).count();
    assert!((30..90).contains(&count), "{count} of 200");
    // Before a purchase is known nobody is tried with it.
    let unknown = CallContext {
        purchase: None,
        ..request("north")
    };
    let answer = plugins.begin(unknown).resolve(&book("1")).await;
    assert_eq!(answer, Ok(ResolverAnswer::NotMine));
    // A plug-in that is only on trial is asked by its share and missing for the others.
    let version = "2".parse().expect("a version");
    let alone = Place::empty().trying(trial.into(), version, share);
    plugins.publish(&center("north"), [alone]);
    let mut missing = 0;
    for number in 0..200 {
        let answer = plugins.begin(bought(number)).resolve(&book("1")).await;
        missing += usize::from(answer == Err(PluginFailure::NoSuchRole { role: "resolver" }));
    }
    assert_eq!(missing, 200 - count);
}

#[tokio::test]
async fn a_center_whose_plug_ins_are_not_loaded_decides_nothing() {
    let sandbox = sandbox();
    let built_in = loaded(&sandbox, CATALOG_PLUGIN).await;
    let plugins = Registry::new(sandbox, Arc::new(Shelf::empty()), [built_in]);
    plugins.close(&center("north"));
    let mut calls = plugins.begin(request("north"));
    assert_eq!(
        calls.resolve(&book("1")).await,
        Err(PluginFailure::NotLoaded)
    );
    assert_eq!(calls.evaluate(offer()).await, Err(PluginFailure::NotLoaded));
    assert_eq!(
        calls.file_name(Vec::new()).await,
        Err(PluginFailure::NotLoaded)
    );
    let shop = request("north").retailer;
    assert!(plugins.of_center(&center("north")).tells_retailers());
    assert_eq!(calls.identify(&shop).await, Err(PluginFailure::NotLoaded));
    assert_eq!(PluginFailure::NotLoaded.blame(), Blame::Config);
    let elsewhere = resolve(&plugins, "south", "1").await;
    assert_eq!(elsewhere, Ok(ResolverAnswer::NotMine));
    assert!(!plugins.of_center(&center("south")).tells_retailers());
    plugins.withdraw(&center("north"));
    assert_eq!(
        resolve(&plugins, "north", "1").await,
        Ok(ResolverAnswer::NotMine)
    );
}

/// Writes down what it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<(Option<PluginFailure>, u64, serde_json::Value)>>);

impl Follower for Notes {
    fn followed(&self, call: &FollowedCall<'_>) {
        assert_eq!(call.role.as_str(), "resolver");
        let note = (call.failure.cloned(), call.fuel, (call.input)());
        self.0.lock().expect("nobody panics").push(note);
    }
}

#[tokio::test]
async fn whoever_follows_a_generation_is_told_of_every_call() {
    let sandbox = sandbox();
    let good = loaded(&sandbox, &resolver_that_first("")).await;
    let bad = loaded(&sandbox, &trap()).await;
    let notes = Arc::new(Notes::default());
    let chain = [good, bad].map(|one| Asked::followed_by(one, notes.clone()));
    let plugins = Registry::new(sandbox, Arc::new(Shelf::empty()), chain);
    let failure = resolve(&plugins, "north", "1").await.expect_err("it traps");
    let told = notes.0.lock().expect("nobody panics");
    let [(first, fuel, input), (second, _, _)] = told.as_slice() else {
        panic!("{} calls", told.len())
    };
    assert_eq!((first, second), (&None, &Some(failure)));
    assert!(*fuel > 0);
    assert_eq!(
        input["book"],
        serde_json::json!({ "id-type": "ISBN", "id": "1" })
    );
    assert_eq!(input["ctx"]["center"], "north");
    assert_eq!(input["ctx"]["territory"], serde_json::Value::Null);
}

#[tokio::test]
async fn an_answer_that_core_will_refuse_is_followed_as_a_defect() {
    let sandbox = sandbox();
    let outside = resolver(
        r#"(data (i32.const 3100) "../../own")
           (func $resolve (param i32) (result i32)
             (call $found (i32.const 3100) (i32.const 9)))"#,
    );
    let outside = loaded(&sandbox, &outside).await;
    let notes = Arc::new(Notes::default());
    let chain = [Asked::followed_by(outside, notes.clone())];
    let plugins = Registry::new(sandbox, Arc::new(Shelf::empty()), chain);
    // The request is told what was answered; whose the mistake is, the follower is.
    assert!(resolve(&plugins, "north", "1").await.is_ok());
    let told = notes.0.lock().expect("nobody panics");
    let failure = told.first().and_then(|(failure, _, _)| failure.as_ref());
    let failure = failure.expect("a failure");
    assert!(failure.is_defect(), "{failure}");
    assert!(failure.to_string().contains("leaves"), "{failure}");
}
