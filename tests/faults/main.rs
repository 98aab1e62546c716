//! Faults injected into real processes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broker;
mod crash;
