//! The order of changes, as triggers write it.

use async_trait::async_trait;
use colophon_core::change::{Change, ChangeLog, ChangedRecord, Changes, Numbering};
use colophon_core::ports::{Service, Unavailable};
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use crate::database::arguments;
use crate::failure::{ChangeError, Damaged, Fault};
use crate::parse::parsed;
use crate::store::Store;

/// One statement and so one moment: the newest position can never be older than the list. There is
/// always a row, also where there is no change.
const SELECT: &str = "SELECT p.epoch, p.oldest, p.newest, p.unsettled, p.dense, c.number, c.center, c.record, c.key, \
    c.row_version FROM change_position p LEFT JOIN (SELECT number, center, record, key, row_version \
    FROM settled_changes WHERE number > $1 ORDER BY number LIMIT $2) c ON 1 = 1 ORDER BY c.number";

const SET_EPOCH: &str = "UPDATE change_state SET epoch = $1";

/// Only what is settled is removed, so that nothing can appear below the position afterwards.
const PRUNE_STATE: &str = "UPDATE change_state SET pruned_through = COALESCE(\
    (SELECT MAX(number) FROM settled_changes WHERE at < $1), pruned_through)";

const PRUNE: &str =
    "DELETE FROM change_log WHERE number <= (SELECT pruned_through FROM change_state)";

#[derive(FromRow)]
struct ChangeRow {
    epoch: i64,
    oldest: i64,
    newest: i64,
    unsettled: i64,
    dense: i64,
    number: Option<i64>,
    center: Option<String>,
    record: Option<String>,
    key: Option<String>,
    row_version: Option<i64>,
}

impl Store {
    /// Gives the history of changes another name, so that every cache drops everything: after the
    /// database was restored from a copy, or changed in ways that triggers do not see.
    pub async fn begin_epoch(&self) -> Result<(), ChangeError> {
        let epoch = self.secrets.fresh_epoch();
        self.fulfillment
            .execute(SET_EPOCH, arguments![epoch])
            .await?;
        Ok(())
    }

    /// Removes changes made before a moment, and says how many.
    pub async fn prune_changes(&self, before: Timestamp) -> Result<u64, ChangeError> {
        let mut write = self.fulfillment.write().await?;
        write
            .execute(PRUNE_STATE, arguments![before.unix_ms()])
            .await?;
        let removed = write.execute(PRUNE, arguments![]).await?;
        write.commit().await?;
        Ok(removed)
    }

    async fn changes_after(&self, after: i64, limit: u32) -> Result<Changes, Fault> {
        let values = arguments![after, i64::from(limit)];
        let rows: Vec<ChangeRow> = self.fulfillment.all(SELECT, values).await?;
        let first = rows.first();
        let first =
            first.ok_or_else(|| Damaged::new("change_state", "epoch", "there is no row"))?;
        let changes = Changes {
            epoch: first.epoch,
            oldest: first.oldest,
            newest: first.newest,
            unsettled: first.unsettled != 0,
            numbering: if first.dense == 0 {
                Numbering::Ascending
            } else {
                Numbering::Dense
            },
            list: Vec::new(),
        };
        let list = rows
            .into_iter()
            .filter_map(change)
            .collect::<Result<_, _>>()?;
        Ok(Changes { list, ..changes })
    }
}

#[async_trait]
impl ChangeLog for Store {
    async fn after(&self, after: i64, limit: u32) -> Result<Changes, Unavailable> {
        let changes = self.changes_after(after, limit).await;
        changes.map_err(|fault| fault.unavailable(Service::FulfillmentDatabase))
    }
}

fn change(row: ChangeRow) -> Option<Result<Change, Damaged>> {
    let ChangeRow {
        number,
        center,
        record,
        key,
        row_version,
        ..
    } = row;
    let (number, center, record) = (number?, center?, record?);
    Some(parse(number, &center, &record, key?, row_version?))
}

fn parse(
    number: i64,
    center: &str,
    record: &str,
    key: String,
    row_version: i64,
) -> Result<Change, Damaged> {
    let record = match record {
        "title" => ChangedRecord::Title,
        "retailer" => ChangedRecord::Retailer,
        "center" => ChangedRecord::Center,
        "content-key" => ChangedRecord::ContentKey,
        _ => return Err(Damaged::new("change_log", "record", "not a kind of record")),
    };
    let center = parsed("change_log", "center", center)?;
    Ok(Change {
        number,
        center,
        record,
        key,
        row_version,
    })
}
