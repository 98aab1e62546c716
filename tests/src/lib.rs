//! Support for the tests that act from outside: real binaries, real servers, real tools.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that lacks its means fails by panicking, in its support as in itself"
)]

pub mod author;
pub mod book;
pub mod browser;
pub mod colophon;
pub mod device;
pub mod guest;
pub mod nats;
pub mod person;
pub mod persona;
pub mod postgres;
pub mod provider;
mod server_process;
pub mod supervisor;
pub mod tool;
