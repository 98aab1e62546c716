//! Named events: in with the downloads of their node, and out again for those who may read them.

use std::sync::LazyLock;

use colophon_core::id::{EventId, NodeId};
use colophon_core::log::{ServerEvent, Severity};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::{EventFilter, EventRow, RowCursor};
use crate::database::{Argument, Batch, Write, arguments};
use crate::failure::{Damaged, Fault, ReadError};
use crate::parse::{moment, parsed, sized};
use crate::secrets::Column;
use crate::store::Store;

const TABLE: &str = "server_events";

pub(crate) const DETAILS: Column = Column {
    table: TABLE,
    name: "details",
};

const COLUMNS: usize = 9;

static INSERT: LazyLock<Batch> = LazyLock::new(|| {
    let head = "INSERT INTO server_events \
        (event, node, sequence, at, code, name, severity, center, details) VALUES";
    Batch::new(head, COLUMNS, "ON CONFLICT (event) DO NOTHING")
});

const SELECT: &str = "SELECT event, node, at, code, name, severity, center, details \
    FROM server_events WHERE at >= $1 AND at < $2 AND ($3 IS NULL OR code = $3) \
    AND ($4 IS NULL OR center = $4) AND (at < $5 OR (at = $5 AND event < $6)) \
    ORDER BY at DESC, event DESC LIMIT $7";

/// What an event tells, as it is encrypted. It may hold a client's address, and words of strangers.
#[derive(Serialize, Deserialize)]
struct Told {
    message: String,
    details: Vec<(String, String)>,
}

#[derive(FromRow)]
struct Stored {
    event: Vec<u8>,
    node: Vec<u8>,
    at: i64,
    code: String,
    name: String,
    severity: String,
    center: Option<String>,
    details: Vec<u8>,
}

impl Store {
    /// At most `limit` events of all nodes, the latest first. The next page begins after the last.
    pub async fn list_server_events(
        &self,
        filter: &EventFilter,
        after: Option<RowCursor>,
        limit: u32,
    ) -> Result<Vec<EventRow>, ReadError> {
        let after_at = after.map_or(i64::MAX, |cursor| cursor.at.unix_ms());
        let after_event = after.map(|cursor| *cursor.event.as_bytes());
        let after_event = after_event.as_ref().map_or([].as_slice(), |event| event);
        let values = arguments![
            filter.period.from.unix_ms(),
            filter.period.until.unix_ms(),
            filter.name.map(|name| name.code()),
            filter.center.as_ref().map(|center| center.as_str()),
            after_at,
            after_event,
            i64::from(limit),
        ];
        let rows: Vec<Stored> = self.logging.all(SELECT, values).await?;
        let rows = rows.into_iter().map(|row| self.event_row(row));
        Ok(rows.collect::<Result<_, _>>().map_err(Fault::from)?)
    }

    /// Inserts the events that are not there yet.
    pub(super) async fn insert_events(
        &self,
        write: &mut Write,
        node: &NodeId,
        events: &[(i64, &ServerEvent)],
    ) -> Result<(), Fault> {
        let sealed = events.iter().map(|(_, event)| self.sealed(event));
        let sealed: Vec<Vec<u8>> = sealed.collect::<Result<_, _>>()?;
        let arguments: Vec<Argument<'_>> = events
            .iter()
            .zip(&sealed)
            .flat_map(|((sequence, event), sealed)| columns(node, *sequence, event, sealed))
            .collect();
        for (sql, piece) in INSERT.pieces(write.placeholders(), &arguments) {
            write.execute(sql, piece).await?;
        }
        Ok(())
    }

    fn sealed(&self, event: &ServerEvent) -> Result<Vec<u8>, Damaged> {
        let told = Told {
            message: event.message.as_str().to_owned(),
            details: event.details.pairs().to_vec(),
        };
        let told = serde_json::to_vec(&told)
            .map_err(|error| Damaged::new(DETAILS.table, DETAILS.name, error))?;
        Ok(self.secrets.seal(DETAILS, &[event.event.as_bytes()], &told))
    }

    fn event_row(&self, row: Stored) -> Result<EventRow, Damaged> {
        let opened = self.secrets.open(DETAILS, &[&row.event], &row.details)?;
        let told: Told = serde_json::from_slice(&opened)
            .map_err(|error| Damaged::new(DETAILS.table, DETAILS.name, error))?;
        let severity = Severity::from_slug(&row.severity);
        let center = row.center.as_deref();
        Ok(EventRow {
            event: EventId::from_bytes(sized(TABLE, "event", &row.event)?),
            node: NodeId::from_bytes(sized(TABLE, "node", &row.node)?),
            at: moment(row.at),
            code: row.code,
            name: row.name,
            severity: severity.ok_or_else(|| Damaged::new(TABLE, "severity", "not a severity"))?,
            center: center
                .map(|center| parsed(TABLE, "center", center))
                .transpose()?,
            message: told.message,
            details: told.details,
        })
    }
}

fn columns<'a>(
    node: &'a NodeId,
    sequence: i64,
    event: &'a ServerEvent,
    sealed: &'a Vec<u8>,
) -> [Argument<'a>; COLUMNS] {
    [
        event.event.as_bytes().into(),
        node.as_bytes().into(),
        sequence.into(),
        event.at.unix_ms().into(),
        event.name.code().into(),
        event.name.slug().into(),
        event.severity.slug().into(),
        event.center.as_ref().map(|center| center.as_str()).into(),
        sealed.into(),
    ]
}
