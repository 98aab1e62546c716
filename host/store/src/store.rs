//! The fulfillment and the logging database together, as a host uses them.

use std::sync::Arc;

use colophon_core::time::Timestamp;
use tokio_util::task::TaskTracker;

use crate::database::{Database, DatabaseAddress};
use crate::migration::{Copying, Migrated, Opened, Schema, SchemaRefused, SchemaStatus};
use crate::principals::Kept;
use crate::secrets::Secrets;
use crate::values::Turns;

/// The two databases, answering, with schemas that may not be this program's.
pub struct Databases {
    fulfillment: Opened,
    logging: Opened,
    shared: bool,
}

/// The records of all centers.
pub struct Store {
    pub(crate) fulfillment: Database,
    pub(crate) logging: Database,
    pub(crate) secrets: Arc<Secrets>,
    /// What nobody waits for: unsent bytes of limited purchases on their way back, certificates
    /// being kept.
    pub(crate) under_way: TaskTracker,
    pub(crate) kept_principals: Kept,
    pub(crate) value_turns: Turns,
}

impl Databases {
    /// Opens both. They may be one and the same file.
    pub async fn open(
        fulfillment: &DatabaseAddress,
        logging: &DatabaseAddress,
    ) -> Result<Self, SchemaRefused> {
        let opened = Opened::open(Schema::Fulfillment, fulfillment).await?;
        let shared = fulfillment == logging;
        // Two writers of one process would only wait for each other.
        let logging = match shared {
            true => opened.beside(Schema::Logging),
            false => Opened::open(Schema::Logging, logging).await?,
        };
        Ok(Self {
            fulfillment: opened,
            logging,
            shared,
        })
    }

    /// How both stand to this program.
    pub async fn status(&self) -> Result<[SchemaStatus; 2], SchemaRefused> {
        Ok([
            self.fulfillment.status().await?,
            self.logging.status().await?,
        ])
    }

    /// Brings both to this program's schema. A file that holds anything is copied first, to a name
    /// made of its own, the version and `now`.
    pub async fn migrate(&self, now: Timestamp) -> Result<[Migrated; 2], SchemaRefused> {
        let [fulfillment, logging] = self.status().await?;
        let used = |status: &SchemaStatus| !status.applied.is_empty();
        let both = self.shared && (used(&fulfillment) || used(&logging));
        let copying = |needed: bool| {
            if needed {
                Copying::At(now)
            } else {
                Copying::NotNeeded
            }
        };
        let first = self
            .fulfillment
            .migrate(copying(both || used(&fulfillment)))
            .await?;
        let copied = self.shared && first.copy.is_some();
        let needed = !copied && (both || used(&logging));
        let second = self.logging.migrate(copying(needed)).await?;
        Ok([first, second])
    }

    /// The records, if both schemas are this program's.
    pub async fn into_store(self, secrets: Secrets) -> Result<Store, SchemaRefused> {
        let fulfillment = self.fulfillment.current().await?;
        let logging = self.logging.current().await?;
        Ok(Store {
            value_turns: Turns::of(&fulfillment),
            fulfillment,
            logging,
            secrets: Arc::new(secrets),
            under_way: TaskTracker::new(),
            kept_principals: Kept::default(),
        })
    }
}

impl Store {
    /// Closes all connections after the statements under way.
    pub async fn close(&self) {
        self.under_way.close();
        self.under_way.wait().await;
        self.fulfillment.close().await;
        self.logging.close().await;
    }
}
