//! The HTTP edge of a Colophon host.
//!
//! [`Edge::start`](edge::Edge::start) runs the accept loops, holds every connection to its limits,
//! turns requests into calls of the download flow in core, and sends the copies. What may be sold,
//! what a refusal means and what a copy consists of is decided in core; this crate knows addresses,
//! headers and sockets only, no databases, plug-ins or stores.
//!
//! `routes` lists every address, each endpoint is one file in `endpoint`. The path of a byte:
//! `copy_body` gives chunks out and keeps the last one until the log row is durable, `connection`
//! moves them and cuts peers that do not take them.

mod answer;
mod app;
mod arguments;
mod connection;
mod endpoint;
mod events;
mod redacted;
mod respond;
mod routes;

pub mod address_range;
pub mod client_address;
pub mod counters;
pub mod edge;
pub mod limits;
pub mod tls;
