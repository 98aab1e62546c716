//! A node's own database: its identity, the log rows it has yet to hand over, and leases.

use std::sync::LazyLock;

use async_trait::async_trait;
use colophon_core::id::{EventId, NodeId};
use colophon_core::ports::{OutboxRow, OutboxRows, Readiness, Service, SetAside, Unavailable};
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use crate::database::{Argument, Batch, Database, DatabaseAddress, MalformedAddress, arguments};
use crate::failure::{ChangeError, Fault, ReadError};
use crate::migration::{Copying, Migrated, Opened, Schema, SchemaRefused, SchemaStatus};
use crate::parse::{counted, sized};

/// A node's database, answering, with a schema that may not be this program's.
pub struct NodeDatabase {
    opened: Opened,
}

/// The records of one node.
pub struct NodeStore {
    database: Database,
    id: NodeId,
}

/// Why a node's database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum NodeRefused {
    /// It must be a file of the node itself.
    #[error("a node's own database is a file: sqlite://PATH")]
    Address(#[source] MalformedAddress),
    /// It cannot be used as it is.
    #[error(transparent)]
    Schema(#[from] SchemaRefused),
    /// Its identity cannot be read.
    #[error("the node's identity cannot be read")]
    Identity(#[source] ReadError),
}

static APPEND: LazyLock<Batch> =
    LazyLock::new(|| Batch::new("INSERT INTO outbox (event, payload) VALUES", 2, ""));

const AFTER: &str = "SELECT sequence, event, payload FROM outbox WHERE sequence > $1 \
    ORDER BY sequence LIMIT $2";

/// Each pair is looked up by its number; from an outbox in which much waits, that is little.
static REMOVE: LazyLock<Batch> = LazyLock::new(|| {
    let head = "DELETE FROM outbox WHERE sequence IN (SELECT outbox.sequence FROM (VALUES";
    let tail = ") AS arrived CROSS JOIN outbox \
        WHERE outbox.sequence = arrived.column1 AND outbox.event = arrived.column2)";
    Batch::new(head, 2, tail)
});

const SET_ASIDE: &str = "INSERT INTO dead_letters (sequence, event, payload, reason, problem) \
    SELECT sequence, event, payload, $2, $3 FROM outbox WHERE sequence = $1";

/// A row keeps its number, under which the logging database may know it already.
const BRING_BACK: &str = "INSERT INTO outbox (sequence, event, payload) \
    SELECT sequence, event, payload FROM dead_letters WHERE reason = $1 \
    ON CONFLICT (sequence) DO NOTHING";

const BROUGHT_BACK: &str = "DELETE FROM dead_letters WHERE reason = $1 AND EXISTS \
    (SELECT 1 FROM outbox WHERE outbox.sequence = dead_letters.sequence \
    AND outbox.event = dead_letters.event)";

const REMOVE_ONE: &str = "DELETE FROM outbox WHERE sequence = $1";

const WAITING: &str =
    "SELECT COUNT(*) AS entries, COALESCE(SUM(LENGTH(payload)), 0) AS bytes FROM outbox";

const COUNT_SET_ASIDE: &str = "SELECT COUNT(*) FROM dead_letters WHERE reason = $1";

const PROBLEMS_SET_ASIDE: &str = "SELECT problem, COUNT(*) AS entries FROM dead_letters \
    WHERE reason = $1 GROUP BY problem ORDER BY entries DESC, problem LIMIT $2";

const IDENTITY: &str = "SELECT id FROM node";

/// Takes a lease that is free, has run out, or is the holder's own.
const LEASE: &str = "INSERT INTO leases (name, holder, lease_until) VALUES ($1, $2, $3) \
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until \
    WHERE leases.holder = excluded.holder OR leases.lease_until <= $4 RETURNING lease_until";

const RELEASE: &str = "DELETE FROM leases WHERE name = $1 AND holder = $2";

#[derive(FromRow)]
struct Entry {
    sequence: i64,
    event: Vec<u8>,
    payload: Vec<u8>,
}

impl NodeDatabase {
    /// Opens the file, and makes it if there is none.
    pub async fn open(address: &DatabaseAddress) -> Result<Self, NodeRefused> {
        match address {
            DatabaseAddress::Sqlite(_) => {}
            DatabaseAddress::Postgres(_) => {
                return Err(NodeRefused::Address(MalformedAddress::File));
            }
        }
        Ok(Self {
            opened: Opened::open(Schema::Node, address).await?,
        })
    }

    /// How it stands to this program.
    pub async fn status(&self) -> Result<SchemaStatus, SchemaRefused> {
        self.opened.status().await
    }

    /// Brings it to this program's schema, after a copy if it holds anything.
    pub async fn migrate(&self, now: Timestamp) -> Result<Migrated, SchemaRefused> {
        let used = !self.opened.status().await?.applied.is_empty();
        self.opened
            .migrate(if used {
                Copying::At(now)
            } else {
                Copying::NotNeeded
            })
            .await
    }

    /// The records, if the schema is this program's.
    pub async fn into_store(self) -> Result<NodeStore, NodeRefused> {
        let database = self.opened.current().await?;
        let id = identity(&database)
            .await
            .map_err(|fault| NodeRefused::Identity(fault.into()))?;
        Ok(NodeStore { database, id })
    }
}

async fn identity(database: &Database) -> Result<NodeId, Fault> {
    let (id,): (Vec<u8>,) = database.one(IDENTITY, arguments![]).await?;
    Ok(NodeId::from_bytes(sized("node", "id", &id)?))
}

impl NodeStore {
    /// The node's lasting identity, made with its database.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Takes or renews a lease until a moment, unless another holder has it at `now`.
    pub async fn take_lease(
        &self,
        name: &str,
        holder: &[u8],
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<bool, ChangeError> {
        let values = arguments![name, holder, lease_until.unix_ms(), now.unix_ms()];
        let taken: Option<(i64,)> = self.database.changed(LEASE, values).await?;
        Ok(taken.is_some())
    }

    /// Gives a lease back, if the holder has it.
    pub async fn release_lease(&self, name: &str, holder: &[u8]) -> Result<(), ChangeError> {
        self.database
            .execute(RELEASE, arguments![name, holder])
            .await?;
        Ok(())
    }

    /// How many rows were set aside for this reason.
    pub async fn count_set_aside(&self, reason: SetAside) -> Result<u64, ReadError> {
        let values = arguments![stored(reason)];
        let (count,): (i64,) = self.database.one(COUNT_SET_ASIDE, values).await?;
        Ok(counted("dead_letters", "sequence", count).map_err(Fault::from)?)
    }

    /// What is wrong with the rows that were set aside for this reason, each problem once: at most
    /// `limit`, those of the most rows first, with how many have it.
    pub async fn problems_set_aside(
        &self,
        reason: SetAside,
        limit: u32,
    ) -> Result<Vec<(String, u64)>, ReadError> {
        let values = arguments![stored(reason), i64::from(limit)];
        let problems: Vec<(String, i64)> = self.database.all(PROBLEMS_SET_ASIDE, values).await?;
        let problem = |(problem, count): (String, i64)| {
            Ok((problem, counted("dead_letters", "sequence", count)?))
        };
        let problems: Result<Vec<_>, Fault> = problems.into_iter().map(problem).collect();
        Ok(problems?)
    }

    /// Puts the rows that are to be tried again back into the outbox, and says how many. For the
    /// start of a host, before anybody counts what waits: the broker may be another now, or take
    /// more, and what the logging database minded may be mended.
    pub async fn bring_back(&self) -> Result<u64, ChangeError> {
        let mut write = self.database.write().await?;
        let mut back = 0;
        for reason in SetAside::ALL {
            if reason.is_tried_again() {
                let reason = stored(reason);
                write.execute(BRING_BACK, arguments![reason]).await?;
                back += write.execute(BROUGHT_BACK, arguments![reason]).await?;
            }
        }
        write.commit().await?;
        Ok(back)
    }

    /// Closes all connections after the statements under way.
    pub async fn close(&self) {
        self.database.close().await;
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// The one connection that writes numbers the rows, so those of a transaction follow each other.
    async fn append_rows(&self, rows: &[(EventId, Vec<u8>)]) -> Result<Option<i64>, Fault> {
        let arguments: Vec<Argument<'_>> = rows
            .iter()
            .flat_map(|(event, payload)| [event.as_bytes().into(), payload.into()])
            .collect();
        let pieces: Vec<_> = APPEND
            .pieces(self.database.placeholders(), &arguments)
            .collect();
        // One statement is a transaction of its own and saves two trips.
        if let [(sql, arguments)] = pieces.as_slice() {
            return self.database.insert(sql, arguments).await;
        }
        let mut write = self.database.write().await?;
        let mut last = None;
        for (sql, arguments) in pieces {
            last = write.insert(sql, arguments).await?;
        }
        write.commit().await?;
        Ok(last)
    }

    async fn remove_rows(&self, rows: &[(i64, EventId)]) -> Result<(), Fault> {
        let arguments: Vec<Argument<'_>> = rows
            .iter()
            .flat_map(|(sequence, event)| [(*sequence).into(), event.as_bytes().into()])
            .collect();
        let mut write = self.database.write().await?;
        for (sql, arguments) in REMOVE.pieces(self.database.placeholders(), &arguments) {
            write.execute(sql, arguments).await?;
        }
        write.commit().await
    }

    async fn rows_after(&self, sequence: i64, limit: u32) -> Result<Vec<OutboxRow>, Fault> {
        let values = arguments![sequence, i64::from(limit)];
        let rows: Vec<Entry> = self.database.all(AFTER, values).await?;
        let row = |entry: Entry| {
            let event = EventId::from_bytes(sized("outbox", "event", &entry.event)?);
            Ok(OutboxRow {
                sequence: entry.sequence,
                event,
                payload: entry.payload,
            })
        };
        rows.into_iter().map(row).collect()
    }

    async fn move_aside(&self, reason: SetAside, rows: &[(i64, String)]) -> Result<(), Fault> {
        let mut write = self.database.write().await?;
        for (sequence, problem) in rows {
            let values = arguments![*sequence, stored(reason), problem.as_str()];
            write.execute(SET_ASIDE, values).await?;
            write.execute(REMOVE_ONE, arguments![*sequence]).await?;
        }
        write.commit().await
    }

    async fn count_waiting(&self) -> Result<(u64, u64), Fault> {
        let (entries, bytes): (i64, i64) = self.database.one(WAITING, arguments![]).await?;
        Ok((
            counted("outbox", "sequence", entries)?,
            counted("outbox", "payload", bytes)?,
        ))
    }
}

#[async_trait]
impl OutboxRows for NodeStore {
    async fn append(&self, rows: Vec<(EventId, Vec<u8>)>) -> Result<Option<i64>, Unavailable> {
        self.append_rows(&rows).await.map_err(unavailable)
    }

    async fn after(&self, sequence: i64, limit: u32) -> Result<Vec<OutboxRow>, Unavailable> {
        self.rows_after(sequence, limit).await.map_err(unavailable)
    }

    async fn remove(&self, rows: &[(i64, EventId)]) -> Result<(), Unavailable> {
        self.remove_rows(rows).await.map_err(unavailable)
    }

    async fn set_aside(&self, reason: SetAside, rows: &[(i64, String)]) -> Result<(), Unavailable> {
        self.move_aside(reason, rows).await.map_err(unavailable)
    }

    async fn waiting(&self) -> Result<(u64, u64), Unavailable> {
        self.count_waiting().await.map_err(unavailable)
    }
}

#[async_trait]
impl Readiness for NodeStore {
    async fn check(&self) -> Vec<(Service, Result<(), Unavailable>)> {
        vec![(
            Service::NodeDatabase,
            crate::health::answers(&self.database).await,
        )]
    }
}

fn stored(reason: SetAside) -> &'static str {
    match reason {
        SetAside::Unreadable => "unreadable",
        SetAside::TooLarge => "too-large",
        SetAside::Refused => "refused",
    }
}

fn unavailable(fault: Fault) -> Unavailable {
    fault.unavailable(Service::NodeDatabase)
}
