//! Builds guests where rustup cannot have the target: with Debian's `rustc-web`, which comes
//! without the target's library but with its sources.
//!
//! The encoder of components is slow to build and rarely needed, so that it is a feature of this
//! package: without it, the task runs itself again with it.

#[cfg(feature = "componentize")]
mod guest;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

#[cfg(feature = "componentize")]
pub(super) use guest::build;

use crate::workspace::output;

const COMPILER: &str = "/usr/bin/rustc";
const PACKAGES: &str = "rustc-web and rust-web-src (Debian)";

/// Builds the plug-ins by the task with the encoder in it.
#[cfg(not(feature = "componentize"))]
pub(super) fn build(_: &[super::Guest]) -> Result<()> {
    compiler()?;
    let mut again = crate::workspace::cargo();
    again.args(["run", "--quiet", "--package", "xtask"]);
    again.args(["--features", "componentize", "--", "plugins", "--fallback"]);
    crate::workspace::step("plug-ins by rustc-web", &mut again)
}

/// The compiler, if the sources of its library are beside it.
fn compiler() -> Result<PathBuf> {
    let compiler = PathBuf::from(COMPILER);
    let sysroot = output(Command::new(&compiler).args(["--print", "sysroot"]))
        .with_context(|| format!("plug-ins need the target wasm32-wasip2, or {PACKAGES}"))?;
    let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core");
    if !sources.is_dir() {
        bail!("{COMPILER} has no library sources: install {PACKAGES}");
    }
    Ok(compiler)
}
