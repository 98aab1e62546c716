//! The keys of a host: the fast engine, what is encrypted at rest, and the certificate
//! authority.
//!
//! This crate is the only one that knows AWS-LC and the only one that makes private keys. It
//! keeps the promises of core's [`FieldCipher`](colophon_core::ports::FieldCipher) and of the
//! title format's [`Signer`](colophon_title::Signer). What it leaves to others: where the path
//! of the master key comes from, which certificates a center uses, and storing any of them.

mod aws_lc;
mod engine;
mod system_random;

pub use aws_lc::AwsLc;
pub use engine::{EngineName, UnknownEngine};
pub use system_random::SystemRandom;
