//! `colophon doctor`: looks at everything a host stands on and says what is wrong.

mod broker;
mod certificates;
mod node;
mod nodes;
mod orders;
mod plug_ins;
mod revocation_lists;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Result;
use colophon_core::activation::ports::Settings as _;
use colophon_core::catalog::TitleFacts;
use colophon_core::causes::causes;
use colophon_core::ports::{Readiness as _, Service, Unavailable};
use colophon_store::failure::ReadError;
use colophon_store::health::Problem;
use colophon_store::titles::TitleFilter;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::UNHEALTHY;
use crate::config::Config;
use crate::house::{House, free_disk_bytes, is_workplace, kept_issuer, public_url};
use crate::output::{Output, table};

/// Titles read at once.
const PAGE: u32 = 500;

/// Titles that are named of those with missing files.
const NAMED: usize = 5;

#[derive(Serialize)]
struct Finding {
    what: String,
    healthy: bool,
    detail: String,
}

pub(super) async fn run(config: &Config, output: Output) -> Result<ExitCode> {
    let findings = match is_workplace(config) {
        true => orders::workplace(config).await,
        false => data_folder(config).await,
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

async fn data_folder(config: &Config) -> Vec<Finding> {
    match House::open(config).await {
        Ok(house) => {
            let findings = look(&house, config).await;
            house.close().await;
            findings
        }
        Err(error) => vec![finding("data folder", Err(format!("{error:#}")))],
    }
}

async fn look(house: &House, config: &Config) -> Vec<Finding> {
    let mut answers = house.store.check().await;
    answers.extend(house.activation.check().await);
    let mut findings = answering(answers);
    findings.extend(content(house));
    findings.extend(node::node(config).await);
    findings.push(nodes::nodes(house).await);
    if let Some(settings) = &config.nats {
        findings.extend(broker::broker(settings).await);
    }
    findings.push(records(house).await);
    findings.push(stored_files(house).await);
    findings.push(plug_ins::plug_ins(house).await);
    findings.push(certificates::certificates(house).await);
    findings.push(revocation_lists::revocation_lists(house, config));
    findings.push(key_pool(house).await);
    findings.push(orders::orders(&house.activation).await);
    findings.push(activation_authority(house).await);
    findings.push(activation_address(house, config).await);
    findings.extend(integrity(problems(house).await));
    findings.push(free_space(config));
    findings.push(master_key(config));
    findings
}

/// What is asked whether it answers.
fn answering(answers: Vec<(Service, Result<(), Unavailable>)>) -> Vec<Finding> {
    let answers = answers.into_iter().map(|(service, state)| {
        let state = state.map(|()| "answers".to_owned());
        finding(&service.to_string(), state.map_err(|error| causes(&error)))
    });
    answers.collect()
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
            state.map_err(|error| format!("{}: {}", folder.display(), causes(&error))),
        )
    });
    roots.collect()
}

async fn records(house: &House) -> Finding {
    let counts = house.store.count_records().await;
    let counts = counts.map(|counts| {
        format!(
            "{} centers, {} retailers, {} titles, {} downloads and {} events logged",
            counts.centers, counts.retailers, counts.titles, counts.downloads, counts.events
        )
    });
    finding("records", counts.map_err(|error| causes(&error)))
}

/// Whether every file that a catalog names is in its content store. What is in the files is for
/// `title verify`, which reads all of them.
async fn stored_files(house: &House) -> Finding {
    let state = match missing_files(house).await {
        Ok((titles, missing)) if missing.is_empty() => {
            Ok(format!("the files of {titles} titles are there"))
        }
        Ok((titles, missing)) => Err(missing_words(titles, &missing)),
        Err(error) => Err(causes(&error)),
    };
    finding("stored files", state)
}

