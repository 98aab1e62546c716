//! The sandbox, seen from outside: the real catalog plug-in end to end, and guests that mean harm.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what stands around the tests fails them like they fail themselves"
)]

mod catalog_plugin;
mod chain;
mod compiling;
mod frozen;
mod guest;
mod host_calls;
mod hostile_answers;
mod hostile_calls;
mod loading;
mod precompiled;
mod retailers;
mod services;
mod warm;
mod world;
