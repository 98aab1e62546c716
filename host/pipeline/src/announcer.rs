//! Says again and again that this host is there, and how far it has followed the changes.
//!
//! It is no part of any request: what it says is one small write every few seconds on a task of its
//! own, and where that fails, the next turn says it anew. Turns differ by chance, so that hosts that
//! were started together do not come together.

use std::sync::Arc;
use std::time::Duration;

use colophon_core::event::NamedEvent;
use colophon_core::node::{Doing, Heard, Introduction, NodeRegistry, State};
use colophon_core::ports::{Service, Unavailable};
use colophon_core::time::{Clock, Timestamp};
use colophon_crypto::Randomness;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::agent::Followed;
use crate::room::Backlog;
use crate::running::Running;

/// How long the database has to take what is said. Then it counts as away, and is told anew.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a host that begins waits for its first reading of the changes, before it says where it is
/// without it.
const FIRST_READING_MAX: Duration = Duration::from_secs(3);

/// How often those are forgotten that nobody has seen for long.
const FORGET_EVERY: Duration = Duration::from_secs(6 * 60 * 60);

const FAILED: &str = "colophon_node_announcements_failed_total";
const COPIES: &str = "colophon_node_copies";
const CLOCK: &str = "colophon_node_clock_ahead_seconds";
const LEASE: &str = "colophon_cache_lease_left_seconds";
const WHO: &str = "colophon_node_info";

/// How often it is said, and how long others are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnnouncerSettings {
    /// Between two turns, give or take a fifth.
    pub every: Duration,
    /// How long one that nobody has seen is kept.
    pub kept: Duration,
}

/// What the announcer speaks of, and to whom.
pub struct AnnouncerPorts {
    /// Where nodes are registered.
    pub registry: Arc<dyn NodeRegistry>,
    /// How far the caches have followed.
    pub followed: watch::Receiver<Followed>,
    /// This host's clock, which leases run by.
    pub clock: Arc<dyn Clock>,
    /// What waits in the outbox.
    pub backlog: Backlog,
}

/// Announces one process, from the moment it serves to its end.
pub struct Announcer {
    ports: AnnouncerPorts,
    who: Introduction,
    settings: AnnouncerSettings,
    random: Box<dyn Randomness + Send>,
    since: Instant,
    doing: Doing,
    /// Whether the registry knows of this process.
    entered: bool,
    clock_ahead_ms: Option<i64>,
    forgot_at: Option<Instant>,
    /// Whether it was told that the registry does not answer, or that there is a copy.
    told_away: bool,
    told_copied: bool,
}

impl Announcer {
    /// Starts to say that the process is there. When `drains` is cancelled it says at once that no
    /// more requests are taken; when it is stopped, that the process ends.
    pub fn start(
        ports: AnnouncerPorts,
        who: Introduction,
        settings: AnnouncerSettings,
        random: Box<dyn Randomness + Send>,
        drains: CancellationToken,
    ) -> Running {
        describe();
        let node = who.node.to_string();
        metrics::gauge!(WHO, "node" => node, "name" => who.name.clone()).set(1.0);
        let announcer = Self {
            ports,
            who,
            settings,
            random,
            since: Instant::now(),
            doing: Doing::Serving,
            entered: false,
            clock_ahead_ms: None,
            forgot_at: None,
            told_away: false,
            told_copied: false,
        };
        Running::spawn(|stop| announcer.run(drains, stop))
    }

    async fn run(mut self, drains: CancellationToken, stop: CancellationToken) {
        let _stopped = stop.run_until_cancelled(self.announce(drains)).await;
        self.leave().await;
    }

    /// Without end.
    async fn announce(&mut self, drains: CancellationToken) {
        // It would seem to lag otherwise, until the next turn.
        let mut followed = self.ports.followed.clone();
        let first = followed.wait_for(|followed| followed.lease_until.is_some());
        drop(timeout(FIRST_READING_MAX, first).await);
        loop {
            if drains.is_cancelled() {
                self.doing = Doing::Draining;
            }
            self.turn().await;
            let pause = self.pause();
            match self.doing {
                Doing::Draining => sleep(pause).await,
                Doing::Serving => {
                    let _drains = timeout(pause, drains.cancelled()).await;
                }
            }
        }
    }

