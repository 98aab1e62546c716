//! `colophon plugin promote|rollback|withdraw`.

use anyhow::{Context as _, Result};
use colophon_core::rollout::{PluginVersion, RETIRED_KEPT, Rollout, Share, Step};
use colophon_core::time::Clock as _;
use serde::Serialize;

use super::super::shadow;
use super::Chosen;
use crate::config::Config;
use crate::house::plugins::{Signatures, Unsigned};
use crate::house::{House, SystemClock};
use crate::output::{Output, confirm};

#[derive(Serialize)]
struct Stands {
    center: String,
    plugin: String,
    active: Option<String>,
    canary: Option<String>,
    canary_percent: Option<u8>,
    /// What a rollback would make active again.
    previous: Option<String>,
    /// Versions that went with this step: of those that were asked once the last ones are kept.
    no_longer_kept: Vec<String>,
}

pub(super) async fn promote(
    house: &House,
    chosen: &Chosen,
    version: Option<&str>,
    canary: Option<u8>,
    output: Output,
) -> Result<()> {
    let named = version.map(|text| {
        let parsed = text.parse::<PluginVersion>();
        parsed.with_context(|| format!("{text:?} is no version"))
    });
    let named = named.transpose()?;
    let step = match (canary, named) {
        (None, Some(named)) => Step::Promote(named),
        (None, None) => Step::PromoteNext(usual(chosen)?),
        (Some(percent), named) => {
            let share = Share::percent(percent).context("--canary takes 1 to 99")?;
            Step::Canary(named.map_or_else(|| usual(chosen), Ok)?, share)
        }
    };
    let stands = taken(house, chosen, &step).await?;
    output.print(&stands, |stands| {
        let plugin = format!("--center {} {}", stands.center, stands.plugin);
        match (&stands.canary, stands.canary_percent) {
            (Some(version), Some(percent)) => format!(
                "Version {version} is tried with {percent} % of the purchases. Running hosts \
                 follow within seconds.{}\nNext: colophon plugin promote {plugin} {version}, or \
                 colophon plugin rollback {plugin}",
                gone(stands)
            ),
            _ => format!(
                "{} Running hosts follow within seconds; requests under way keep the version that \
                 they began with.{}\n{}",
                active(stands),
                gone(stands),
                back(stands)
            ),
        }
    })
}

/// Asks a version what was recorded, before anybody depends on it.
pub(super) async fn hold_against_decisions(
    config: &Config,
    house: &House,
    chosen: &Chosen,
    version: Option<&str>,
) -> Result<()> {
    let version = match version {
        Some(text) => text
            .parse()
            .with_context(|| format!("{text:?} is no version"))?,
        None => usual(chosen)?,
    };
    let Chosen { center, record } = chosen;
    shadow::refuse_new_failures(config, house, center, record, &version).await
}

/// The version on trial, or else the one published last, if it waits for that.
fn usual(chosen: &Chosen) -> Result<PluginVersion> {
    let rollout = chosen.record.rollout()?;
    if let Some((canary, _)) = rollout.canary() {
        return Ok(canary.clone());
    }
    let versions = chosen.record.versions.iter();
    let last = versions.max_by_key(|version| version.published_at);
    let last = last
        .with_context(|| format!("{} has no version yet; publish one first", chosen.record.id))?;
    let waits = rollout.waits(&last.version);
    waits.with_context(|| {
        format!(
            "the version of {} that was published last does not wait to be promoted",
            chosen.record.id
        )
    })?;
    Ok(last.version.clone())
}

pub(super) async fn rollback(house: &House, chosen: &Chosen, output: Output) -> Result<()> {
    let rollout = chosen.record.rollout()?;
    let seen = rollout.foremost().cloned();
    let stands = taken(house, chosen, &Step::Rollback { seen }).await?;
    output.print(&stands, |stands| {
        format!(
            "{} Running hosts follow within seconds.{}",
            active(stands),
            gone(stands)
        )
    })
}

