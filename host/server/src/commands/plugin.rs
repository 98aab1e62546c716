//! `colophon plugin`: what authors of plug-ins work with, which needs no host and none of its data,
//! and what operators do with them.

mod bench;
mod build;
mod center;
mod check;
mod decisions;
mod dev;
mod folder;
mod manifest;
mod new;
mod progress;
mod receipt;
mod replay;
mod sale;
mod script;
mod shadow;
mod sources;
mod statement;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use super::block_on;
use crate::cli::{AuthorCommand, CenterPluginCommand, DecisionCommand};
use crate::config::Config;
use crate::output::Output;

/// What an author has needs no installation; `config` is asked by what is for one where it is there.
pub(super) fn run(
    command: AuthorCommand,
    config: impl FnOnce() -> Result<Config>,
    output: Output,
) -> Result<ExitCode> {
    match command {
        AuthorCommand::New(arguments) => new::run(&arguments, output),
        AuthorCommand::Build(folder) => build::run(&folder.dir, output),
        AuthorCommand::Check { plugin } => block_on(check::run(&plugin, output)),
        AuthorCommand::Test(arguments) => block_on(test::run(&arguments, output)),
        AuthorCommand::Dev { folder, watch } => block_on(dev::run(&folder.dir, watch, output)),
        AuthorCommand::Statement(arguments) => block_on(statement::run(&arguments, config)),
        AuthorCommand::Verify { receipt, key } => receipt::verify(&receipt, &key, output),
    }
}

pub(super) fn run_for_center(
    config: &Config,
    command: CenterPluginCommand,
    output: Output,
) -> Result<ExitCode> {
    block_on(center::run(config, command, output))
}

pub(super) fn run_for_decisions(
    config: &Config,
    command: DecisionCommand,
    output: Output,
) -> Result<ExitCode> {
    block_on(decisions::run(config, command, output))
}

/// Where the component of a plug-in's folder is built to.
fn component(folder: &Path) -> PathBuf {
    folder.join("build/plugin.wasm")
}
