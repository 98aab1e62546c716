//! Personas, their sessions and grants, and what they have activated.
//!
//! A database of its own, so that activation can be run by somebody else than the download
//! service. It may share a SQLite file with the others.

mod accounts;
mod admit;
mod devices;
mod directory;
mod grants;
mod handed_over;
mod identities;
mod orders;
mod personas;
mod pool;
mod report;
mod sessions;
mod settings;
mod soundness;

use async_trait::async_trait;
use colophon_core::ports::{Readiness, Service, Unavailable};
use colophon_core::time::Timestamp;

pub use self::directory::{ActivationRow, PersonaRow, RevokedCertificate};
pub use self::report::{ActivationCounts, ActivationReader, Period, Totals};
use crate::database::{Database, DatabaseAddress, arguments};
use crate::failure::Fault;
use crate::health::answers;
use crate::migration::{Copying, Migrated, Opened, Schema, SchemaRefused, SchemaStatus};
use crate::secrets::Secrets;

const FORGET_SESSIONS: &str = "DELETE FROM sessions WHERE valid_until <= $1";
const FORGET_RESETS: &str = "DELETE FROM password_resets WHERE valid_until <= $1";
const FORGET_GRANTS: &str = "DELETE FROM grants WHERE valid_until <= $1";
const FORGET_PACKAGES: &str = "DELETE FROM activation_packages WHERE kept_until <= $1";
const FORGET_ORDERS: &str = "DELETE FROM repository_orders WHERE kept_until <= $1";
const FORGET_WORKERS: &str = "DELETE FROM repository_workers WHERE present_until <= $1";
const FORGET_FRONT_ENDS: &str = "DELETE FROM repository_front_ends WHERE present_until <= $1";

const FORGET_WITHOUT_KEYS: [&str; 5] = [
    FORGET_SESSIONS,
    FORGET_RESETS,
    FORGET_GRANTS,
    FORGET_WORKERS,
    FORGET_FRONT_ENDS,
];

/// What forgets rows of [`WITH_KEYS`].
const FORGET_WITH_KEYS: [&str; 2] = [FORGET_PACKAGES, FORGET_ORDERS];

/// Tables whose rows hold keys and end by themselves.
const WITH_KEYS: [&str; 2] = ["activation_packages", "repository_orders"];

/// The activation database, answering, with a schema that may not be this program's.
pub struct ActivationDatabase {
    opened: Opened,
}

/// The records of all personas.
pub struct ActivationStore {
    database: Database,
    secrets: Secrets,
}

impl ActivationDatabase {
    /// Opens the database; a file is made if there is none.
    pub async fn open(address: &DatabaseAddress) -> Result<Self, SchemaRefused> {
        Ok(Self {
            opened: Opened::open(Schema::Activation, address).await?,
        })
    }

    /// How it stands to this program.
    pub async fn status(&self) -> Result<SchemaStatus, SchemaRefused> {
        self.opened.status().await
    }

    /// Brings it to this program's schema, a file after a copy if it holds anything of this schema.
    pub async fn migrate(&self, now: Timestamp) -> Result<Migrated, SchemaRefused> {
        let used = !self.opened.status().await?.applied.is_empty();
        let copying = match used {
            true => Copying::At(now),
            false => Copying::NotNeeded,
        };
        self.opened.migrate(copying).await
    }

    /// The records, if the schema is this program's.
    pub async fn into_store(self, secrets: Secrets) -> Result<ActivationStore, SchemaRefused> {
        Ok(ActivationStore {
            database: self.opened.current().await?,
            secrets,
        })
    }
}

impl ActivationStore {
    /// Forgets what has run out: sessions, password resets, readers' requests, packages that nobody
    /// may fetch any more, orders for them, and workers and front ends that are gone. Says how many
    /// records went. Where packages or orders went, nothing is left of their keys, nor of those of
    /// orders that ended before.
    pub async fn forget_expired(&self, now: Timestamp) -> Result<u64, Unavailable> {
        let gone = self.forget(&FORGET_WITHOUT_KEYS, now).await?;
        let with_keys = self.forget(&FORGET_WITH_KEYS, now).await?;
        if with_keys > 0 {
            self.database.overwrite_deleted(&WITH_KEYS).await;
        }
        Ok(gone + with_keys)
    }

    async fn forget(&self, all: &[&'static str], now: Timestamp) -> Result<u64, Unavailable> {
        let mut gone = 0;
        for &sql in all {
            let forgotten = self.database.execute(sql, arguments![now.unix_ms()]).await;
            gone += forgotten.map_err(unavailable)?;
        }
        Ok(gone)
    }

    /// Closes all connections after the statements under way.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

#[async_trait]
impl Readiness for ActivationStore {
    async fn check(&self) -> Vec<(Service, Result<(), Unavailable>)> {
        let answer = answers(&self.database).await;
        vec![(Service::ActivationDatabase, answer)]
    }
}

/// The failure as a port reports it.
fn unavailable(fault: Fault) -> Unavailable {
    fault.unavailable(Service::ActivationDatabase)
}
