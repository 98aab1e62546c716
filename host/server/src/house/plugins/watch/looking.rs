//! Looks whether what is asked of centers may be asked still, while they wait to be followed.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use colophon_receipt::CenterId;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::house::plugins::chains::Chains;

/// How many centers are looked at at once: each is a question to the database.
const LOOKED_AT_MAX: usize = 8;

/// Centers that wait to be followed, and whoever looks at them: each by one at a time, however often it
/// changes.
#[derive(Default)]
pub(super) struct Looking {
    due: HashMap<CenterId, Instant>,
    tasks: JoinSet<Option<Instant>>,
    under_way: HashMap<Id, CenterId>,
}

impl Looking {
    /// Has centers looked at as soon as there is a place, and after what is under way for them.
    pub(super) fn look_at(&mut self, centers: impl IntoIterator<Item = CenterId>) {
        let now = Instant::now();
        self.due
            .extend(centers.into_iter().map(|center| (center, now)));
    }

    /// Looks at what is due, and again for as long as something is asked that may not be. Nothing is
    /// lost where it is dropped.
    pub(super) async fn go_on(&mut self, chains: &Arc<Chains>) -> Infallible {
        loop {
            self.begin(chains);
            let next = self.next();
            let waiting = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                Some(done) = self.tasks.join_next_with_id() => {
                    // A panic has been reported where it happened.
                    let (id, again) = done.unwrap_or_else(|panicked| (panicked.id(), None));
                    let center = self.under_way.remove(&id);
                    if let (Some(center), Some(at)) = (center, again) {
                        self.due.entry(center).or_insert(at);
                    }
                }
                () = waiting => {}
            }
        }
    }

    fn begin(&mut self, chains: &Arc<Chains>) {
        let now = Instant::now();
        let places = LOOKED_AT_MAX.saturating_sub(self.under_way.len());
        let due = self.may_begin().filter(|(_, at)| *at <= now);
        let due: Vec<CenterId> = due.map(|(center, _)| center.clone()).take(places).collect();
        for center in due {
            self.due.remove(&center);
            let (chains, at) = (Arc::clone(chains), center.clone());
            let task = self.tasks.spawn(async move { chains.look_at(&at).await });
            self.under_way.insert(task.id(), center);
        }
    }

    /// When there is something to begin; none where there is nothing, or no place for it.
    fn next(&self) -> Option<Instant> {
        if self.under_way.len() >= LOOKED_AT_MAX {
            return None;
        }
        self.may_begin().map(|(_, at)| at).min()
    }

    fn may_begin(&self) -> impl Iterator<Item = (&CenterId, Instant)> {
        let due = self.due.iter().map(|(center, at)| (center, *at));
        due.filter(|(center, _)| !self.under_way.values().any(|busy| busy == *center))
    }
}
