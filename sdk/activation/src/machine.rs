//! Which machine this is, without anybody but the machine knowing what it is made of.
//!
//! A reader looks up what tells machines apart and sends salted digests of it, never the facts
//! themselves. The server compares digests: with one changed fact it is still the same machine,
//! with two it is another. Reading the facts off a machine is left to the reader, keeping the
//! registered ones to the server.

mod fact;
mod facts;
mod id;
mod wire;

pub use fact::{FactDigest, FactKind, FactSalt};
pub use facts::{FACTS_KNOWN_MIN, InvalidFacts, MachineFacts};
pub use id::MachineId;
pub use wire::FACTS_BYTES_MAX;
