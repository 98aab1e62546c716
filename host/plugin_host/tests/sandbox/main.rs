//! The sandbox, seen from outside: the real catalog plug-in end to end, and guests that mean harm.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what stands around the tests fails them like they fail themselves"
)]

mod apart;
mod catalog_plugin;
mod chain;
mod compiling;
mod counted;
mod frozen;
mod guest;
mod harm;
mod host_calls;
mod hostile;
mod length;
mod loopback;
mod next_contract;
mod precompiled;
mod random;
mod recording;
mod replay;
mod request;
mod retailers;
mod services;
mod sharing;
mod warm;
mod world;
