//! Calls while a center's plug-in is replaced again and again.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use colophon_core::plugin::{Plugins, ResolverAnswer};
use colophon_plugin_host::{CATALOG_PLUGIN, Generation, Granted, Limits, Registry, Sandbox};
use tokio::runtime::Handle;
use tokio::task::{JoinSet, spawn_blocking, yield_now};
use tokio::time::interval;

use crate::Rows;
use crate::measured::Measured;
use crate::sale::{OnePlace, Sale, sale, sandbox};

/// Tasks that ask all the time.
const CALLERS: usize = 4;
/// Parts with reloads and parts without take turns, so that both see the same machine.
const ROUNDS: usize = 10;
const RELOADS_PER_ROUND: usize = 100;

/// How fast they follow each other, by the names of its rows.
struct Pace {
    pause: Duration,
    calls: &'static str,
    failed: &'static str,
    reloading_p50: &'static str,
    reloading_p99: &'static str,
    quiet_p50: &'static str,
    quiet_p99: &'static str,
}

macro_rules! pace {
    ($name:literal, $pause:expr) => {
        Pace {
            pause: $pause,
            calls: concat!($name, "_calls"),
            failed: concat!($name, "_failed_calls"),
            reloading_p50: concat!($name, "_reloading_p50_us"),
            reloading_p99: concat!($name, "_reloading_p99_us"),
            quiet_p50: concat!($name, "_quiet_p50_us"),
            quiet_p99: concat!($name, "_quiet_p99_us"),
        }
    };
}

/// Both are more than any center publishes. At the slower one most of what is measured is calls; at
/// the faster one a good part of a processor does nothing but load.
const PACES: [Pace; 2] = [
    pace!("twenty_a_second", Duration::from_millis(50)),
    pace!("two_hundred_a_second", Duration::from_millis(5)),
];

/// Every reload is a whole one: compiled code is read, held against its digest, linked, started and
/// tested, while the callers go on; then it is published, and the generation before goes when its
/// last request is done.
pub(crate) async fn measure() -> Result<Rows, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let sandbox = sandbox(folder.path())?;
    let versions = [CATALOG_PLUGIN.to_vec(), other_version()].map(Arc::new);
    // Compiled once.
    for version in &versions {
        load(&sandbox, version).await?;
    }
    let sale = Arc::new(sale()?);
    let [first, _] = &versions;
    let built_in = load(&sandbox, first).await?;
    let catalog = OnePlace::new()?;
    let plugins = Arc::new(Registry::new(Arc::clone(&sandbox), catalog, [built_in]));
    let mut rows = vec![("reloads", (ROUNDS * RELOADS_PER_ROUND) as f64)];
    for pace in PACES {
        rows.extend(at(&pace, &sandbox, &plugins, &versions, &sale).await?);
    }
    Ok(rows)
}

async fn at(
    pace: &Pace,
    sandbox: &Arc<Sandbox>,
    plugins: &Arc<Registry>,
    versions: &[Arc<Vec<u8>>],
    sale: &Arc<Sale>,
) -> Result<Rows, Box<dyn Error>> {
    let (mut reloading, mut quiet) = (Called::default(), Called::default());
    for _ in 0..ROUNDS {
        let callers = Callers::start(plugins, sale);
        let begun = Instant::now();
        let mut turns = interval(pace.pause);
        for version in versions.iter().cycle().take(RELOADS_PER_ROUND) {
            turns.tick().await;
            let loaded = load(sandbox, version).await?;
            plugins.publish(&sale.context.center, [loaded]);
        }
        let took = begun.elapsed();
        reloading.add(callers.stop().await?);
        let callers = Callers::start(plugins, sale);
        tokio::time::sleep(took).await;
        quiet.add(callers.stop().await?);
    }
    let failed = reloading.failed + quiet.failed;
    let calls = reloading.took.len();
    let (reloading, quiet) = (Measured::of(reloading.took), Measured::of(quiet.took));
    Ok(vec![
        (pace.calls, calls as f64),
        (pace.failed, failed as f64),
        (pace.reloading_p50, reloading.p50_us()),
        (pace.reloading_p99, reloading.p99_us()),
        (pace.quiet_p50, quiet.p50_us()),
        (pace.quiet_p99, quiet.p99_us()),
    ])
}

/// The same component with another digest: a section that means nothing is added.
fn other_version() -> Vec<u8> {
    let section = b"\x00\x06\x05other";
    [CATALOG_PLUGIN, section].concat()
}

/// As a host loads: on a thread of its own.
async fn load(
    sandbox: &Arc<Sandbox>,
    version: &Arc<Vec<u8>>,
) -> Result<Arc<Generation>, Box<dyn Error>> {
    let (sandbox, version) = (Arc::clone(sandbox), Arc::clone(version));
    let runtime = Handle::current();
    let loading = spawn_blocking(move || {
        let granted = Granted::catalog(Limits::default());
        runtime.block_on(sandbox.load(&version, granted))
    });
    Ok(loading.await??)
}

/// What came of many calls.
#[derive(Default)]
struct Called {
    took: Vec<Duration>,
    failed: usize,
}

impl Called {
    fn add(&mut self, other: Self) {
        self.took.extend(other.took);
        self.failed += other.failed;
    }
}

/// Tasks that ask until they are stopped.
struct Callers {
    stopped: Arc<AtomicBool>,
    tasks: JoinSet<Called>,
}

impl Callers {
    fn start(plugins: &Arc<Registry>, sale: &Arc<Sale>) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for _ in 0..CALLERS {
            let (plugins, sale) = (Arc::clone(plugins), Arc::clone(sale));
            tasks.spawn(call(plugins, sale, Arc::clone(&stopped)));
        }
        Self { stopped, tasks }
    }

    async fn stop(mut self) -> Result<Called, Box<dyn Error>> {
        self.stopped.store(true, Relaxed);
        let mut all = Called::default();
        while let Some(done) = self.tasks.join_next().await {
            all.add(done?);
        }
        Ok(all)
    }
}

async fn call(plugins: Arc<Registry>, sale: Arc<Sale>, stopped: Arc<AtomicBool>) -> Called {
    let mut called = Called::default();
    while !stopped.load(Relaxed) {
        let begun = Instant::now();
        let mut calls = plugins.begin(sale.context.clone());
        let answer = calls.resolve(&sale.offer.book).await;
        drop(calls);
        called.took.push(begun.elapsed());
        if !matches!(answer, Ok(ResolverAnswer::Found(_))) {
            called.failed += 1;
        }
        yield_now().await;
    }
    called
}
