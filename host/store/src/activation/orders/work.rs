//! Orders for repositories, as workers see them.

use async_trait::async_trait;
use colophon_activation::{MachineFacts, MachineId, PinnedRoots};
use colophon_core::activation::ports::{Individual, RepositoryOrder};
use colophon_core::activation::repository_orders::{
    ATTEMPTS_MAX, AttemptFailed, Claim, Claimed, PRESENT_MS, RepositoryWork, UNFINISHED,
};
use colophon_core::causes::causes;
use colophon_core::id::{ActivationRef, ClaimRef, WorkerRef};
use colophon_core::ports::Unavailable;
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use super::{FACTS, MODULE, PERSONA, PRIVATE_KEY, SEALED_KEY};
use crate::activation::{ActivationStore, unavailable};
use crate::database::arguments;
use crate::failure::{Damaged, Fault};
use crate::parse::{counted, parsed, sized};

const ANNOUNCE: &str = "INSERT INTO repository_workers (worker, present_until) VALUES ($1, $2) \
    ON CONFLICT (worker) DO UPDATE SET present_until = excluded.present_until";

const LEAVE: &str = "DELETE FROM repository_workers WHERE worker = $1";

/// Whether a claim may come to something. A claim writes, and an idle worker should not.
const CLAIMABLE: &str = "SELECT COUNT(*) FROM repository_orders \
    WHERE made_at IS NULL AND lease_until <= $1 AND attempts < $2";

/// Of several who find the same order at once, one changes it first; for the others it is not
/// claimable any more, which the statement asks a second time for that reason.
const CLAIM: &str = "UPDATE repository_orders SET worker = $1, claim = $2, lease_until = $3, \
    attempts = attempts + 1, problem = $6 \
    WHERE activation = (SELECT activation FROM repository_orders \
    WHERE made_at IS NULL AND lease_until <= $4 AND attempts < $5 \
    ORDER BY placed_at, activation LIMIT 1) \
    AND made_at IS NULL AND lease_until <= $4 AND attempts < $5 \
    RETURNING activation, persona, machine, facts, roots, private_key, attempts";

const DELIVER: &str = "UPDATE repository_orders SET module = $3, sealed_key = $4, made_at = $5, \
    private_key = NULL, claim = NULL, problem = NULL \
    WHERE activation = $1 AND claim = $2 AND made_at IS NULL";

const FAIL: &str = "UPDATE repository_orders SET attempts = $3, lease_until = $4, \
    claim = NULL, problem = $5 WHERE activation = $1 AND claim = $2 AND made_at IS NULL";

#[derive(FromRow)]
struct ClaimedRow {
    activation: Vec<u8>,
    persona: Vec<u8>,
    machine: Vec<u8>,
    facts: Vec<u8>,
    roots: Vec<u8>,
    private_key: Vec<u8>,
    attempts: i64,
}

impl ActivationStore {
    async fn claim_order(
        &self,
        worker: WorkerRef,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<Claimed>, Fault> {
        let most = i64::from(ATTEMPTS_MAX);
        let values = arguments![now.unix_ms(), most];
        let (claimable,): (i64,) = self.database.one(CLAIMABLE, values).await?;
        if claimable == 0 {
            return Ok(None);
        }
        let claim = ClaimRef::from_bytes(self.secrets.fresh_id());
        let values = arguments![
            worker.as_bytes(),
            claim.as_bytes(),
            lease_until.unix_ms(),
            now.unix_ms(),
            most,
            UNFINISHED,
        ];
        let row: Option<ClaimedRow> = self.database.changed(CLAIM, values).await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let claim = Claim {
            activation: ActivationRef::from_bytes(sized(
                "repository_orders",
                "activation",
                &row.activation,
            )?),
            claim,
            attempt: counted("repository_orders", "attempts", row.attempts)?,
        };
        match self.open_order(claim.activation, &row) {
            Ok(order) => Ok(Some(Claimed { claim, order })),
            Err(damaged) => {
                // Read by a worker with another master key it may still be sound for the next one.
                let failure = AttemptFailed::Broken(causes(&damaged));
                self.fail_order(&claim, &failure, now).await?;
                Err(damaged.into())
            }
        }
    }

    fn open_order(
        &self,
        activation: ActivationRef,
        row: &ClaimedRow,
    ) -> Result<RepositoryOrder, Damaged> {
        let id = activation.as_bytes();
        let damaged = |column, error: Box<dyn std::error::Error + Send + Sync>| {
            Damaged::new("repository_orders", column, error)
        };
        let persona = self.secrets.open(PERSONA, &[id], &row.persona)?;
        let persona = String::from_utf8_lossy(&persona);
        let facts = self.secrets.open(FACTS, &[id], &row.facts)?;
        let facts = MachineFacts::parse(&facts);
        let (roots, rest) = row.roots.as_chunks();
        if !rest.is_empty() {
            return Err(damaged("roots", "not of 32 bytes each".into()));
        }
        let roots = PinnedRoots::new(roots.iter().copied());
        Ok(RepositoryOrder {
            activation,
            persona: parsed("repository_orders", "persona", &persona)?,
            machine: MachineId::from_bytes(sized("repository_orders", "machine", &row.machine)?),
            facts: facts.map_err(|error| damaged("facts", error.into()))?,
            roots: roots.map_err(|error| damaged("roots", error.into()))?,
            pkcs8: self.secrets.open(PRIVATE_KEY, &[id], &row.private_key)?,
        })
    }

    async fn deliver_order(
        &self,
        claim: &Claim,
        individual: &Individual,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let id = claim.activation.as_bytes();
        let module = self.secrets.seal(MODULE, &[id], &individual.module);
        let sealed_key = self.secrets.seal(SEALED_KEY, &[id], &individual.sealed_key);
        let values = arguments![
            id,
            claim.claim.as_bytes(),
            &module,
            &sealed_key,
            now.unix_ms(),
        ];
        Ok(self.database.execute(DELIVER, values).await? > 0)
    }

    async fn fail_order(
        &self,
        claim: &Claim,
        failure: &AttemptFailed,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let tried = failure.after(claim.attempt, now);
        let values = arguments![
            claim.activation.as_bytes(),
            claim.claim.as_bytes(),
            i64::from(tried.attempts),
            tried.lease_until.unix_ms(),
            tried.problem.as_deref(),
        ];
        Ok(self.database.execute(FAIL, values).await? > 0)
    }
}

#[async_trait]
impl RepositoryWork for ActivationStore {
    async fn announce(&self, worker: WorkerRef, now: Timestamp) -> Result<(), Unavailable> {
        let values = arguments![worker.as_bytes(), now.unix_ms() + PRESENT_MS];
        let announced = self.database.execute(ANNOUNCE, values).await;
        announced.map(drop).map_err(unavailable)
    }

    async fn leave(&self, worker: WorkerRef) -> Result<(), Unavailable> {
        let values = arguments![worker.as_bytes()];
        let left = self.database.execute(LEAVE, values).await;
        left.map(drop).map_err(unavailable)
    }

    async fn claim(
        &self,
        worker: WorkerRef,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<Claimed>, Unavailable> {
        let claimed = self.claim_order(worker, now, lease_until).await;
        claimed.map_err(unavailable)
    }

    async fn deliver(
        &self,
        claim: &Claim,
        individual: &Individual,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        let delivered = self.deliver_order(claim, individual, now).await;
        delivered.map_err(unavailable)
    }

    async fn fail(
        &self,
        claim: &Claim,
        failure: &AttemptFailed,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        let failed = self.fail_order(claim, failure, now).await;
        failed.map_err(unavailable)
    }
}
