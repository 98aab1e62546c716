//! Orders for repositories, as those see them who place them.
//!
//! An order holds all that a repository is made of, so that workers need no other table. It goes
//! when the activation has its package, or when nothing may be made for it any more.
//!
//! Whoever may write into the table has no say in what is made: an order's digest is a keyed hash
//! of all of it, the worker computes it anew, and what is delivered opens only for the digest that
//! was placed.

mod presence;
mod work;

use async_trait::async_trait;
use colophon_core::activation::ports::{Individual, RepositoryOrder};
use colophon_core::activation::repository_orders::backlog::Backlog;
use colophon_core::activation::repository_orders::{
    ATTEMPTS_MAX, KEPT_MS, OrderDigest, Placed, RepositoryOrders, Standing, Tried,
};
use colophon_core::id::FrontEndRef;
use colophon_core::ports::Unavailable;
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use super::handed_over::{LOCK_DEVICE_OF, LOCK_PERSONA_OF};
use super::{ActivationStore, unavailable};
use crate::database::arguments;
use crate::failure::{Damaged, Fault};
use crate::parse::{counted, moment};
use crate::secrets::{Column, Secrets};

/// A column of the table of orders.
const fn column(name: &'static str) -> Column {
    Column {
        table: "repository_orders",
        name,
    }
}

pub(super) const PERSONA: Column = column("persona");
pub(super) const FACTS: Column = column("facts");
pub(super) const PRIVATE_KEY: Column = column("private_key");
/// This one and the next are bound to the order's digest as well as to its activation.
pub(super) const MODULE: Column = column("module");
pub(super) const SEALED_KEY: Column = column("sealed_key");

/// What an order for the same repository has in common with an earlier one.
const DIGEST: &str = "activation/repository-order";

const PACKAGES: &str = "SELECT COUNT(*) FROM activation_packages WHERE activation = $1";

/// The same order again is left as it is, unless nothing can come of it any more, or nobody who
/// can read what is sealed now can read it. Who is still at that same order may deliver.
const PLACE: &str = "INSERT INTO repository_orders (activation, key_name, digest, persona, machine, \
    facts, roots, private_key, placed_at, kept_until, attempts, lease_until) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0) \
    ON CONFLICT (activation) DO UPDATE SET key_name = excluded.key_name, digest = excluded.digest, \
    persona = excluded.persona, machine = excluded.machine, facts = excluded.facts, \
    roots = excluded.roots, private_key = excluded.private_key, placed_at = excluded.placed_at, \
    kept_until = excluded.kept_until, attempts = 0, \
    worker = CASE WHEN repository_orders.digest = excluded.digest THEN repository_orders.worker END, \
    claim = CASE WHEN repository_orders.digest = excluded.digest THEN repository_orders.claim END, \
    lease_until = 0, problem = NULL, made_at = NULL, module = NULL, sealed_key = NULL \
    WHERE repository_orders.digest <> excluded.digest OR (repository_orders.made_at IS NULL \
    AND (repository_orders.key_name <> excluded.key_name \
    OR (repository_orders.attempts >= $11 AND repository_orders.lease_until <= $9)))";

const STANDING: &str = "SELECT digest, attempts, lease_until, problem, module, sealed_key, \
    (SELECT COUNT(*) FROM repository_workers WHERE present_until > $2 AND key_name = $3) AS workers \
    FROM repository_orders WHERE activation = $1";

