//! `colophon plugin replay`: a recorded decision, made once more by the version that made it.

use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, bail};
use colophon_core::causes::causes;
use colophon_plugin_host::manifest::Manifest;
use colophon_plugin_host::{Divergence, Granted, LoadRefused};
use colophon_receipt::CenterId;
use colophon_store::decisions::DecisionRow;
use colophon_store::plugins::KeptVersion;
use serde::Serialize;

use super::check::advice::try_again;
use super::decisions::{found, grant_of, record};
use crate::config::Config;
use crate::house::House;
use crate::house::plugins::{digests, sandbox};
use crate::output::{Output, cut};

#[derive(Serialize)]
struct Replayed {
    decision: String,
    center: String,
    plugin: String,
    version: String,
    role: String,
    request: String,
    outcome: String,
    /// Whether every call into the host and every byte of the answer is the recorded one.
    same: bool,
    divergence: Option<Divergence>,
    fuel_recorded: u64,
    fuel: u64,
    /// Whether the instance had served other requests before, of which the record knows nothing.
    instance_reused: bool,
    /// Whether the version has another grant or other settings now. The replay has those of then.
    granted_otherwise_now: bool,
}

pub(super) async fn run(
    config: &Config,
    house: &House,
    center: &CenterId,
    id: &str,
    output: Output,
) -> Result<ExitCode> {
    let row = found(house, center, id).await?;
    let record = record(&row)?;
    record.replayable().context("it cannot be replayed")?;
    let Decider {
        version,
        component,
        grant,
    } = decider(house, center, &row).await?;
    let manifest = Manifest::parse(&version.manifest);
    let manifest = manifest.map_err(|refused| anyhow!("plugin.toml: {}", causes(&refused)))?;
    let sandbox = sandbox(config)?;
    let granted = Granted::for_replay(&manifest, &record);
    let generation = sandbox.load(&component, granted).await;
    let generation = generation.map_err(not_loaded)?;
    let replay = sandbox.replay(&generation, &record).await?;
    let then = (row.grant_digest, row.config_digest);
    let otherwise = |grant: String| {
        let now = digests(house.cipher.as_ref(), &version.manifest, &grant);
        (now.grant, now.config) != then
    };
    let replayed = Replayed {
        decision: row.id.to_string(),
        center: center.to_string(),
        plugin: row.plugin.to_string(),
        version: row.version.to_string(),
        role: row.role.clone(),
        request: row.request.clone(),
        outcome: record.outcome().to_string(),
        same: replay.divergence.is_none(),
        divergence: replay.divergence,
        fuel_recorded: row.fuel,
        fuel: replay.fuel,
        instance_reused: record.is_reused(),
        granted_otherwise_now: grant.is_none_or(otherwise),
    };
    output.print(&replayed, told)?;
    Ok(match replayed.same {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Why a version that has run before was not loaded, and what to do where that is the machine's doing.
pub(super) fn not_loaded(refused: LoadRefused) -> anyhow::Error {
    let error = anyhow!("{}", causes(&refused));
    match try_again(&refused) {
        Some(next) => error.context(next),
        None => error,
    }
}

/// The version that decided, with its component, both as they were then, and the grant that it has
/// now.
struct Decider {
    version: KeptVersion,
    component: Vec<u8>,
    grant: Option<String>,
}

async fn decider(house: &House, center: &CenterId, row: &DecisionRow) -> Result<Decider> {
    let plugin = house.store.kept_plugin(center, &row.plugin).await?;
    let kept = plugin
        .as_ref()
        .and_then(|plugin| Some((plugin, plugin.version(&row.version)?)));
    let component = house
        .store
        .plugin_component(center, &row.plugin, &row.version)
        .await?;
    let (Some((plugin, version)), Some(component)) = (kept, component) else {
        bail!(
            "{} {}, which decided this, is gone: the oldest versions go when new ones come",
            row.plugin,
            row.version
        );
    };
    if house.engine.digest(&[&component]) != row.sha256 {
        bail!(
            "the component of {} {} is not the one that decided this: its SHA-256 is another",
            row.plugin,
            row.version
        );
    }
    Ok(Decider {
        version: version.clone(),
        component,
        grant: grant_of(house, center, plugin, version).await?,
    })
}

fn told(replayed: &Replayed) -> String {
    let Replayed {
        plugin,
        version,
        role,
        outcome,
        request,
        ..
    } = replayed;
    let short = cut(outcome);
    let mut text = match &replayed.divergence {
        None => format!(
            "The same to the byte: {plugin} {version} as {role}, request {request}: {short}"
        ),
        Some(divergence) => format!(
            "Another way: {plugin} {version} as {role}, request {request}: {short}\n{divergence}"
        ),
    };
    if short != *outcome {
        text.push_str(&format!("\nThe outcome in full: {outcome}"));
    }
    if replayed.fuel != replayed.fuel_recorded && replayed.same {
        text.push_str(&format!(
            "\nFuel: {} then, {} now.",
            replayed.fuel_recorded, replayed.fuel
        ));
    }
    if replayed.instance_reused {
        text.push_str(
            "\nThe instance had served other requests of the retailer before; here it is a fresh one, \
             with the fuel of its start.",
        );
    }
    if replayed.granted_otherwise_now {
        text.push_str(
            "\nThe version has another grant now; this was decided under the one of then.",
        );
    }
    text
}
