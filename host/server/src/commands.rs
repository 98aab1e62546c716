//! One file for each noun of the command line.

mod activation;
mod center;
mod codes;
mod compiling;
mod configuration;
mod delegation;
mod doctor;
mod init;
mod license;
mod log;
mod migrate;
mod node;
mod plugin;
pub(crate) mod receipt;
mod retailer;
mod rights;
mod serve;
mod title;

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use colophon_receipt::CenterId;

use crate::cli::{Cli, Command, PluginCommand, ServeArgs};
use crate::config::{self, Config, Layers, Origin};
use crate::house::House;
use crate::output::Output;

/// Not healthy: what `doctor`, `title verify` and `node list` say by their exit code.
const UNHEALTHY: u8 = 3;

/// Nobody is known by this, or under something else alone: what `log erase` says by its exit code where
/// it erased nothing.
const NOBODY_KNOWN: u8 = 4;

/// Runs a parsed command line. Each command takes of the installation what it needs: some run
/// without any.
pub(crate) fn run(cli: Cli, output: Output) -> Result<ExitCode> {
    let Cli {
        data,
        config: file,
        command,
        json: _,
    } = cli;
    let layers = || config::layers(&data, file.as_deref());
    let config = || config::parse(&layers()?, &data);
    match command {
        Command::Codes => codes::run(output),
        Command::Compile => compiling::run(),
        Command::Plugin(PluginCommand::Author(command)) => plugin::run(command, config, output),
        Command::Plugin(PluginCommand::Center(command)) => {
            plugin::run_for_center(&config()?, command, output)
        }
        Command::Plugin(PluginCommand::Decisions(command)) => {
            plugin::run_for_decisions(&config()?, command, output)
        }
        Command::Config(command) => configuration::run(&command, &layers()?, &data, output),
        Command::Serve(arguments) => {
            let layers = with_flags(layers()?, &arguments)?;
            serve::run(&config::parse(&layers, &data)?, &arguments)
        }
        Command::Init(arguments) => block_on(init::run(&config()?, &arguments, output)),
        Command::Doctor => block_on(doctor::run(&config()?, output)),
        Command::Migrate(arguments) => block_on(migrate::run(&config()?, &arguments, output)),
        Command::Center(command) => block_on(center::run(&config()?, command, output)),
        Command::Title(command) => block_on(title::run(&config()?, command, output)),
        Command::Retailer(command) => block_on(retailer::run(&config()?, command, output)),
        Command::Receipt(command) => block_on(receipt::run(&config()?, command, output)),
        Command::License(command) => block_on(license::run(&config()?, command, output)),
        Command::Activation(command) => block_on(activation::run(&config()?, command, output)),
        Command::Node(command) => block_on(node::run(&config()?, command, output)),
        Command::Log(command) => block_on(log::run(&config()?, command, output)),
    }
}

/// The settings with those on top that `serve` was given on its command line.
fn with_flags(mut layers: Layers, arguments: &ServeArgs) -> Result<Layers> {
    if let Some(address) = &arguments.listen {
        layers.set("listen.address", address.clone(), Origin::Flag)?;
    }
    for setting in &arguments.settings {
        let (name, value) = setting
            .split_once('=')
            .with_context(|| format!("--set {setting}: write KEY=VALUE"))?;
        layers.set(name, value.to_owned(), Origin::Flag)?;
    }
    Ok(layers)
}

/// Commands other than `serve` do one thing after another.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(work)
}

fn center_id(text: &str) -> Result<CenterId> {
    text.parse()
        .with_context(|| format!("{text:?} is no center name"))
}

/// A center that this installation has.
async fn known_center(house: &House, text: &str) -> Result<CenterId> {
    let id = center_id(text)?;
    if house.store.show_center(&id).await?.is_none() {
        bail!("there is no center {id}; see `colophon center list`");
    }
    Ok(id)
}

/// What to do, in words, when the data folder has not been made.
pub(crate) fn not_initialized(config: &Config) -> anyhow::Error {
    anyhow::anyhow!(
        "{} holds no Colophon data; run `colophon --data {} init` first",
        config.data.display(),
        config.data.display()
    )
}
