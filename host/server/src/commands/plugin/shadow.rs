//! `colophon plugin shadow`: what a version would have decided where others were asked.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use colophon_core::causes::causes;
use colophon_core::decision::Difference;
use colophon_core::rollout::{PluginVersion, VersionState};
use colophon_plugin_host::{Generation, Granted, HostQuestion, Record, Sandbox, Shadow};
use colophon_receipt::CenterId;
use colophon_store::decisions::DecisionRow;
use colophon_store::plugins::KeptPlugin;
use serde::Serialize;

use super::decisions::{Pages, grant_of, record as read};
use crate::config::Config;
use crate::house::House;
use crate::house::plugins::{permitted, sandbox};
use crate::output::{Output, table};

/// Differing decisions that people are shown; programs get all.
const SHOWN_MAX: usize = 20;

/// Recorded decisions that a version is held against before it is promoted.
const HELD_AGAINST: u32 = 1000;

/// What came of all recorded decisions.
#[derive(Serialize)]
pub(super) struct Report {
    center: String,
    plugin: String,
    version: String,
    /// Recorded decisions that were asked again.
    asked: usize,
    same: usize,
    /// By name: allow-to-deny, deny-to-allow, terms, reason, path, file-name, retailer, new-failure,
    /// mended, other-failure.
    different: BTreeMap<&'static str, usize>,
    /// Asked the host something that is not in the record.
    asked_new: usize,
    /// In a role that the version does not play.
    not_played: usize,
    /// Behind a question that it did not get past.
    not_reached: usize,
    /// Whose record does not have all that it takes.
    not_replayable: usize,
    /// Fuel for each unit that was recorded, where both came to an outcome.
    fuel_ratio: Option<f64>,
    changed: Vec<Changed>,
}

/// A decision that differs.
#[derive(Serialize)]
struct Changed {
    decision: String,
    request: String,
    role: String,
    /// The version that was asked then.
    recorded_by: String,
    change: &'static str,
    recorded: String,
    candidate: String,
    /// What it asked the host, where that is new.
    asked: Option<HostQuestion>,
}

/// Fuel where both came to an outcome.
#[derive(Default)]
struct Fuel {
    recorded: u64,
    candidate: u64,
}

impl Report {
    fn of(center: &CenterId, plugin: &KeptPlugin, version: &PluginVersion) -> Self {
        Self {
            center: center.to_string(),
            plugin: plugin.id.to_string(),
            version: version.to_string(),
            asked: 0,
            same: 0,
            different: BTreeMap::new(),
            asked_new: 0,
            not_played: 0,
            not_reached: 0,
            not_replayable: 0,
            fuel_ratio: None,
            changed: Vec::new(),
        }
    }

    fn count(&self, difference: Difference) -> usize {
        let count = self.different.get(difference.as_str());
        count.copied().unwrap_or_default()
    }

    /// Whether every decision that could be held against it is the same.
    fn is_same(&self) -> bool {
        self.changed.is_empty()
    }

    fn add(&mut self, row: &DecisionRow, record: &Record, shadow: Shadow, fuel: &mut Fuel) {
        self.asked += 1;
        let before = record.outcome();
        let (change, candidate, asked) = match shadow {
            Shadow::Decided {
                outcome,
                fuel: taken,
            } => {
                let difference = Difference::between(&before, &outcome);
                fuel.recorded = fuel.recorded.saturating_add(record.fuel());
                fuel.candidate = fuel.candidate.saturating_add(taken);
                if difference == Difference::None {
                    self.same += 1;
                    return;
                }
                let change = difference.as_str();
                *self.different.entry(change).or_default() += 1;
                (change, outcome.to_string(), None)
            }
            Shadow::AskedNew(question) => {
                self.asked_new += 1;
                let told = format!("asked something new: {question}");
                ("asked-new", told, Some(question))
            }
            Shadow::NotPlayed => {
                self.not_played += 1;
                ("not-played", "does not play the role".to_owned(), None)
            }
            Shadow::NotReached => {
                self.not_reached += 1;
                return;
            }
        };
        self.changed.push(Changed {
            decision: row.id.to_string(),
            request: row.request.clone(),
            role: row.role.clone(),
            recorded_by: row.version.to_string(),
            change,
            recorded: before.to_string(),
            candidate,
            asked,
        });
    }
}

