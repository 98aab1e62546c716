//! The build itself.
//!
//! Guests do without the standard library, so that only `core` and `alloc` are built along, and
//! need nothing of WASI, so that the bare target will do; [`wit_component`] makes a component of
//! what the linker leaves.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::compiler;
use crate::plugins::{STACK, artifact, keep, package};
use crate::workspace::{cargo, on_path, output, step, target};

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the plug-ins of these names.
pub(crate) fn build(names: &[&str]) -> Result<()> {
    let compiler = compiler()?;
    let linker = linker()?;
    let folder = target().join("rustc-web");
    for name in names {
        let mut build = cargo();
        build
            .env("RUSTC", &compiler)
            // Building the library from its sources is not a stable feature of cargo.
            .env("RUSTC_BOOTSTRAP", "1")
            .args(["rustc", "--quiet", "-Zbuild-std=core,alloc"])
            .args(["--profile", "guest", "--crate-type", "cdylib"])
            .args(["--target", TARGET, "--package", &package(name)])
            .arg("--target-dir")
            .arg(&folder)
            .args(["--", "-C", STACK, "-C", "linker-flavor=wasm-ld", "-C"])
            .arg(format!("linker={}", linker.display()));
        step(&format!("plug-in {name}"), &mut build)?;
        let built = artifact(&folder, TARGET, name);
        let module = std::fs::read(&built).with_context(|| built.display().to_string())?;
        let component = wit_component::ComponentEncoder::default()
            .validate(true)
            .module(&module)
            .and_then(|encoder| encoder.encode())
            .with_context(|| format!("{name} cannot be made a component"))?;
        keep(name, &component)?;
    }
    Ok(())
}

/// A linker for WebAssembly: the one of the toolchain that runs this task, else LLVM's own.
fn linker() -> Result<PathBuf> {
    let libraries = output(Command::new("rustc").args(["--print", "target-libdir"]));
    let bundled = libraries.ok().and_then(|folder| {
        let beside = Path::new(folder.trim()).parent()?.join("bin/rust-lld");
        beside.is_file().then_some(beside)
    });
    match bundled {
        Some(linker) => Ok(linker),
        None if on_path("wasm-ld") => Ok(PathBuf::from("wasm-ld")),
        None => bail!("no linker for WebAssembly: install lld (Debian)"),
    }
}
