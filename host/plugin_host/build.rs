//! Finds the catalog plug-in that `cargo xtask plugins` has built, so that it can be embedded.

use std::env;
use std::path::{Path, PathBuf};

const PLUGIN: &str = "plugins/catalog.wasm";

#[expect(
    clippy::disallowed_methods,
    reason = "variables are how cargo tells a build script where it builds"
)]
fn main() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let plugin = workspace.join(target).join(PLUGIN);
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    println!("cargo::rerun-if-changed={}", plugin.display());
    match plugin.canonicalize() {
        Ok(found) => println!(
            "cargo::rustc-env=COLOPHON_CATALOG_PLUGIN={}",
            found.display()
        ),
        Err(_) => println!(
            "cargo::error=the catalog plug-in is not built yet: run 'cargo xtask plugins' first"
        ),
    }
}
