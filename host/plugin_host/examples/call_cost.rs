//! What a plug-in call costs, against a native function that gives the same answers.
//!
//! Run with `cargo run --release --package colophon-plugin-host --example call_cost`; with
//! `--json` it prints one object. Every call goes the way of a request: begin, a fresh instance
//! of the catalog plug-in, the role's function with its host call, and the instance's end.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use colophon_core::catalog::{Book, Location, ObjectPath, StoreRoot, TitleFacts};
use colophon_core::plugin::{CallContext, Offer, PluginFailure, Plugins, ResolverAnswer};
use colophon_core::ports::{Catalog, Unavailable};
use colophon_core::time::Timestamp;
use colophon_plugin_host::{CATALOG_PLUGIN, Granted, Limits, Registry, Sandbox, Settings};
use colophon_receipt::{BookId, BookIdType, CenterId, RetailerId};
use colophon_title::{ContentKey, VersionId};

const WARM_UP: usize = 2_000;
const CALLS: usize = 20_000;

/// A catalog in memory that holds every book at one place.
struct OnePlace(Location);

#[async_trait]
impl Catalog for OnePlace {
    async fn find(&self, _: &CenterId, _: &Book) -> Result<Option<Location>, Unavailable> {
        Ok(Some(self.0.clone()))
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

/// What is asked, the same every time.
struct Sale {
    context: CallContext,
    offer: Offer,
    facts: Vec<(String, String)>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let root = StoreRoot::parse("main").ok_or("no root")?;
    let path = ObjectPath::parse("books/moby-dick")?;
    let catalog = Arc::new(OnePlace(Location { root, path }));
    let folder = tempfile::tempdir()?;
    let settings = Settings {
        precompiled: Some(folder.path().join("compiled")),
        ..Settings::default()
    };
    let sandbox = Sandbox::start(&settings)?;
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
    let plugins = Registry::new(
        sandbox,
        Arc::clone(&catalog) as Arc<dyn Catalog>,
        vec![built_in],
    );
    let sale = sale()?;

    let fresh = measure(async || fresh_call(&plugins, &sale).await).await?;
    let roles = measure(async || all_roles(&plugins, &sale).await).await?;
    let native = measure(async || native(catalog.as_ref(), &sale).await).await?;
    let rows = [
        ("fresh call", fresh),
        ("all three roles", roles),
        ("native function", native),
    ];
    if std::env::args().any(|argument| argument == "--json") {
        let rows = rows.map(|(name, (p50, p99))| {
            let name = name.replace(' ', "_");
            format!(
                "\"{name}_p50_us\":{:.2},\"{name}_p99_us\":{:.2}",
                us(p50),
                us(p99)
            )
        });
        let compiled = format!("\"load_compiled_us\":{:.0}", us(compiled));
        let kept = format!("\"load_kept_us\":{:.0}", us(kept));
        println!("{{{compiled},{kept},{}}}", rows.join(","));
        return Ok(());
    }
    println!(
        "loading the plug-in: {:.0} µs compiled, {:.0} µs kept",
        us(compiled),
        us(kept)
    );
    println!("{CALLS} calls each, µs              p50       p99");
    for (name, (p50, p99)) in rows {
        println!("{name:<28} {:>9.2} {:>9.2}", us(p50), us(p99));
    }
    Ok(())
}

fn us(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn sale() -> Result<Sale, Box<dyn Error>> {
    let book = Book {
        id_type: BookIdType::try_from("ISBN")?,
        id: BookId::try_from("9780142437247")?,
    };
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Ok(Sale {
        context: CallContext {
            request_id: "0190a5c2e1f07b6c8a5d3e2f1a0b9c8d".to_owned(),
            now: Timestamp::from_unix_ms(1_800_000_000_000),
            center: CenterId::try_from("demo")?,
            retailer: RetailerId::try_from("shop")?,
        },
        offer: Offer {
            book,
            resource_class: "application/epub+zip".to_owned(),
            price: None,
            requested_protection: "3".to_owned(),
            title: vec![fact("series", "classics")],
            sale: Vec::new(),
        },
        facts: vec![
            fact("title", "Moby Dick; or, The Whale"),
            fact("authors", "Herman Melville"),
            fact("book-id", "9780142437247"),
            fact("book-id-type", "ISBN"),
            fact("media-type", "application/epub+zip"),
            fact("level", "3"),
            fact("extension", "epub"),
            fact("language", "en"),
        ],
    })
}

async fn fresh_call(plugins: &Registry, sale: &Sale) -> Result<(), PluginFailure> {
    let mut calls = plugins.begin(sale.context.clone());
    black_box(calls.resolve(&sale.offer.book).await?);
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
        ResolverAnswer::Found(colophon_core::plugin::FoundLocation {
            root: location.root.as_str().to_owned(),
            path: location.path.as_str().to_owned(),
            sha256: None,
            size: None,
        })
    }));
    Ok(())
}

/// Median and 99th percentile of many calls, one after the other.
async fn measure(
    call: impl AsyncFn() -> Result<(), PluginFailure>,
) -> Result<(Duration, Duration), PluginFailure> {
    for _ in 0..WARM_UP {
        call().await?;
    }
    let mut took = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let begun = Instant::now();
        call().await?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    let at = |share: usize| took.get(CALLS * share / 100).copied().unwrap_or_default();
    Ok((at(50), at(99)))
}
