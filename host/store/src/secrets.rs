//! What the store seals secrets with and makes new ones from.

use std::sync::{Arc, Mutex, PoisonError};

use colophon_core::ports::{FieldCipher, FieldPlace, SignerFactory};
use colophon_crypto::{Engine, Key32, Randomness, frames};
use zeroize::Zeroizing;

use crate::failure::Damaged;

/// Keeps what is secret or personal unreadable in the databases.
pub struct Secrets {
    cipher: Arc<dyn FieldCipher>,
    engine: Arc<dyn Engine>,
    random: Mutex<Box<dyn Randomness + Send>>,
    signers: Arc<dyn SignerFactory>,
}

/// A column of a table, named once for sealing, opening and complaints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) table: &'static str,
    pub(crate) name: &'static str,
}

impl Secrets {
    /// Puts together the master key's cipher, the engine for keys of single persons, a source of
    /// randomness, and what makes signers of stored keys.
    pub fn new(
        cipher: Arc<dyn FieldCipher>,
        engine: Arc<dyn Engine>,
        random: Box<dyn Randomness + Send>,
        signers: Arc<dyn SignerFactory>,
    ) -> Self {
        Self {
            cipher,
            engine,
            random: Mutex::new(random),
            signers,
        }
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        self.engine.as_ref()
    }

    pub(crate) fn signers(&self) -> &dyn SignerFactory {
        self.signers.as_ref()
    }

    /// Seals a value for the row whose primary key has these parts.
    pub(crate) fn seal(&self, column: Column, row: &[&[u8]], plain: &[u8]) -> Vec<u8> {
        let row = frames(row);
        let place = FieldPlace {
            table: column.table,
            row: &row,
            column: column.name,
        };
        self.cipher.seal(place, plain)
    }

    pub(crate) fn open(
        &self,
        column: Column,
        row: &[&[u8]],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Damaged> {
        let row = frames(row);
        let place = FieldPlace {
            table: column.table,
            row: &row,
            column: column.name,
        };
        let opened = self.cipher.open(place, sealed);
        opened
            .map(Zeroizing::new)
            .map_err(|error| Damaged::new(column.table, column.name, error))
    }

    /// Whether a value decrypts at the place of a row that is already framed.
    pub(crate) fn opens(&self, column: Column, row: &[u8], sealed: &[u8]) -> bool {
        let place = FieldPlace {
            table: column.table,
            row,
            column: column.name,
        };
        self.cipher.open(place, sealed).map(Zeroizing::new).is_ok()
    }

    pub(crate) fn open_key(
        &self,
        column: Column,
        row: &[&[u8]],
        sealed: &[u8],
    ) -> Result<Key32, Damaged> {
        let plain = self.open(column, row, sealed)?;
        let key = Key32::from_slice(&plain);
        key.ok_or_else(|| Damaged::new(column.table, column.name, "not 32 bytes"))
    }

    pub(crate) fn pseudonym(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        self.cipher.pseudonym(purpose, parts)
    }

    /// A name of the key that values are sealed with.
    pub(crate) fn key_name(&self) -> [u8; 32] {
        self.cipher.key_name()
    }

    pub(crate) fn fresh_key(&self) -> Key32 {
        Key32::filled(|bytes| self.fill(bytes))
    }

    pub(crate) fn fresh_id(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        bytes
    }

    /// Any number below a limit; 0 if there is none below it.
    pub(crate) fn below(&self, limit: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_be_bytes(bytes) % limit.max(1)
    }

    /// A random number that names a history of changes.
    pub(crate) fn fresh_epoch(&self) -> i64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        i64::from_be_bytes(bytes)
    }

    fn fill(&self, bytes: &mut [u8]) {
        // A source that panicked half-way is still a source.
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.fill(bytes);
    }
}
