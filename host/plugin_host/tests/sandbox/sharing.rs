//! Centers whose guests use more of the threads than their share.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::catalog::{Book, Location, ObjectPath, StoreRoot, TitleFacts};
use colophon_core::plugin::{PluginFailure, Plugins, ResolverAnswer};
use colophon_core::ports::{Catalog, Unavailable};
use colophon_plugin_host::{CATALOG_PLUGIN, Chain, Granted, Limits, Registry};
use colophon_receipt::CenterId;
use colophon_title::{ContentKey, VersionId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::harm::endless_loop;
use crate::world::{book, center, request, sandbox};

/// Long enough for a share to be used up on a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(2);

/// Answers once so many ask at the same time.
struct Together(Barrier);

#[async_trait]
impl Catalog for Together {
    async fn find(&self, _: &CenterId, _: &Book) -> Result<Option<Location>, Unavailable> {
        self.0.wait().await;
        Ok(Some(Location {
            root: StoreRoot::parse("main").expect("a root"),
            path: ObjectPath::parse("books/one").expect("a path"),
        }))
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

async fn registry(catalog: impl Catalog + 'static) -> Arc<Registry> {
    let sandbox = sandbox();
    let built_in = Granted::catalog(Limits {
        deadline: DEADLINE,
        ..Limits::default()
    });
    let built_in = sandbox.load(CATALOG_PLUGIN, built_in).await.expect("loads");
    Arc::new(Registry::new(
        sandbox,
        Arc::new(catalog),
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
    let plugins = registry(Together(Barrier::new(1))).await;
    let neighbors = {
        let plugins = Arc::clone(&plugins);
        async move {
            let mut found = BTreeSet::new();
            for number in 0..200 {
                let answer = asking(&plugins, "south", 1).join_all().await;
                if matches!(answer.as_slice(), [Ok(ResolverAnswer::Found(_))]) {
                    found.insert(number);
                }
            }
            found.len()
        }
    };
    let (failures, found) = tokio::join!(use_up(&plugins, "north", 16), tokio::spawn(neighbors));
    assert_eq!(found.expect("neighbors are served"), 200);
    let of = |failure: &PluginFailure| failures.iter().filter(|one| *one == failure).count();
    let (ended, never_done) = (of(&PluginFailure::TimedOut), of(&PluginFailure::Saturated));
    assert_eq!(ended + never_done, 16, "{failures:?}");
    assert!(ended > 0, "what had the thread is to blame: {failures:?}");
    assert!(never_done > 0, "what had to wait is not: {failures:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_turn_is_held_while_a_service_is_waited_for() {
    let plugins = registry(Together(Barrier::new(4))).await;
    use_up(&plugins, "north", 16).await;
    // There is one turn on so small a host: the second asks only if the first has given it up.
    for answer in asking(&plugins, "north", 4).join_all().await {
        assert!(matches!(answer, Ok(ResolverAnswer::Found(_))), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_center_that_takes_turns_is_served_all_the_same() {
    let plugins = registry(Together(Barrier::new(1))).await;
    use_up(&plugins, "north", 16).await;
    let answers = asking(&plugins, "north", 100).join_all().await;
    let found = answers
        .iter()
        .filter(|answer| matches!(answer, Ok(ResolverAnswer::Found(_))));
    assert_eq!(found.count(), 100);
}
