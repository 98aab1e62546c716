//! `colophon plugin remove`.

use anyhow::{Context as _, Result, anyhow};
use colophon_core::rollout::PluginVersion;
use colophon_core::time::Clock as _;
use colophon_store::plugins::StepError;
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
    let question = format!(
        "Remove {} from center {center} with its grant, {} versions and its history?",
        record.id,
        record.versions.len()
    );
    confirm(&question, yes)?;
    let now = SystemClock.now();
    let removed = house.store.remove_plugin(center, &record.id, now).await;
    removed.map_err(|error| refused(chosen, error))?;
    output.print(&json!({ "removed": record.id.to_string() }), |_| {
        format!("{} is removed from center {center}.", record.id)
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
        "Remove {} {listed} from center {center}? Nobody can go back to that any more.",
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
