//! The centers' own plug-ins, as the database has them, in the registry of a running host.
//!
//! At the start and after each change of a center its chain is read, versions that are not loaded yet
//! are, and the whole is put in place of the one before. Requests under way keep theirs. Where the
//! active version of a plug-in cannot be loaded, the one that this host has asked before answers on,
//! as long as it is granted all that it has, and the center's other plug-ins are followed. Where this
//! host has never had one, as after a start or when a plug-in is promoted for the first time, the
//! center's downloads are refused, for nobody else may judge its sales; other centers are not
//! touched.

mod booking;
mod chains;
mod following;
mod loading;
mod masking;
mod outside;
mod publisher;
mod recording;
mod rejecting;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use colophon_core::capability::EachPlugin;
use colophon_core::ports::Catalog;
use colophon_crypto::Randomness as _;
use colophon_keys::SystemRandom;
use colophon_plugin_host::{
    Asked, CATALOG_PLUGIN, Chance, CompilerProgram, Granted, Limits, LineQueue, Registry, Sandbox,
    Settings,
};

pub(super) use self::booking::{Booking, CostWriter};
pub(super) use self::chains::Chains;
pub(crate) use self::loading::{Loader, Wanted, permitted};
pub(crate) use self::publisher::{Signatures, Signed, UnsignedAsked, Verifying, statement};
pub(crate) use self::recording::digests;
pub(super) use self::recording::{DecisionWriter, Recording};
pub(super) use self::watch::{ChainWatch, START_PATIENCE};

use super::House;
use crate::cli::COMPILE;
use crate::config::Config;

/// This program, as it compiles plug-ins in a process of its own.
pub(crate) fn compiler() -> Result<CompilerProgram> {
    CompilerProgram::running([COMPILE]).context("this program's own file cannot be found")
}

/// The sandbox of a command, with the host's folder of compiled plug-ins. Nothing asks a plug-in twice
/// in one instance here, so that what it answers depends on the question alone. What the same user's
/// commands for authors have compiled already is taken over from their folder.
pub(crate) fn sandbox(config: &Config) -> Result<Arc<Sandbox>> {
    Ok(Sandbox::start(&Settings {
        also_precompiled: authors_compiled(),
        ..settings(config)?
    })?)
}

/// The folder in which the commands for authors keep what they have compiled. It is the user's own and
/// never one that came with a plug-in: what lies there is run as it is.
pub(crate) fn authors_compiled() -> Option<PathBuf> {
    let caches = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let caches = caches.filter(|folder| folder.is_absolute()).or_else(|| {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
        Some(Path::new(&home).join(".cache"))
    })?;
    Some(caches.join("colophon/plug-ins"))
}

fn settings(config: &Config) -> Result<Settings> {
    Ok(Settings {
        precompiled: Some(config.plugins.compiled.clone()),
        compiler: Some(compiler()?),
        ..Settings::default()
    })
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
        statements: EachPlugin::default(),
    })
}

/// The registry with the built-in chain, and what fills it with the centers' own.
pub(super) async fn chains(
    house: &House,
    config: &Config,
    catalog: Arc<dyn Catalog>,
    booking: Option<Booking>,
) -> Result<Chains> {
    let sandbox = Sandbox::start(&Settings {
        chance: Some(Chance::of(chance)),
        ..settings(config)?
    })?;
    let limits = Limits {
        deadline: config.plugins.deadline,
        ..Limits::default()
    };
    let built_in = sandbox
        .load(CATALOG_PLUGIN, Granted::catalog(limits))
        .await?;
    let built_in = match &booking {
        Some(booking) => {
            let account = booking.of_built_in(&built_in)?;
            Asked::followed_by(built_in, Arc::new(account))
        }
        None => built_in.into(),
    };
    let loader = loader(house, Arc::clone(&sandbox))?;
    let registry = Arc::new(Registry::new(sandbox, catalog, [built_in.clone()]));
    Ok(Chains::new(house, registry, loader, built_in).booked_with(booking))
}
