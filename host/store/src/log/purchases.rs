//! Which purchases have been delivered in full, as the rows come in.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use colophon_core::log::{DownloadRecord, Outcome};

use super::append::Row;
use super::coverage::{Delivery, completed_at};
use crate::database::{Argument, Batch, Write, arguments};
use crate::failure::Fault;
use crate::parse::number;

const COLUMNS: usize = 13;

/// The row's lock makes two writers with a half of a copy each see both halves: the second waits
/// here for the first.
static UPSERT: LazyLock<Batch> = LazyLock::new(|| {
    let head = "INSERT INTO purchases (purchase, center, retailer, sale, book_id_type, book_id, \
        key_id, retail_price, cost, list_price, currency, begun_at, completed_at) VALUES";
    let tail = "ON CONFLICT (purchase) DO UPDATE SET completed_at = \
        COALESCE(purchases.completed_at, excluded.completed_at), begun_at = \
        CASE WHEN excluded.begun_at < purchases.begun_at \
        THEN excluded.begun_at ELSE purchases.begun_at END RETURNING purchase, completed_at";
    Batch::new(head, COLUMNS, tail)
});

const DELIVERIES: &str = "SELECT etag, length, range_start, sent, at FROM downloads \
    WHERE purchase = $1 AND sent > 0";

const COMPLETE: &str =
    "UPDATE purchases SET completed_at = $2 WHERE purchase = $1 AND completed_at IS NULL";

/// The purchases of some new rows.
pub(super) struct Sales<'a>(BTreeMap<[u8; 32], Sale<'a>>);

struct Sale<'a> {
    record: &'a DownloadRecord,
    begun_at: i64,
    completed_at: Option<i64>,
}

impl<'a> Sales<'a> {
    /// Gathers the purchases that bytes were sent for.
    pub(super) fn of(new: &[&Row<'a>]) -> Self {
        let mut sales: BTreeMap<[u8; 32], Sale<'a>> = BTreeMap::new();
        for row in new {
            let Some(purchase) = row.purchase else {
                continue;
            };
            let Some(whole) = delivered(row.record) else {
                continue;
            };
            let at = row.record.at.unix_ms();
            let first = Sale {
                record: row.record,
                begun_at: at,
                completed_at: None,
            };
            let sale = sales.entry(purchase).or_insert(first);
            sale.begun_at = sale.begun_at.min(at);
            if whole {
                sale.completed_at = Some(sale.completed_at.map_or(at, |before| before.min(at)));
            }
        }
        Self(sales)
    }

    /// Enters them, and finds out for those sent in parts whether nothing is missing any more.
    pub(super) async fn record(self, write: &mut Write) -> Result<(), Fault> {
        // In the order of their keys, so that two writers cannot wait for each other.
        let rows = self
            .0
            .iter()
            .filter_map(|(purchase, sale)| columns(purchase, sale));
        let arguments: Vec<Argument<'_>> = rows.flatten().collect();
        let mut open: Vec<Vec<u8>> = Vec::new();
        for (sql, piece) in UPSERT.pieces(&arguments) {
            let rows: Vec<(Vec<u8>, Option<i64>)> = write.all(sql, piece).await?;
            let incomplete = rows
                .into_iter()
                .filter(|(_, completed_at)| completed_at.is_none());
            open.extend(incomplete.map(|(purchase, _)| purchase));
        }
        for purchase in open {
            let parts: Vec<Delivery> = write.all(DELIVERIES, arguments![&purchase]).await?;
            if let Some(at) = completed_at(parts) {
                write.execute(COMPLETE, arguments![&purchase, at]).await?;
            }
        }
        Ok(())
    }
}

/// Whether bytes were sent, and if so, whether all of the copy at once.
fn delivered(record: &DownloadRecord) -> Option<bool> {
    let copy = record.copy.as_ref()?;
    if copy.length == 0 {
        return (record.outcome == Outcome::Completed).then_some(true);
    }
    (copy.sent > 0).then_some(copy.asked.start == 0 && copy.sent >= copy.length)
}

fn columns<'a>(purchase: &'a [u8; 32], sale: &Sale<'a>) -> Option<[Argument<'a>; COLUMNS]> {
    let claims = sale.record.claims.as_deref()?;
    let key = sale.record.key.as_ref()?;
    Some([
        purchase.into(),
        sale.record.center.as_str().into(),
        key.retailer().as_str().into(),
        claims.transaction.as_str().into(),
        claims.book_id_type.as_str().into(),
        claims.book_id.as_str().into(),
        key.as_str().into(),
        claims.retail_price.map(number).into(),
        claims.cost.map(number).into(),
        claims.list_price.map(number).into(),
        claims.currency.as_ref().map(|code| code.as_str()).into(),
        sale.begun_at.into(),
        sale.completed_at.into(),
    ])
}
