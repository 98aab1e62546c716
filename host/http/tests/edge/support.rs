//! An edge in this process, on real sockets, over ports that are kept in memory.

pub(crate) mod client;
pub(crate) mod content;
pub(crate) mod host;
pub(crate) mod ports;
pub(crate) mod title;
