//! `colophon plugin decisions|replay|receipt|shadow`: what was recorded, and what comes of it.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use colophon_core::capability::Name;
use colophon_core::decision::Keeping;
use colophon_core::id::DecisionId;
use colophon_core::time::Timestamp;
use colophon_plugin_host::Record;
use colophon_receipt::CenterId;
use colophon_store::decisions::DecisionRow;
use colophon_store::plugins::{KeptPlugin, KeptVersion};
use serde::Serialize;

use super::sale::Sale;
use super::{receipt, replay, sale, shadow};
use crate::cli::{CenterPluginArgs, DecisionCommand};
use crate::commands::known_center;
use crate::config::Config;
use crate::house::House;
use crate::output::{Output, cut, table};

/// Decisions read at once: each may have a megabyte.
const PAGE: u32 = 32;

pub(super) async fn run(
    config: &Config,
    command: DecisionCommand,
    output: Output,
) -> Result<ExitCode> {
    let house = House::open(config).await?;
    let done = operate(config, &house, command, output).await;
    house.close().await;
    done
}

async fn operate(
    config: &Config,
    house: &House,
    command: DecisionCommand,
    output: Output,
) -> Result<ExitCode> {
    match command {
        DecisionCommand::Decisions {
            plugin,
            last,
            request,
        } => {
            let (center, record) = plugin_of(house, &plugin).await?;
            let wanted = Wanted {
                last,
                request: request.as_deref(),
            };
            let recording = config.plugins.decisions;
            list(house, &center, &record.id, wanted, recording, output).await?;
            Ok(ExitCode::SUCCESS)
        }
        DecisionCommand::Replay { center, id } => {
            let center = known_center(house, &center.center).await?;
            replay::run(config, house, &center, &id, output).await
        }
        DecisionCommand::Receipt { center, id, out } => {
            let center = known_center(house, &center.center).await?;
            receipt::run(house, &center, &id, &out, output).await
        }
        DecisionCommand::Shadow(arguments) => {
            let (center, record) = plugin_of(house, &arguments.plugin).await?;
            let version = arguments.candidate.as_deref();
            let version = version.or(arguments.candidate_by_option.as_deref());
            let version = shadow::candidate(&center, &record, version)?;
            shadow::run(
                config,
                house,
                &center,
                &record,
                &version,
                arguments.last,
                output,
            )
            .await
        }
    }
}

async fn plugin_of(house: &House, arguments: &CenterPluginArgs) -> Result<(CenterId, KeptPlugin)> {
    let center = known_center(house, &arguments.center.center).await?;
    let name = Name::parse(&arguments.plugin)
        .with_context(|| format!("{:?} is no name of a plug-in", arguments.plugin))?;
    let record = house.store.kept_plugin(&center, &name).await?;
    let record = record.with_context(|| {
        format!(
            "center {center} has no plug-in {name}; see `colophon plugin list --center {center}`"
        )
    })?;
    Ok((center, record))
}

#[derive(Serialize)]
struct Listed {
    decision: String,
    at: String,
    at_ms: i64,
    request: String,
    retailer: String,
    /// As far as the plug-in was told of the sale, or the log knows it.
    #[serde(flatten)]
    sale: Sale,
    version: String,
    role: String,
    outcome: String,
    fuel: u64,
    /// None where the record cannot be read.
    host_calls: Option<usize>,
    sampled: bool,
    /// Why it cannot be replayed.
    not_replayable: Option<String>,
}

/// Which decisions are listed.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    last: u32,
    request: Option<&'a str>,
}

async fn list(
    house: &House,
    center: &CenterId,
    plugin: &Name,
    wanted: Wanted<'_>,
    recording: Keeping,
    output: Output,
) -> Result<()> {
    let rows = match wanted.request {
        Some(request) => {
            if sale::event(request).is_none() {
                bail!(
                    "{request:?} is no id of a request: those have 32 digits and letters, as the column \
                     event of `colophon log export --center {center}` lists them"
                );
            }
            let store = &house.store;
            let of_request = store.decisions_of_request(center, plugin, request, wanted.last);
            of_request.await?
        }
        None => {
            let mut latest = Vec::new();
            let mut pages = Pages::of(house, center, plugin, wanted.last);
            while let Some(page) = pages.next().await? {
                latest.extend(page);
            }
            latest
        }
    };
    let mut listed = Vec::new();
    for row in &rows {
        listed.push(shown(house, center, row).await);
    }
    output.print(&listed, |listed| {
        if listed.is_empty() {
            return match wanted.request {
                None => format!(
                    "No decision of {plugin} is recorded in center {center}. {}",
                    not_yet(recording)
                ),
                Some(request) => format!(
                    "No decision of {plugin} for request {request} is recorded in center {center}. \
                     Requests are called by their events in `colophon log export`. {}",
                    not_yet(recording)
                ),
            };
        }
        let rows = listed.iter().map(|one| {
            vec![
                one.at.clone(),
                one.decision.clone(),
                one.request.clone(),
                one.retailer.clone(),
                one.sale.transaction.clone().unwrap_or_default(),
                one.version.clone(),
                one.role.clone(),
                cut(&one.outcome).into_owned(),
                one.fuel.to_string(),
                one.not_replayable.clone().unwrap_or_default(),
            ]
        });
        table(
            &[
                "time (UTC)",
                "decision",
                "request",
                "retailer",
                "transaction",
                "version",
                "role",
                "outcome",
                "fuel",
                "",
            ],
            rows,
        )
    })
}

