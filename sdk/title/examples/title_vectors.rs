//! Writes the test vectors again: `cargo run -p colophon-title --example title_vectors`.
//!
//! They depend on nothing but this source, so a difference is a change of the format, of the
//! forgeries, or of how something is deflated.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "unlike the crate, this program writes files, and may fail by panicking"
)]

#[path = "../tests/support/attacks.rs"]
#[expect(dead_code, reason = "shared with test binaries")]
mod attacks;
#[path = "../tests/support/fixed_keys.rs"]
mod fixed_keys;
#[path = "../tests/support/forge.rs"]
mod forge;
#[path = "../tests/support/licensed_vectors.rs"]
mod licensed_vectors;
#[path = "../tests/support/sample.rs"]
mod sample;
#[path = "../tests/support/vectors.rs"]
mod vectors;

fn main() -> std::io::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for refused in ["refused", "refused-level-5"] {
        std::fs::create_dir_all(folder.join(refused))?;
    }
    for (name, content) in vectors::files() {
        std::fs::write(folder.join(name), content)?;
    }
    Ok(())
}
