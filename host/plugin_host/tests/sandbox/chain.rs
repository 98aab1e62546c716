//! Several plug-ins in one center, and several centers in one host.

use std::sync::Arc;

use colophon_core::plugin::{Blame, PluginFailure, Plugins, ResolverAnswer, Verdict};
use colophon_plugin_host::{
    CATALOG_PLUGIN, Capacity, Chain, Granted, Limits, Registry, Sandbox, Settings,
};

use crate::guest::{resolver, resolver_that_first};
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
    let failure = calls.evaluate(&offer()).await.expect_err("nobody to ask");
    assert_eq!(failure, PluginFailure::NoSuchRole { role: "policy" });
    assert_eq!(failure.blame(), Blame::Config);
    let failure = calls.file_name(&[]).await.expect_err("nobody to ask");
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
        calls.evaluate(&offer()).await,
        Ok(Verdict::Allow(_))
    ));
    let facts = [("title".to_owned(), "Emma".to_owned())];
    assert_eq!(calls.file_name(&facts).await.as_deref(), Ok("Emma"));
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
async fn a_center_that_takes_all_its_places_waits_for_itself_alone() {
    let settings = Settings {
        capacity: Capacity {
            instances: 2,
            instances_per_center: 1,
        },
        precompiled: None,
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