/// How many titles there are, and those of which a file is missing.
async fn missing_files(house: &House) -> Result<(u64, Vec<String>), ReadError> {
    let total = house.store.count_records().await?.titles;
    let bar = bar(total);
    let mut missing = Vec::new();
    let mut titles = 0;
    for center in house.store.list_centers().await? {
        let mut after = None;
        loop {
            let filter = TitleFilter::default();
            let listed = house
                .store
                .list_titles(&center.id, &filter, after.as_ref(), PAGE);
            let page = listed.await?;
            for title in &page.titles {
                titles += 1;
                bar.inc(1);
                if !has_files(house, &title.facts) {
                    let book = &title.facts.book;
                    missing.push(format!("{} {} of {}", book.id_type, book.id, center.id));
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    bar.finish_and_clear();
    missing.sort();
    Ok((titles, missing))
}

fn has_files(house: &House, facts: &TitleFacts) -> bool {
    let forms = &facts.forms;
    let forms = [&forms.clear, &forms.sealed, &forms.licensed];
    let mut kept = forms.into_iter().flatten();
    kept.all(|form| {
        house
            .content
            .open(&facts.location.root, &form.object)
            .is_ok()
    })
}

fn missing_words(titles: u64, missing: &[String]) -> String {
    let first: Vec<&str> = missing.iter().take(NAMED).map(String::as_str).collect();
    let more = match missing.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "{} of {titles} titles have files that cannot be opened in the content store: {}{more}; \
         restore the store from your backup, or hand the titles in again with `colophon title \
         update --file`",
        missing.len(),
        first.join(", ")
    )
}

/// A bar on a terminal, nothing elsewhere.
fn bar(titles: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(titles);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len} titles") {
        bar.set_style(style);
    }
    bar
}

/// Whether key pairs wait for personas to come. They are made while a host serves, so a pool that
/// is not full is wrong only where it is empty although somebody has used it.
async fn key_pool(house: &House) -> Finding {
    let state = match pool_level(house).await {
        Ok((0, _, true)) => Err(
            "no key pair waits, so that nobody new can activate a reader; \
             start a host with the activation role, and it makes some"
                .to_owned(),
        ),
        Ok((waiting, keys_min, _)) => Ok(format!(
            "{waiting} key pairs wait for personas; {keys_min} should"
        )),
        Err(error) => Err(causes(&error)),
    };
    finding("key pool", state)
}

/// Key pairs that wait, those that should, and whether any persona has ever taken one.
async fn pool_level(house: &House) -> Result<(u64, u32, bool), ReadError> {
    let totals = house.activation.reader().totals().await?;
    let settings = house.activation.settings().await;
    let settings = settings.map_err(ReadError::Unavailable)?;
    let used = totals.personas > 0;
    Ok((totals.keys_waiting, settings.keys_min, used))
}

async fn activation_authority(house: &House) -> Finding {
    let state = match kept_issuer(house).await {
        Ok(Some(_)) => Ok("certifies personas".to_owned()),
        Ok(None) => Ok("made when a host starts with the activation role".to_owned()),
        Err(error) => Err(format!("{error:#}")),
    };
    finding("activation authority", state)
}

/// Where people activate readers. A host that only serves downloads needs no such address, so that
/// there is none is wrong only where somebody has activated a reader.
async fn activation_address(house: &House, config: &Config) -> Finding {
    let closed = "none: activation is refused; set activation.public_url";
    let state = match public_url(config, config.listen.address) {
        Ok(Some(url)) => Ok(url.to_string()),
        Ok(None) => match house.activation.reader().totals().await {
            Ok(totals) if totals.personas == 0 => Ok(closed.to_owned()),
            Ok(_) => Err(closed.to_owned()),
            Err(error) => Err(causes(&error)),
        },
        Err(error) => Err(format!("{error:#}")),
    };
    finding("activation address", state)
}

async fn problems(house: &House) -> Result<Vec<Problem>, ReadError> {
    let mut problems = house.store.check_integrity().await?;
    problems.extend(house.activation.check_integrity().await?);
    Ok(problems)
}

/// What is wrong with stored values, or that nothing is.
fn integrity(problems: Result<Vec<Problem>, ReadError>) -> Vec<Finding> {
    match problems {
        Ok(problems) if problems.is_empty() => {
            vec![finding(
                "integrity",
                Ok(
                    "databases sound, every secret decrypts; of what there may be very much of, such as \
                     buyers' keys, events, decisions and plug-ins' values, 1,000 each were tried"
                        .to_owned(),
                ),
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
        Err(error) => vec![finding("integrity", Err(causes(&error)))],
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
    finding("master key", state.map_err(|error| causes(&error)))
}

fn finding(what: &str, state: Result<String, String>) -> Finding {
    let healthy = state.is_ok();
    Finding {
        what: what.to_owned(),
        healthy,
        detail: state.unwrap_or_else(|problem| problem),
    }
}
