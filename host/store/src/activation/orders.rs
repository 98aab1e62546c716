//! Orders for repositories, as those see them who place them.
//!
//! An order holds all that a repository is made of, so that workers need no other table. It goes
//! when the activation has its package, or when nothing may be made for it any more.

mod work;

use async_trait::async_trait;
use colophon_core::activation::ports::{Individual, RepositoryOrder};
use colophon_core::activation::repository_orders::{
    ATTEMPTS_MAX, Backlog, KEPT_MS, RepositoryOrders, Standing, Tried,
};
use colophon_core::id::ActivationRef;
use colophon_core::ports::Unavailable;
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use super::handed_over::{LOCK_DEVICE_OF, LOCK_PERSONA_OF};
use super::{ActivationStore, unavailable};
use crate::database::arguments;
use crate::failure::{Damaged, Fault};
use crate::parse::{counted, moment};
use crate::secrets::Column;

/// A column of the table of orders.
const fn column(name: &'static str) -> Column {
    Column {
        table: "repository_orders",
        name,
    }
}

const PERSONA: Column = column("persona");
const FACTS: Column = column("facts");
pub(super) const PRIVATE_KEY: Column = column("private_key");
const MODULE: Column = column("module");
const SEALED_KEY: Column = column("sealed_key");

/// What an order for the same repository has in common with an earlier one.
const DIGEST: &str = "activation/repository-order";

const PACKAGES: &str = "SELECT COUNT(*) FROM activation_packages WHERE activation = $1";

/// The same order again is left as it is, unless nothing can come of it any more.
const PLACE: &str = "INSERT INTO repository_orders (activation, digest, persona, machine, facts, \
    roots, private_key, placed_at, kept_until, attempts, lease_until) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0) \
    ON CONFLICT (activation) DO UPDATE SET digest = excluded.digest, persona = excluded.persona, \
    machine = excluded.machine, facts = excluded.facts, roots = excluded.roots, \
    private_key = excluded.private_key, placed_at = excluded.placed_at, \
    kept_until = excluded.kept_until, attempts = 0, worker = NULL, claim = NULL, lease_until = 0, \
    problem = NULL, made_at = NULL, module = NULL, sealed_key = NULL \
    WHERE repository_orders.digest <> excluded.digest OR (repository_orders.made_at IS NULL \
    AND repository_orders.attempts >= $10 AND repository_orders.lease_until <= $8)";

const STANDING: &str = "SELECT attempts, lease_until, problem, module, sealed_key, \
    (SELECT COUNT(*) FROM repository_workers WHERE present_until > $2) AS workers \
    FROM repository_orders WHERE activation = $1";

/// What is open here is what [`Tried::is_open`] calls so.
const BACKLOG: &str = "SELECT \
    COUNT(CASE WHEN attempts < $2 OR lease_until > $1 THEN 1 END) AS waiting, \
    MIN(CASE WHEN attempts < $2 OR lease_until > $1 THEN placed_at END) AS oldest, \
    COUNT(CASE WHEN attempts >= $2 AND lease_until <= $1 THEN 1 END) AS failed, \
    (SELECT COUNT(*) FROM repository_workers WHERE present_until > $1) AS workers, \
    (SELECT problem FROM repository_orders WHERE made_at IS NULL AND attempts >= $2 \
    AND lease_until <= $1 ORDER BY placed_at DESC, activation LIMIT 1) AS problem \
    FROM repository_orders WHERE made_at IS NULL";

pub(super) const DROP_ORDER: &str = "DELETE FROM repository_orders WHERE activation = $1";

pub(super) const DROP_ORDERS_OF_DEVICE: &str = "DELETE FROM repository_orders \
    WHERE activation IN (SELECT id FROM activations WHERE device = $1)";

pub(super) const DROP_ORDERS_OF_PERSONA: &str = "DELETE FROM repository_orders \
    WHERE activation IN (SELECT id FROM activations WHERE persona = $1)";

#[derive(FromRow)]
struct StandingRow {
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
    workers: i64,
    problem: Option<String>,
}

