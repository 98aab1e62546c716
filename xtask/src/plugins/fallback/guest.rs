//! The build itself.
//!
//! Guests need nothing of WASI, so that the bare target will do, for which the library is built
//! along: of most guests only `core` and `alloc`. [`wit_component`] makes a component of what the
//! linker leaves.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::compiler;
use crate::plugins::Guest;
use crate::workspace::{cargo, on_path, output, step, target};

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds these guests.
pub(crate) fn build(guests: &[Guest]) -> Result<()> {
    let compiler = compiler()?;
    let linker = linker()?;
    let folder = target().join("rustc-web");
    for guest in guests {
        let library = match guest.standard_library {
            true => "-Zbuild-std=std,panic_abort",
            false => "-Zbuild-std=core,alloc",
        };
        let mut build = cargo();
        build
            .env("RUSTC", &compiler)
            // Building the library from its sources is not a stable feature of cargo.
            .env("RUSTC_BOOTSTRAP", "1")
            // The bare target has no randomness, and no guest draws any: what is linked along and
            // could ask for some is told so.
            .env("RUSTFLAGS", "--cfg getrandom_backend=\"unsupported\"")
            .args(["rustc", "--quiet", library, "--lib"])
            .args(["--profile", "guest", "--crate-type", "cdylib"])
            .args(["--target", TARGET, "--package", guest.package])
            .arg("--target-dir")
            .arg(&folder)
            .args(["--", "-C", &guest.stack()])
            .args(["-C", "linker-flavor=wasm-ld", "-C"])
            .arg(format!("linker={}", linker.display()));
        step(&format!("guest {}", guest.name), &mut build)?;
        let built = guest.artifact(&folder, TARGET);
        let module = std::fs::read(&built).with_context(|| built.display().to_string())?;
        let component = wit_component::ComponentEncoder::default()
            .validate(true)
            .module(&module)
            .and_then(|encoder| encoder.encode())
            .with_context(|| format!("{} cannot be made a component", guest.name))?;
        guest.keep(&component)?;
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
