//! For tests and vector programs alone: compact forms made by hand, right or wrong, the files in
//! which vectors are kept, and how a test says that it was skipped.
//!
//! It forges on purpose without the crate that reads (`colophon-claims`): what both got wrong
//! alike would not be seen. Which forms are wrong, and how they must be refused, stays with each
//! format.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test or a generator that cannot make what it should stops"
)]

mod bent;
mod claims;
mod files;
mod mutants;
mod parts;
mod skipped;

pub use bent::{bend, seeds};
pub use claims::{Members, changed, json_of, members};
pub use files::{Files, differing, file_of, kept, named, write};
pub use mutants::{Seeded, mutant, mutants};
pub use parts::{IV, Parts, decode, encode, flipped, shortened};
pub use skipped::skipped;
