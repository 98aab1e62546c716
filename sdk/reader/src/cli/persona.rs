//! `colophon-reader persona`.

use std::process::ExitCode;

use colophon_reader::reading::printable;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::output::{day, print, print_json};
use crate::cli::places::Places;

pub(crate) fn run(places: &Places, json: bool) -> Result<ExitCode, Failure> {
    let activation = places.activation()?;
    let activation = activation.ok_or_else(Failure::not_activated)?;
    let persona = activation.persona().as_str();
    if json {
        print_json(&json!({
            "persona": persona,
            "machine": activation.machine().to_string(),
            "certificate_until": day(activation.certificate_until_unix_s()),
        }))?;
    } else {
        print(&format!("{}\n", printable(persona)))?;
    }
    Ok(ExitCode::SUCCESS)
}
