//! Measures Colophon and its peers in one run, so that every figure is a ratio.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::workspace::{built, cargo, step};
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
        "--quiet",
        "--profile",
        "bench",
        "--workspace",
        "--bins",
    ]);
    // A program of its own measures a plug-in call, whose insides nobody else knows.
    step("build", build.args(["--example", "call_cost"]))?;
    let mut bench = Command::new(built("release")?.join("bench"));
    bench.args(&arguments.name);
    if arguments.json {
        bench.arg("--json");
    }
    step("bench", &mut bench)
}
