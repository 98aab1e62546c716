//! Follows the order of changes and tells the caches.
//!
//! Truth is the order of changes in the database; whatever calls this agent sooner is a hint. The
//! lease it renews is counted from before the reading began: what the caches hold was true then.

use std::sync::Arc;
use std::time::Duration;

use colophon_core::change::{Caches, ChangeLog, ChangePosition, Changes, Numbering};
use colophon_core::event::NamedEvent;
use colophon_core::ports::{Service, Unavailable};
use colophon_core::time::{Clock, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::running::Running;

/// How often the agent looks and how long the caches may rely on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSettings {
    /// Between two readings of the order of changes.
    pub poll_every: Duration,
    /// How long cached entries may be used after the last reading began.
    pub lease: Duration,
    /// Changes read at once, at most.
    pub batch_changes_max: u32,
}

impl Default for AgentSettings {
    /// A reading every 100 ms, a lease of 5 s.
    fn default() -> Self {
        Self {
            poll_every: Duration::from_millis(100),
            lease: Duration::from_secs(5),
            batch_changes_max: 1000,
        }
    }
}

/// Keeps the caches of a host in step with the database.
pub struct CacheUpdateAgent {
    changes: Arc<dyn ChangeLog>,
    caches: Arc<dyn Caches>,
    clock: Arc<dyn Clock>,
    settings: AgentSettings,
    /// How far the caches have followed; unknown before the first reading.
    position: Option<ChangePosition>,
    lease_until: Timestamp,
    lease_lost: bool,
    told: watch::Sender<Followed>,
}

/// How far the caches of a host have followed the changes, for whoever wants to know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// Unknown before the first reading.
    pub position: Option<ChangePosition>,
    /// Until when the caches may be used; never before the first reading that has seen everything.
    pub lease_until: Option<Timestamp>,
}

/// What a reading means for the caches.
#[derive(Debug, PartialEq, Eq)]
enum Reading {
    /// Every change up to `through` is in its list.
    Complete { through: i64, is_all: bool },
    /// Changes were missed.
    Broken { why: &'static str },
}

impl CacheUpdateAgent {
    /// Starts following, and tells how far that has come. Each call of `hint` causes a reading at once.
    pub fn start(
        changes: Arc<dyn ChangeLog>,
        caches: Arc<dyn Caches>,
        clock: Arc<dyn Clock>,
        hint: Arc<Notify>,
        settings: AgentSettings,
    ) -> (Running, watch::Receiver<Followed>) {
        let lease_until = after(clock.now(), settings.lease);
        let (told, followed) = watch::channel(Followed::default());
        let agent = Self {
            changes,
            caches,
            clock,
            settings,
            position: None,
            lease_until,
            lease_lost: false,
            told,
        };
        (Running::spawn(|stop| agent.run(hint, stop)), followed)
    }

    async fn run(mut self, hint: Arc<Notify>, stop: CancellationToken) {
        let mut ticks = interval(self.settings.poll_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
                () = hint.notified() => {}
            }
            let followed = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                followed = self.follow() => followed,
            };
            if let Err(error) = followed {
                self.note_failure(&error);
            }
        }
    }

    /// Reads until nothing is left to read, then renews the lease.
    async fn follow(&mut self) -> Result<(), Unavailable> {
        loop {
            let began = self.clock.now();
            let after = self.position.map_or(0, |position| position.number);
            let changes = self.read(after).await?;
            match judge(self.position, &changes) {
                Reading::Complete { through, is_all } => {
                    for change in &changes.list {
                        self.caches.apply(change);
                    }
                    self.move_to(changes.epoch, through);
                    if !is_all {
                        continue;
                    }
                    // Something changed that will be listed only later: what the caches hold
                    // may be older than that, so they live on the lease they have.
                    if changes.unsettled {
                        return Ok(());
                    }
                }
                Reading::Broken { why } => {
                    self.caches.flush();
                    if self.position.is_some() {
                        report_flush(why);
                    }
                    // Empty caches hold nothing older than this, be it settled or not.
                    self.move_to(changes.epoch, changes.newest);
                }
            }
            self.renew(began);
            return Ok(());
        }
    }

    async fn read(&self, after: i64) -> Result<Changes, Unavailable> {
        // A database that hangs is as good as none. Half the lease leaves time for another try.
        let patience = self.settings.lease / 2;
        let read = self.changes.after(after, self.settings.batch_changes_max);
        match timeout(patience, read).await {
            Ok(read) => read,
            Err(elapsed) => Err(Unavailable::new(Service::FulfillmentDatabase, elapsed)),
        }
    }

    fn move_to(&mut self, epoch: i64, number: i64) {
        let position = Some(ChangePosition { epoch, number });
        self.position = position;
        self.told.send_modify(|told| told.position = position);
        metrics::gauge!("colophon_cache_change_number").set(number as f64);
    }

    fn renew(&mut self, began: Timestamp) {
        self.lease_until = after(began, self.settings.lease);
        self.caches.renew(began, self.lease_until);
        let until = Some(self.lease_until);
        self.told.send_modify(|told| told.lease_until = until);
        if std::mem::replace(&mut self.lease_lost, false) {
            tracing::info!("changes can be read again");
        }
    }

    /// Reports the end of the lease, once.
    fn note_failure(&mut self, error: &Unavailable) {
        metrics::counter!("colophon_cache_failed_readings_total").increment(1);
        if self.lease_lost || self.clock.now() < self.lease_until {
            return;
        }
        self.lease_lost = true;
        let event = NamedEvent::LeaseLost;
        tracing::error!(
            event.code = event.code(),
            event.name = event.slug(),
            error = error as &(dyn std::error::Error + 'static),
            "changes cannot be read; protected titles are refused until they can"
        );
    }
}

/// Holds a reading against the position it was asked from.
fn judge(position: Option<ChangePosition>, changes: &Changes) -> Reading {
    let Some(position) = position else {
        return Reading::Broken { why: "start" };
    };
    let broken = |why| Reading::Broken { why };
    if changes.epoch != position.epoch || changes.newest < position.number {
        return broken("the database was restored or replaced");
    }
    let mut through = position.number;
    for change in &changes.list {
        let follows = match changes.numbering {
            Numbering::Dense => change.number == through.saturating_add(1),
            Numbering::Ascending => change.number > through,
        };
        if !follows {
            return broken("the order of changes has a gap");
        }
        through = change.number;
    }
    let is_all = through == changes.newest;
    if changes.oldest > position.number.saturating_add(1) {
        return broken("changes were removed before they were read");
    }
    if changes.list.is_empty() && !is_all {
        return broken("the order of changes has a gap");
    }
    Reading::Complete { through, is_all }
}

fn after(moment: Timestamp, duration: Duration) -> Timestamp {
    let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_ms(moment.unix_ms().saturating_add(ms))
}

fn report_flush(why: &str) {
    let event = NamedEvent::CacheFlushed;
    tracing::warn!(
        event.code = event.code(),
        event.name = event.slug(),
        why,
        "everything cached was dropped"
    );
}
