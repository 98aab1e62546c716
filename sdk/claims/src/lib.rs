//! What two parties say to each other in a sealed or signed compact form.
//!
//! Receipts and upload forms are JOSE texts with strict JSON inside, and they name the same
//! things. This crate has what they share: strict JSON and headers, and the names and the points
//! in time that stand in claims. It has no clock, no randomness, no files and no network.

pub mod base64url;
mod center;
mod header;
mod ids;
mod json;
mod time;

pub use center::CenterId;
pub use header::{InvalidHeader, read_header, write_header};
pub use ids::{InvalidId, check_characters, check_text};
pub use json::{INTEGER_MAX, InvalidMember, InvalidObject, Members};
pub use time::UnixSeconds;
