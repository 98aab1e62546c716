//! Hosts as their center knows them: who is there, and how far each has followed the changes.
//!
//! Every process says again and again that it is there, beside its work: what comes of that has no
//! part in any request. All moments are the database's. A node says how long it has been up and what
//! is left of its lease, never what time it thinks it is; so a clock that is wrong makes no node look
//! dead, and no node can declare another one dead.

pub mod known;

use std::time::Duration;

use async_trait::async_trait;

use crate::change::ChangePosition;
use crate::id::{NodeId, RunId};
use crate::ports::Unavailable;
use crate::time::Timestamp;

/// What a host does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeRole {
    /// Serves downloads.
    Download,
    /// Ties readers to personas.
    Activation,
    /// Makes secure repositories.
    Repository,
    /// Brings log rows from the broker to the logging database.
    Fulfillment,
}

impl NodeRole {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Activation => "activation",
            Self::Repository => "repository",
            Self::Fulfillment => "fulfillment",
        }
    }
}

/// What a process is, from its start to its end.
#[derive(Debug, Clone)]
pub struct Introduction {
    /// The identity of its node, which outlives it.
    pub node: NodeId,
    /// The process itself.
    pub run: RunId,
    /// Where the node's database is. A process at the same place takes over from this one, or hands
    /// over to it; one with the same identity at another place is a copy.
    pub place: String,
    /// What people call the node.
    pub name: String,
    /// What it does.
    pub roles: Vec<NodeRole>,
    /// The program's version.
    pub version: String,
    /// Where it listens.
    pub address: Option<String>,
    /// Without news for so long, others take it that the process is not there any more.
    pub silent_after: Duration,
}

/// Whether a process takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// It does.
    Serving,
    /// Not any more: it finishes what it has begun.
    Draining,
}

/// How a process is, at the moment at which it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Whether it takes requests.
    pub doing: Doing,
    /// How long it has been up.
    pub up: Duration,
    /// How far it has followed the changes; unknown before the first reading of them.
    pub position: Option<ChangePosition>,
    /// How long it may go on using what it has cached, without news of changes.
    pub lease_left: Duration,
    /// Log rows that wait in its outbox.
    pub rows_waiting: u64,
    /// How far its clock is ahead of the database's, in milliseconds, as far as it knows.
    pub clock_ahead_ms: Option<i64>,
}

/// What a process hears when it says that it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// The moment, by the database's clock.
    pub at: Timestamp,
    /// Other processes that are there under the identity of the same node, at other places.
    pub copies: u64,
}

/// Where the nodes of a center are registered.
#[async_trait]
pub trait NodeRegistry: Send + Sync {
    /// A process begins: it takes the place of whatever ran under its node's identity before. One
    /// that runs still says so again, and both of them hear of it.
    async fn enter(&self, who: &Introduction, state: &State) -> Result<Heard, Unavailable>;

    /// A process is there still. One that was forgotten meanwhile is known again.
    async fn renew(&self, who: &Introduction, state: &State) -> Result<Heard, Unavailable>;

    /// A process ends as it should, and says nothing after this. Where it has handed over to another,
    /// the node is there still.
    async fn leave(&self, who: &Introduction) -> Result<(), Unavailable>;

    /// Forgets processes that nobody has seen for so long, and says how many.
    async fn forget_unseen(&self, kept: Duration) -> Result<u64, Unavailable>;
}
