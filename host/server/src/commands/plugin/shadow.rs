//! `colophon plugin shadow`: what a version would have decided where others were asked.

mod report;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use colophon_core::decision::Difference;
use colophon_core::rollout::{PluginVersion, VersionState};
use colophon_plugin_host::manifest::Manifest;
use colophon_plugin_host::{Generation, Granted, Role, Sandbox};
use colophon_receipt::CenterId;
use colophon_store::plugins::{KeptPlugin, KeptVersion};

use self::report::{Fuel, Report};
use super::decisions::{Pages, grant_of, record as read};
use super::replay::not_loaded;
use super::sale;
use crate::config::Config;
use crate::house::House;
use crate::house::plugins::{permitted, sandbox};
use crate::output::{Output, plain};

/// Recorded decisions that a version is held against before it is promoted.
const HELD_AGAINST: u32 = 1000;

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
    output.print(&report, Report::told)?;
    Ok(match report.is_same() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// What recorded questions tell of a version before it is promoted.
pub(super) struct HeldAgainst {
    /// Recorded sales that it would deny and that were allowed.
    pub(super) sales_denied: usize,
    /// Roles in which it was asked no recorded question, so that nobody knows what it will answer.
    pub(super) unasked: BTreeSet<Role>,
}

/// Refuses a version that newly fails on a recorded question by its own fault, and says what is known
/// of one that does not.
pub(super) async fn refuse_new_failures(
    config: &Config,
    house: &House,
    center: &CenterId,
    plugin: &KeptPlugin,
    version: &PluginVersion,
) -> Result<HeldAgainst> {
    let latest = house.store.decisions(center, &plugin.id, None, 1).await?;
    if latest.is_empty() {
        let kept = kept(center, plugin, version)?;
        let manifest = Manifest::parse(&kept.manifest).context("plugin.toml")?;
        tell_unasked(&manifest.roles);
        return Ok(HeldAgainst {
            sales_denied: 0,
            unasked: manifest.roles,
        });
    }
    let report = shadow(config, house, center, plugin, version, HELD_AGAINST).await?;
    let failures = report.count(Difference::NewFailure);
    if failures == 0 {
        eprintln!(
            "Asked {} recorded questions: {} answers are the same, none fails that did not. {} could \
             not be asked again.",
            report.asked,
            report.same,
            report.not_replayable()
        );
        if let Some(changed) = report.changed() {
            eprintln!("{}", plain(&changed));
        }
        if let Some(late) = report.late() {
            eprintln!("{late}");
        }
        tell_unasked(&report.unasked);
        return Ok(HeldAgainst {
            sales_denied: report.sales_denied(),
            unasked: report.unasked,
        });
    }
    let failure = Difference::NewFailure.as_str();
    let first = report.first(failure).unwrap_or_default();
    bail!(
        "{0} {version} fails on {failures} of {1} recorded questions by its own fault, where others \
         did not.{first} Nothing was changed. `colophon plugin shadow --center {center} {0} {version}` \
         shows all; --without-shadow goes on anyway",
        plugin.id,
        report.asked
    );
}

fn tell_unasked(roles: &BTreeSet<Role>) {
    for role in roles {
        eprintln!("{}", report::unasked(*role));
    }
}

/// The version that is meant: named, on trial, or published last.
pub(super) fn candidate(
    center: &CenterId,
    plugin: &KeptPlugin,
    version: Option<&str>,
) -> Result<PluginVersion> {
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
                "{0} has no version that waits to be promoted; name one: `colophon plugin shadow --center \
                 {center} {0} VERSION`",
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
    let (generation, time) = load(house, &sandbox, center, plugin, version).await?;
    let roles = generation.roles().collect();
    let mut report = Report::of(center, &plugin.id, version, roles, time);
    let mut fuel = Fuel::default();
    let mut pages = Pages::of(house, center, &plugin.id, last);
    while let Some(page) = pages.next().await? {
        for row in page {
            // What another release has recorded may be no record for this one.
            let Ok(record) = read(&row) else {
                report.cannot("unreadable");
                continue;
            };
            match sandbox.shadow(&generation, &record).await {
                Ok(shadow) => {
                    if let Some(change) = report.add(&record, shadow, &mut fuel) {
                        let sale = sale::of(house, center, &row, Some(&record)).await;
                        report.tell(&row, sale, change);
                    }
                }
                Err(not) => report.cannot(not.kind()),
            }
        }
    }
    report.end(&fuel);
    Ok(report)
}

fn kept<'a>(
    center: &CenterId,
    plugin: &'a KeptPlugin,
    version: &PluginVersion,
) -> Result<&'a KeptVersion> {
    let kept = plugin.version(version);
    kept.with_context(|| format!("{} has no version {version} in center {center}", plugin.id))
}

/// Loads a version with its own limits and settings, and nobody behind the rest; with the time that a
/// call of it may take.
async fn load(
    house: &House,
    sandbox: &Arc<Sandbox>,
    center: &CenterId,
    plugin: &KeptPlugin,
    version: &PluginVersion,
) -> Result<(Arc<Generation>, Duration)> {
    let kept = kept(center, plugin, version)?;
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
    let time = permitted.limits.deadline;
    let granted = Granted::for_shadow(&manifest, permitted);
    let loaded = sandbox.load(&component, granted).await;
    let loaded = loaded
        .map_err(|refused| not_loaded(refused).context(format!("{} {version}", plugin.id)))?;
    Ok((loaded, time))
}
