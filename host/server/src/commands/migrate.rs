//! `colophon migrate`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use colophon_core::time::Clock as _;
use colophon_store::migration::Migrated;
use colophon_store::node::NodeDatabase;
use serde::Serialize;

use super::not_initialized;
use crate::cli::MigrateArgs;
use crate::config::Config;
use crate::house::{LostActivation, SystemClock, is_founded, migrate};
use crate::output::{Output, table};

#[derive(Serialize)]
struct Row {
    database: &'static str,
    applied: Vec<i64>,
    copy: Option<String>,
}

pub(super) async fn run(
    config: &Config,
    arguments: &MigrateArgs,
    output: Output,
) -> Result<ExitCode> {
    if !is_founded(config)? {
        return Err(not_initialized(config));
    }
    let now = SystemClock.now();
    let lost = match arguments.new_activation {
        true => LostActivation::MadeAnew,
        false => LostActivation::Refused,
    };
    let mut rows: Vec<Row> = migrate(config, lost).await?.iter().map(row).collect();
    let node = NodeDatabase::open(&config.database.node.parse().context("database.node")?).await?;
    rows.push(row(&node.migrate(now).await?));
    output.print(&rows, |rows| {
        let cells = rows.iter().map(|row| {
            let applied = match row.applied.as_slice() {
                [] => "nothing to do".to_owned(),
                list => list
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            vec![
                row.database.to_owned(),
                applied,
                row.copy.clone().unwrap_or_default(),
            ]
        });
        table(&["database", "versions applied", "copy made before"], cells)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn row(migrated: &Migrated) -> Row {
    Row {
        database: migrated.schema.name(),
        applied: migrated
            .applied
            .iter()
            .map(|(version, _)| *version)
            .collect(),
        copy: migrated
            .copy
            .as_ref()
            .map(|path| path.display().to_string()),
    }
}