pub(super) async fn withdraw(
    house: &House,
    chosen: &Chosen,
    yes: bool,
    output: Output,
) -> Result<()> {
    let question = format!(
        "Ask {} no more in center {}? What it has decided is then decided without it.",
        chosen.record.id, chosen.center
    );
    confirm(&question, yes)?;
    let stands = taken(house, chosen, &Step::Withdraw).await?;
    output.print(&stands, |stands| {
        format!(
            "{} is not asked any more. Running hosts follow within seconds.{}{}",
            stands.plugin,
            gone(stands),
            match stands.previous {
                Some(_) => format!("\n{}", back(stands)),
                None => String::new(),
            }
        )
    })
}

async fn taken(house: &House, chosen: &Chosen, step: &Step) -> Result<Stands> {
    let Chosen { center, record } = chosen;
    let publishers = house.store.publishers(center).await?;
    let signatures = Signatures {
        engine: house.engine.as_ref(),
        center,
        publishers: &publishers,
    };
    if let Some((version, unsigned)) = signatures.unsigned_after(record, step) {
        return Err(refused(chosen, &version, unsigned));
    }
    let now = SystemClock.now();
    let taken = house.store.step_plugin(center, &record.id, step, now).await;
    let rollout: Rollout = taken.with_context(|| {
        format!(
            "center {center}, plug-in {}: nothing was changed",
            record.id
        )
    })?;
    let canary = rollout.canary();
    let before = record.versions.iter().map(|one| &one.version);
    let gone = before.filter(|version| rollout.state(version).is_none());
    let is_signed = |version: &&PluginVersion| {
        let kept = record.version(version);
        kept.is_some_and(|kept| signatures.believe(&record.id, &kept.into()).is_ok())
    };
    Ok(Stands {
        no_longer_kept: gone.map(ToString::to_string).collect(),
        center: center.to_string(),
        plugin: record.id.to_string(),
        active: rollout.active().map(ToString::to_string),
        canary: canary.map(|(version, _)| version.to_string()),
        canary_percent: canary.map(|(_, share)| share.as_percent()),
        previous: rollout
            .previous()
            .filter(is_signed)
            .map(ToString::to_string),
    })
}

/// A step after which hosts would ask nobody, for no one who may publish has signed the version.
fn refused(chosen: &Chosen, version: &PluginVersion, unsigned: Unsigned) -> anyhow::Error {
    let Chosen { center, record } = chosen;
    anyhow::Error::from(unsigned).context(format!(
        "center {center}, plug-in {}: nothing was changed, for no host would ask {version}. Publish it \
         once more, under another version and with its publisher's --signature over what `colophon \
         plugin statement --center {center} FOLDER` prints; or, where nobody needs to sign any more, \
         take the publishers away (`colophon plugin publisher list --center {center}`)",
        record.id
    ))
}

fn active(stands: &Stands) -> String {
    match &stands.active {
        Some(version) => format!("Version {version} is active."),
        None => "No version is active.".to_owned(),
    }
}

/// How to undo what was done, as far as there is a version to go back to.
fn back(stands: &Stands) -> String {
    let plugin = format!("--center {} {}", stands.center, stands.plugin);
    match &stands.previous {
        Some(previous) => format!("Back to {previous}: colophon plugin rollback {plugin}"),
        None => format!(
            "There is no version to go back to. To have it asked no more: colophon plugin withdraw \
             {plugin}"
        ),
    }
}

/// What is said of versions that went with a step.
fn gone(stands: &Stands) -> String {
    match stands.no_longer_kept.as_slice() {
        [] => String::new(),
        gone => format!(
            "\nNo longer kept: {}. Of the versions that were asked once the last {RETIRED_KEPT} are; \
             nobody can go back to the others, and what they have decided cannot be replayed.",
            gone.join(", ")
        ),
    }
}
