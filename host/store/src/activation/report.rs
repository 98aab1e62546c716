//! How much is activated. It reads counts alone, so it runs on a replica or a copy, and without
//! any key.

use colophon_core::time::Timestamp;
use sqlx::FromRow;

use super::ActivationStore;
use crate::database::{Database, DatabaseAddress, arguments};
use crate::failure::{Fault, ReadError};
use crate::migration::{Opened, Schema, SchemaRefused};
use crate::parse::counted;

/// From a moment until before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

/// What was activated in a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ActivationCounts {
    /// Activations of all kinds.
    pub activations: u64,
    /// Those that count against a quota.
    pub counted: u64,
    /// Machines activated again for nothing.
    pub repeats: u64,
    /// Those that replaced a machine that was lost.
    pub recoveries: u64,
    /// Personas that activated anything.
    pub personas: u64,
    /// Of these, personas that did so for the first time.
    pub new_personas: u64,
}

/// What there is altogether.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Personas that have ever activated anything.
    pub personas: u64,
    /// Their activations that count.
    pub counted: u64,
    /// Their activations of all kinds.
    pub activations: u64,
    /// Machines in use.
    pub devices: u64,
    /// Key pairs that wait in the pool.
    pub keys_waiting: u64,
}

const COUNT: &str = "SELECT COUNT(*) AS activations, \
    COUNT(CASE WHEN counted = 1 THEN 1 END) AS counted, \
    COUNT(CASE WHEN counted = 0 THEN 1 END) AS repeats, \
    COUNT(CASE WHEN purpose = 'recovery' THEN 1 END) AS recoveries, \
    COUNT(DISTINCT persona) AS personas, \
    (SELECT COUNT(*) FROM personas WHERE first_activation >= $1 AND first_activation < $2) \
        AS new_personas FROM activations WHERE at >= $1 AND at < $2";

const TOTALS: &str = "SELECT \
    (SELECT COUNT(*) FROM personas WHERE first_activation IS NOT NULL) AS personas, \
    (SELECT COUNT(*) FROM activations WHERE counted = 1) AS counted, \
    (SELECT COUNT(*) FROM activations) AS activations, \
    (SELECT COUNT(*) FROM devices WHERE released_at IS NULL) AS devices, \
    (SELECT COUNT(*) FROM key_pairs WHERE persona IS NULL) AS keys_waiting";

#[derive(FromRow)]
struct CountsRow {
    activations: i64,
    counted: i64,
    repeats: i64,
    recoveries: i64,
    personas: i64,
    new_personas: i64,
}

#[derive(FromRow)]
struct TotalsRow {
    personas: i64,
    counted: i64,
    activations: i64,
    devices: i64,
    keys_waiting: i64,
}

/// The activation database as somebody sees it who only reads: a replica, a copy, or the original.
pub struct ActivationReader {
    database: Database,
}

impl ActivationReader {
    /// Opens a database that nothing is ever written to, if its schema is this program's.
    pub async fn open(address: &DatabaseAddress) -> Result<Self, SchemaRefused> {
        let opened = Opened::open_to_read(Schema::Activation, address).await?;
        Ok(Self {
            database: opened.current().await?,
        })
    }

    /// What was activated in a period.
    pub async fn count(&self, period: Period) -> Result<ActivationCounts, ReadError> {
        let values = arguments![period.from.unix_ms(), period.until.unix_ms()];
        let row: CountsRow = self.database.one(COUNT, values).await?;
        let count = |number| counted("activations", "id", number).map_err(Fault::Damaged);
        Ok(ActivationCounts {
            activations: count(row.activations)?,
            counted: count(row.counted)?,
            repeats: count(row.repeats)?,
            recoveries: count(row.recoveries)?,
            personas: count(row.personas)?,
            new_personas: count(row.new_personas)?,
        })
    }

    /// What there is altogether.
    pub async fn totals(&self) -> Result<Totals, ReadError> {
        let row: TotalsRow = self.database.one(TOTALS, arguments![]).await?;
        let count = |number| counted("activations", "id", number).map_err(Fault::Damaged);
        Ok(Totals {
            personas: count(row.personas)?,
            counted: count(row.counted)?,
            activations: count(row.activations)?,
            devices: count(row.devices)?,
            keys_waiting: count(row.keys_waiting)?,
        })
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

impl ActivationStore {
    /// The same database, read only through these connections.
    pub fn reader(&self) -> ActivationReader {
        ActivationReader {
            database: self.database.clone(),
        }
    }
}
