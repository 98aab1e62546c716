//! `colophon config check|show`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use crate::cli::ConfigCommand;
use crate::config::{self, KEYS, Layers};
use crate::output::{Output, table};

#[derive(Serialize)]
struct Row {
    key: &'static str,
    value: String,
    origin: String,
    meaning: &'static str,
}

pub(super) fn run(
    command: &ConfigCommand,
    layers: &Layers,
    data: &Path,
    output: Output,
) -> Result<ExitCode> {
    match command {
        ConfigCommand::Check => {
            let config = config::parse(layers, data)?;
            let address = config.listen.address.to_string();
            output.print(
                &serde_json::json!({ "ok": true, "listen": address }),
                |_| format!("The configuration can be used; the host would listen on {address}."),
            )?;
        }
        ConfigCommand::Show => {
            let rows: Vec<Row> = KEYS.iter().filter_map(|key| row(key, layers)).collect();
            output.print(&rows, |rows| {
                let cells = rows.iter().map(|row| {
                    vec![
                        row.key.to_owned(),
                        shown(&row.value),
                        row.origin.clone(),
                        row.meaning.to_owned(),
                    ]
                });
                table(&["setting", "value", "from", "meaning"], cells)
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(key: &config::Key, layers: &Layers) -> Option<Row> {
    let setting = layers.settings.get(key.name)?;
    Some(Row {
        key: key.name,
        value: match key.name.ends_with("_secret") && !setting.value.is_empty() {
            true => "…".to_owned(),
            false => without_password(&setting.value),
        },
        origin: setting.origin.to_string(),
        meaning: key.meaning,
    })
}

/// A database URL may hold a password; nobody needs to read it off a screen.
fn without_password(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else {
        return value.to_owned();
    };
    let Some((login, place)) = rest.split_once('@') else {
        return value.to_owned();
    };
    match login.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:…@{place}"),
        None => value.to_owned(),
    }
}

fn shown(value: &str) -> String {
    if value.is_empty() {
        "(empty)".to_owned()
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn passwords_in_database_urls_are_not_shown() {
        assert_eq!(
            without_password("postgres://a:secret@h/db"),
            "postgres://a:…@h/db"
        );
        assert_eq!(without_password("postgres://a@h/db"), "postgres://a@h/db");
        assert_eq!(without_password("sqlite://d/x.db"), "sqlite://d/x.db");
    }
}
