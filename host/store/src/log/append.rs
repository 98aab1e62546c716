//! Log rows on their way in.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use async_trait::async_trait;
use colophon_core::id::{EventId, NodeId};
use colophon_core::log::{DownloadRecord, LogRecord, Outcome, ServerEvent};
use colophon_core::ports::{LogRows, NotLogged, Service, Unavailable};
use colophon_receipt::UnixSeconds;

use super::persons::{People, license, personal, pseudonym, seal, seal_license};
use super::purchases::Sales;
use crate::database::{Argument, Batch, Write, arguments};
use crate::failure::{Damaged, Fault};
use crate::parse::{number, sized};
use crate::store::Store;
use crate::uses::purchase_key;

const COLUMNS: usize = 29;

const HEAD: &str = "INSERT INTO downloads (event, node, sequence, at, took_us, center, retailer, \
    key_id, purchase, sale, book_id_type, book_id, requested_level, sold_at, retail_price, \
    cost, list_price, currency, outcome, code, level, length, etag, range_start, range_end, \
    sent, person, personal, license) VALUES";

static INSERT: LazyLock<Batch> =
    LazyLock::new(|| Batch::new(HEAD, COLUMNS, "ON CONFLICT (event) DO NOTHING"));

/// The same, naming the events it did insert. Each name is a row on its way back.
static INSERT_NAMING: LazyLock<Batch> = LazyLock::new(|| {
    let tail = "ON CONFLICT (event) DO NOTHING RETURNING event";
    Batch::new(HEAD, COLUMNS, tail)
});

const COUNT_USE: &str = "INSERT INTO key_uses (center, key_id, uses, last_used_at) \
    VALUES ($1, $2, $3, $4) ON CONFLICT (center, key_id) DO UPDATE \
    SET uses = key_uses.uses + excluded.uses, last_used_at = \
    CASE WHEN excluded.last_used_at > key_uses.last_used_at \
    THEN excluded.last_used_at ELSE key_uses.last_used_at END";

/// Locks the node's mark until the transaction ends. Of several writers that bring rows of one
/// node, the next reads the mark, and the rows, as the one before has left them.
const REACH: &str = "INSERT INTO node_progress (node, complete, highest) VALUES ($1, 0, $2) \
    ON CONFLICT (node) DO UPDATE SET highest = CASE \
    WHEN excluded.highest > node_progress.highest THEN excluded.highest \
    ELSE node_progress.highest END RETURNING complete, highest";

/// Rows of both kinds have come through one outbox.
const SEQUENCES: &str = "SELECT sequence FROM downloads WHERE node = $1 AND sequence > $2 \
    UNION ALL SELECT sequence FROM server_events WHERE node = $1 AND sequence > $2 \
    ORDER BY sequence LIMIT 1000";

const COMPLETE: &str = "UPDATE node_progress SET complete = $2 WHERE node = $1";

const ARRIVED: &str = "SELECT sequence, event FROM downloads \
    WHERE node = $1 AND sequence BETWEEN $2 AND $3 \
    UNION ALL SELECT sequence, event FROM server_events \
    WHERE node = $1 AND sequence BETWEEN $2 AND $3 \
    ORDER BY sequence LIMIT 1000";

/// A record with what has to be computed for its row.
pub(super) struct Row<'a> {
    pub(super) record: &'a DownloadRecord,
    pub(super) purchase: Option<[u8; 32]>,
    sequence: i64,
    person: [u8; 16],
    personal: Vec<u8>,
    license: Option<Vec<u8>>,
}

