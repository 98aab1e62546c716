//! Follows changes of centers and acts on versions that fail.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use colophon_core::change::{Caches, Change, ChangedRecord};
use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::chains::Chains;
use super::rejecting::Rejecting;

/// Before what was not there is looked for again; doubled each time.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

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

/// Whether a center's plug-ins could be read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Done,
    Failed,
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
    /// and tried again.
    pub(crate) async fn start(
        chains: Arc<Chains>,
        records: Arc<dyn Caches>,
    ) -> Result<(Self, Arc<Changed>)> {
        let marked = Arc::new(Marked::default());
        let changed = Changed {
            records,
            marked: Arc::clone(&marked),
        };
        let mut follower = ChainFollower {
            rejecting: Rejecting::new(Arc::clone(&chains.store)),
            chains,
            marked,
            again: HashMap::new(),
        };
        for center in follower.chains.concerned().await? {
            if follower.follow(center.clone()).await == Read::Failed {
                follower.chains.close(&center);
            }
        }
        let stop = CancellationToken::new();
        let task = tokio::spawn(follower.run(stop.clone()));
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
    rejecting: Rejecting,
}

impl ChainFollower {
    async fn run(mut self, stop: CancellationToken) {
        let chains = Arc::clone(&self.chains);
        let mut trips = chains.trips.lock().await;
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
                () = stop.cancelled() => return,
                Some(trip) = trips.recv() => {
                    let center = trip.center.clone();
                    self.rejecting.act_on(trip).await;
                    self.follow(center).await;
                }
                () = self.marked.notify.notified() => self.follow_marked().await,
                () = waiting => self.follow_due().await,
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
        for center in centers {
            // Something has changed, so there is reason to hope.
            self.again.remove(&center);
            self.follow(center).await;
        }
    }

    async fn follow_due(&mut self) {
        let now = Instant::now();
        let due = self.again.iter().filter(|(_, again)| again.at <= now);
        let due: Vec<CenterId> = due.map(|(center, _)| center.clone()).collect();
        for center in due {
            self.follow(center).await;
        }
    }

    async fn follow(&mut self, center: CenterId) -> Read {
        let mut read = Read::Done;
        let again = match self.chains.follow(&center).await {
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
                read = Read::Failed;
                true
            }
        };
        if !again {
            self.again.remove(&center);
            return read;
        }
        let pause = self.again.get(&center).map_or(PAUSE, |before| {
            before.pause.saturating_mul(2).min(PAUSE_MAX)
        });
        let at = Instant::now() + pause;
        self.again.insert(center, Again { at, pause });
        read
    }
}
