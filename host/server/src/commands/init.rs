//! `colophon init`.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::center_id;
use crate::cli::InitArgs;
use crate::config::Config;
use crate::house::found;
use crate::output::Output;

pub(super) async fn run(config: &Config, arguments: &InitArgs, output: Output) -> Result<ExitCode> {
    let center = center_id(&arguments.center)?;
    found(config, &center).await?;
    let data = config.data.display().to_string();
    let roots = config.data.join("trust/roots.pem").display().to_string();
    output.print(&json!({ "data": data, "center": center.to_string(), "roots": roots }), |_| {
        format!(
            "Made {data} with the center {center}.\n\
             Keep a copy of {} in a safe place: without it nothing here can be decrypted.\n\
             Readers trust signatures under {roots}.\n\
             next: colophon title add FILE --book-id ID, colophon retailer add ID --name NAME, colophon serve",
            config.keys.master_file.display()
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
