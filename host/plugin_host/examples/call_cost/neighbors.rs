//! Calls of a center while another one's plug-in means harm, against the same calls while nobody does.

use std::error::Error;
use std::hint;
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
const ROUNDS: usize = 9;
const PART: Duration = Duration::from_millis(600);
/// Between two calls. They come when they come, and not when the one before is done.
const PAUSE: Duration = Duration::from_micros(400);

/// One kind of harm, by the name of its rows.
struct Kind {
    calls: &'static str,
    beside_p50: &'static str,
    beside_p99: &'static str,
    alone_p50: &'static str,
    alone_p99: &'static str,
    times: &'static str,
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
            times: concat!($name, "_p99_times"),
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
    let mut rows = beside_a_thread(&plugins, &sale).await?;
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
        let mut rounds = Rounds::default();
        let mut harms = 0;
        for _ in 0..ROUNDS {
            let alone = called(&plugins, &sale).await?;
            let harm = Harm::start(&plugins, center.as_ref());
            let beside = called(&plugins, &sale).await?;
            // Nothing of it is left when the next calls are made alone.
            harms += harm.stop().await?;
            rounds.add(beside, alone);
        }
        plugins.withdraw(&center);
        rows.extend([
            (kind.calls, harms as f64),
            (
                kind.beside_p50,
                rounds.median(|round| round.beside.p50_us()),
            ),
            (
                kind.beside_p99,
                rounds.median(|round| round.beside.p99_us()),
            ),
            (kind.alone_p50, rounds.median(|round| round.alone.p50_us())),
            (kind.alone_p99, rounds.median(|round| round.alone.p99_us())),
            (kind.times, rounds.median(Round::times)),
        ]);
    }
    Ok(rows)
}

/// The same beside a thread that computes and has nothing to do with plug-ins: what this machine
/// makes of one processor less.
async fn beside_a_thread(
    plugins: &Arc<Registry>,
    sale: &Arc<Sale>,
) -> Result<Rows, Box<dyn Error>> {
    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        let alone = called(plugins, sale).await?;
        let stopped = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stopped);
        let computes = thread::spawn(move || {
            while !seen.load(Relaxed) {
                hint::spin_loop();
            }
        });
        let beside = called(plugins, sale).await;
        stopped.store(true, Relaxed);
        computes
            .join()
            .map_err(|_| "a thread that computes failed")?;
        rounds.add(beside?, alone);
    }
    Ok(vec![
        (
            "thread_beside_p99_us",
            rounds.median(|round| round.beside.p99_us()),
        ),
        (
            "thread_alone_p99_us",
            rounds.median(|round| round.alone.p99_us()),
        ),
        ("thread_p99_times", rounds.median(Round::times)),
    ])
}

/// A part with harm, and the one without just before it.
struct Round {
    beside: Measured,
    alone: Measured,
}

impl Round {
    fn times(&self) -> f64 {
        self.beside.p99_us() / self.alone.p99_us()
    }
}

/// What else happens on a machine spoils a round now and then: the median of them is what is told.
#[derive(Default)]
struct Rounds(Vec<Round>);

impl Rounds {
    fn add(&mut self, beside: Vec<Duration>, alone: Vec<Duration>) {
        self.0.push(Round {
            beside: Measured::of(beside),
            alone: Measured::of(alone),
        });
    }

    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        let mut values: Vec<f64> = self.0.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }
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
