//! Writes the test vectors into the folder given, `sdk/activation/vectors` by default. The keys
//! and certificates in `keys/` stay as they are.

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
    for kind in ["machine", "upload"] {
        let folder = folder.join(kind);
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
    }
    let files = cases::all();
    for (path, json) in &files {
        fs::write(folder.join(path), json)?;
    }
    println!("{} vectors written to {}", files.len(), folder.display());
    Ok(())
}
