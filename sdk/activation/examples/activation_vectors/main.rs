//! Writes the test vectors into the folder given, `sdk/activation/vectors` by default. The keys
//! and certificates in `keys/` stay as they are.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a generator that cannot make what it should stops"
)]

#[path = "cases.rs"]
mod cases;

use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    colophon_forge::write(&folder, &cases::all())
}
