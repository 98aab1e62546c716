//! Rows of the log, opened for those who may read them.

use colophon_core::catalog::Book;
use colophon_core::id::{EventId, NodeId};
use colophon_core::log::ByteSpan;
use colophon_receipt::{CenterId, RequestedLevel};
use colophon_title::Level;
use sqlx::FromRow;

use super::persons::{DATA_KEY, open, open_license};
use super::{
    Amounts, DownloadRow, LoggedCopy, LoggedOutcome, LoggedPerson, LoggedSale, RowCursor, RowFilter,
};
use crate::database::arguments;
use crate::failure::{Damaged, Fault, ReadError};
use crate::parse::{counted, moment, parsed, sized};
use crate::store::Store;

/// Rows with the keys of their persons.
macro_rules! select_downloads {
    ($rows:literal) => {
        concat!(
            "SELECT d.event, d.node, d.at, d.took_us, d.key_id, d.sale, d.book_id_type, d.book_id, \
             d.requested_level, d.sold_at, d.retail_price, d.cost, d.list_price, d.currency, \
             d.outcome, d.code, d.level, d.length, d.etag, d.range_start, d.range_end, d.sent, \
             d.person, d.personal, d.license, p.data_key \
             FROM downloads d LEFT JOIN persons p ON p.id = d.person WHERE ",
            $rows
        )
    };
}

const SELECT_ONE: &str = select_downloads!("d.center = $1 AND d.event = $2");

const SELECT_PAGE: &str = select_downloads!(
    "d.center = $1 AND d.at >= $2 AND d.at < $3 AND ($4 IS NULL OR d.retailer = $4) \
     AND ($5 IS NULL OR d.sale = $5) AND (d.at < $6 OR (d.at = $6 AND d.event < $7)) \
     ORDER BY d.at DESC, d.event DESC LIMIT $8"
);

#[derive(FromRow)]
struct Stored {
    event: Vec<u8>,
    node: Vec<u8>,
    at: i64,
    took_us: i64,
    key_id: Option<String>,
    sale: Option<String>,
    book_id_type: Option<String>,
    book_id: Option<String>,
    requested_level: Option<i64>,
    sold_at: Option<i64>,
    retail_price: Option<i64>,
    cost: Option<i64>,
    list_price: Option<i64>,
    currency: Option<String>,
    outcome: String,
    code: Option<String>,
    level: Option<i64>,
    length: Option<i64>,
    etag: Option<Vec<u8>>,
    range_start: Option<i64>,
    range_end: Option<i64>,
    sent: Option<i64>,
    person: Vec<u8>,
    personal: Vec<u8>,
    license: Option<Vec<u8>>,
    data_key: Option<Vec<u8>>,
}

impl Store {
    /// At most `limit` rows of a center, the latest first. The next page begins after the last.
    pub async fn list_downloads(
        &self,
        center: &CenterId,
        filter: &RowFilter,
        after: Option<RowCursor>,
        limit: u32,
    ) -> Result<Vec<DownloadRow>, ReadError> {
        let after_at = after.map_or(i64::MAX, |cursor| cursor.at.unix_ms());
        let after_event = after.map(|cursor| *cursor.event.as_bytes());
        let after_event = after_event.as_ref().map_or([].as_slice(), |event| event);
        let values = arguments![
            center.as_str(),
            filter.period.from.unix_ms(),
            filter.period.until.unix_ms(),
            filter.retailer.as_ref().map(|retailer| retailer.as_str()),
            filter
                .transaction
                .as_ref()
                .map(|transaction| transaction.as_str()),
            after_at,
            after_event,
            i64::from(limit),
        ];
        let rows: Vec<Stored> = self.logging.all(SELECT_PAGE, values).await?;
        let rows = rows.into_iter().map(|row| self.download_row(center, row));
        Ok(rows.collect::<Result<_, _>>().map_err(Fault::from)?)
    }

    /// One row of a center.
    pub async fn show_download(
        &self,
        center: &CenterId,
        event: EventId,
    ) -> Result<Option<DownloadRow>, ReadError> {
        let values = arguments![center.as_str(), event.as_bytes()];
        let row: Option<Stored> = self.logging.optional(SELECT_ONE, values).await?;
        let row = row.map(|row| self.download_row(center, row));
        Ok(row.transpose().map_err(Fault::from)?)
    }

