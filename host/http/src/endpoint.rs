//! The endpoints, one file each.

pub(crate) mod certificate;
pub(crate) mod ds;
pub(crate) mod error_docs;
pub(crate) mod event_docs;
pub(crate) mod guests;
pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod other;
pub(crate) mod ready;

mod download;
mod verify;
