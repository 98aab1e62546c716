//! `colophon activation report|list|show|release|revoke|revoked|erase|settings`.

mod personas;
mod report;
mod settings;
mod taking_back;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use colophon_activation::PersonaId;
use colophon_core::activation::persona::Persona;
use colophon_core::time::Timestamp;

use crate::cli::ActivationCommand;
use crate::config::Config;
use crate::house::House;
use crate::output::Output;

pub(super) async fn run(
    config: &Config,
    command: ActivationCommand,
    output: Output,
) -> Result<ExitCode> {
    // A replica is looked at from where there is no data folder.
    if let ActivationCommand::Report(arguments) = &command
        && arguments.database.is_some()
    {
        report::on_another(arguments, output).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let house = House::open(config).await?;
    match command {
        ActivationCommand::Report(arguments) => {
            report::on(&house.activation.reader(), &arguments, output).await?;
        }
        ActivationCommand::List { limit } => personas::list(&house, limit, output).await?,
        ActivationCommand::Show { persona } => {
            let persona = known(&house, &persona).await?;
            personas::show(&house, &persona, output).await?;
        }
        ActivationCommand::Release {
            persona,
            device,
            give_back,
        } => {
            let persona = known(&house, &persona).await?;
            taking_back::release(&house, &persona, &device, give_back, output).await?;
        }
        ActivationCommand::Revoke { persona, undo, yes } => {
            let persona = known(&house, &persona).await?;
            match undo {
                true => taking_back::reinstate(&house, &persona, output).await?,
                false => taking_back::revoke(&house, config, &persona, yes, output).await?,
            }
        }
        ActivationCommand::Revoked => taking_back::revoked(&house, config, output).await?,
        ActivationCommand::Erase { persona, yes } => {
            let persona = known(&house, &persona).await?;
            taking_back::erase(&house, config, &persona, yes, output).await?;
        }
        ActivationCommand::Settings(arguments) => {
            settings::run(&house, &arguments, output).await?;
        }
    }
    house.close().await;
    Ok(ExitCode::SUCCESS)
}

/// A persona that this installation has.
async fn known(house: &House, text: &str) -> Result<Persona> {
    let id: PersonaId = text
        .parse()
        .with_context(|| format!("{text:?} is no persona id"))?;
    let persona = house.activation.show_persona(&id).await?;
    persona.with_context(|| format!("there is no persona {id}; see `colophon activation list`"))
}

fn date(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.unix_ms());
    instant.map_or_else(
        |_| String::new(),
        |instant| instant.strftime("%Y-%m-%d").to_string(),
    )
}

fn instant(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.unix_ms());
    instant.map_or_else(|_| String::new(), |instant| instant.to_string())
}
