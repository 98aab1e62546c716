//! Plug-ins of centers: granted, published, promoted, gone back from.

mod costs;
mod fetch;
mod grant;
mod listing;
mod propose;
mod publish;
mod publisher;
mod remove;
mod surviving;
mod vectors;
mod versions;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use colophon_core::capability::Name;
use colophon_receipt::CenterId;
use colophon_store::plugins::{KeptPlugin, Publisher, UnfitAsked};

use crate::cli::{CenterPluginArgs, CenterPluginCommand};
use crate::commands::known_center;
use crate::config::Config;
use crate::house::House;
use crate::house::plugins::Signatures;
use crate::output::Output;

pub(super) async fn run(
    config: &Config,
    command: CenterPluginCommand,
    output: Output,
) -> Result<ExitCode> {
    let house = House::open(config).await?;
    let done = operate(config, &house, command, output).await;
    house.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn operate(
    config: &Config,
    house: &House,
    command: CenterPluginCommand,
    output: Output,
) -> Result<()> {
    match command {
        CenterPluginCommand::Grant {
            center,
            file,
            next,
            new,
        } => {
            let center = known_center(house, &center.center).await?;
            let asked = grant::Asked {
                file,
                unfit: match next {
                    true => UnfitAsked::KeepTheirs,
                    false => UnfitAsked::Refused,
                },
                similar: match new {
                    true => grant::SimilarName::IsAnother,
                    false => grant::SimilarName::IsRefused,
                },
            };
            grant::run(config, house, &center, &asked, output).await
        }
        CenterPluginCommand::Publish(arguments) => {
            let center = known_center(house, &arguments.center.center).await?;
            publish::run(config, house, &center, &arguments, output).await
        }
        CenterPluginCommand::Promote {
            plugin,
            version,
            canary,
            without_shadow,
            yes,
        } => {
            let chosen = Chosen::find(house, &plugin).await?;
            let promotion = versions::Promotion::of(&chosen, version.as_deref(), canary)?;
            promotion.could_be_taken(house, &chosen).await?;
            let unasked = match without_shadow {
                true => None,
                false => {
                    let held = promotion.hold_against_decisions(config, house, &chosen, yes);
                    Some(held.await?)
                }
            };
            promotion.take(house, &chosen, unasked, output).await
        }
        CenterPluginCommand::Rollback { plugin } => {
            let chosen = Chosen::find(house, &plugin).await?;
            versions::rollback(house, &chosen, output).await
        }
        CenterPluginCommand::Withdraw { plugin, yes } => {
            let chosen = Chosen::find(house, &plugin).await?;
            versions::withdraw(house, &chosen, yes, output).await
        }
        CenterPluginCommand::List { center } => {
            let center = known_center(house, &center.center).await?;
            listing::list(house, &center, output).await
        }
        CenterPluginCommand::Show { plugin } => {
            let chosen = Chosen::find(house, &plugin).await?;
            listing::show(house, &chosen, output).await
        }
        CenterPluginCommand::Order { center, plugins } => {
            let center = known_center(house, &center.center).await?;
            listing::order(house, &center, &plugins, output).await
        }
        CenterPluginCommand::Fetch {
            plugin,
            version,
            to,
        } => {
            let chosen = Chosen::find(house, &plugin).await?;
            fetch::run(house, &chosen, &version, &to, output).await
        }
        CenterPluginCommand::Remove {
            plugin,
            versions,
            yes,
        } => {
            let chosen = Chosen::find(house, &plugin).await?;
            match versions.as_slice() {
                [] => remove::all(house, &chosen, yes, output).await,
                some => remove::versions(house, &chosen, some, yes, output).await,
            }
        }
        CenterPluginCommand::Vectors { plugin, drop, yes } => {
            let chosen = Chosen::find(house, &plugin).await?;
            match drop.as_slice() {
                [] => vectors::list(house, &chosen, output).await,
                numbers => vectors::drop(house, &chosen, numbers, yes, output).await,
            }
        }
        CenterPluginCommand::Propose(arguments) => {
            let chosen = Chosen::find(house, &arguments.plugin).await?;
            propose::run(house, &chosen, &arguments, output).await
        }
        CenterPluginCommand::Costs(arguments) => {
            let center = known_center(house, &arguments.center.center).await?;
            costs::run(house, &center, &arguments, output).await
        }
        CenterPluginCommand::Publisher(command) => publisher::run(house, command, output).await,
    }
}

/// A plug-in that a center has.
struct Chosen {
    center: CenterId,
    record: KeptPlugin,
}

impl Chosen {
    async fn find(house: &House, arguments: &CenterPluginArgs) -> Result<Self> {
        let center = known_center(house, &arguments.center.center).await?;
        let name = name(&arguments.plugin)?;
        let record = house.store.kept_plugin(&center, &name).await?;
        let record = record.with_context(|| {
            format!(
                "center {center} has no plug-in {name}; see `colophon plugin list --center {center}`"
            )
        })?;
        Ok(Self { center, record })
    }
}

/// The signatures that a center asks for, whose publishers were just read.
fn signatures<'a>(
    house: &'a House,
    center: &'a CenterId,
    publishers: &'a [Publisher],
) -> Signatures<'a> {
    Signatures {
        engine: house.engine.as_ref(),
        center,
        publishers,
    }
}

fn name(text: &str) -> Result<Name> {
    Name::parse(text).with_context(|| format!("{text:?} is no name of a plug-in"))
}

fn text(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}
