//! `colophon plugin promote|rollback|withdraw`.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use colophon_core::rollout::{PluginVersion, RETIRED_KEPT, Rollout, Share, Step, StepRefused};
use colophon_core::time::Clock as _;
use colophon_plugin_host::Role;
use colophon_store::plugins::StepError;
use serde::Serialize;

use super::super::shadow;
use super::{Chosen, signatures};
use crate::config::Config;
use crate::house::plugins::Verifying;
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

/// How a plug-in stands after a promotion.
#[derive(Serialize)]
struct Promoted {
    #[serde(flatten)]
    stands: Stands,
    /// Roles in which the version was asked no recorded question before; none where it was not held
    /// against what is recorded.
    roles_without_questions: Option<Vec<&'static str>>,
}

/// A version that is to be promoted, or tried.
pub(super) struct Promotion {
    version: PluginVersion,
    step: Step,
}

impl Promotion {
    pub(super) fn of(chosen: &Chosen, version: Option<&str>, canary: Option<u8>) -> Result<Self> {
        let named = version.map(|text| {
            let parsed = text.parse::<PluginVersion>();
            parsed.with_context(|| format!("{text:?} is no version"))
        });
        let named = named.transpose()?;
        let share = canary.map(|percent| Share::percent(percent).context("--canary takes 1 to 99"));
        let is_named = named.is_some();
        let version = named.map_or_else(|| usual(chosen), Ok)?;
        let step = match (share.transpose()?, is_named) {
            (None, true) => Step::Promote(version.clone()),
            (None, false) => Step::PromoteNext(version.clone()),
            (Some(share), _) => Step::Canary(version.clone(), share),
        };
        Ok(Self { version, step })
    }

    /// Refuses what would not be taken, before anything is asked that takes long. It is decided anew
    /// when it is taken.
    pub(super) async fn could_be_taken(&self, house: &House, chosen: &Chosen) -> Result<()> {
        let publishers = house.store.publishers(&chosen.center).await?;
        let signatures = signatures(house, &chosen.center, &publishers);
        let taken = signatures.rollout(&chosen.record)?.after(&self.step);
        taken.map_err(|refusal| refused(chosen, refusal.into()))?;
        Ok(())
    }

    /// Asks the version what was recorded, before anybody depends on it.
    pub(super) async fn hold_against_decisions(
        &self,
        config: &Config,
        house: &House,
        chosen: &Chosen,
        yes: bool,
    ) -> Result<BTreeSet<Role>> {
        let Chosen { center, record } = chosen;
        let held =
            shadow::refuse_new_failures(config, house, center, record, &self.version).await?;
        let mut reasons = Vec::new();
        if held.sales_denied > 0 {
            reasons.push(denied(held.sales_denied));
        }
        let unknown = match self.is_trial() || record.rollout()?.active().is_none() {
            // A trial is how to learn it, and where nobody is asked there is nothing to lose.
            true => Vec::new(),
            false => deciding(&held.unasked),
        };
        if !unknown.is_empty() {
            reasons.push(format!(
                "was asked no recorded question for {}, so that nobody knows whom it will deny \
                 (--canary 10 tries it with 10 % of the purchases)",
                unknown.join(" and ")
            ));
        }
        if !reasons.is_empty() {
            let question = format!(
                "{} {}. {} it all the same?",
                self.version,
                reasons.join(", and "),
                if self.is_trial() { "Try" } else { "Promote" }
            );
            confirm(&question, yes)?;
        }
        Ok(held.unasked)
    }

    fn is_trial(&self) -> bool {
        matches!(self.step, Step::Canary(..))
    }

