//! Which purchases have been delivered in full, as the rows come in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use colophon_core::log::{DownloadRecord, Outcome};

use super::append::Row;
use super::coverage::Span;
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

/// The spans of a copy that `[$3, $4]` touches, and perhaps the one before it.
const NEAR: &str = "SELECT first, past, at FROM purchase_parts \
    WHERE purchase = $1 AND etag = $2 AND first <= $4 AND first >= COALESCE((SELECT MAX(first) \
    FROM purchase_parts WHERE purchase = $1 AND etag = $2 AND first <= $3), $3)";

const REMOVE_PARTS: &str = "DELETE FROM purchase_parts \
    WHERE purchase = $1 AND etag = $2 AND first BETWEEN $3 AND $4";

const INSERT_PART: &str = "INSERT INTO purchase_parts (purchase, etag, first, past, at) \
    VALUES ($1, $2, $3, $4, $5)";

static REMOVE_ALL_PARTS: LazyLock<Batch> = LazyLock::new(|| {
    let head = "DELETE FROM purchase_parts WHERE purchase IN (";
    Batch::new(head, 1, ")")
});

const COMPLETE: &str =
    "UPDATE purchases SET completed_at = $2 WHERE purchase = $1 AND completed_at IS NULL";

/// The purchases of some new rows.
pub(super) struct Sales<'a>(BTreeMap<[u8; 32], Sale<'a>>);

struct Sale<'a> {
    record: &'a DownloadRecord,
    begun_at: i64,
    completed_at: Option<i64>,
    parts: Vec<Part<'a>>,
}

/// A part of a copy that was sent. Parts of different copies of one purchase do not add up: their
/// bytes differ.
struct Part<'a> {
    etag: &'a [u8; 32],
    length: i64,
    span: Span,
}

/// What was sent for a row.
enum Sent<'a> {
    All,
    Part(Part<'a>),
}

impl<'a> Sales<'a> {
    /// Gathers the purchases that bytes were sent for.
    pub(super) fn of(new: &[&Row<'a>]) -> Self {
        let mut sales: BTreeMap<[u8; 32], Sale<'a>> = BTreeMap::new();
        for row in new {
            let Some(purchase) = row.purchase else {
                continue;
            };
            let Some(sent) = sent(row.record) else {
                continue;
            };
            let at = row.record.at.unix_ms();
            let first = Sale {
                record: row.record,
                begun_at: at,
                completed_at: None,
                parts: Vec::new(),
            };
            let sale = sales.entry(purchase).or_insert(first);
            sale.begun_at = sale.begun_at.min(at);
            match sent {
                Sent::All => {
                    let first = sale.completed_at.map_or(at, |before| before.min(at));
                    sale.completed_at = Some(first);
                }
                Sent::Part(part) => sale.parts.push(part),
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
        let mut complete: BTreeSet<Vec<u8>> = BTreeSet::new();
        for (sql, piece) in UPSERT.pieces(write.placeholders(), &arguments) {
            let rows: Vec<(Vec<u8>, Option<i64>)> = write.all(sql, piece).await?;
            let done = rows.into_iter().filter(|(_, at)| at.is_some());
            complete.extend(done.map(|(purchase, _)| purchase));
        }
        let mut done: Vec<[u8; 32]> = Vec::new();
        for (purchase, sale) in self.0 {
            // Parts of it may have come before the whole did.
            if sale.completed_at.is_some() {
                done.push(purchase);
            }
            if complete.contains(purchase.as_slice()) {
                continue;
            }
            for part in joined(sale.parts) {
                if let Some(at) = enter(write, &purchase, &part).await? {
                    write.execute(COMPLETE, arguments![&purchase, at]).await?;
                    done.push(purchase);
                    break;
                }
            }
        }
        let done: Vec<Argument<'_>> = done.iter().map(Argument::from).collect();
        for (sql, piece) in REMOVE_ALL_PARTS.pieces(write.placeholders(), &done) {
            write.execute(sql, piece).await?;
        }
        Ok(())
    }
}

/// Joins the parts that touch each other, so that many small ones are few trips.
fn joined(mut parts: Vec<Part<'_>>) -> Vec<Part<'_>> {
    parts.sort_by_key(|part| (part.etag, part.length, part.span.first));
    let mut joined: Vec<Part<'_>> = Vec::new();
    for part in parts {
        match joined.last_mut() {
            Some(last) if (last.etag, last.length) == (part.etag, part.length) => {
                match part.span.joined(&[last.span]) {
                    Some(span) if span.first == last.span.first => last.span = span,
                    Some(_) => joined.push(part),
                    None => {}
                }
            }
            Some(_) | None => joined.push(part),
        }
    }
    joined
}

/// Joins a part with what is known of its copy. Gives the moment from which on nothing of the copy
/// is missing, if there is one now.
async fn enter(
    write: &mut Write,
    purchase: &[u8; 32],
    part: &Part<'_>,
) -> Result<Option<i64>, Fault> {
    let Part { etag, length, span } = part;
    let near: Vec<Span> = write
        .all(NEAR, arguments![purchase, *etag, span.first, span.past])
        .await?;
    let Some(joined) = span.joined(&near) else {
        return Ok(None);
    };
    if joined.covers(*length) {
        return Ok(Some(joined.at));
    }
    let Span { first, past, at } = joined;
    write
        .execute(REMOVE_PARTS, arguments![purchase, *etag, first, past])
        .await?;
    write
        .execute(INSERT_PART, arguments![purchase, *etag, first, past, at])
        .await?;
    Ok(None)
}

/// What was sent, if anything was.
fn sent(record: &DownloadRecord) -> Option<Sent<'_>> {
    let copy = record.copy.as_ref()?;
    if copy.length == 0 {
        return (record.outcome == Outcome::Completed).then_some(Sent::All);
    }
    let span = Span {
        first: number(copy.asked.start),
        past: number(copy.asked.start.saturating_add(copy.sent)),
        at: record.at.unix_ms(),
    };
    let length = number(copy.length);
    if span.covers(length) {
        return Some(Sent::All);
    }
    (copy.sent > 0).then_some(Sent::Part(Part {
        etag: &copy.etag,
        length,
        span,
    }))
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