/// What is open here is what [`Tried::is_open`] calls so. Orders under another master key are those of
/// other hosts: no worker of ours can make them, and it is not for us to say that they wait.
const BACKLOG: &str = "SELECT \
    COUNT(CASE WHEN attempts < $2 OR lease_until > $1 THEN 1 END) AS waiting, \
    MIN(CASE WHEN attempts < $2 OR lease_until > $1 THEN placed_at END) AS oldest, \
    COUNT(CASE WHEN attempts >= $2 AND lease_until <= $1 THEN 1 END) AS failed, \
    MAX(CASE WHEN attempts >= $2 AND lease_until <= $1 THEN lease_until END) AS failed_at, \
    (SELECT COUNT(*) FROM repository_workers WHERE present_until > $1 AND key_name = $3) AS workers, \
    (SELECT COUNT(*) FROM repository_workers WHERE present_until > $1 AND key_name <> $3) \
    AS strangers, \
    (SELECT problem FROM repository_orders WHERE made_at IS NULL AND key_name = $3 \
    AND attempts >= $2 AND lease_until <= $1 ORDER BY lease_until DESC, activation LIMIT 1) AS problem \
    FROM repository_orders WHERE made_at IS NULL AND key_name = $3";

const DROP_DELIVERED: &str = "DELETE FROM repository_orders \
    WHERE activation = $1 AND digest = $2 AND made_at IS NOT NULL";

pub(super) const DROP_ORDER: &str = "DELETE FROM repository_orders WHERE activation = $1";

pub(super) const DROP_ORDERS_OF_DEVICE: &str = "DELETE FROM repository_orders \
    WHERE activation IN (SELECT id FROM activations WHERE device = $1)";

pub(super) const DROP_ORDERS_OF_PERSONA: &str = "DELETE FROM repository_orders \
    WHERE activation IN (SELECT id FROM activations WHERE persona = $1)";

#[derive(FromRow)]
struct StandingRow {
    digest: Vec<u8>,
    attempts: i64,
    lease_until: i64,
    problem: Option<String>,
    module: Option<Vec<u8>>,
    sealed_key: Option<Vec<u8>>,
    workers: i64,
}

#[derive(FromRow)]
struct BacklogRow {
    waiting: i64,
    oldest: Option<i64>,
    failed: i64,
    failed_at: Option<i64>,
    workers: i64,
    strangers: i64,
    problem: Option<String>,
}

/// What was ordered, as a keyed hash.
fn digest(secrets: &Secrets, order: &RepositoryOrder) -> OrderDigest {
    let facts = order.facts.to_json();
    let roots: Vec<u8> = order.roots.iter().flatten().collect();
    let parts = [
        order.persona.as_str().as_bytes(),
        order.machine.as_bytes(),
        facts.as_bytes(),
        &roots,
        &order.pkcs8,
    ];
    OrderDigest::from_bytes(secrets.pseudonym(DIGEST, &parts))
}

impl ActivationStore {
    /// Enters an order in one transaction with the locks that everything begins with that is kept
    /// for a persona's machine: what was taken back stays without one.
    async fn place_order(
        &self,
        order: &RepositoryOrder,
        now: Timestamp,
    ) -> Result<Option<Placed>, Fault> {
        let activation = order.activation;
        let id = activation.as_bytes();
        let digest = digest(&self.secrets, order);
        let roots: Vec<u8> = order.roots.iter().flatten().collect();
        let persona = order.persona.as_str().as_bytes();
        let persona = self.secrets.seal(PERSONA, &[id], persona);
        let facts = order.facts.to_json();
        let facts = self.secrets.seal(FACTS, &[id], facts.as_bytes());
        let private_key = self.secrets.seal(PRIVATE_KEY, &[id], &order.pkcs8);
        let mut write = self.database.write().await?;
        for lock in [LOCK_PERSONA_OF, LOCK_DEVICE_OF] {
            if write.execute(lock, arguments![id]).await? == 0 {
                write.undo().await?;
                return Ok(None);
            }
        }
        let packages: Option<(i64,)> = write.optional(PACKAGES, arguments![id]).await?;
        if packages.is_some_and(|(packages,)| packages > 0) {
            write.undo().await?;
            return Ok(None);
        }
        let key_name = self.secrets.key_name();
        let values = arguments![
            id,
            &key_name,
            digest.as_bytes(),
            &persona,
            order.machine.as_bytes(),
            &facts,
            &roots,
            &private_key,
            now.unix_ms(),
            now.unix_ms() + KEPT_MS,
            i64::from(ATTEMPTS_MAX),
        ];
        write.execute(PLACE, values).await?;
        write.commit().await?;
        Ok(Some(Placed { activation, digest }))
    }

