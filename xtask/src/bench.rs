//! Measures Colophon and its peers in one run, so that every figure is a ratio.

use anyhow::Result;
use clap::Args;

use crate::workspace::{cargo, step};
use crate::{plugins, setup};

#[derive(Args)]
pub(crate) struct BenchArguments {
    /// One measurement by name; all of them without.
    name: Option<String>,
    /// Print the figures as JSON on standard output.
    #[arg(long)]
    json: bool,
}

/// Builds with optimization and runs the measurements.
pub(crate) fn run(arguments: &BenchArguments) -> Result<()> {
    setup::run()?;
    plugins::run()?;
    let mut build = cargo();
    build.args([
        "build",
        "--profile",
        "bench",
        "--package",
        "colophon-server",
    ]);
    build.args(["--package", "colophon-reader"]);
    step("build", &mut build)?;
    let mut calls = cargo();
    calls.args([
        "build",
        "--profile",
        "bench",
        "--package",
        "colophon-plugin-host",
    ]);
    step("build", calls.args(["--example", "call_cost"]))?;
    let mut bench = cargo();
    bench.args([
        "run",
        "--profile",
        "bench",
        "--package",
        "colophon-tests",
        "--bin",
        "bench",
    ]);
    bench.arg("--").args(&arguments.name);
    if arguments.json {
        bench.arg("--json");
    }
    step("bench", &mut bench)
}
