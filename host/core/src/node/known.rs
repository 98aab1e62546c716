//! The nodes that are known, and what is wrong with which of them.

use std::fmt;
use std::time::Duration;

use crate::change::ChangePosition;
use crate::id::{NodeId, RunId};
use crate::time::Timestamp;

/// A node whose oldest change that it has not followed is older than this lags. Nodes read the
/// changes many times a second, and what they have cached lives no longer without them.
pub const LAG_MS: i64 = 5_000;

/// A clock that is further off than this is told of. Receipts are dated: a node allows for two
/// minutes, and the retailer's clock may be off, too.
pub const CLOCK_OFF_MS: u64 = 60_000;

/// Changes that are counted at most for one node.
pub const MISSED_MAX: u64 = 1_000;

/// A process as it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRecord {
    /// The identity of its node.
    pub node: NodeId,
    /// The process.
    pub run: RunId,
    /// Where the node's database is.
    pub place: String,
    /// What people call the node.
    pub name: String,
    /// What it does, in the words of its release.
    pub roles: Vec<String>,
    /// The program's version.
    pub version: String,
    /// Where it listens.
    pub address: Option<String>,
    /// What it said last.
    pub said: Said,
    /// When it began.
    pub started_at: Timestamp,
    /// When it said something last.
    pub seen_at: Timestamp,
    /// When that was asked, by the same clock.
    pub asked_at: Timestamp,
    /// Without news for so long, it is not there any more.
    pub silent_after: Duration,
    /// How far it had followed the changes; nothing before the first reading.
    pub followed: Option<FollowedTo>,
    /// How long it could go on without news of changes.
    pub lease_left: Duration,
    /// Log rows that waited in its outbox.
    pub rows_waiting: u64,
    /// How far its clock was ahead of the database's, in milliseconds.
    pub clock_ahead_ms: Option<i64>,
}

/// What a process said last of what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// That it takes requests.
    Serving,
    /// That it finishes what it has begun.
    Draining,
    /// That it ends.
    Gone,
}

/// How far a process had followed the changes when it was seen last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowedTo {
    /// The last change that it had followed.
    pub position: ChangePosition,
    /// What it had not.
    pub missed: Missed,
}

/// Changes that there were and that a process had not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// None.
    Nothing,
    /// So many, at most [`MISSED_MAX`], the oldest of which was made so long before.
    Changes {
        /// How many.
        count: u64,
        /// How old the oldest was.
        oldest_ms: i64,
    },
    /// All: it follows a history that the database was restored or replaced after.
    AnotherHistory,
}

/// Whether a process is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It takes requests.
    Serving,
    /// It finishes what it has begun.
    Draining,
    /// It ended as it should, so long ago.
    Gone {
        /// How long.
        ago_ms: i64,
    },
    /// It has said nothing for so long, and not that it ends.
    Silent {
        /// How long.
        ago_ms: i64,
    },
}

/// What is wrong with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody knows what has become of it.
    Silent {
        /// How long it has said nothing.
        ago_ms: i64,
    },
    /// Another process is there under its identity, at another place.
    Copied,
    /// It lags behind the changes.
    Behind {
        /// How many it had not followed, at most [`MISSED_MAX`].
        count: u64,
        /// How old the oldest was.
        oldest_ms: i64,
    },
    /// It follows another history than the database's.
    AnotherHistory,
    /// It could not read the changes for so long that it may not use what it has cached.
    LeaseLost,
    /// Its clock is off.
    ClockOff {
        /// How far it is ahead.
        ahead_ms: i64,
    },
}

impl NodeRecord {
    /// How long ago it was seen. A database whose clock was put back has seen it just now.
    pub fn seen_ago_ms(&self) -> i64 {
        ms_between(self.seen_at, self.asked_at)
    }

    /// Whether it is there.
    pub fn presence(&self) -> Presence {
        let ago_ms = self.seen_ago_ms();
        let silent_after = i64::try_from(self.silent_after.as_millis()).unwrap_or(i64::MAX);
        match self.said {
            Said::Gone => Presence::Gone { ago_ms },
            Said::Serving | Said::Draining if ago_ms >= silent_after => Presence::Silent { ago_ms },
            Said::Serving => Presence::Serving,
            Said::Draining => Presence::Draining,
        }
    }

