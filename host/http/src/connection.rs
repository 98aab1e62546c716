//! From a listening socket to requests and back, under the edge's limits.

pub(crate) mod accept;
pub(crate) mod peer;
pub(crate) mod serve;
pub(crate) mod state;

mod opening;
mod places;
mod strict_lines;
mod tracked;
mod wire;