/// Records on their way in.
struct Arriving<'a> {
    node: NodeId,
    /// The sequences of all of them.
    sequences: BTreeSet<i64>,
    downloads: Vec<(i64, &'a DownloadRecord)>,
    events: Vec<(i64, &'a ServerEvent)>,
    /// The pseudonym for each download.
    names: Vec<[u8; 32]>,
    /// Every pseudonym, with the moment of a download of it.
    wanted: BTreeMap<[u8; 32], i64>,
}

/// What is expected of a batch. Asking which rows were new costs a row on its way back for each.
#[derive(Clone, Copy)]
enum Expecting {
    OnlyNew,
    Known,
}

enum Appended {
    All,
    Nothing,
}

#[async_trait]
impl LogRows for Store {
    async fn append(&self, node: NodeId, records: &[(i64, LogRecord)]) -> Result<(), NotLogged> {
        let appended = self.append_records(node, records).await;
        appended.map_err(Fault::not_logged)
    }

    async fn arrived(
        &self,
        node: NodeId,
        sequences: RangeInclusive<i64>,
    ) -> Result<Vec<(i64, EventId)>, Unavailable> {
        let arrived = self.arrived_rows(&node, &sequences).await;
        arrived.map_err(|fault| fault.unavailable(Service::LoggingDatabase))
    }
}

impl Store {
    async fn append_records(
        &self,
        node: NodeId,
        records: &[(i64, LogRecord)],
    ) -> Result<(), Fault> {
        if records.is_empty() {
            return Ok(());
        }
        let batch = self.arriving(node, records);
        // That some have come before is rare; then begin again and ask which.
        match self.append_batch(&batch, Expecting::OnlyNew).await? {
            Appended::All => Ok(()),
            Appended::Nothing => self.append_batch(&batch, Expecting::Known).await.map(drop),
        }
    }

    async fn arrived_rows(
        &self,
        node: &NodeId,
        sequences: &RangeInclusive<i64>,
    ) -> Result<Vec<(i64, EventId)>, Fault> {
        let values = arguments![node.as_bytes(), *sequences.start(), *sequences.end()];
        let rows: Vec<(i64, Vec<u8>)> = self.logging.all(ARRIVED, values).await?;
        let row = |(sequence, event): (i64, Vec<u8>)| {
            Ok((
                sequence,
                EventId::from_bytes(sized("downloads", "event", &event)?),
            ))
        };
        rows.into_iter().map(row).collect()
    }

    fn arriving<'a>(&self, node: NodeId, records: &'a [(i64, LogRecord)]) -> Arriving<'a> {
        let mut downloads = Vec::with_capacity(records.len());
        let mut events = Vec::new();
        for (sequence, record) in records {
            match record {
                LogRecord::Download(record) => downloads.push((*sequence, record)),
                LogRecord::Event(record) => events.push((*sequence, record)),
            }
        }
        let names: Vec<[u8; 32]> = downloads
            .iter()
            .map(|(_, record)| pseudonym(&self.secrets, record))
            .collect();
        let moments = downloads.iter().map(|(_, record)| record.at.unix_ms());
        Arriving {
            node,
            sequences: records.iter().map(|(sequence, _)| *sequence).collect(),
            wanted: names.iter().copied().zip(moments).collect(),
            names,
            downloads,
            events,
        }
    }

    /// Appends all of a batch in one transaction; nothing of it, not even its persons, if a row
    /// turns out to be known that was not expected to be.
    async fn append_batch(
        &self,
        batch: &Arriving<'_>,
        expecting: Expecting,
    ) -> Result<Appended, Fault> {
        let node = &batch.node;
        let mut write = self.logging.write().await?;
        let people = self.people(&mut write, &batch.wanted).await?;
        let rows = self.rows(&batch.downloads, &batch.names, &people)?;
        let arguments: Vec<Argument<'_>> = rows.iter().flat_map(|row| columns(node, row)).collect();
        let mut new: Vec<&Row<'_>> = rows.iter().collect();
        match expecting {
            Expecting::OnlyNew => {
                if !insert(&mut write, &arguments).await? {
                    write.undo().await?;
                    return Ok(Appended::Nothing);
                }
            }
            Expecting::Known => {
                let inserted = insert_naming(&mut write, &arguments).await?;
                new.retain(|row| inserted.contains(row.record.event.as_bytes()));
            }
        }
        // Nothing is counted by events, so it does not matter which of them are new.
        self.insert_events(&mut write, node, &batch.events).await?;
        Sales::of(&new).record(&mut write).await?;
        // Every writer counts in the same few rows, so they are locked late.
        count_uses(&mut write, &new).await?;
        advance(&mut write, node, &batch.sequences).await?;
        write.commit().await?;
        Ok(Appended::All)
    }

    fn rows<'a>(
        &self,
        downloads: &[(i64, &'a DownloadRecord)],
        names: &[[u8; 32]],
        people: &People,
    ) -> Result<Vec<Row<'a>>, Damaged> {
        let row = |(&(sequence, record), name): (&(i64, &'a DownloadRecord), &[u8; 32])| {
            let person = people.get(name);
            let person = person
                .ok_or_else(|| Damaged::new("persons", "pseudonym", "a new person is not there"))?;
            let purchase = record.purchase();
            Ok(Row {
                record,
                purchase: purchase.map(|one| purchase_key(self.secrets.engine(), &one)),
                sequence,
                person: person.id,
                personal: seal(&self.secrets, &person.key, record.event, &personal(record))?,
                license: license(record)
                    .map(|text| seal_license(&self.secrets, &person.key, record.event, text)),
            })
        };
        downloads.iter().zip(names).map(row).collect()
    }
}

