//! Small values that plug-ins keep.
//!
//! Writers of one plug-in in one center wait for each other at the row with their total, and so
//! the quota holds however many write at once. Nobody else waits with them: what plug-ins have
//! under way is counted, an answer that a plain read gives needs no writer, and on SQLite, which
//! has one writer, no more than one of them is in line for it.

mod turns;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::capability::{PluginValues, Put, Swap, ValueOwner, ValuePlace};
use colophon_core::ports::{Service, Unavailable};
use tokio::sync::Semaphore;

pub(crate) use self::turns::Turns;
use crate::database::{Database, Write, arguments};
use crate::failure::Fault;
use crate::parse::number;
use crate::secrets::{Column, Secrets};
use crate::store::Store;

/// How long a write waits for another one of the same plug-in and center on PostgreSQL.
const ROW_WAIT_MAX: Duration = Duration::from_millis(500);

pub(crate) const VALUE: Column = Column {
    table: "plugin_values",
    name: "value",
};

const SELECT: &str =
    "SELECT value FROM plugin_values WHERE center = $1 AND plugin = $2 AND key = $3";

const PUT: &str = "INSERT INTO plugin_values (center, plugin, key, value) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (center, plugin, key) DO UPDATE SET value = excluded.value";

const DELETE: &str = "DELETE FROM plugin_values WHERE center = $1 AND plugin = $2 AND key = $3";

/// Keys are in the order of their bytes on both engines. What they begin with is looked at in each:
/// there is no text that follows all that begin with another.
const LIST_KEYS: &str = "SELECT key FROM plugin_values \
    WHERE center = $1 AND plugin = $2 AND key >= $3 AND key > $4 \
    AND substr(key, 1, length($3)) = $3 ORDER BY key LIMIT $5";

/// Takes the row, and makes it for the first value.
const HOLD_TOTAL: &str = "INSERT INTO plugin_value_totals (center, plugin, bytes) \
    VALUES ($1, $2, 0) ON CONFLICT (center, plugin) DO UPDATE \
    SET bytes = plugin_value_totals.bytes";

const TOTAL: &str = "SELECT bytes FROM plugin_value_totals WHERE center = $1 AND plugin = $2";

const SET_TOTAL: &str =
    "UPDATE plugin_value_totals SET bytes = $3 WHERE center = $1 AND plugin = $2";

/// One call, which goes on when nobody waits for it any more.
struct Call {
    database: Database,
    secrets: Arc<Secrets>,
    writing: Arc<Semaphore>,
    owner: ValueOwner,
    /// The key, or what keys begin with.
    key: String,
}

/// A value's place while its owner's total is held.
struct Held {
    write: Write,
    total: u64,
    value: Option<Vec<u8>>,
}

#[async_trait]
impl PluginValues for Store {
    async fn get(&self, owner: &ValueOwner, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        let call = self.value_call(owner, key);
        self.in_turn(owner, async move { call.read().await }).await
    }

    async fn put(&self, place: ValuePlace<'_>, value: &[u8]) -> Result<Put, Unavailable> {
        if taken_up(place.key, value) > place.quota_bytes {
            return Ok(Put::QuotaReached);
        }
        let call = self.value_call(place.owner, place.key);
        let (quota, value) = (place.quota_bytes, value.to_vec());
        let put = async move {
            if call.read().await?.as_ref() == Some(&value) {
                return Ok(Put::Done);
            }
            let _turn = call.writing.acquire().await;
            let held = call.hold().await?;
            call.replace(held, quota, &value).await
        };
        self.in_turn(place.owner, put).await
    }

    async fn swap(
        &self,
        place: ValuePlace<'_>,
        expected: Option<&[u8]>,
        value: &[u8],
    ) -> Result<Swap, Unavailable> {
        let call = self.value_call(place.owner, place.key);
        let (expected, value) = (expected.map(<[u8]>::to_vec), value.to_vec());
        let quota = place.quota_bytes;
        let swap = async move {
            let found = call.read().await?;
            if found != expected {
                return Ok(Swap::Different);
            }
            if found.as_ref() == Some(&value) {
                return Ok(Swap::Done);
            }
            if taken_up(&call.key, &value) > quota {
                return Ok(Swap::QuotaReached);
            }
            let _turn = call.writing.acquire().await;
            let held = call.hold().await?;
            if held.value != expected {
                held.write.undo().await?;
                return Ok(Swap::Different);
            }
            Ok(match call.replace(held, quota, &value).await? {
                Put::Done => Swap::Done,
                Put::QuotaReached => Swap::QuotaReached,
            })
        };
        self.in_turn(place.owner, swap).await
    }

    async fn delete(&self, owner: &ValueOwner, key: &str) -> Result<bool, Unavailable> {
        let call = self.value_call(owner, key);
        let delete = async move {
            if call.read().await?.is_none() {
                return Ok(false);
            }
            let _turn = call.writing.acquire().await;
            let held = call.hold().await?;
            call.remove(held).await
        };
        self.in_turn(owner, delete).await
    }

