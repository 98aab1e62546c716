//! Writes the test vectors into the folder given, `sdk/receipt/vectors` by default.

#![expect(
    clippy::expect_used,
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