    fn download_row(&self, center: &CenterId, row: Stored) -> Result<DownloadRow, Damaged> {
        let event = EventId::from_bytes(sized("downloads", "event", &row.event)?);
        let key = row
            .key_id
            .as_deref()
            .map(|key| parsed("downloads", "key_id", key));
        Ok(DownloadRow {
            event,
            node: NodeId::from_bytes(sized("downloads", "node", &row.node)?),
            at: moment(row.at),
            took_us: counted("downloads", "took_us", row.took_us)?,
            center: center.clone(),
            key: key.transpose()?,
            sale: sale(&row)?,
            outcome: outcome(&row)?,
            copy: copy(&row)?,
            license: self.license(event, &row)?,
            person: self.person(event, &row)?,
        })
    }

    /// The license of a row, while its person is known.
    fn license(&self, event: EventId, row: &Stored) -> Result<Option<String>, Damaged> {
        let (Some(license), Some(sealed)) = (&row.license, &row.data_key) else {
            return Ok(None);
        };
        let key = self.secrets.open_key(DATA_KEY, &[&row.person], sealed)?;
        open_license(&self.secrets, &key, event, license).map(Some)
    }

    fn person(&self, event: EventId, row: &Stored) -> Result<LoggedPerson, Damaged> {
        let Some(sealed) = &row.data_key else {
            return Ok(LoggedPerson::Erased);
        };
        let key = self.secrets.open_key(DATA_KEY, &[&row.person], sealed)?;
        Ok(LoggedPerson::Known(open(
            &self.secrets,
            &key,
            event,
            &row.personal,
        )?))
    }
}

fn sale(row: &Stored) -> Result<Option<LoggedSale>, Damaged> {
    let (Some(sale), Some(id_type), Some(id)) = (&row.sale, &row.book_id_type, &row.book_id) else {
        return Ok(None);
    };
    let level = row.requested_level.map(|number| {
        let level = u8::try_from(number)
            .ok()
            .and_then(RequestedLevel::from_number);
        level.ok_or_else(|| Damaged::new("downloads", "requested_level", "not a level"))
    });
    let amounts = [row.retail_price, row.cost, row.list_price];
    Ok(Some(LoggedSale {
        transaction: parsed("downloads", "sale", sale)?,
        book: Book {
            id_type: parsed("downloads", "book_id_type", id_type)?,
            id: parsed("downloads", "book_id", id)?,
        },
        requested_level: level.transpose()?,
        sold_at: row.sold_at,
        amounts: self::amounts("downloads", amounts, row.currency.as_deref())?,
    }))
}

/// Retail price, cost and list price, in this order.
pub(super) fn amounts(
    table: &'static str,
    minor: [Option<i64>; 3],
    currency: Option<&str>,
) -> Result<Amounts, Damaged> {
    let [retail_price, cost, list_price] = minor;
    let amount =
        |column, minor: Option<i64>| minor.map(|minor| counted(table, column, minor)).transpose();
    Ok(Amounts {
        retail_price: amount("retail_price", retail_price)?,
        cost: amount("cost", cost)?,
        list_price: amount("list_price", list_price)?,
        currency: currency
            .map(|code| parsed(table, "currency", code))
            .transpose()?,
    })
}

fn outcome(row: &Stored) -> Result<LoggedOutcome, Damaged> {
    match (row.outcome.as_str(), &row.code) {
        ("completed", _) => Ok(LoggedOutcome::Completed),
        ("broken", _) => Ok(LoggedOutcome::Broken),
        ("refused", Some(code)) => Ok(LoggedOutcome::Refused(code.clone())),
        _ => Err(Damaged::new("downloads", "outcome", "not an outcome")),
    }
}

fn copy(row: &Stored) -> Result<Option<LoggedCopy>, Damaged> {
    let (Some(level), Some(length), Some(etag)) = (row.level, row.length, &row.etag) else {
        return Ok(None);
    };
    let (Some(start), Some(end), Some(sent)) = (row.range_start, row.range_end, row.sent) else {
        return Ok(None);
    };
    let level = u8::try_from(level).ok().and_then(Level::from_number);
    Ok(Some(LoggedCopy {
        level: level.ok_or_else(|| Damaged::new("downloads", "level", "not a level"))?,
        length: counted("downloads", "length", length)?,
        etag: sized("downloads", "etag", etag)?,
        asked: ByteSpan {
            start: counted("downloads", "range_start", start)?,
            end: counted("downloads", "range_end", end)?,
        },
        sent: counted("downloads", "sent", sent)?,
    }))
}