    async fn list_keys(
        &self,
        owner: &ValueOwner,
        prefix: &str,
        after: Option<&str>,
        keys_max: usize,
    ) -> Result<Vec<String>, Unavailable> {
        // Every key follows the empty text.
        let call = self.value_call(owner, prefix);
        let after = after.unwrap_or("").to_owned();
        let list = async move { call.keys(&after, keys_max).await };
        self.in_turn(owner, list).await
    }
}

impl Store {
    fn value_call(&self, owner: &ValueOwner, key: &str) -> Call {
        Call {
            database: self.fulfillment.clone(),
            secrets: Arc::clone(&self.secrets),
            writing: self.value_turns.writing(),
            owner: owner.clone(),
            key: key.to_owned(),
        }
    }

    /// Makes a call when its turn comes. It keeps its turn until the database is done with it,
    /// whether somebody still waits or not: otherwise a plug-in that is impatient would have more
    /// connections than are counted.
    async fn in_turn<T: Send + 'static>(
        &self,
        owner: &ValueOwner,
        call: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let turn = self.value_turns.turn(owner).await?;
        let made = self.under_way.spawn(async move {
            let made = call.await;
            drop(turn);
            made
        });
        match made.await {
            Ok(made) => made.map_err(unavailable),
            Err(error) => Err(Unavailable::new(Service::FulfillmentDatabase, error)),
        }
    }
}

impl Call {
    async fn read(&self) -> Result<Option<Vec<u8>>, Fault> {
        let (center, plugin) = (self.owner.center.as_str(), self.owner.plugin.as_str());
        let values = arguments![center, plugin, self.key.as_str()];
        let row: Option<(Vec<u8>,)> = self.database.optional(SELECT, values).await?;
        row.map(|(sealed,)| self.open(&sealed)).transpose()
    }

    async fn keys(&self, after: &str, keys_max: usize) -> Result<Vec<String>, Fault> {
        let (center, plugin) = (self.owner.center.as_str(), self.owner.plugin.as_str());
        let most = i64::try_from(keys_max).unwrap_or(i64::MAX);
        let values = arguments![center, plugin, self.key.as_str(), after, most];
        let rows: Vec<(String,)> = self.database.all(LIST_KEYS, values).await?;
        Ok(rows.into_iter().map(|(key,)| key).collect())
    }

    async fn hold(&self) -> Result<Held, Fault> {
        let (center, plugin) = (self.owner.center.as_str(), self.owner.plugin.as_str());
        let mut write = self.database.write().await?;
        write.limit_waits(ROW_WAIT_MAX).await?;
        write
            .execute(HOLD_TOTAL, arguments![center, plugin])
            .await?;
        let total: Option<(i64,)> = write.optional(TOTAL, arguments![center, plugin]).await?;
        let row: Option<(Vec<u8>,)> = write
            .optional(SELECT, arguments![center, plugin, self.key.as_str()])
            .await?;
        let value = row.map(|(sealed,)| self.open(&sealed)).transpose()?;
        Ok(Held {
            write,
            total: total.map_or(0, |(bytes,)| u64::try_from(bytes).unwrap_or(0)),
            value,
        })
    }

    async fn replace(&self, held: Held, quota_bytes: u64, value: &[u8]) -> Result<Put, Fault> {
        let Held {
            mut write,
            total,
            value: before,
        } = held;
        let freed = before.map_or(0, |before| taken_up(&self.key, &before));
        let total = total.saturating_sub(freed) + taken_up(&self.key, value);
        if total > quota_bytes {
            write.undo().await?;
            return Ok(Put::QuotaReached);
        }
        let (center, plugin) = (self.owner.center.as_str(), self.owner.plugin.as_str());
        let sealed = self
            .secrets
            .seal(VALUE, &row(&self.owner, &self.key), value);
        let values = arguments![center, plugin, self.key.as_str(), &sealed];
        write.execute(PUT, values).await?;
        let values = arguments![center, plugin, number(total)];
        write.execute(SET_TOTAL, values).await?;
        write.commit().await?;
        Ok(Put::Done)
    }

    async fn remove(&self, mut held: Held) -> Result<bool, Fault> {
        let Some(value) = &held.value else {
            held.write.undo().await?;
            return Ok(false);
        };
        let total = held.total.saturating_sub(taken_up(&self.key, value));
        let (center, plugin) = (self.owner.center.as_str(), self.owner.plugin.as_str());
        held.write
            .execute(DELETE, arguments![center, plugin, self.key.as_str()])
            .await?;
        let values = arguments![center, plugin, number(total)];
        held.write.execute(SET_TOTAL, values).await?;
        held.write.commit().await?;
        Ok(true)
    }

    fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, Fault> {
        let opened = self
            .secrets
            .open(VALUE, &row(&self.owner, &self.key), sealed)?;
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
