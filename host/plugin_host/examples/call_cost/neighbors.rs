//! Calls of a center while another one's plug-in means harm, against the same calls while nobody does.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use colophon_core::capability::Name;
use colophon_core::plugin::{Plugins as _, ResolverAnswer};
use colophon_plugin_host::{CATALOG_PLUGIN, Capacity, Granted, Limits, LineQueue, Lines, Registry};
use tokio::runtime::Handle;
use tokio::task::{JoinSet, spawn_blocking, yield_now};

use crate::Rows;
use crate::harm::{FIND, LOG, WRITE, endless_loop, flooding, giant_result, memory_bomb, trap};
use crate::measured::Measured;
use crate::request::request;
use crate::sale::{OnePlace, Sale, sale, sandbox};

/// Parts with and without harm take turns, so that both see the same machine.
const ROUNDS: usize = 5;
const PART: Duration = Duration::from_millis(800);
/// Between two calls. They come when they come, and not when the one before is done.
const PAUSE: Duration = Duration::from_micros(400);

/// One kind of harm, by the name of its rows.
struct Kind {
    calls: &'static str,
    beside_p50: &'static str,
    beside_p99: &'static str,
    alone_p50: &'static str,
    alone_p99: &'static str,
    guest: Vec<u8>,
}

macro_rules! kind {
    ($name:literal, $guest:expr) => {
        Kind {
            calls: concat!($name, "_calls"),
            beside_p50: concat!($name, "_beside_p50_us"),
            beside_p99: concat!($name, "_beside_p99_us"),
            alone_p50: concat!($name, "_alone_p50_us"),
            alone_p99: concat!($name, "_alone_p99_us"),
            guest: $guest,
        }
    };
}

fn kinds() -> [Kind; 6] {
    [
        kind!("endless_loop", endless_loop()),
        kind!("memory_bomb", memory_bomb()),
        kind!("log_flood", flooding(LOG, WRITE)),
        kind!("trap_storm", trap()),
        kind!("giant_result", giant_result()),
        kind!("host_call_flood", flooding("", FIND)),
    ]
}

pub(crate) async fn measure() -> Result<Rows, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let sandbox = sandbox(folder.path())?;
    let granted = Granted::catalog(Limits::default());
    let built_in = sandbox.load(CATALOG_PLUGIN, granted).await?;
    let catalog = OnePlace::new()?;
    let plugins = Arc::new(Registry::new(Arc::clone(&sandbox), catalog, [built_in]));
    let sale = Arc::new(sale()?);
    let (queue, lines) = LineQueue::to_reader();
    // Somebody reads the lines; what is measured is not that nobody does.
    thread::spawn(move || lines.iter().for_each(drop));
    let mut rows = Rows::new();
    for kind in kinds() {
        let granted = Granted {
            log: Some(Arc::new(Lines::of(Name::parse("harm")?, queue.clone()))),
            // Only time ends what does not end by itself.
            ..Granted::catalog(Limits {
                fuel: u64::MAX,
                ..Limits::default()
            })
        };
        let center = request(&kind.calls.replace('_', "-")).center;
        plugins.publish(&center, [sandbox.load(&kind.guest, granted).await?]);
        let (mut beside, mut alone) = (Vec::new(), Vec::new());
        let mut harms = 0;
        for _ in 0..ROUNDS {
            alone.extend(called(&plugins, &sale).await?);
            let harm = Harm::start(&plugins, center.as_ref());
            beside.extend(called(&plugins, &sale).await?);
            // Nothing of it is left when the next calls are made alone.
            harms += harm.stop().await?;
        }
        plugins.withdraw(&center);
        let (beside, alone) = (Measured::of(beside), Measured::of(alone));
        rows.extend([
            (kind.calls, harms as f64),
            (kind.beside_p50, beside.p50_us()),
            (kind.beside_p99, beside.p99_us()),
            (kind.alone_p50, alone.p50_us()),
            (kind.alone_p99, alone.p99_us()),
        ]);
    }
    Ok(rows)
}

/// Calls for a while, of the built-in plug-in, as requests make them: each comes from outside, and is
/// served by whichever thread of the host is free.
#[expect(
    clippy::disallowed_methods,
    reason = "requests come with pauses between them, on a thread of their own"
)]
async fn called(
    plugins: &Arc<Registry>,
    sale: &Arc<Sale>,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let (plugins, sale, host) = (Arc::clone(plugins), Arc::clone(sale), Handle::current());
    let from_outside = move || {
        let begun = Instant::now();
        let mut took = Vec::new();
        while begun.elapsed() < PART {
            thread::sleep(PAUSE);
            let (plugins, sale) = (Arc::clone(&plugins), Arc::clone(&sale));
            let begun = Instant::now();
            let call = host.spawn(async move {
                let mut calls = plugins.begin(sale.context.clone());
                let answer = calls.resolve(&sale.offer.book).await;
                drop(calls);
                (answer, begun.elapsed())
            });
            let (answer, elapsed) = host.block_on(call)?;
            if !matches!(answer, Ok(ResolverAnswer::Found(_))) {
                return Err(format!("a neighbor got {answer:?}").into());
            }
            took.push(elapsed);
        }
        Ok(took)
    };
    let called: Result<_, Box<dyn Error + Send + Sync>> = spawn_blocking(from_outside).await?;
    called.map_err(|error| error as Box<dyn Error>)
}

/// As many callers as a center has places, who ask until they are stopped.
struct Harm {
    stopped: Arc<AtomicBool>,
    callers: JoinSet<usize>,
}

impl Harm {
    fn start(plugins: &Arc<Registry>, center: &str) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let mut callers = JoinSet::new();
        for _ in 0..Capacity::default().instances_per_center {
            let (plugins, stopped) = (Arc::clone(plugins), Arc::clone(&stopped));
            let context = request(center);
            callers.spawn(async move {
                let book = crate::request::book("1");
                let mut calls = 0;
                while !stopped.load(Relaxed) {
                    // It fails, which is its business.
                    drop(plugins.begin(context.clone()).resolve(&book).await);
                    calls += 1;
                    yield_now().await;
                }
                calls
            });
        }
        Self { stopped, callers }
    }

    /// How often it was called in all.
    async fn stop(mut self) -> Result<usize, Box<dyn Error>> {
        self.stopped.store(true, Relaxed);
        let mut calls = 0;
        while let Some(made) = self.callers.join_next().await {
            calls += made?;
        }
        Ok(calls)
    }
}