    /// Whether it is there and says so.
    pub fn is_there(&self) -> bool {
        match self.presence() {
            Presence::Serving | Presence::Draining => true,
            Presence::Gone { .. } | Presence::Silent { .. } => false,
        }
    }

    /// What is wrong with it, of what its own record tells. One that drains has nothing to follow
    /// any more.
    fn own_troubles(&self) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        match self.presence() {
            Presence::Gone { .. } => return troubles,
            Presence::Silent { ago_ms } => return vec![Trouble::Silent { ago_ms }],
            Presence::Draining => {}
            Presence::Serving => troubles.extend(self.lag()),
        }
        if let Some(ahead_ms) = self.clock_ahead_ms
            && ahead_ms.unsigned_abs() >= CLOCK_OFF_MS
        {
            troubles.push(Trouble::ClockOff { ahead_ms });
        }
        troubles
    }

    fn lag(&self) -> Vec<Trouble> {
        let missed = self.followed.map(|followed| followed.missed);
        let behind = match missed {
            None | Some(Missed::Nothing) => None,
            Some(Missed::Changes { oldest_ms, .. }) if oldest_ms < LAG_MS => None,
            Some(Missed::Changes { count, oldest_ms }) => {
                Some(Trouble::Behind { count, oldest_ms })
            }
            Some(Missed::AnotherHistory) => Some(Trouble::AnotherHistory),
        };
        let lost = self.lease_left.is_zero().then_some(Trouble::LeaseLost);
        behind.into_iter().chain(lost).collect()
    }
}

/// What is wrong with which of the nodes.
pub fn troubles(nodes: &[NodeRecord]) -> Vec<(&NodeRecord, Vec<Trouble>)> {
    let there: Vec<&NodeRecord> = nodes.iter().filter(|node| node.is_there()).collect();
    let is_there = |node: NodeId| there.iter().any(|other| other.node == node);
    let is_copied = |one: &NodeRecord| {
        let is_copy = |other: &&NodeRecord| other.node == one.node && other.place != one.place;
        there.iter().any(is_copy)
    };
    let all = nodes.iter().map(|node| {
        let mut troubles = node.own_troubles();
        match node.is_there() {
            true if is_copied(node) => troubles.insert(0, Trouble::Copied),
            // What is left of a process that was killed, while the node goes on.
            false if is_there(node.node) => troubles.clear(),
            true | false => {}
        }
        (node, troubles)
    });
    all.filter(|(_, troubles)| !troubles.is_empty()).collect()
}

/// From one moment to a later one; nothing where it is not later.
pub fn ms_between(earlier: Timestamp, later: Timestamp) -> i64 {
    later.unix_ms().saturating_sub(earlier.unix_ms()).max(0)
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { ago_ms } => write!(f, "silent for {}", Lasting(*ago_ms)),
            Self::Copied => f.write_str("a copy of it runs under its identity"),
            Self::Behind { count, oldest_ms } => {
                let more = if *count >= MISSED_MAX { " or more" } else { "" };
                let lasting = Lasting(*oldest_ms);
                write!(f, "{count}{more} changes behind, the oldest {lasting} old")
            }
            Self::AnotherHistory => {
                f.write_str("follows the changes of a database that was restored or replaced")
            }
            Self::LeaseLost => f.write_str("cannot read changes, and refuses protected titles"),
            Self::ClockOff { ahead_ms } => {
                let off = i64::try_from(ahead_ms.unsigned_abs()).unwrap_or(i64::MAX);
                let side = if *ahead_ms < 0 { "behind" } else { "ahead" };
                write!(f, "clock {} {side}", Lasting(off))
            }
        }
    }
}

/// Milliseconds as people tell them: in the largest unit of which there are two or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lasting(pub i64);

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1000;
        let (number, unit) = match seconds {
            ..120 => (seconds, "s"),
            120..7_200 => (seconds / 60, "min"),
            7_200..172_800 => (seconds / 3_600, "h"),
            _ => (seconds / 86_400, "days"),
        };
        write!(f, "{number} {unit}")
    }
}

#[cfg(test)]
mod tests;