impl ActivationStore {
    /// Enters an order in one transaction with the locks that everything begins with that is kept
    /// for a persona's machine: what was taken back stays without one.
    async fn place_order(&self, order: &RepositoryOrder, now: Timestamp) -> Result<bool, Fault> {
        let id = order.activation.as_bytes();
        let persona = order.persona.as_str().as_bytes();
        let machine = order.machine.as_bytes();
        let facts = order.facts.to_json();
        let roots: Vec<u8> = order.roots.iter().flatten().collect();
        let parts = [persona, machine, facts.as_bytes(), &roots, &order.pkcs8];
        let digest = self.secrets.pseudonym(DIGEST, &parts);
        let persona = self.secrets.seal(PERSONA, &[id], persona);
        let facts = self.secrets.seal(FACTS, &[id], facts.as_bytes());
        let private_key = self.secrets.seal(PRIVATE_KEY, &[id], &order.pkcs8);
        let mut write = self.database.write().await?;
        for lock in [LOCK_PERSONA_OF, LOCK_DEVICE_OF] {
            if write.execute(lock, arguments![id]).await? == 0 {
                write.undo().await?;
                return Ok(false);
            }
        }
        let packages: Option<(i64,)> = write.optional(PACKAGES, arguments![id]).await?;
        if packages.is_some_and(|(packages,)| packages > 0) {
            write.undo().await?;
            return Ok(false);
        }
        let values = arguments![
            id,
            &digest,
            &persona,
            machine,
            &facts,
            &roots,
            &private_key,
            now.unix_ms(),
            now.unix_ms() + KEPT_MS,
            i64::from(ATTEMPTS_MAX),
        ];
        write.execute(PLACE, values).await?;
        write.commit().await?;
        Ok(true)
    }

    async fn order_standing(
        &self,
        activation: ActivationRef,
        now: Timestamp,
    ) -> Result<Option<Standing>, Fault> {
        let id = activation.as_bytes();
        let values = arguments![id, now.unix_ms()];
        let row: Option<StandingRow> = self.database.optional(STANDING, values).await?;
        let Some(row) = row else {
            return Ok(None);
        };
        if let (Some(module), Some(sealed_key)) = (&row.module, &row.sealed_key) {
            let module = self.secrets.open(MODULE, &[id], module)?;
            let sealed_key = self.secrets.open(SEALED_KEY, &[id], sealed_key)?;
            return Ok(Some(Standing::Made(Individual {
                module: module.to_vec(),
                sealed_key: sealed_key.to_vec(),
            })));
        }
        let tried = Tried {
            attempts: counted("repository_orders", "attempts", row.attempts)?,
            lease_until: moment(row.lease_until),
            problem: row.problem,
        };
        let workers = counted("repository_workers", "worker", row.workers)?;
        Ok(Some(tried.standing(workers, now)))
    }

    async fn order_backlog(&self, now: Timestamp) -> Result<Backlog, Fault> {
        let values = arguments![now.unix_ms(), i64::from(ATTEMPTS_MAX)];
        let row: BacklogRow = self.database.one(BACKLOG, values).await?;
        let count =
            |number| -> Result<u64, Damaged> { counted("repository_orders", "activation", number) };
        Ok(Backlog {
            waiting: count(row.waiting)?,
            oldest: row.oldest.map(moment),
            failed: count(row.failed)?,
            problem: row.problem,
            workers: count(row.workers)?,
        })
    }
}

#[async_trait]
impl RepositoryOrders for ActivationStore {
    async fn place(&self, order: &RepositoryOrder, now: Timestamp) -> Result<bool, Unavailable> {
        self.place_order(order, now).await.map_err(unavailable)
    }

    async fn standing(
        &self,
        activation: ActivationRef,
        now: Timestamp,
    ) -> Result<Option<Standing>, Unavailable> {
        self.order_standing(activation, now)
            .await
            .map_err(unavailable)
    }

    async fn backlog(&self, now: Timestamp) -> Result<Backlog, Unavailable> {
        self.order_backlog(now).await.map_err(unavailable)
    }
}
