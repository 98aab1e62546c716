//! The cryptographic primitives Colophon's formats are built from, behind one small seam.
//!
//! [`Engine`] names every primitive a format may use; [`Portable`] provides them in plain
//! Rust, so that the same code runs on a server, in a reader and inside a WebAssembly
//! component. Hosts bring an engine of their own for their hot paths.
//!
//! What is left to others: formats (which fields are bound, which labels are used), where
//! keys come from and live, and chance. This crate has no clock, no random source, no files
//! and no network; whoever needs randomness hands in a [`Randomness`].
//!
//! There is exactly one strength of everything: 32-byte keys, SHA-256, AES-256, 96-bit
//! nonces, 128-bit tags, RSA of 2048 to 4096 bits and P-256. What is outside this profile
//! cannot be expressed or does not verify.

#![no_std]

extern crate alloc;

mod agreement;
mod engine;
mod frames;
mod key;
mod oaep;
mod portable;
mod public_key;
mod randomness;

pub use agreement::{AGREEMENT_PUBLIC_BYTES, AgreementKey, AgreementPublicKey};
pub use engine::{Aead, Engine, Mismatch, Sha256Stream, SignatureAlgorithm, Verifier};
pub use frames::{equal, frames};
pub use key::Key32;
pub use oaep::OaepKey;
pub use portable::Portable;
pub use public_key::{PublicKey, is_low_s};
pub use randomness::Randomness;
