//! The command line: parse, do one thing, say what happened.

mod activate;
mod add;
mod arguments;
mod certificate;
mod chosen;
mod connect;
mod desktop;
mod failure;
mod info;
mod licensed;
mod list;
mod open;
mod output;
mod persona;
mod places;
mod printing;
mod progress;
mod rights;
mod settings;
mod standing;
mod trust;
mod verify;

use std::process::ExitCode;

pub(crate) use arguments::Arguments;
use arguments::Command;
use failure::Failure;
use places::Places;

/// Runs the command and turns a failure into its words and exit code.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match perform(arguments) {
        Ok(code) => code,
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}

fn perform(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let places = Places::find(arguments)?;
    match &arguments.command {
        Command::Add(add) => add::run(&places, add, arguments.json),
        Command::List => list::run(&places, arguments.json),
        Command::Open(open) => open::run(&places, open, arguments.json),
        Command::Info(chosen) => info::run(&places, chosen, arguments.json),
        Command::Verify(verify) => verify::run(&places, verify, arguments.json),
        Command::Trust(trust) => trust::run(&places, trust, arguments.json),
        Command::Print(printing) => printing::run(&places, printing, arguments.json),
        Command::Persona(asked) => persona::run(&places, asked, arguments.json),
        Command::Certificate(asked) => certificate::run(&places, asked, arguments.json),
        Command::Activate(activate) => activate::run(&places, activate, arguments.json),
        Command::Desktop(command) => desktop::run(command, arguments.json),
    }
}
