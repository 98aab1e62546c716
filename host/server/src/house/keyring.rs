//! The master key, and what is sealed and opened with it.

use std::sync::Arc;

use anyhow::Result;
use colophon_core::ports::FieldCipher;
use colophon_crypto::Engine;
use colophon_keys::{EngineName, Envelope, StoredSigners, SystemRandom, read_key_file};
use colophon_store::secrets::Secrets;

use crate::config::Config;

/// The engine that the host computes with, and the master key's cipher.
pub(super) struct Keyring {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) cipher: Arc<dyn FieldCipher>,
}

impl Keyring {
    /// Reads the master key.
    pub(super) fn open(config: &Config) -> Result<Self> {
        let engine = config.keys.engine.parse::<EngineName>()?.engine();
        let master = read_key_file(&config.keys.master_file)?;
        let cipher = Arc::new(Envelope::new(Arc::clone(&engine), master));
        Ok(Self { engine, cipher })
    }

    /// What a database's secrets are sealed with.
    pub(super) fn secrets(&self) -> Secrets {
        Secrets::new(
            Arc::clone(&self.cipher),
            Arc::clone(&self.engine),
            Box::new(SystemRandom),
            Arc::new(StoredSigners),
        )
    }
}
