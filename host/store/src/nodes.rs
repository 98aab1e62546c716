//! The nodes that say that they are there, in the fulfillment database.
//!
//! What a process says is one statement on one row, and changes nothing that is in an index. Every
//! moment comes from the view `database_clock`, and none from a host.

use std::time::Duration;

use async_trait::async_trait;
use colophon_core::change::ChangePosition;
use colophon_core::id::{NodeId, RunId};
use colophon_core::node::known::{FollowedTo, MISSED_MAX, Missed, NodeRecord, Said, ms_between};
use colophon_core::node::{Doing, Heard, Introduction, NodeRegistry, NodeRole, State};
use colophon_core::ports::{Service, Unavailable};
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use crate::database::{Argument, arguments};
use crate::failure::{ChangeError, Damaged, Fault, ReadError};
use crate::parse::{counted, moment, number, sized};
use crate::store::Store;

const TABLE: &str = "nodes";

/// A process that has said that it ends says nothing any more: what comes later was on its way before.
const SAY: &str = "INSERT INTO nodes (node, run, place, name, roles, version, address, state, \
    silent_after_ms, epoch, applied, lease_left_ms, rows_waiting, clock_ahead_ms, started_at, \
    seen_at) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, now_ms - $15, \
    now_ms FROM database_clock WHERE 1 = 1 \
    ON CONFLICT (node, run) DO UPDATE SET state = excluded.state, epoch = excluded.epoch, \
    applied = excluded.applied, lease_left_ms = excluded.lease_left_ms, \
    rows_waiting = excluded.rows_waiting, clock_ahead_ms = excluded.clock_ahead_ms, \
    seen_at = excluded.seen_at WHERE nodes.state <> 'gone' \
    RETURNING seen_at, (SELECT COUNT(*) FROM nodes AS other WHERE other.node = nodes.node \
    AND other.place <> nodes.place AND other.state <> 'gone' \
    AND nodes.seen_at - other.seen_at < other.silent_after_ms) AS copies";

/// Whatever ran under this identity before. If it still does, it comes back by itself.
const REPLACE: &str = "DELETE FROM nodes WHERE node = $1 AND run <> $2";

/// Where the node goes on in another process, nothing is left to tell of this one.
const LEAVE_TO_ANOTHER: &str = "DELETE FROM nodes WHERE node = $1 AND run = $2 \
    AND EXISTS (SELECT 1 FROM nodes AS other WHERE other.node = $1 AND other.run <> $2 \
    AND other.state = 'serving')";

const LEAVE: &str = "UPDATE nodes SET state = 'gone', \
    seen_at = (SELECT now_ms FROM database_clock) WHERE node = $1 AND run = $2";

const FORGET_UNSEEN: &str =
    "DELETE FROM nodes WHERE seen_at < (SELECT now_ms FROM database_clock) - $1";

/// What is there stays.
const FORGET: &str = "DELETE FROM nodes WHERE node = $1 AND (state = 'gone' \
    OR (SELECT now_ms FROM database_clock) - seen_at >= silent_after_ms)";

const COUNT: &str = "SELECT COUNT(*) FROM nodes WHERE node = $1";

/// Of the changes that a node has not followed, those that were there when it was seen last; only
/// the first are looked at.
const LIST: &str = "SELECT n.node, n.run, n.place, n.name, n.roles, n.version, n.address, n.state, \
    n.started_at, n.seen_at, n.silent_after_ms, n.epoch, n.applied, n.lease_left_ms, \
    n.rows_waiting, n.clock_ahead_ms, c.now_ms, \
    CAST(CASE WHEN n.epoch = p.epoch THEN 1 ELSE 0 END AS BIGINT) AS same_history, \
    (SELECT COUNT(*) FROM (SELECT l.at FROM change_log l WHERE l.number > n.applied \
    ORDER BY l.number LIMIT $1) m WHERE m.at <= n.seen_at) AS missed, \
    (SELECT MIN(m.at) FROM (SELECT l.at FROM change_log l WHERE l.number > n.applied \
    ORDER BY l.number LIMIT $1) m WHERE m.at <= n.seen_at) AS missed_since \
    FROM nodes n CROSS JOIN change_position p CROSS JOIN database_clock c \
    ORDER BY n.name, n.node, n.started_at, n.run";

/// What came of forgetting a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    /// It is not known any more.
    Now,
    /// It is there, and stays known.
    IsThere,
    /// It was not known.
    Unknown,
}

#[derive(FromRow)]
struct Row {
    node: Vec<u8>,
    run: Vec<u8>,
    place: String,
    name: String,
    roles: String,
    version: String,
    address: Option<String>,
    state: String,
    started_at: i64,
    seen_at: i64,
    silent_after_ms: i64,
    epoch: Option<i64>,
    applied: Option<i64>,
    lease_left_ms: i64,
    rows_waiting: i64,
    clock_ahead_ms: Option<i64>,
    now_ms: i64,
    same_history: i64,
    missed: i64,
    missed_since: Option<i64>,
}

impl Store {
    /// Every node that is known, by name.
    pub async fn list_nodes(&self) -> Result<Vec<NodeRecord>, ReadError> {
        let values = arguments![number(MISSED_MAX)];
        let rows: Vec<Row> = self.fulfillment.all(LIST, values).await?;
        let records = rows.into_iter().map(record);
        records
            .collect::<Result<_, _>>()
            .map_err(ReadError::Damaged)
    }

