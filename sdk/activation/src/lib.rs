//! Activation: tying a reader on a machine to a persona.
//!
//! `SPEC.md` beside this crate is normative. The crate has no clock, no randomness, no files and
//! no network: time and chance are arguments.

mod ids;
mod json;
mod machine;
mod persona;

/// The profile of these formats; the first frame of every digest.
const PROFILE: &str = "colophon/activation/1";

pub use ids::{CenterId, InvalidId, UnixSeconds};
pub use machine::{
    FACTS_BYTES_MAX, FACTS_KNOWN_MIN, FactDigest, FactKind, FactSalt, InvalidFacts, MachineFacts,
    MachineId,
};
pub use persona::PersonaId;
