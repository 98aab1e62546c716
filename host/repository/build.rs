//! Finds the template of the secure repository that `cargo xtask plugins` has built, so that it
//! can be embedded.

use std::env;
use std::path::{Path, PathBuf};

const TEMPLATE: &str = "plugins/repository.wasm";

#[expect(
    clippy::disallowed_methods,
    reason = "variables are how cargo tells a build script where it builds"
)]
fn main() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let template = workspace.join(target).join(TEMPLATE);
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    println!("cargo::rerun-if-changed={}", template.display());
    match template.canonicalize() {
        Ok(found) => println!(
            "cargo::rustc-env=COLOPHON_REPOSITORY_TEMPLATE={}",
            found.display()
        ),
        Err(_) => println!(
            "cargo::error=the secure repository is not built yet: run 'cargo xtask plugins' first"
        ),
    }
}
