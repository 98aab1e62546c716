//! The edge, asked over real sockets.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod documents;
mod downloads;
mod drain;
mod endings;
mod errors;
mod guests;
mod health;
mod http2;
mod limits;
mod ranges;
mod redirects;
mod sealed;
mod secured;
mod smuggling;
mod support;
mod telling;
mod verify;
