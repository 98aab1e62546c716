//! The catalog plug-in, which is written in Rust.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use colophon_core::plugin::{
    FoundLocation, Offer, PluginFailure, Plugins, PolicyTerms, ResolverAnswer, Verdict,
};
use colophon_core::ports::Catalog;
use colophon_plugin_host::{CATALOG_PLUGIN, Granted, Limits, Registry};

use crate::Rows;
use crate::engine::policy_calls;
use crate::measured::{measure as time, us};
use crate::sale::{OnePlace, Sale, sale, sandbox, warm};

const CALLS: usize = 20_000;

pub(crate) async fn measure() -> Result<Rows, Box<dyn Error>> {
    let catalog = OnePlace::new()?;
    let folder = tempfile::tempdir()?;
    let sandbox = sandbox(folder.path())?;
    let begun = Instant::now();
    sandbox
        .load(CATALOG_PLUGIN, Granted::catalog(Limits::default()))
        .await?;
    let compiled = begun.elapsed();
    let begun = Instant::now();
    let built_in = sandbox
        .load(CATALOG_PLUGIN, Granted::catalog(Limits::default()))
        .await?;
    let kept = begun.elapsed();
    let granted = Granted {
        warm: Some(warm()),
        ..Granted::catalog(Limits::default())
    };
    let used_again = sandbox.load(CATALOG_PLUGIN, granted).await?;
    let serving = |generation| {
        let catalog = Arc::clone(&catalog) as Arc<dyn Catalog>;
        Registry::new(Arc::clone(&sandbox), catalog, [generation])
    };
    let (fresh, warm) = (serving(built_in), serving(used_again));
    let sale = sale()?;

    let fresh_call = time(CALLS, async || located(&fresh, &sale).await).await?;
    let roles = time(CALLS, async || all_roles(&fresh, &sale).await).await?;
    let warm_request = time(CALLS, async || located(&warm, &sale).await).await?;
    let warm_judged = time(CALLS, async || judged(&warm, &sale).await).await?;
    let native = time(CALLS, async || native(catalog.as_ref(), &sale).await).await?;
    let native_policy = time(CALLS, async || {
        black_box(native_policy(sale.offer.clone()));
        Ok(())
    });
    let native_policy = native_policy.await?;
    // The same instance for all of them, so that nothing is measured but the call.
    let mut running = fresh.begin(sale.context.clone());
    let running_call = time(CALLS / 4, async || {
        black_box(running.evaluate(sale.offer.clone()).await?);
        Ok(())
    });
    let running_call = running_call.await?;
    let by_engine = policy_calls(CALLS, &sale).await?;
    Ok(vec![
        ("load_compiled_us", us(compiled)),
        ("load_kept_us", us(kept)),
        ("fresh_call_p50_us", fresh_call.p50_us()),
        ("fresh_call_p99_us", fresh_call.p99_us()),
        ("all_three_roles_p50_us", roles.p50_us()),
        ("all_three_roles_p99_us", roles.p99_us()),
        ("native_function_p50_us", native.p50_us()),
        ("native_function_p99_us", native.p99_us()),
        ("warm_request_p50_us", warm_request.p50_us()),
        ("warm_request_p99_us", warm_request.p99_us()),
        ("warm_policy_request_p50_us", warm_judged.p50_us()),
        ("warm_policy_request_p99_us", warm_judged.p99_us()),
        ("running_policy_call_p50_us", running_call.p50_us()),
        ("running_policy_call_p99_us", running_call.p99_us()),
        ("engine_policy_call_p50_us", by_engine.p50_us()),
        ("engine_policy_call_p99_us", by_engine.p99_us()),
        ("native_policy_p50_us", native_policy.p50_us()),
        ("native_policy_p99_us", native_policy.p99_us()),
    ])
}

/// A request that is only resolved.
pub(crate) async fn located(plugins: &Registry, sale: &Sale) -> Result<(), PluginFailure> {
    let mut calls = plugins.begin(sale.context.clone());
    black_box(calls.resolve(&sale.offer.book).await?);
    Ok(())
}

/// A request that is only judged: the plug-in asks the host for nothing.
async fn judged(plugins: &Registry, sale: &Sale) -> Result<(), PluginFailure> {
    let mut calls = plugins.begin(sale.context.clone());
    black_box(calls.evaluate(sale.offer.clone()).await?);
    Ok(())
}

async fn all_roles(plugins: &Registry, sale: &Sale) -> Result<(), PluginFailure> {
    let mut calls = plugins.begin(sale.context.clone());
    black_box(calls.resolve(&sale.offer.book).await?);
    black_box(calls.evaluate(sale.offer.clone()).await?);
    black_box(calls.file_name(sale.facts.clone()).await?);
    Ok(())
}

/// What the resolver does, without a sandbox around it.
async fn native(catalog: &dyn Catalog, sale: &Sale) -> Result<(), PluginFailure> {
    let found = catalog.find(&sale.context.center, &sale.offer.book).await;
    let found = found.map_err(|_| PluginFailure::HostUnavailable)?;
    black_box(found.map_or(ResolverAnswer::NotMine, |location| {
        ResolverAnswer::Found(FoundLocation {
            root: location.root.as_str().to_owned(),
            path: location.path.as_str().to_owned(),
            sha256: None,
            size: None,
        })
    }));
    Ok(())
}

/// What the policy does: the catalog's terms hold.
#[inline(never)]
fn native_policy(offer: Offer) -> Verdict {
    drop(black_box(offer));
    Verdict::Allow(PolicyTerms::default())
}
