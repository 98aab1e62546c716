//! Support for the tests that act from outside: real binaries, real servers, real tools.

pub mod book;
pub mod colophon;
pub mod postgres;
pub mod tool;
