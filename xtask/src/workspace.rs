//! Where the workspace lies and how other programs are run in it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The folder for what is built or installed and never committed.
///
/// It stays beside the sources even when cargo builds elsewhere, so that tests find it without
/// being told.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// Where cargo puts the programs it builds in a profile's folder (`debug`, `release`).
pub(crate) fn built(profile_folder: &str) -> Result<PathBuf> {
    let metadata = output(cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    let target = metadata.get("target_directory").and_then(Value::as_str);
    Ok(Path::new(target.context("cargo names no target folder")?).join(profile_folder))
}

/// The cargo that runs this task, so that a task and its builds use one toolchain.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Runs one named step with its output shown, and fails when it fails.
pub(crate) fn step(name: &str, command: &mut Command) -> Result<()> {
    timed(name, || {
        let status = command
            .status()
            .with_context(|| format!("{name}: cannot start {}", program(command)))?;
        if !status.success() {
            bail!("{name} failed ({status})");
        }
        Ok(())
    })
}

/// Does something under a name, and says how long it took.
pub(crate) fn timed<T>(name: &str, act: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("── {name}");
    let begun = Instant::now();
    let done = act()?;
    eprintln!("── {name}: {:.1} s", begun.elapsed().as_secs_f32());
    Ok(done)
}

/// Runs a program quietly and returns what it printed; its complaint becomes the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let ran = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", program(command)))?;
    if !ran.status.success() {
        let complaint = String::from_utf8_lossy(&ran.stderr);
        bail!("{} failed: {}", program(command), complaint.trim());
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// Whether a program of this name is found on the search path.
pub(crate) fn on_path(name: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

fn program(command: &Command) -> String {
    let name: &OsStr = command.get_program();
    name.to_string_lossy().into_owned()
}
