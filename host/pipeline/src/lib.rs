//! The fulfillment pipeline: log rows go from the node's durable outbox to the
//! logging database, changes of records come back to the caches.
//!
//! - [`DurableOutbox`] promises room for a log row before a download begins, and makes the row
//!   durable before the download's last chunk leaves. Many rows share one commit.
//! - [`LogWriter`] carries rows on to the logging database, each exactly once, however often it is
//!   interrupted. Rows that were committed while it runs come to it in memory; what it did not get
//!   that way it reads from the outbox.
//! - [`CacheUpdateAgent`] follows the order of changes, tells the caches, and renews the lease
//!   under which they may be used.
//! - [`Announcer`] says again and again that this host is there, and how far it has followed.
//!
//! Where rows go through a message broker ([`jetstream`]), a [`jetstream::Relay`] stands in the log
//! writer's place and a [`jetstream::StreamWriter`], on this host or another, brings what the broker
//! hands out to the logging database.
//!
//! This crate holds no SQL and no truth: rows and changes live behind core's ports.

mod agent;
mod announcer;
mod backoff;
mod commit;
mod doubt;
mod halving;
mod hand_over;
pub mod jetstream;
mod log_writer;
mod outbox;
mod outgoing;
mod room;
mod running;
mod sealed_row;
mod wire;

pub use agent::{AgentSettings, CacheUpdateAgent, Followed};
pub use announcer::{Announcer, AnnouncerPorts, AnnouncerSettings};
pub use log_writer::{LogWriter, LogWriterPorts};
pub use outbox::{DurableOutbox, OutboxPorts, Shortage};
pub use room::{Backlog, DiskSpace, OutboxLimits};
pub use running::Running;
