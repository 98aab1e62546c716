//! Follows changes of centers and acts on versions that fail.

mod looking;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use colophon_core::change::{Caches, Change, ChangedRecord};
use colophon_core::time::{Clock as _, Timestamp};
use colophon_receipt::CenterId;
use tokio::sync::{Notify, oneshot};
use tokio::task::{Id, JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::looking::Looking;
use super::chains::{Chains, Followed};
use super::rejecting::Rejecting;
use crate::house::SystemClock;

/// Before what was not there is looked for again; doubled each time.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How many centers are looked at at once. One whose plug-ins take long to compile holds one of these
/// places and nobody else.
const FOLLOWED_MAX: usize = 8;

/// Of these, how many may be centers whose chains took long the last time: what is quickly done does
/// not wait for them.
const SLOW_FOLLOWED_MAX: usize = FOLLOWED_MAX / 2;

/// A chain that took so long was one with something to compile, or a service to wait for. That others
/// had the compiler meanwhile is not held against a center.
const SLOW: Duration = Duration::from_secs(5);

/// When compiled code is looked through that nobody names any more: not while the host starts, and
/// then so often.
const FIRST_SWEEP: Duration = Duration::from_mins(5);
const SWEEP: Duration = Duration::from_hours(6);

/// What the start of a host waits for chains. Centers whose plug-ins take longer are closed until
/// they are loaded, and the others are served.
pub(crate) const START_PATIENCE: Duration = Duration::from_secs(10);

/// Hears of changes beside the records' own cache.
pub(crate) struct Changed {
    records: Arc<dyn Caches>,
    marked: Arc<Marked>,
}

/// Centers whose chains have to be looked at.
#[derive(Default)]
struct Marked {
    all: AtomicBool,
    centers: Mutex<HashSet<CenterId>>,
    notify: Notify,
}

/// The task that keeps the chains.
pub(crate) struct ChainWatch {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// A center that has to be looked at again.
struct Again {
    at: Instant,
    pause: Duration,
}

impl Caches for Changed {
    fn apply(&self, change: &Change) {
        self.records.apply(change);
        // A change of a center's plug-ins is a change of the center.
        if change.record == ChangedRecord::Center {
            self.marked.mark(change.center.clone());
        }
    }

    fn flush(&self) {
        self.records.flush();
        self.marked.mark_all();
    }

    fn renew(&self, seen_at: Timestamp, lease_until: Timestamp) {
        self.records.renew(seen_at, lease_until);
    }
}

impl Marked {
    fn mark(&self, center: CenterId) {
        let mut centers = self.centers.lock().unwrap_or_else(PoisonError::into_inner);
        centers.insert(center);
        drop(centers);
        self.notify.notify_one();
    }

    fn mark_all(&self) {
        self.all.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    fn take(&self) -> (bool, HashSet<CenterId>) {
        let all = self.all.swap(false, Ordering::AcqRel);
        let mut centers = self.centers.lock().unwrap_or_else(PoisonError::into_inner);
        (all, std::mem::take(&mut *centers))
    }
}

impl ChainWatch {
    /// Loads the chains of all centers, and follows them from then on. What cannot be loaded is told
    /// and tried again. It is there when every chain has been tried, or patience is at its end;
    /// until a center's chain is there, nothing is decided for it.
    pub(crate) async fn start(
        chains: Arc<Chains>,
        records: Arc<dyn Caches>,
        patience: Duration,
    ) -> Result<(Self, Arc<Changed>)> {
        let marked = Arc::new(Marked::default());
        let changed = Changed {
            records,
            marked: Arc::clone(&marked),
        };
        let concerned = chains.concerned().await?;
        for center in &concerned {
            chains.close(center);
        }
        let (tried, all_tried) = oneshot::channel();
        let follower = ChainFollower {
            rejecting: Rejecting::new(Arc::clone(&chains.store), Arc::clone(&chains.engine)),
            chains,
            marked,
            again: HashMap::new(),
            waiting: VecDeque::new(),
            under_way: JoinSet::new(),
            centers_under_way: HashMap::new(),
            looking: Looking::default(),
            slow: HashSet::new(),
            start: Some(Start {
                untried: concerned.iter().cloned().collect(),
                tried,
            }),
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(follower.run(concerned, stop.clone()));
        if timeout(patience, all_tried).await.is_err() {
            tracing::warn!(
                "plug-ins take long to load; downloads of their centers are refused until they are \
                 loaded"
            );
        }
        Ok((Self { stop, task }, Arc::new(changed)))
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        // A panic has been reported where it happened.
        let _panicked = self.task.await;
    }
}

struct ChainFollower {
    chains: Arc<Chains>,
    marked: Arc<Marked>,
    again: HashMap<CenterId, Again>,
    /// Centers that wait for their turn, each of them once.
    waiting: VecDeque<CenterId>,
    under_way: JoinSet<Result<Followed>>,
    centers_under_way: HashMap<Id, UnderWay>,
    /// Whoever looks whether what changed has taken something away, of centers that wait.
    looking: Looking,
    /// Centers whose chains took long the last time.
    slow: HashSet<CenterId>,
    start: Option<Start>,
    rejecting: Rejecting,
}

/// A center that is being looked at.
struct UnderWay {
    center: CenterId,
    since: Instant,
}

async fn sweep(chains: Arc<Chains>) {
    if let Err(error) = chains.forget_code(SystemClock.now()).await {
        let reason = format!("{error:#}");
        tracing::warn!(reason, "compiled plug-ins cannot be looked through");
    }
}

/// The start of the host, which waits.
struct Start {
    untried: HashSet<CenterId>,
    tried: oneshot::Sender<()>,
}

/// Whether following a center took long, of which it waited so long for its turn at the compiler.
fn took_long(all: Duration, waited: Duration) -> bool {
    all.saturating_sub(waited) >= SLOW
}

impl ChainFollower {
    async fn run(mut self, at_start: Vec<CenterId>, stop: CancellationToken) {
        let chains = Arc::clone(&self.chains);
        let mut trips = chains.trips.lock().await;
        for center in at_start {
            self.follow(center);
        }
        self.tell_start();
        let mut sweep_at = Instant::now() + FIRST_SWEEP;
        let mut sweeping = None;
        loop {
            let next = self.again.values().map(|again| again.at).min();
            let waiting = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                // What is under way is dropped, and ends with its processes.
                () = stop.cancelled() => return,
                Some(trip) = trips.recv() => {
                    let center = trip.center.clone();
                    self.rejecting.act_on(trip).await;
                    self.follow(center);
                }
                Some(done) = self.under_way.join_next_with_id() => self.finish(done).await,
                never = self.looking.go_on(&chains) => match never {},
                () = self.marked.notify.notified() => self.follow_marked().await,
                () = waiting => self.follow_due(),
                () = sleep_until(sweep_at) => {
                    if sweeping.as_ref().is_none_or(JoinHandle::is_finished) {
                        sweeping = Some(tokio::spawn(sweep(Arc::clone(&chains))));
                    }
                    sweep_at = Instant::now() + SWEEP;
                }
            }
        }
    }

    async fn follow_marked(&mut self) {
        let (all, mut centers) = self.marked.take();
        if all {
            match self.chains.concerned().await {
                Ok(concerned) => centers.extend(concerned),
                Err(error) => {
                    tracing::warn!(reason = format!("{error:#}"), "plug-ins cannot be read");
                    // The next reading of changes comes soon, and this is remembered until then.
                    self.marked.mark_all();
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        for center in &centers {
            // Something has changed, so there is reason to hope.
            self.again.remove(center);
            self.follow(center.clone());
        }
        // What is followed looks for itself. It may be long until the others come to that.
        centers.retain(|center| self.waiting.contains(center));
        self.looking.look_at(centers);
    }

    fn follow_due(&mut self) {
        let now = Instant::now();
        let due = self.again.iter_mut().filter(|(_, again)| again.at <= now);
        let due = due.map(|(center, again)| {
            // It is under way or waits, and its next time is known when it is done.
            again.at = now + PAUSE_MAX;
            center.clone()
        });
        for center in due.collect::<Vec<_>>() {
            self.follow(center);
        }
    }

    /// Looks at a center as soon as there is a place, and after what is under way for it.
    fn follow(&mut self, center: CenterId) {
        if !self.waiting.contains(&center) {
            self.waiting.push_back(center);
        }
        self.begin();
    }

    fn begin(&mut self) {
        while self.under_way.len() < FOLLOWED_MAX {
            let next = self
                .waiting
                .iter()
                .position(|center| self.may_begin(center));
            let Some(center) = next.and_then(|at| self.waiting.remove(at)) else {
                return;
            };
            let (chains, at) = (Arc::clone(&self.chains), center.clone());
            let task = self
                .under_way
                .spawn(async move { chains.follow(&at).await });
            let since = Instant::now();
            self.centers_under_way
                .insert(task.id(), UnderWay { center, since });
        }
    }

    /// Whether there is a place for a center, and nothing under way for it.
    fn may_begin(&self, center: &CenterId) -> bool {
        let under_way = || self.centers_under_way.values().map(|one| &one.center);
        if under_way().any(|busy| busy == center) {
            return false;
        }
        let slow = under_way().filter(|busy| self.slow.contains(*busy));
        !self.slow.contains(center) || slow.count() < SLOW_FOLLOWED_MAX
    }

    /// Takes what is under way for a center off the list, and remembers whether it took long.
    fn end(&mut self, id: Id) -> Option<CenterId> {
        let UnderWay { center, since } = self.centers_under_way.remove(&id)?;
        let registry = self.chains.registry();
        let waited = registry.sandbox().waited_to_compile(&center);
        match took_long(since.elapsed(), waited) {
            true => self.slow.insert(center.clone()),
            false => self.slow.remove(&center),
        };
        Some(center)
    }

    async fn finish(&mut self, done: Result<(Id, Result<Followed>), JoinError>) {
        let (id, followed) = match done {
            Ok((id, followed)) => (id, followed),
            // A panic, which has been reported where it happened.
            Err(panicked) => (panicked.id(), Err(panicked.into())),
        };
        let center = self.end(id);
        self.begin();
        let Some(center) = center else { return };
        let again = match followed {
            Ok(followed) => {
                for (plugin, version, reason) in followed.rejected {
                    let one = (plugin, version, reason);
                    self.rejecting.reject_unloadable(&center, one).await;
                }
                followed.again
            }
            Err(error) => {
                let reason = format!("{error:#}");
                tracing::warn!(center.id = %center, reason, "plug-ins cannot be read");
                true
            }
        };
        if let Some(start) = &mut self.start {
            start.untried.remove(&center);
        }
        self.tell_start();
        if !again {
            self.again.remove(&center);
            return;
        }
        let pause = self.again.get(&center).map_or(PAUSE, |before| {
            before.pause.saturating_mul(2).min(PAUSE_MAX)
        });
        let at = Instant::now() + pause;
        self.again.insert(center, Again { at, pause });
    }

    /// Tells the start of the host when every chain has been tried.
    fn tell_start(&mut self) {
        let is_over = |start: &mut Start| start.untried.is_empty();
        if let Some(start) = self.start.take_if(is_over) {
            // It may have lost its patience.
            let _ = start.tried.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_center_that_waits_for_others_is_not_slow() {
        let second = Duration::from_secs(1);
        assert!(took_long(SLOW, Duration::ZERO));
        assert!(!took_long(60 * second, 58 * second));
        assert!(took_long(60 * second, 50 * second));
        assert!(!took_long(second, 2 * second));
    }
}
