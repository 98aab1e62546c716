//! The centers' own plug-ins, as the database has them, in the registry of a running host.
//!
//! At the start and after each change of a center its chain is read, versions that are not loaded yet
//! are, and the whole is put in place of the one before. Requests under way keep theirs. A version
//! that cannot be loaded changes nothing: the chain before it answers on. Where there is none before
//! it, after a start, the center's downloads are refused, for nobody else may judge its sales; other
//! centers are not touched.

mod chains;
mod following;
mod loading;
mod masking;
mod outside;
mod publisher;
mod recording;
mod rejecting;
mod watch;

use std::sync::Arc;

use anyhow::Result;
use colophon_core::ports::Catalog;
use colophon_crypto::Randomness as _;
use colophon_keys::SystemRandom;
use colophon_plugin_host::{
    CATALOG_PLUGIN, Chance, Granted, Limits, LineQueue, Registry, Sandbox, Settings,
};

pub(super) use self::chains::Chains;
pub(crate) use self::loading::{Loader, Wanted, permitted};
pub(crate) use self::publisher::{signed_by_one_of, statement, unsigned_of};
pub(crate) use self::recording::digests;
pub(super) use self::recording::{DecisionWriter, Recording};
pub(super) use self::watch::ChainWatch;

use super::House;
use crate::config::Config;

/// The sandbox of a command, with the host's folder of compiled plug-ins. Nothing asks a plug-in twice
/// in one instance here, so that what it answers depends on the question alone.
pub(crate) fn sandbox(config: &Config) -> Result<Arc<Sandbox>> {
    Ok(Sandbox::start(&settings(config))?)
}

fn settings(config: &Config) -> Settings {
    Settings {
        precompiled: Some(config.plugins.compiled.clone()),
        ..Settings::default()
    }
}

fn chance() -> u64 {
    let mut bytes = [0; 8];
    SystemRandom.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// Loads versions on this host's data.
pub(crate) fn loader(house: &House, sandbox: Arc<Sandbox>) -> Result<Loader> {
    Ok(Loader {
        sandbox,
        values: house.store.clone(),
        lines: LineQueue::to_log()?,
        web: outside::shared_web()?,
    })
}

/// The registry with the built-in chain, and what fills it with the centers' own.
pub(super) async fn chains(
    house: &House,
    config: &Config,
    catalog: Arc<dyn Catalog>,
) -> Result<Chains> {
    let sandbox = Sandbox::start(&Settings {
        chance: Some(Chance::of(chance)),
        ..settings(config)
    })?;
    let limits = Limits {
        deadline: config.plugins.deadline,
        ..Limits::default()
    };
    let built_in = sandbox
        .load(CATALOG_PLUGIN, Granted::catalog(limits))
        .await?;
    let loader = loader(house, Arc::clone(&sandbox))?;
    let registry = Registry::new(sandbox, catalog, [Arc::clone(&built_in)]);
    Ok(Chains::new(house, Arc::new(registry), loader, built_in))
}
