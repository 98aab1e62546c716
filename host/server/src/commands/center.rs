//! `colophon center add|list|issue`.

use std::process::ExitCode;

use anyhow::Result;
use colophon_title::SignerRole;
use serde::Serialize;
use serde_json::json;

use super::center_id;
use crate::cli::{CenterCommand, RoleArg};
use crate::config::Config;
use crate::house::{House, add_center, issue};
use crate::output::{Output, table};

#[derive(Serialize)]
struct CenterRow {
    id: String,
    name: String,
    address: String,
    receipt_lifetime_s: u32,
}

pub(super) async fn run(
    config: &Config,
    command: CenterCommand,
    output: Output,
) -> Result<ExitCode> {
    let house = House::open(config).await?;
    match command {
        CenterCommand::Add { id } => {
            let id = center_id(&id)?;
            add_center(&house, &id).await?;
            output.print(&json!({ "center": id.to_string() }), |_| {
                format!("Added the center {id}; its download address is /{id}/ds.")
            })?;
        }
        CenterCommand::List => list(&house, output).await?,
        CenterCommand::Issue { role, name, to } => {
            let role = match role {
                RoleArg::Tool => SignerRole::Tool,
                RoleArg::Owner => SignerRole::Owner,
                RoleArg::Provider => SignerRole::Provider,
            };
            issue(&house, role, &name, &to).await?;
            let folder = to.display().to_string();
            output.print(&json!({ "folder": folder }), |_| {
                format!("Wrote the certificate and its private key to {folder}.")
            })?;
        }
    }
    house.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn list(house: &House, output: Output) -> Result<()> {
    let centers = house.store.list_centers().await?;
    let rows: Vec<CenterRow> = centers
        .iter()
        .map(|center| CenterRow {
            id: center.id.to_string(),
            name: center.name.clone(),
            address: format!("/{}/ds", center.id),
            receipt_lifetime_s: center.time_policy.lifetime_s_max,
        })
        .collect();
    output.print(&rows, |rows| {
        let cells = rows
            .iter()
            .map(|row| vec![row.id.clone(), row.name.clone(), row.address.clone()]);
        table(&["center", "name", "address"], cells)
    })
}
