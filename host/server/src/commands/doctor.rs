//! `colophon doctor`: looks at everything a host stands on and says what is wrong.

use std::process::ExitCode;

use anyhow::Result;
use colophon_core::ports::{OutboxRows as _, Readiness as _};
use serde::Serialize;

use super::UNHEALTHY;
use crate::config::Config;
use crate::house::{House, free_disk_bytes, open_node};
use crate::output::{Output, table};

#[derive(Serialize)]
struct Finding {
    what: String,
    healthy: bool,
    detail: String,
}

pub(super) async fn run(config: &Config, output: Output) -> Result<ExitCode> {
    let findings = match House::open(config).await {
        Ok(house) => {
            let findings = look(&house, config).await;
            house.close().await;
            findings
        }
        Err(error) => vec![finding("data folder", Err(format!("{error:#}")))],
    };
    let healthy = findings.iter().all(|finding| finding.healthy);
    output.print(&findings, |findings| {
        let rows = findings.iter().map(|finding| {
            let state = if finding.healthy { "ok" } else { "WRONG" };
            vec![
                state.to_owned(),
                finding.what.clone(),
                finding.detail.clone(),
            ]
        });
        table(&["", "checked", "found"], rows)
    })?;
    Ok(if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(UNHEALTHY)
    })
}

async fn look(house: &House, config: &Config) -> Vec<Finding> {
    let answers = house.store.check().await;
    let mut findings: Vec<Finding> = answers
        .into_iter()
        .map(|(service, state)| {
            let state = state.map(|()| "answers".to_owned());
            finding(&service.to_string(), state.map_err(|error| chain(&error)))
        })
        .collect();
    findings.extend(content(house));
    findings.push(node(config).await);
    findings.push(records(house).await);
    findings.extend(integrity(house).await);
    findings.push(free_space(config));
    findings.push(master_key(config));
    findings
}

fn content(house: &House) -> Vec<Finding> {
    let roots = house.content.roots().map(|(root, folder)| {
        let state = house
            .content
            .probe(root)
            .map(|()| folder.display().to_string());
        let what = format!("content store {}", root.as_str());
        finding(
            &what,
            state.map_err(|error| format!("{}: {}", folder.display(), chain(&error))),
        )
    });
    roots.collect()
}

async fn node(config: &Config) -> Finding {
    let state = match open_node(config).await {
        Ok(node) => {
            let waiting = node.waiting().await;
            node.close().await;
            waiting
                .map(|(rows, _)| format!("{rows} log rows wait"))
                .map_err(|error| chain(&error))
        }
        Err(error) => Err(format!("{error:#}")),
    };
    finding("this node's database", state)
}

async fn records(house: &House) -> Finding {
    let counts = house.store.count_records().await;
    let counts = counts.map(|counts| {
        format!(
            "{} centers, {} retailers, {} titles, {} downloads and {} events logged",
            counts.centers, counts.retailers, counts.titles, counts.downloads, counts.events
        )
    });
    finding("records", counts.map_err(|error| chain(&error)))
}

async fn integrity(house: &House) -> Vec<Finding> {
    match house.store.check_integrity().await {
        Ok(problems) if problems.is_empty() => {
            vec![finding(
                "integrity",
                Ok("databases sound, every secret decrypts".to_owned()),
            )]
        }
        Ok(problems) => {
            let wrong = problems.into_iter();
            wrong
                .map(|problem| {
                    finding(
                        "integrity",
                        Err(format!("{}: {}", problem.service, problem.text)),
                    )
                })
                .collect()
        }
        Err(error) => vec![finding("integrity", Err(chain(&error)))],
    }
}

fn free_space(config: &Config) -> Finding {
    let file = config.database.node.trim_start_matches("sqlite://");
    let state = match free_disk_bytes(std::path::Path::new(file)) {
        Ok(free) if free < config.outbox.free_bytes_min => Err(format!(
            "{} MiB free; downloads are refused below {} MiB (outbox.free_bytes_min)",
            free >> 20,
            config.outbox.free_bytes_min >> 20
        )),
        Ok(free) => Ok(format!("{} MiB free", free >> 20)),
        Err(error) => Err(error.to_string()),
    };
    finding("disk", state)
}

/// Reading the key already refuses a file that others may read.
fn master_key(config: &Config) -> Finding {
    let state = colophon_keys::read_key_file(&config.keys.master_file);
    let state = state.map(|_| {
        format!(
            "{}; keep a copy elsewhere",
            config.keys.master_file.display()
        )
    });
    finding("master key", state.map_err(|error| chain(&error)))
}

fn finding(what: &str, state: Result<String, String>) -> Finding {
    let healthy = state.is_ok();
    Finding {
        what: what.to_owned(),
        healthy,
        detail: state.unwrap_or_else(|problem| problem),
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