/// Why a decision that was made may not be there.
fn not_yet(recording: Keeping) -> &'static str {
    match recording.keeps_any() {
        true => {
            "A host writes decisions down off the way of downloads, a second or so after each, and later \
             while it is busy: ask again in a moment."
        }
        false => {
            "Nothing is recorded with these settings: see plugins.decisions_kept, _sampled and _days in \
             `colophon config show`."
        }
    }
}

async fn shown(house: &House, center: &CenterId, row: &DecisionRow) -> Listed {
    // What another release has recorded is listed all the same.
    let record = Record::parse(&row.record);
    let not_replayable = match &record {
        Ok(record) => record.replayable().err().map(|not| not.to_string()),
        Err(malformed) => Some(malformed.to_string()),
    };
    let record = record.ok();
    Listed {
        decision: row.id.to_string(),
        at: instant(row.at),
        at_ms: row.at.unix_ms(),
        request: row.request.clone(),
        retailer: row.retailer.to_string(),
        sale: sale::of(house, center, row, record.as_ref()).await,
        version: row.version.to_string(),
        role: row.role.clone(),
        outcome: row.outcome.clone(),
        fuel: row.fuel,
        host_calls: record.as_ref().map(Record::host_calls),
        sampled: row.sampled,
        not_replayable,
    }
}

/// A moment as people read it.
pub(super) fn instant(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.unix_ms());
    instant.map_or_else(|_| String::new(), |instant| instant.to_string())
}

/// A decision that a center has, by its id.
pub(super) async fn found(house: &House, center: &CenterId, id: &str) -> Result<DecisionRow> {
    let id: DecisionId = id
        .parse()
        .with_context(|| format!("{id:?}; see `colophon plugin decisions --center {center}`"))?;
    let row = house.store.decision(center, id).await?;
    if row.is_none()
        && let Some(plugin) = asked_for_request(house, center, &id.to_string()).await?
    {
        bail!(
            "{id} is a request and no decision; `colophon plugin decisions --center {center} {plugin} \
             --request {id}` lists what was decided for it"
        );
    }
    row.with_context(|| {
        format!(
            "center {center} has no decision {id}: the last ones are kept, and those of chance (see \
             plugins.decisions_kept in `colophon config show`)"
        )
    })
}

/// A plug-in of the center that has decided something for a request.
async fn asked_for_request(
    house: &House,
    center: &CenterId,
    request: &str,
) -> Result<Option<Name>> {
    for plugin in house.store.kept_plugins(center).await? {
        let store = &house.store;
        let first = store.decisions_of_request(center, &plugin.id, request, 1);
        if !first.await?.is_empty() {
            return Ok(Some(plugin.id));
        }
    }
    Ok(None)
}

/// What a version may use: what it is asked with, or would be if it was promoted. None if it does not
/// fit the plug-in's grant and is not asked.
pub(super) async fn grant_of(
    house: &House,
    center: &CenterId,
    plugin: &KeptPlugin,
    version: &KeptVersion,
) -> Result<Option<String>> {
    let asked = house.store.plugins(center).await?;
    let asked = asked.iter().find(|one| one.id == plugin.id);
    if let Some(asked) = asked.and_then(|one| one.version(&version.version)) {
        return Ok(Some(asked.grant.clone()));
    }
    Ok(match version.unfit {
        None => Some(plugin.grant.clone()),
        Some(_) => None,
    })
}

/// The record of a decision.
pub(super) fn record(row: &DecisionRow) -> Result<Record> {
    Record::parse(&row.record).with_context(|| format!("decision {}", row.id))
}

/// A plug-in's decisions page by page, the latest first.
pub(super) struct Pages<'a> {
    house: &'a House,
    center: &'a CenterId,
    plugin: &'a Name,
    before: Option<DecisionId>,
    left: u32,
}

impl<'a> Pages<'a> {
    pub(super) fn of(house: &'a House, center: &'a CenterId, plugin: &'a Name, last: u32) -> Self {
        Self {
            house,
            center,
            plugin,
            before: None,
            left: last,
        }
    }

    /// The next page; none after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<DecisionRow>>> {
        let size = PAGE.min(self.left);
        if size == 0 {
            return Ok(None);
        }
        let store = &self.house.store;
        let page = store
            .decisions(self.center, self.plugin, self.before, size)
            .await?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        self.before = Some(last.id);
        self.left -= size;
        Ok(Some(page))
    }
}
