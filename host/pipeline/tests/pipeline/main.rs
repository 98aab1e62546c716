//! The pipeline between a node's database, the logging database and the caches, all of them played
//! by memory; time is paused, so that waits take none.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that finds something else than it expects has failed"
)]

mod agent;
mod announcer;
mod events;
mod fakes;
mod log_writer;
mod outbox;
