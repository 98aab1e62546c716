//! Instances that serve more than one request, where a plug-in's author and the operator both say so.
//!
//! A fresh instance for each request is the rule. An interpreter takes longer to start than to answer,
//! so its instance may rest after a request and be taken up by the next one: of the same generation,
//! center and retailer, one request at a time, for a number of requests that the guest cannot know,
//! and never after a failure. Where none rests, a fresh one is started as ever.

mod shelf;
mod terms;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use colophon_core::plugin::CallContext;
use colophon_core::rollout::PurchaseMark;
use metrics::{Counter, counter};
use tokio::sync::Semaphore;

use self::shelf::{RESTING_MAX, Shelf};
pub use self::terms::WarmTerms;
use crate::call::Live;
use crate::sandbox::{Ending, WAITING_MAX};

/// How often instances are looked for that have rested too long. None is taken up after its time in
/// any case; this is when its memory is given back.
const SWEEP: Duration = Duration::from_secs(1);

/// Instances that rest, with those that have to go for others and are not gone yet: to give much memory
/// back takes a while. Where there are so many, an instance that is done is not put to rest.
pub(crate) const REST_PLACES: usize = RESTING_MAX + WAITING_MAX;

/// Where chance comes from: 64 bits that nobody can foretell.
#[derive(Clone)]
pub struct Chance(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Chance {
    /// Chance from a source.
    pub fn of(source: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance")
    }
}

/// The resting instances of a host.
pub(crate) struct Resting {
    shelf: Arc<Mutex<Shelf<Live>>>,
    places: Arc<Semaphore>,
    ending: Arc<Ending>,
    chance: Chance,
    generations: AtomicU64,
    taken: Counter,
    _stop: Sender<()>,
}

impl Resting {
    /// Starts with none, and with the thread that looks after them.
    pub(crate) fn start(chance: Chance, ending: Arc<Ending>) -> io::Result<Arc<Self>> {
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let (stop, stopped) = channel::<()>();
        let swept = Arc::clone(&shelf);
        let sweep = move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(SWEEP) {
                let gone = locked(&swept).expired(Instant::now());
                // An instance takes its time to go, for which nobody waits at the lock.
                drop(gone);
            }
        };
        thread::Builder::new()
            .name("plug-in rest".to_owned())
            .spawn(sweep)?;
        Ok(Arc::new(Self {
            shelf,
            places: Arc::new(Semaphore::new(REST_PLACES)),
            ending,
            chance,
            generations: AtomicU64::new(0),
            taken: counter!("colophon_plugin_instances_reused_total"),
            _stop: stop,
        }))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        locked(&self.shelf).len()
    }

    /// Takes all of them away, for whoever needs the room.
    pub(crate) fn take_all(&self) -> Vec<Live> {
        locked(&self.shelf).all()
    }

    #[cfg(test)]
    pub(crate) fn places_left(&self) -> usize {
        self.places.available_permits()
    }
}

fn locked(shelf: &Mutex<Shelf<Live>>) -> MutexGuard<'_, Shelf<Live>> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How the instances of one generation rest. When the generation is gone, so are they.
pub(crate) struct Warm {
    resting: Arc<Resting>,
    terms: WarmTerms,
    /// Tells the generation from all others of the host.
    generation: u64,
}

impl Warm {
    /// For a generation that may be used so, on a host that has a source of chance.
    pub(crate) fn of(resting: Option<&Arc<Resting>>, terms: Option<WarmTerms>) -> Option<Self> {
        let resting = Arc::clone(resting?);
        Some(Self {
            terms: terms?,
            generation: resting.generations.fetch_add(1, Relaxed),
            resting,
        })
    }

    /// An instance that rests for this request's center and retailer.
    ///
    /// Before its receipt is opened a request only claims a retailer: it has no part in this.
    pub(crate) fn take(&self, context: &CallContext) -> Option<Live> {
        if !is_proven(context) {
            return None;
        }
        let taken = {
            let mut shelf = locked(&self.resting.shelf);
            shelf.take(self.generation, context, Instant::now())?
        };
        self.resting.taken.increment(1);
        Some(taken)
    }

    /// Puts an instance to rest after a request, unless its time is over. Gives back what ends
    /// instead: this one, or those that have to go for it.
    #[must_use]
    pub(crate) fn rest(&self, context: &CallContext, live: Live) -> Vec<Live> {
        let is_too_large = live.memory_bytes() > self.terms.memory_bytes;
        if is_too_large || !is_proven(context) || live.has_served_its_last() {
            return vec![live];
        }
        let Ok(place) = Arc::clone(&self.resting.places).try_acquire_owned() else {
            return vec![live];
        };
        let live = live.at_rest(place);
        let bytes = live.memory_bytes();
        locked(&self.resting.shelf).put(
            (self.generation, context),
            (live, bytes),
            &self.terms,
            Instant::now(),
        )
    }

    /// How many requests a fresh instance is to serve: anything from half of what is granted to all
    /// of it, so that a guest can neither foretell its end nor rely on living on.
    pub(crate) fn requests(&self) -> u32 {
        let most = self.terms.requests.clamp(1, WarmTerms::REQUESTS_MAX);
        let least = most.div_ceil(2);
        let drawn = (self.resting.chance.0)() % (u64::from(most - least) + 1);
        least + u32::try_from(drawn).unwrap_or(0)
    }
}

impl Drop for Warm {
    fn drop(&mut self) {
        let gone = locked(&self.resting.shelf).of_generation(self.generation);
        for live in gone {
            self.resting.ending.end(live);
        }
    }
}

fn is_proven(context: &CallContext) -> bool {
    context.purchase.is_some_and(PurchaseMark::is_proven)
}