    async fn turn(&mut self) {
        match self.say().await {
            Ok(heard) => {
                self.entered = true;
                if std::mem::take(&mut self.told_away) {
                    tracing::info!("the registry of nodes knows of this host again");
                }
                self.hear_of_copies(heard.copies);
                self.forget_unseen().await;
            }
            Err(error) => {
                metrics::counter!(FAILED).increment(1);
                // Told once, not at every turn.
                if !std::mem::replace(&mut self.told_away, true) {
                    tracing::warn!(
                        error = &error as &(dyn std::error::Error + 'static),
                        "the registry of nodes cannot be told that this host is there; what it \
                         serves is not affected"
                    );
                }
            }
        }
    }

    async fn say(&mut self) -> Result<Heard, Unavailable> {
        let began = self.ports.clock.now();
        let state = self.state(began);
        metrics::gauge!(LEASE).set(state.lease_left.as_secs_f64());
        let registry = &self.ports.registry;
        let said = async {
            match self.entered {
                true => registry.renew(&self.who, &state).await,
                false => registry.enter(&self.who, &state).await,
            }
        };
        let heard = in_time(said).await?;
        let ahead_ms = ahead(began, self.ports.clock.now(), heard.at);
        metrics::gauge!(CLOCK).set(ahead_ms as f64 / 1000.0);
        self.clock_ahead_ms = Some(ahead_ms);
        Ok(heard)
    }

    fn state(&self, now: Timestamp) -> State {
        let followed = *self.ports.followed.borrow();
        let until = followed.lease_until.map_or(0, Timestamp::unix_ms);
        let left_ms = u64::try_from(until.saturating_sub(now.unix_ms())).unwrap_or(0);
        State {
            doing: self.doing,
            up: self.since.elapsed(),
            position: followed.position,
            lease_left: Duration::from_millis(left_ms),
            rows_waiting: self.ports.backlog.waiting_rows(),
            clock_ahead_ms: self.clock_ahead_ms,
        }
    }

    /// Tells of a copy once, as long as it lasts.
    fn hear_of_copies(&mut self, copies: u64) {
        metrics::gauge!(COPIES).set(copies as f64);
        let was_told = std::mem::replace(&mut self.told_copied, copies > 0);
        if copies > 0 && !was_told {
            let event = NamedEvent::NodeCopied;
            tracing::error!(
                event.code = event.code(),
                event.name = event.slug(),
                node.id = %self.who.node,
                node.name = self.who.name,
                "a copy of this node runs under its identity; `colophon node list` shows both. \
                 Stop one of them, and let it begin with a database.node of its own"
            );
        }
    }

    async fn forget_unseen(&mut self) {
        let is_due = |at: Instant| at.elapsed() >= FORGET_EVERY;
        if !self.forgot_at.is_none_or(is_due) {
            return;
        }
        self.forgot_at = Some(Instant::now());
        match in_time(self.ports.registry.forget_unseen(self.settings.kept)).await {
            Ok(0) => {}
            Ok(nodes) => tracing::info!(nodes, "nodes that nobody has seen for long are forgotten"),
            Err(error) => tracing::debug!(%error, "nodes that nobody has seen for long are kept"),
        }
    }

    /// Between four fifths and six fifths of what is set.
    fn pause(&mut self) -> Duration {
        let mut byte = [0];
        self.random.fill(&mut byte);
        let every = self.settings.every;
        every * 4 / 5 + every * 2 / 5 * u32::from(byte[0]) / 255
    }

    async fn leave(self) {
        if let Err(error) = in_time(self.ports.registry.leave(&self.who)).await {
            tracing::debug!(%error, "the registry takes it that this host is silent");
        }
    }
}

async fn in_time<T>(said: impl Future<Output = Result<T, Unavailable>>) -> Result<T, Unavailable> {
    match timeout(PATIENCE, said).await {
        Ok(said) => said,
        Err(elapsed) => Err(Unavailable::new(Service::FulfillmentDatabase, elapsed)),
    }
}

/// How far a clock is ahead of the one that showed `there` at some moment between `began` and
/// `ended`: as little as it can be.
fn ahead(began: Timestamp, ended: Timestamp, there: Timestamp) -> i64 {
    let from = began.unix_ms().saturating_sub(there.unix_ms());
    let to = ended.unix_ms().saturating_sub(there.unix_ms());
    match (from, to) {
        (1.., _) => from,
        (_, ..=-1) => to,
        (..=0, 0..) => 0,
    }
}

fn describe() {
    metrics::describe_counter!(
        FAILED,
        "Times that the registry of nodes could not be told that this host is there."
    );
    metrics::describe_gauge!(COPIES, "Copies of this node that run under its identity.");
    metrics::describe_gauge!(
        CLOCK,
        metrics::Unit::Seconds,
        "How far this host's clock is ahead of the fulfillment database's."
    );
    metrics::describe_gauge!(
        LEASE,
        metrics::Unit::Seconds,
        "How long cached records could be used without news of changes, at the last turn."
    );
    metrics::describe_gauge!(WHO, "1, under the id and the name of this node.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_as_far_off_as_it_must_be() {
        let moment = Timestamp::from_unix_ms;
        let check = |began, ended, there, expected| {
            assert_eq!(
                ahead(moment(began), moment(ended), moment(there)),
                expected,
                "{there} seen between {began} and {ended}"
            );
        };
        check(100, 110, 105, 0);
        check(100, 110, 100, 0);
        check(100, 110, 110, 0);
        check(100, 110, 90, 10);
        check(100, 110, 115, -5);
        // A clock that was put back meanwhile tells nothing that could be wrong by more.
        check(100, 50, 70, 30);
        check(i64::MAX, i64::MAX, i64::MIN, i64::MAX);
    }
}
