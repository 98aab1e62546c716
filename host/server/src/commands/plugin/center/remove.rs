//! `colophon plugin remove`.

use anyhow::{Context as _, Result, anyhow};
use colophon_core::rollout::PluginVersion;
use colophon_core::time::Clock as _;
use colophon_store::plugins::StepError;
use serde::Serialize;
use serde_json::json;

use super::Chosen;
use crate::house::{House, SystemClock};
use crate::output::{Output, confirm};

/// Removes a plug-in with everything that is kept of it.
pub(super) async fn all(house: &House, chosen: &Chosen, yes: bool, output: Output) -> Result<()> {
    let Chosen { center, record } = chosen;
    if let Some(asked) = record.rollout()?.foremost() {
        return Err(refused(chosen, StepError::Asked(asked.clone())));
    }
    let lost = lost(house, chosen).await?;
    let question = format!(
        "Remove {} from center {center} with its grant, {} versions, its history, {} questions that \
         versions failed on and {} recorded decisions? What it has cost stays booked.",
        record.id, lost.versions, lost.questions, lost.decisions
    );
    confirm(&question, yes)?;
    let now = SystemClock.now();
    let removed = house.store.remove_plugin(center, &record.id, now).await;
    removed.map_err(|error| refused(chosen, error))?;
    output.print(&lost, |lost| {
        format!(
            "{} is removed from center {center}, with {} versions, {} questions that versions failed on \
             and {} recorded decisions.",
            lost.removed, lost.versions, lost.questions, lost.decisions
        )
    })
}

/// What goes with a plug-in.
#[derive(Serialize)]
struct Lost {
    removed: String,
    versions: usize,
    questions: u64,
    decisions: u64,
}

async fn lost(house: &House, chosen: &Chosen) -> Result<Lost> {
    let Chosen { center, record } = chosen;
    Ok(Lost {
        removed: record.id.to_string(),
        versions: record.versions.len(),
        questions: house.store.count_plugin_vectors(center, &record.id).await?,
        decisions: house.store.count_decisions(center, &record.id).await?,
    })
}

/// Removes versions that are not asked, one after the other.
pub(super) async fn versions(
    house: &House,
    chosen: &Chosen,
    versions: &[String],
    yes: bool,
    output: Output,
) -> Result<()> {
    let Chosen { center, record } = chosen;
    let parsed = versions.iter().map(|text| {
        let parsed = text.parse::<PluginVersion>();
        parsed.with_context(|| format!("{text:?} is no version"))
    });
    let parsed = parsed.collect::<Result<Vec<_>>>()?;
    let listed = versions.join(", ");
    let question = format!(
        "Remove {} {listed} from center {center}? Nobody can go back to that any more, and what it has \
         decided cannot be replayed.",
        record.id
    );
    confirm(&question, yes)?;
    for version in &parsed {
        let now = SystemClock.now();
        let removed = house
            .store
            .remove_plugin_version(center, &record.id, version, now)
            .await;
        removed.map_err(|error| refused(chosen, error))?;
    }
    output.print(&json!({ "removed": versions }), |_| {
        format!("{} {listed} is removed from center {center}.", record.id)
    })
}

fn refused(chosen: &Chosen, error: StepError) -> anyhow::Error {
    let Chosen { center, record } = chosen;
    let plugin = &record.id;
    if let StepError::Asked(version) = error {
        return anyhow!(
            "{plugin} {version} is asked in center {center}; run `colophon plugin withdraw --center \
             {center} {plugin}` first"
        );
    }
    anyhow::Error::from(error).context(format!("center {center}, plug-in {plugin}: not removed"))
}