pub(super) async fn run(
    config: &Config,
    house: &House,
    center: &CenterId,
    plugin: &KeptPlugin,
    version: &PluginVersion,
    last: u32,
    output: Output,
) -> Result<ExitCode> {
    let report = shadow(config, house, center, plugin, version, last).await?;
    output.print(&report, told)?;
    Ok(match report.is_same() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Refuses a version that newly fails on a recorded question by its own fault.
pub(super) async fn refuse_new_failures(
    config: &Config,
    house: &House,
    center: &CenterId,
    plugin: &KeptPlugin,
    version: &PluginVersion,
) -> Result<()> {
    // What is not promoted in any case says so itself.
    let promotable = plugin.version(version).is_some_and(|kept| {
        kept.unfit.is_none() && !matches!(kept.state, VersionState::Rejected { .. })
    });
    if !promotable {
        return Ok(());
    }
    let latest = house.store.decisions(center, &plugin.id, None, 1).await?;
    if latest.is_empty() {
        return Ok(());
    }
    let report = shadow(config, house, center, plugin, version, HELD_AGAINST).await?;
    let failures = report.count(Difference::NewFailure);
    if failures == 0 {
        eprintln!(
            "Asked {} recorded questions: {} answers are the same, none fails that did not. {} could \
             not be asked again.",
            report.asked, report.same, report.not_replayable
        );
        return Ok(());
    }
    let failure = Difference::NewFailure.as_str();
    let first = report.changed.iter().find(|one| one.change == failure);
    let first = first.map_or_else(String::new, |one| {
        format!(
            " Decision {}, as {}: {}; now: {}.",
            one.decision, one.role, one.recorded, one.candidate
        )
    });
    bail!(
        "{0} {version} fails on {failures} of {1} recorded questions by its own fault, where others \
         did not.{first} Nothing was changed. `colophon plugin shadow --center {center} {0} --version \
         {version}` shows all; --without-shadow goes on anyway",
        plugin.id,
        report.asked
    );
}

/// The version that is meant: named, on trial, or published last.
pub(super) fn candidate(plugin: &KeptPlugin, version: Option<&str>) -> Result<PluginVersion> {
    if let Some(text) = version {
        return text
            .parse()
            .with_context(|| format!("{text:?} is no version"));
    }
    let canary = plugin
        .rollout()?
        .canary()
        .map(|(version, _)| version.clone());
    let published = plugin.versions.iter();
    let published = published.filter(|one| one.state == VersionState::Published);
    let last = published.max_by_key(|one| one.published_at);
    canary
        .or_else(|| last.map(|one| one.version.clone()))
        .with_context(|| {
            format!(
                "{} has no version that waits to be promoted; name one with --version",
                plugin.id
            )
        })
}

async fn shadow(
    config: &Config,
    house: &House,
    center: &CenterId,
    plugin: &KeptPlugin,
    version: &PluginVersion,
    last: u32,
) -> Result<Report> {
    let sandbox = sandbox(config)?;
    let generation = load(house, &sandbox, center, plugin, version).await?;
    let mut report = Report::of(center, plugin, version);
    let mut fuel = Fuel::default();
    let mut pages = Pages::of(house, center, &plugin.id, last);
    while let Some(page) = pages.next().await? {
        for row in page {
            // What another release has recorded may be no record for this one.
            let Ok(record) = read(&row) else {
                report.not_replayable += 1;
                continue;
            };
            match sandbox.shadow(&generation, &record).await {
                Ok(shadow) => report.add(&row, &record, shadow, &mut fuel),
                Err(_) => report.not_replayable += 1,
            }
        }
    }
    report.fuel_ratio = (fuel.recorded > 0).then(|| fuel.candidate as f64 / fuel.recorded as f64);
    Ok(report)
}

/// Loads a version with its own limits and settings, and nobody behind the rest.
async fn load(
    house: &House,
    sandbox: &Arc<Sandbox>,
    center: &CenterId,
    plugin: &KeptPlugin,
    version: &PluginVersion,
) -> Result<Arc<Generation>> {
    let kept = plugin.version(version);
    let kept =
        kept.with_context(|| format!("{} has no version {version} in center {center}", plugin.id))?;
    let component = house
        .store
        .plugin_component(center, &plugin.id, version)
        .await?
        .context("the version has no component")?;
    if house.engine.digest(&[&component]) != kept.sha256 {
        bail!("the component in the database is not the one that was published");
    }
    let grant = grant_of(house, center, plugin, kept).await?;
    let grant = grant.with_context(|| {
        format!(
            "{} {version} does not fit what the plug-in is granted",
            plugin.id
        )
    })?;
    let (manifest, permitted) = permitted(&kept.manifest, &grant)?;
    let granted = Granted::for_shadow(&manifest, permitted);
    let loaded = sandbox.load(&component, granted).await;
    loaded.map_err(|refused| anyhow!("{} {version}: {}", plugin.id, causes(&refused)))
}

fn told(report: &Report) -> String {
    let Report {
        center,
        plugin,
        version,
        asked,
        not_replayable,
        ..
    } = report;
    if *asked == 0 {
        return format!(
            "No decision of {plugin} is recorded in center {center} that could be asked again \
             ({not_replayable} cannot)."
        );
    }
    let mut rows = vec![vec!["same".to_owned(), report.same.to_string()]];
    let changes = Difference::ALL.into_iter();
    let changes = changes.filter(|one| *one != Difference::None);
    rows.extend(changes.map(|one| vec![one.as_str().to_owned(), report.count(one).to_string()]));
    for (name, count) in [
        ("asked something new", report.asked_new),
        ("role not played", report.not_played),
        ("not reached", report.not_reached),
        ("not replayable", report.not_replayable),
    ] {
        rows.push(vec![name.to_owned(), count.to_string()]);
    }
    if let Some(ratio) = report.fuel_ratio {
        rows.push(vec!["fuel".to_owned(), format!("{ratio:.2} times")]);
    }
    let mut text = format!("{plugin} {version}, asked {asked} recorded questions:\n");
    text.push_str(&table(&["", ""], rows));
    if report.is_same() {
        return text;
    }
    let changed = report.changed.iter().take(SHOWN_MAX).map(|one| {
        vec![
            one.decision.clone(),
            one.role.clone(),
            one.change.to_owned(),
            one.recorded.clone(),
            one.candidate.clone(),
        ]
    });
    text.push('\n');
    text.push_str(&table(
        &["decision", "role", "change", "was", "would be"],
        changed,
    ));
    if let Some(more) = report.changed.len().checked_sub(SHOWN_MAX + 1) {
        text.push_str(&format!("\n… and {} more; --json has all", more + 1));
    }
    text
}