/// Inserts the rows, and says whether all were new.
async fn insert(write: &mut Write, arguments: &[Argument<'_>]) -> Result<bool, Fault> {
    for (sql, piece) in INSERT.pieces(write.placeholders(), arguments) {
        let inserted = write.execute(sql, piece).await?;
        if inserted != (piece.len() / COLUMNS) as u64 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Inserts the rows whose events are not there yet and returns these events.
async fn insert_naming(
    write: &mut Write,
    arguments: &[Argument<'_>],
) -> Result<BTreeSet<[u8; 16]>, Fault> {
    let mut new = BTreeSet::new();
    for (sql, piece) in INSERT_NAMING.pieces(write.placeholders(), arguments) {
        let inserted: Vec<(Vec<u8>,)> = write.all(sql, piece).await?;
        for (event,) in inserted {
            new.insert(sized("downloads", "event", &event)?);
        }
    }
    Ok(new)
}

fn columns<'a>(node: &'a NodeId, row: &'a Row<'_>) -> [Argument<'a>; COLUMNS] {
    let record = row.record;
    let key = record.key.as_ref();
    let claims = record.claims.as_deref();
    let copy = record.copy.as_ref();
    let (outcome, code) = outcome(record.outcome);
    [
        record.event.as_bytes().into(),
        node.as_bytes().into(),
        row.sequence.into(),
        record.at.unix_ms().into(),
        number(record.took_us).into(),
        record.center.as_str().into(),
        key.map(|key| key.retailer().as_str()).into(),
        key.map(|key| key.as_str()).into(),
        row.purchase.as_ref().map(<[u8; 32]>::as_slice).into(),
        claims.map(|claims| claims.transaction.as_str()).into(),
        claims.map(|claims| claims.book_id_type.as_str()).into(),
        claims.map(|claims| claims.book_id.as_str()).into(),
        claims
            .and_then(|claims| claims.level)
            .map(|level| i64::from(level.as_number()))
            .into(),
        claims
            .and_then(|claims| claims.sold_at)
            .map(UnixSeconds::get)
            .into(),
        claims
            .and_then(|claims| claims.retail_price)
            .map(number)
            .into(),
        claims.and_then(|claims| claims.cost).map(number).into(),
        claims
            .and_then(|claims| claims.list_price)
            .map(number)
            .into(),
        claims
            .and_then(|claims| claims.currency.as_ref())
            .map(|code| code.as_str())
            .into(),
        outcome.into(),
        code.into(),
        copy.map(|copy| i64::from(copy.level.as_number())).into(),
        copy.map(|copy| number(copy.length)).into(),
        copy.map(|copy| copy.etag.as_slice()).into(),
        copy.map(|copy| number(copy.asked.start)).into(),
        copy.map(|copy| number(copy.asked.end)).into(),
        copy.map(|copy| number(copy.sent)).into(),
        (&row.person).into(),
        (&row.personal).into(),
        row.license.as_deref().into(),
    ]
}

fn outcome(outcome: Outcome) -> (&'static str, Option<&'static str>) {
    match outcome {
        Outcome::Completed => ("completed", None),
        Outcome::Broken => ("broken", None),
        Outcome::Refused(code) => ("refused", Some(code.slug())),
    }
}

/// Counts the receipts that opened, by key.
async fn count_uses(write: &mut Write, new: &[&Row<'_>]) -> Result<(), Fault> {
    let mut uses: BTreeMap<(&str, &str), (i64, i64)> = BTreeMap::new();
    for row in new.iter().filter(|row| row.record.claims.is_some()) {
        let Some(key) = &row.record.key else { continue };
        let entry = uses
            .entry((row.record.center.as_str(), key.as_str()))
            .or_default();
        *entry = (entry.0 + 1, entry.1.max(row.record.at.unix_ms()));
    }
    for ((center, key), (count, last)) in uses {
        write
            .execute(COUNT_USE, arguments![center, key, count, last])
            .await?;
    }
    Ok(())
}

/// Moves the node's mark up to the first row that is missing.
async fn advance(write: &mut Write, node: &NodeId, arrived: &BTreeSet<i64>) -> Result<(), Fault> {
    let node = node.as_bytes();
    let last = arrived.last().copied().unwrap_or(0);
    let mark: Option<(i64, i64)> = write.optional(REACH, arguments![node, last]).await?;
    let (before, highest) = mark.unwrap_or((0, last));
    let mut complete = contiguous(before, arrived.iter().copied());
    // What arrived out of turn earlier may now follow without a gap.
    while complete > before && complete < highest {
        let rows: Vec<(i64,)> = write.all(SEQUENCES, arguments![node, complete]).await?;
        let reached = contiguous(complete, rows.into_iter().map(|(sequence,)| sequence));
        if reached == complete {
            break;
        }
        complete = reached;
    }
    if complete > before {
        write.execute(COMPLETE, arguments![node, complete]).await?;
    }
    Ok(())
}

/// The last of `sequences`, which ascend, that is reached from `mark` without a gap.
fn contiguous(mark: i64, sequences: impl Iterator<Item = i64>) -> i64 {
    sequences.fold(
        mark,
        |mark, next| if next == mark + 1 { next } else { mark },
    )
}
