//! All that a host opens which does nothing but make repositories.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use colophon_crypto::Engine;
use colophon_store::activation::ActivationStore;

use super::{Keys, activation_database};
use crate::config::Config;

/// The master key and the activation database. Nothing is founded and no table is changed here:
/// that is left to the hosts that people talk to.
pub(crate) struct Workplace {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) activation: Arc<ActivationStore>,
}

/// Whether a folder is that of a host which only makes repositories: the master key was put there,
/// and nothing is there that a host makes which people talk to. One that has lost all of that looks
/// the same, so whoever says what a folder is names what is missing, see [`peoples_files`].
pub(crate) fn is_workplace(config: &Config) -> bool {
    let is_missing = |address: &str| {
        let file = address.strip_prefix("sqlite://");
        file.is_some_and(|file| !Path::new(file).exists())
    };
    config.keys.master_file.exists()
        && is_missing(&config.database.fulfillment)
        && is_missing(&config.database.node)
        && !config.trust.folder.exists()
}

/// What a host makes that people talk to, and has no use for if it only makes repositories.
pub(crate) fn peoples_files(config: &Config) -> [String; 3] {
    let file = |address: &str| {
        address
            .strip_prefix("sqlite://")
            .unwrap_or(address)
            .to_owned()
    };
    [
        file(&config.database.fulfillment),
        file(&config.database.node),
        config.trust.folder.display().to_string(),
    ]
}

impl Workplace {
    /// Opens what the hosts of the activation service have made.
    pub(crate) async fn open(config: &Config) -> Result<Self> {
        let keys = Keys::read(config).context(
            "a host that only makes repositories works under the master key of the activation \
             service; copy it here, or say where it is with keys.master_file",
        )?;
        let file = config.database.activation.strip_prefix("sqlite://");
        if file.is_some_and(|file| !Path::new(file).exists()) {
            bail!(
                "{} is not there; set database.activation to the one the activation service uses",
                config.database.activation
            );
        }
        let database = activation_database(config).await?;
        let activation = database.into_store(keys.secrets()).await?;
        Ok(Self {
            engine: keys.engine,
            activation: Arc::new(activation),
        })
    }
}
