//! The catalog plug-in, as it is embedded in the host.

use std::sync::Arc;

use colophon_core::plugin::{Blame, PluginFailure, Plugins, PolicyTerms, ResolverAnswer, Verdict};
use colophon_plugin_host::{CATALOG_PLUGIN, Granted, Limits, Role};

use crate::world::{Shelf, book, offer, request, resolve, sandbox, serving};

fn fact(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn one_instance_plays_all_roles_of_a_request() {
    let shelf = Shelf::with("north", "9780142437247", "books/moby-dick");
    let plugins = serving(CATALOG_PLUGIN, Limits::default(), shelf).await;
    let mut calls = plugins.begin(request("north"));

    let found = calls
        .resolve(&book("9780142437247"))
        .await
        .expect("an answer");
    let ResolverAnswer::Found(place) = found else {
        panic!("not found")
    };
    assert_eq!(
        (place.root.as_str(), place.path.as_str()),
        ("main", "books/moby-dick")
    );
    assert_eq!(place.sha256, None);

    let verdict = calls.evaluate(&offer()).await.expect("a verdict");
    assert_eq!(verdict, Verdict::Allow(PolicyTerms::default()));

    let facts = [
        fact("title", "Der Prozess"),
        fact("authors", "Franz Kafka"),
        fact("language", "de"),
    ];
    let name = calls.file_name(&facts).await.expect("a name");
    assert_eq!(name, "Der Prozess - Franz Kafka (de)");

    // Questions may come in any order and number; after the last, an instance is made anew.
    let again = calls.resolve(&book("9780142437247")).await;
    assert!(matches!(again, Ok(ResolverAnswer::Found(_))));
}

#[tokio::test]
async fn a_center_never_finds_another_centers_titles() {
    let shelf = Shelf::with("north", "1", "books/one");
    let plugins = serving(CATALOG_PLUGIN, Limits::default(), shelf).await;
    let here = resolve(&plugins, "north", "1").await;
    assert!(matches!(here, Ok(ResolverAnswer::Found(_))));
    assert_eq!(
        resolve(&plugins, "south", "1").await,
        Ok(ResolverAnswer::NotMine)
    );
    assert_eq!(
        resolve(&plugins, "north", "2").await,
        Ok(ResolverAnswer::NotMine)
    );
}

#[tokio::test]
async fn a_database_that_is_away_is_the_hosts_fault() {
    let plugins = serving(CATALOG_PLUGIN, Limits::default(), Shelf::Away).await;
    let failure = resolve(&plugins, "north", "1")
        .await
        .expect_err("no answer");
    assert_eq!(failure, PluginFailure::HostUnavailable);
    assert_eq!(failure.blame(), Blame::Host);
}

#[tokio::test]
async fn it_says_what_it_is_and_imports_nothing_but_the_catalog() {
    let loaded = sandbox()
        .load(CATALOG_PLUGIN, Granted::catalog(Limits::default()))
        .await
        .expect("it loads");
    let description = loaded.description();
    assert_eq!(description.name, "catalog-plugin");
    assert_eq!(description.needs, ["catalog.find"]);
    assert!(
        loaded
            .roles()
            .eq([Role::Resolver, Role::Policy, Role::Naming])
    );
    let wasi = CATALOG_PLUGIN.windows(5).any(|window| window == b"wasi:");
    assert!(!wasi, "the plug-in names an interface of WASI");
}

#[tokio::test]
async fn requests_run_at_once_and_apart() {
    let shelf = Shelf::with("north", "1", "books/one");
    let plugins = Arc::new(serving(CATALOG_PLUGIN, Limits::default(), shelf).await);
    let mut running = tokio::task::JoinSet::new();
    for number in 0..200 {
        let plugins = Arc::clone(&plugins);
        running.spawn(async move {
            let id = if number % 2 == 0 { "1" } else { "2" };
            (number, resolve(&plugins, "north", id).await)
        });
    }
    for (number, answer) in running.join_all().await {
        let found = matches!(answer.expect("an answer"), ResolverAnswer::Found(_));
        assert_eq!(found, number % 2 == 0);
    }
}