    /// Takes the step; `unasked` are the roles in which nothing was recorded, if that was looked at.
    pub(super) async fn take(
        &self,
        house: &House,
        chosen: &Chosen,
        unasked: Option<BTreeSet<Role>>,
        output: Output,
    ) -> Result<()> {
        let stands = taken(house, chosen, &self.step).await?;
        let names = |roles: BTreeSet<Role>| roles.into_iter().map(Role::as_str).collect();
        let promoted = Promoted {
            stands,
            roles_without_questions: unasked.map(names),
        };
        output.print(&promoted, |Promoted { stands, .. }| {
            let plugin = format!("--center {} {}", stands.center, stands.plugin);
            match (&stands.canary, stands.canary_percent) {
                (Some(version), Some(percent)) => format!(
                    "Version {version} is tried with {percent} % of the purchases. Running hosts \
                     follow within seconds.{}\nNext: colophon plugin promote {plugin} {version}, or \
                     colophon plugin rollback {plugin}",
                    gone(stands)
                ),
                _ => format!(
                    "{} Running hosts follow within seconds; requests under way keep the version \
                     that they began with.{}\n{}",
                    active(stands),
                    gone(stands),
                    back(stands)
                ),
            }
        })
    }
}

fn denied(sales: usize) -> String {
    let (sales_are, were) = match sales {
        1 => ("sale", "was"),
        _ => ("sales", "were"),
    };
    format!("would deny {sales} recorded {sales_are} that {were} allowed")
}

/// Those of some roles whose answers decide whether a sale is served. What a file is called does not.
fn deciding(roles: &BTreeSet<Role>) -> Vec<&'static str> {
    let decides = |role: &&Role| match role {
        Role::Resolver | Role::Policy | Role::Retailers => true,
        Role::Naming => false,
    };
    let deciding = roles.iter().filter(decides);
    deciding.map(|role| role.as_str()).collect()
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
        let Chosen { center, record } = chosen;
        format!(
            "the version of {0} that was published last does not wait to be promoted; by its number, any \
             is that may be asked: `colophon plugin promote --center {center} {0} VERSION`",
            record.id
        )
    })?;
    Ok(last.version.clone())
}

pub(super) async fn rollback(house: &House, chosen: &Chosen, output: Output) -> Result<()> {
    let rollout = chosen.record.rollout()?;
    let seen = rollout.foremost().cloned();
    let left = seen.clone();
    let stands = taken(house, chosen, &Step::Rollback { seen }).await?;
    output.print(&stands, |stands| {
        let again = left.map_or_else(String::new, |left| {
            format!(
                "\nForward again: colophon plugin promote --center {} {} {left}",
                stands.center, stands.plugin
            )
        });
        format!(
            "{} Running hosts follow within seconds.{}{again}",
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
    let now = SystemClock.now();
    let signatures = Verifying(house.engine.as_ref());
    let taken = house
        .store
        .step_plugin(center, &record.id, step, &signatures, now)
        .await;
    let rollout: Rollout = taken.map_err(|error| refused(chosen, error))?;
    let canary = rollout.canary();
    let before = record.versions.iter().map(|one| &one.version);
    let gone = before.filter(|version| rollout.state(version).is_none());
    Ok(Stands {
        no_longer_kept: gone.map(ToString::to_string).collect(),
        center: center.to_string(),
        plugin: record.id.to_string(),
        active: rollout.active().map(ToString::to_string),
        canary: canary.map(|(version, _)| version.to_string()),
        canary_percent: canary.map(|(_, share)| share.as_percent()),
        previous: rollout.previous().map(ToString::to_string),
    })
}

/// A step that was not taken, with what to do where no host would ask the version.
fn refused(chosen: &Chosen, error: StepError) -> anyhow::Error {
    let Chosen { center, record } = chosen;
    let advice = match &error {
        StepError::Refused(StepRefused::Unsigned { .. }) => format!(
            ". Publish it once more, under another version and with its publisher's --signature over \
             what `colophon plugin statement --center {center} FOLDER` prints; or, where nobody needs \
             to sign any more, take the publishers away (`colophon plugin publisher list --center \
             {center}`)"
        ),
        StepError::Refused(StepRefused::NothingBefore) => format!(
            ". `colophon plugin show --center {center} {}` says of each version why it is none to go \
             back to",
            record.id
        ),
        StepError::Refused(_)
        | StepError::NotFound
        | StepError::GrantChanged
        | StepError::Asked(_)
        | StepError::Full { .. }
        | StepError::Unavailable(_)
        | StepError::Damaged(_) => String::new(),
    };
    anyhow::Error::from(error).context(format!(
        "center {center}, plug-in {}: nothing was changed{advice}",
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
