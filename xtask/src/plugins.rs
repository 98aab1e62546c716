//! Builds the guest components that are embedded in the host.
//!
//! A component is written to `plugins/` in cargo's target folder, where the plug-in host's build
//! script looks for it, and only when its bytes have changed, so that the host is not built anew
//! for nothing.

mod fallback;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use crate::setup;
use crate::workspace::{cargo, root, step, target};

/// The folders below `plugins/` that the host embeds; the package of each is `NAME-plugin`.
const EMBEDDED: [&str; 1] = ["catalog"];

/// A guest's stack lies below its data. The smaller it is, the less the host has to clear after
/// every request; running off its end traps.
const STACK: &str = "link-arg=-zstack-size=32768";

#[derive(Args, Default)]
pub(crate) struct PluginsArguments {
    /// Build with Debian's rustc-web even where rustup has the target.
    #[arg(long)]
    fallback: bool,
}

/// Builds every embedded plug-in with whatever toolchain can.
pub(crate) fn run() -> Result<()> {
    build(&PluginsArguments::default())
}

/// Builds every embedded plug-in.
pub(crate) fn build(arguments: &PluginsArguments) -> Result<()> {
    if arguments.fallback {
        return fallback::build(&EMBEDDED);
    }
    if let Some(missing) = setup::rust::install() {
        eprintln!("plugins: without {}: {}", missing.name, missing.cause);
        return fallback::build(&EMBEDDED);
    }
    for name in EMBEDDED {
        let mut build = cargo();
        build
            .args(["rustc", "--quiet", "--profile", "guest"])
            .args(["--crate-type", "cdylib", "--target", "wasm32-wasip2"])
            .args(["--package", &package(name), "--target-dir"])
            .arg(cargo_target())
            .args(["--", "-C", STACK]);
        step(&format!("plug-in {name}"), &mut build)?;
        let built = artifact(&cargo_target(), "wasm32-wasip2", name);
        keep(
            name,
            &fs::read(&built).with_context(|| built.display().to_string())?,
        )?;
    }
    Ok(())
}

fn package(name: &str) -> String {
    format!("{name}-plugin")
}

/// Where cargo leaves what it built of a plug-in.
fn artifact(target_dir: &Path, target: &str, name: &str) -> PathBuf {
    target_dir
        .join(target)
        .join("guest")
        .join(format!("{name}_plugin.wasm"))
}

/// The folder that cargo builds in; the host's build script finds it by the same rule.
fn cargo_target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(target, |folder| root().join(folder))
}

/// Puts a component where the host is built from.
fn keep(name: &str, component: &[u8]) -> Result<()> {
    let folder = cargo_target().join("plugins");
    let place = folder.join(format!("{name}.wasm"));
    if fs::read(&place).is_ok_and(|present| present == component) {
        return Ok(());
    }
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&place, component))
        .with_context(|| place.display().to_string())?;
    eprintln!("── {}: {} bytes", place.display(), component.len());
    Ok(())
}