    async fn order_standing(
        &self,
        placed: &Placed,
        now: Timestamp,
    ) -> Result<Option<Standing>, Fault> {
        let id = placed.activation.as_bytes();
        let key_name = self.secrets.key_name();
        let values = arguments![id, now.unix_ms(), &key_name];
        let row: Option<StandingRow> = self.database.optional(STANDING, values).await?;
        let Some(row) = row else {
            return Ok(None);
        };
        if row.digest != placed.digest.as_bytes() {
            return Ok(Some(Standing::Replaced));
        }
        if let (Some(module), Some(sealed_key)) = (&row.module, &row.sealed_key) {
            let opened = self.open_delivered(placed, module, sealed_key);
            if opened.is_err() {
                // Or it would be found by the reader that asks again, and nothing be made for it.
                let values = arguments![id, placed.digest.as_bytes()];
                self.database.execute(DROP_DELIVERED, values).await?;
            }
            return Ok(Some(Standing::Made(opened?)));
        }
        let tried = Tried {
            attempts: counted("repository_orders", "attempts", row.attempts)?,
            lease_until: moment(row.lease_until),
            problem: row.problem,
        };
        let workers = counted("repository_workers", "worker", row.workers)?;
        Ok(Some(tried.standing(workers, now)))
    }

    fn open_delivered(
        &self,
        placed: &Placed,
        module: &[u8],
        sealed_key: &[u8],
    ) -> Result<Individual, Damaged> {
        let row: [&[u8]; 2] = [placed.activation.as_bytes(), placed.digest.as_bytes()];
        let module = self.secrets.open(MODULE, &row, module)?;
        let sealed_key = self.secrets.open(SEALED_KEY, &row, sealed_key)?;
        Ok(Individual {
            module: module.to_vec(),
            sealed_key: sealed_key.to_vec(),
        })
    }

    async fn order_backlog(&self, now: Timestamp) -> Result<Backlog, Fault> {
        let key_name = self.secrets.key_name();
        let values = arguments![now.unix_ms(), i64::from(ATTEMPTS_MAX), &key_name];
        let row: BacklogRow = self.database.one(BACKLOG, values).await?;
        let count =
            |number| -> Result<u64, Damaged> { counted("repository_orders", "activation", number) };
        Ok(Backlog {
            waiting: count(row.waiting)?,
            oldest: row.oldest.map(moment),
            failed: count(row.failed)?,
            failed_at: row.failed_at.map(moment),
            problem: row.problem,
            workers: count(row.workers)?,
            strangers: count(row.strangers)?,
        })
    }
}

#[async_trait]
impl RepositoryOrders for ActivationStore {
    async fn rely(&self, front_end: FrontEndRef, now: Timestamp) -> Result<(), Unavailable> {
        let relied = self.note_front_end(front_end, now).await;
        relied.map_err(unavailable)
    }

    async fn rely_no_more(&self, front_end: FrontEndRef) -> Result<(), Unavailable> {
        let forgotten = self.forget_front_end(front_end).await;
        forgotten.map_err(unavailable)
    }

    async fn place(
        &self,
        order: &RepositoryOrder,
        now: Timestamp,
    ) -> Result<Option<Placed>, Unavailable> {
        self.place_order(order, now).await.map_err(unavailable)
    }

    async fn standing(
        &self,
        placed: &Placed,
        now: Timestamp,
    ) -> Result<Option<Standing>, Unavailable> {
        self.order_standing(placed, now).await.map_err(unavailable)
    }

    async fn backlog(&self, now: Timestamp) -> Result<Backlog, Unavailable> {
        self.order_backlog(now).await.map_err(unavailable)
    }
}
