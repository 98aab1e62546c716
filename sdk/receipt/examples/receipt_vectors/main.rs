//! Writes the test vectors into the folder given, `sdk/receipt/vectors` by default.

#![expect(
    clippy::disallowed_methods,
    reason = "unlike the crate, its generator reads arguments and writes files"
)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a generator that cannot make what it should stops"
)]

#[path = "cases.rs"]
mod cases;

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors"),
        PathBuf::from,
    );
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            fs::remove_file(path)?;
        }
    }
    let vectors = cases::all();
    for vector in &vectors {
        fs::write(folder.join(vector.file_name()), vector.to_json())?;
    }
    println!("{} vectors written to {}", vectors.len(), folder.display());
    Ok(())
}
