//! `colophon center add|list|issue|signer|rights`.

mod signer;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use colophon_core::time::Clock as _;
use colophon_receipt::CenterId;
use colophon_title::SignerRole;
use serde::Serialize;
use serde_json::json;

use super::rights::{read_rights, rights_text};
use super::{center_id, known_center};
use crate::cli::{CenterCommand, RoleArg};
use crate::config::Config;
use crate::house::{House, SystemClock, add_center, issue};
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
        CenterCommand::Signer(command) => signer::run(&house, command, output).await?,
        CenterCommand::Rights { center, set, reset } => {
            let id = known_center(&house, &center.center).await?;
            let file = set.as_deref();
            rights(&house, &id, file, reset, output).await?;
        }
        CenterCommand::Issue { role, name, to } => {
            let role = match role {
                RoleArg::Tool => SignerRole::Tool,
                RoleArg::Owner => SignerRole::Owner,
                RoleArg::Provider => SignerRole::Provider,
            };
            issue(&house, role.into(), &name, &to).await?;
            let folder = to.display().to_string();
            output.print(&json!({ "folder": folder }), |_| {
                format!("Wrote the certificate and its private key to {folder}.")
            })?;
        }
    }
    house.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Sets a center's rights if anything says so, and shows them.
async fn rights(
    house: &House,
    id: &CenterId,
    file: Option<&Path>,
    reset: bool,
    output: Output,
) -> Result<()> {
    let now = SystemClock.now();
    if let Some(file) = file {
        let rights = read_rights(file)?;
        let set = house.store.set_center_rights(id, Some(&rights), now).await;
        set.context("the rights were not set")?;
    } else if reset {
        let set = house.store.set_center_rights(id, None, now).await;
        set.context("the rights were not reset")?;
    }
    let center = house.store.show_center(id).await?;
    let rights = center.and_then(|center| center.rights).unwrap_or_default();
    let text = rights_text(&rights);
    output.print(&json!({ "center": id.to_string(), "rights": text }), |_| {
        text.clone()
    })
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