    /// Forgets a node that is not there any more.
    pub async fn forget_node(&self, node: NodeId) -> Result<Forgotten, ChangeError> {
        let values = arguments![node.as_bytes()];
        if self.fulfillment.execute(FORGET, values).await? > 0 {
            return Ok(Forgotten::Now);
        }
        let (left,): (i64,) = self.fulfillment.one(COUNT, values).await?;
        Ok(match left {
            0 => Forgotten::Unknown,
            _ => Forgotten::IsThere,
        })
    }

    async fn enter_node(&self, who: &Introduction, state: &State) -> Result<Heard, Fault> {
        let roles = role_names(&who.roles);
        let mut write = self.fulfillment.write().await?;
        let replaced = arguments![who.node.as_bytes(), who.run.as_bytes()];
        write.execute(REPLACE, replaced).await?;
        let heard = write.all(SAY, &said(who, &roles, state)).await?;
        write.commit().await?;
        heard_of(heard.into_iter().next())
    }

    async fn renew_node(&self, who: &Introduction, state: &State) -> Result<Heard, Fault> {
        let roles = role_names(&who.roles);
        let values = said(who, &roles, state);
        heard_of(self.fulfillment.changed(SAY, &values).await?)
    }
}

#[async_trait]
impl NodeRegistry for Store {
    async fn enter(&self, who: &Introduction, state: &State) -> Result<Heard, Unavailable> {
        self.enter_node(who, state).await.map_err(unavailable)
    }

    async fn renew(&self, who: &Introduction, state: &State) -> Result<Heard, Unavailable> {
        self.renew_node(who, state).await.map_err(unavailable)
    }

    async fn leave(&self, who: &Introduction) -> Result<(), Unavailable> {
        let values = arguments![who.node.as_bytes(), who.run.as_bytes()];
        let left = self.fulfillment.execute(LEAVE_TO_ANOTHER, values).await;
        if left.map_err(unavailable)? == 0 {
            let left = self.fulfillment.execute(LEAVE, values).await;
            left.map_err(unavailable)?;
        }
        Ok(())
    }

    async fn forget_unseen(&self, kept: Duration) -> Result<u64, Unavailable> {
        let values = arguments![milliseconds(kept)];
        let forgotten = self.fulfillment.execute(FORGET_UNSEEN, values).await;
        forgotten.map_err(unavailable)
    }
}

fn said<'a>(who: &'a Introduction, roles: &'a str, state: &State) -> [Argument<'a>; 15] {
    [
        who.node.as_bytes().into(),
        who.run.as_bytes().into(),
        who.place.as_str().into(),
        who.name.as_str().into(),
        roles.into(),
        who.version.as_str().into(),
        who.address.as_deref().into(),
        match state.doing {
            Doing::Serving => "serving",
            Doing::Draining => "draining",
        }
        .into(),
        milliseconds(who.silent_after).into(),
        state.position.map(|position| position.epoch).into(),
        state.position.map(|position| position.number).into(),
        milliseconds(state.lease_left).into(),
        number(state.rows_waiting).into(),
        state.clock_ahead_ms.into(),
        milliseconds(state.up).into(),
    ]
}

fn role_names(roles: &[NodeRole]) -> String {
    let names = roles.iter().map(|role| role.slug());
    names.collect::<Vec<_>>().join(",")
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn heard_of(row: Option<(i64, i64)>) -> Result<Heard, Fault> {
    let (at, copies) =
        row.ok_or_else(|| Damaged::new(TABLE, "state", "this process has said that it ends"))?;
    Ok(Heard {
        at: moment(at),
        copies: counted(TABLE, "run", copies)?,
    })
}

fn record(row: Row) -> Result<NodeRecord, Damaged> {
    let seen_at = moment(row.seen_at);
    let followed = match (row.epoch, row.applied) {
        (Some(epoch), Some(number)) => Some(FollowedTo {
            position: ChangePosition { epoch, number },
            missed: missed(&row, seen_at)?,
        }),
        _ => None,
    };
    let length = |column, ms| counted(TABLE, column, ms).map(Duration::from_millis);
    Ok(NodeRecord {
        node: NodeId::from_bytes(sized(TABLE, "node", &row.node)?),
        run: RunId::from_bytes(sized(TABLE, "run", &row.run)?),
        place: row.place,
        name: row.name,
        roles: row.roles.split(',').map(str::to_owned).collect(),
        version: row.version,
        address: row.address,
        said: match row.state.as_str() {
            "serving" => Said::Serving,
            "draining" => Said::Draining,
            "gone" => Said::Gone,
            _ => return Err(Damaged::new(TABLE, "state", "not a state")),
        },
        started_at: moment(row.started_at),
        seen_at,
        asked_at: moment(row.now_ms),
        silent_after: length("silent_after_ms", row.silent_after_ms)?,
        followed,
        lease_left: length("lease_left_ms", row.lease_left_ms)?,
        rows_waiting: counted(TABLE, "rows_waiting", row.rows_waiting)?,
        clock_ahead_ms: row.clock_ahead_ms,
    })
}

fn missed(row: &Row, seen_at: Timestamp) -> Result<Missed, Damaged> {
    Ok(match row.missed_since {
        _ if row.same_history == 0 => Missed::AnotherHistory,
        None => Missed::Nothing,
        Some(since) => Missed::Changes {
            count: counted("change_log", "number", row.missed)?,
            oldest_ms: ms_between(moment(since), seen_at),
        },
    })
}

fn unavailable(fault: Fault) -> Unavailable {
    fault.unavailable(Service::FulfillmentDatabase)
}
