//! `colophon plugin grant`.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use colophon_core::causes::causes;
use colophon_core::rollout::{PluginVersion, VersionState};
use colophon_core::time::Clock as _;
use colophon_plugin_host::manifest::Grant;
use colophon_receipt::CenterId;
use colophon_store::plugins::{Granted, PluginRecord, VersionRecord};
use serde_json::json;

use super::text;
use crate::config::Config;
use crate::house::plugins::{Wanted, loader, permitted, sandbox};
use crate::house::{House, SystemClock};
use crate::output::Output;

/// What becomes of a version that is asked and asks for something else than is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// The grant is not taken.
    Refused,
    /// The version keeps the grant that it has.
    KeepsItsOwn,
}

pub(super) async fn run(
    config: &Config,
    house: &House,
    center: &CenterId,
    file: &Path,
    unfit: Unfit,
    output: Output,
) -> Result<()> {
    let written = text(file)?;
    let grant = Grant::parse(&written)
        .map_err(|refused| anyhow!("{}: {}", file.display(), causes(&refused)))?;
    let record = house.store.plugin_of(center, &grant.plugin).await?;
    let mut fitting = Vec::new();
    if let Some(record) = &record {
        fitting = fit(record, &written, unfit)?;
        try_active(config, house, center, record, &written, &fitting).await?;
    }
    let granted = Granted {
        text: &written,
        versions: &fitting,
    };
    let now = SystemClock.now();
    let done = house
        .store
        .grant_plugin(center, &grant.plugin, granted, now)
        .await;
    done.context("the grant was not kept")?;
    let versions: Vec<String> = fitting.iter().map(ToString::to_string).collect();
    let told = json!({
        "center": center.to_string(),
        "plugin": grant.plugin.to_string(),
        "in_force_for": versions,
    });
    output.print(&told, |_| {
        let now = match versions.as_slice() {
            [] => "It holds for versions published from now on.".to_owned(),
            versions => format!(
                "It holds for {} and for versions published from now on. Running hosts follow \
                 within seconds.",
                versions.join(", ")
            ),
        };
        format!(
            "Granted to {} in center {center}. {now}\nNext: colophon plugin publish --center \
             {center} FOLDER",
            grant.plugin
        )
    })
}

/// The versions that the grant fits.
fn fit(record: &PluginRecord, grant: &str, unfit: Unfit) -> Result<Vec<PluginVersion>> {
    let mut fitting = Vec::new();
    for version in &record.versions {
        match permitted(&version.manifest, grant) {
            Ok(_) => fitting.push(version.version.clone()),
            Err(refused) if is_asked(version) && unfit == Unfit::Refused => {
                return Err(refused.context(format!(
                    "the grant does not fit version {}, which is asked now. Grant what it asks \
                     for, or use --next to leave it the grant it has",
                    version.version
                )));
            }
            Err(_) => {}
        }
    }
    Ok(fitting)
}

fn is_asked(version: &VersionRecord) -> bool {
    match version.state {
        VersionState::Active | VersionState::Canary(_) => true,
        VersionState::Published
        | VersionState::Retired { .. }
        | VersionState::Shelved
        | VersionState::Rejected { .. } => false,
    }
}

/// Loads the active version under the grant, so that a database or a secret that is not there is
/// found here and not by a host.
async fn try_active(
    config: &Config,
    house: &House,
    center: &CenterId,
    record: &PluginRecord,
    grant: &str,
    fitting: &[PluginVersion],
) -> Result<()> {
    let active = record
        .versions
        .iter()
        .find(|version| version.state == VersionState::Active);
    let Some(active) = active.filter(|active| fitting.contains(&active.version)) else {
        return Ok(());
    };
    let component = house
        .store
        .plugin_component(center, &record.id, &active.version)
        .await?;
    let Some(component) = component else {
        bail!("version {} has no component", active.version);
    };
    let wanted = Wanted {
        manifest: &active.manifest,
        grant,
        component,
    };
    let loaded = loader(house, sandbox(config)?)?.load(wanted).await;
    loaded.map_err(anyhow::Error::from).with_context(|| {
        format!(
            "version {} cannot be loaded under this grant, so it was not kept",
            active.version
        )
    })?;
    Ok(())
}
