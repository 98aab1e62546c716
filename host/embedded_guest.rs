//! Finds a guest that `cargo xtask plugins` has built, so that it can be embedded. The build
//! scripts of the packages that embed one share this file.

use std::env;
use std::path::{Path, PathBuf};

/// Puts the guest's path below the target folder into the variable, for `include_bytes!`; or
/// ends the build with one line that says what to run.
#[expect(
    clippy::disallowed_methods,
    reason = "variables are how cargo tells a build script where it builds"
)]
pub(crate) fn find(guest: &str, file: &str, variable: &str) {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let built = workspace.join(target).join(file);
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    println!("cargo::rerun-if-changed={}", built.display());
    match built.canonicalize() {
        Ok(found) => println!("cargo::rustc-env={variable}={}", found.display()),
        Err(_) => {
            println!("cargo::error={guest} is not built yet: run 'cargo xtask plugins' first");
        }
    }
}
