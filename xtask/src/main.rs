//! The project's own commands, run as `cargo xtask …`.
//!
//! Everything a developer or the continuous build runs goes through here, so that both run the
//! same. Each command is one module; [`workspace`] holds what they share: the folder they work in
//! and how another program is run and named.

mod bench;
mod demo;
mod layers;
mod plugins;
#[path = "../../host/server/src/sample.rs"]
mod sample;
mod setup;
mod test;
mod vectors;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Builds, tests, measures and shows Colophon."
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Show everything: build, sell at levels 1 to 5, activate, download, open; then keep serving.
    Demo(demo::DemoArguments),
    /// Run everything that must be green: set-up, plug-ins, layering, format, lints, the
    /// demonstration and tests.
    Test(test::TestArguments),
    /// Install what the tests use where that is possible, and name what is missing.
    Setup,
    /// Build the plug-ins that are embedded in the host.
    Plugins(plugins::PluginsArguments),
    /// Check which crate depends on which against the layering table.
    Layers,
    /// Write the vectors of receipt, activation and title anew.
    Vectors(vectors::VectorsArguments),
    /// Measure against the peers and print the figures.
    Bench(bench::BenchArguments),
    /// Write the sample book to a file.
    Sample(SampleArguments),
}

#[derive(Args)]
struct SampleArguments {
    /// The file to write.
    file: PathBuf,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Test(arguments) => test::run(&arguments),
        Task::Setup => setup::run(),
        Task::Plugins(arguments) => plugins::build(&arguments),
        Task::Layers => layers::run(),
        Task::Vectors(arguments) => vectors::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Sample(arguments) => sample::write(&arguments.file),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
