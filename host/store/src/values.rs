//! Small values that plug-ins keep.
//!
//! Writers of one plug-in in one center wait for each other at the row with their total, and so
//! the quota holds however many write at once. Other plug-ins and centers wait with them only on
//! SQLite, which has one writer.

use async_trait::async_trait;
use colophon_core::capability::{PluginValues, Put, Swap, ValueOwner, ValuePlace};
use colophon_core::ports::{Service, Unavailable};

use crate::database::{Write, arguments};
use crate::failure::Fault;
use crate::parse::number;
use crate::secrets::Column;
use crate::store::Store;

const VALUE: Column = Column {
    table: "plugin_values",
    name: "value",
};

const SELECT: &str =
    "SELECT value FROM plugin_values WHERE center = $1 AND plugin = $2 AND key = $3";

const PUT: &str = "INSERT INTO plugin_values (center, plugin, key, value) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (center, plugin, key) DO UPDATE SET value = excluded.value";

const DELETE: &str = "DELETE FROM plugin_values WHERE center = $1 AND plugin = $2 AND key = $3";

/// Takes the row, and makes it for the first value.
const HOLD_TOTAL: &str = "INSERT INTO plugin_value_totals (center, plugin, bytes) \
    VALUES ($1, $2, 0) ON CONFLICT (center, plugin) DO UPDATE \
    SET bytes = plugin_value_totals.bytes";

const TOTAL: &str = "SELECT bytes FROM plugin_value_totals WHERE center = $1 AND plugin = $2";

const SET_TOTAL: &str =
    "UPDATE plugin_value_totals SET bytes = $3 WHERE center = $1 AND plugin = $2";

/// A value's place while its owner's total is held.
struct Held {
    write: Write,
    total: u64,
    value: Option<Vec<u8>>,
}

#[async_trait]
impl PluginValues for Store {
    async fn get(&self, owner: &ValueOwner, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        let values = arguments![owner.center.as_str(), owner.plugin.as_str(), key];
        let found = async {
            let row: Option<(Vec<u8>,)> = self.fulfillment.optional(SELECT, values).await?;
            row.map(|(sealed,)| self.open_value(owner, key, &sealed))
                .transpose()
        };
        found.await.map_err(unavailable)
    }

    async fn put(&self, place: ValuePlace<'_>, value: &[u8]) -> Result<Put, Unavailable> {
        let put = async {
            let held = self.hold(place.owner, place.key).await?;
            self.replace(held, place, value).await
        };
        put.await.map_err(unavailable)
    }

    async fn swap(
        &self,
        place: ValuePlace<'_>,
        expected: Option<&[u8]>,
        value: &[u8],
    ) -> Result<Swap, Unavailable> {
        let swapped = async {
            let held = self.hold(place.owner, place.key).await?;
            if held.value.as_deref() != expected {
                held.write.undo().await?;
                return Ok::<_, Fault>(Swap::Different);
            }
            Ok(match self.replace(held, place, value).await? {
                Put::Done => Swap::Done,
                Put::QuotaReached => Swap::QuotaReached,
            })
        };
        swapped.await.map_err(unavailable)
    }

    async fn delete(&self, owner: &ValueOwner, key: &str) -> Result<bool, Unavailable> {
        let deleted = async {
            let mut held = self.hold(owner, key).await?;
            let Some(value) = &held.value else {
                held.write.undo().await?;
                return Ok::<_, Fault>(false);
            };
            let total = held.total.saturating_sub(taken_up(key, value));
            let (center, plugin) = (owner.center.as_str(), owner.plugin.as_str());
            held.write
                .execute(DELETE, arguments![center, plugin, key])
                .await?;
            let values = arguments![center, plugin, number(total)];
            held.write.execute(SET_TOTAL, values).await?;
            held.write.commit().await?;
            Ok(true)
        };
        deleted.await.map_err(unavailable)
    }
}

impl Store {
    async fn hold(&self, owner: &ValueOwner, key: &str) -> Result<Held, Fault> {
        let (center, plugin) = (owner.center.as_str(), owner.plugin.as_str());
        let mut write = self.fulfillment.write().await?;
        write
            .execute(HOLD_TOTAL, arguments![center, plugin])
            .await?;
        let total: Option<(i64,)> = write.optional(TOTAL, arguments![center, plugin]).await?;
        let row: Option<(Vec<u8>,)> = write
            .optional(SELECT, arguments![center, plugin, key])
            .await?;
        let value = row.map(|(sealed,)| self.open_value(owner, key, &sealed));
        Ok(Held {
            write,
            total: total.map_or(0, |(bytes,)| u64::try_from(bytes).unwrap_or(0)),
            value: value.transpose()?,
        })
    }

    async fn replace(&self, held: Held, place: ValuePlace<'_>, value: &[u8]) -> Result<Put, Fault> {
        let Held {
            mut write,
            total,
            value: before,
        } = held;
        let freed = before.map_or(0, |before| taken_up(place.key, &before));
        let total = total.saturating_sub(freed) + taken_up(place.key, value);
        if total > place.quota_bytes {
            write.undo().await?;
            return Ok(Put::QuotaReached);
        }
        let owner = place.owner;
        let (center, plugin) = (owner.center.as_str(), owner.plugin.as_str());
        let sealed = self.secrets.seal(VALUE, &row(owner, place.key), value);
        let values = arguments![center, plugin, place.key, &sealed];
        write.execute(PUT, values).await?;
        let values = arguments![center, plugin, number(total)];
        write.execute(SET_TOTAL, values).await?;
        write.commit().await?;
        Ok(Put::Done)
    }

    fn open_value(&self, owner: &ValueOwner, key: &str, sealed: &[u8]) -> Result<Vec<u8>, Fault> {
        let opened = self.secrets.open(VALUE, &row(owner, key), sealed)?;
        Ok(opened.to_vec())
    }
}

/// The primary key of a value's row, which its encryption is bound to.
fn row<'a>(owner: &'a ValueOwner, key: &'a str) -> [&'a [u8]; 3] {
    let (center, plugin) = (owner.center.as_str(), owner.plugin.as_str());
    [center.as_bytes(), plugin.as_bytes(), key.as_bytes()]
}

fn taken_up(key: &str, value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}

fn unavailable(fault: Fault) -> Unavailable {
    fault.unavailable(Service::FulfillmentDatabase)
}
