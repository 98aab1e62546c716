//! `colophon plugin`: what authors of plug-ins work with. None of it needs a host or its data.

mod bench;
mod build;
mod check;
mod dev;
mod folder;
mod manifest;
mod new;
mod script;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use super::block_on;
use crate::cli::PluginCommand;
use crate::output::Output;

pub(super) fn run(command: PluginCommand, output: Output) -> Result<ExitCode> {
    match command {
        PluginCommand::New(arguments) => new::run(&arguments, output),
        PluginCommand::Build(folder) => build::run(&folder.dir, output),
        PluginCommand::Check { plugin } => block_on(check::run(&plugin, output)),
        PluginCommand::Test(arguments) => block_on(test::run(&arguments, output)),
        PluginCommand::Dev { folder, watch } => block_on(dev::run(&folder.dir, watch, output)),
    }
}

/// Where the component of a plug-in's folder is built to.
fn component(folder: &Path) -> PathBuf {
    folder.join("build/plugin.wasm")
}
