//! Orders for repositories, as workers see them.

use async_trait::async_trait;
use colophon_activation::{MachineFacts, MachineId, PinnedRoots};
use colophon_core::activation::ports::{Individual, RepositoryOrder};
use colophon_core::activation::repository_orders::{
    ATTEMPTS_MAX, AttemptFailed, Claim, Claimed, Claiming, Demand, OrderDigest, RepositoryWork,
    UNFINISHED,
};
use colophon_core::causes::causes;
use colophon_core::id::{ActivationRef, ClaimRef, WorkerRef};
use colophon_core::ports::Unavailable;
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use super::{FACTS, MODULE, PERSONA, PRIVATE_KEY, SEALED_KEY, digest};
use crate::activation::{ActivationStore, unavailable};
use crate::database::arguments;
use crate::failure::{Damaged, Fault};
use crate::parse::{counted, number, parsed, sized};

/// How often a worker reaches for an order that others take at the same moment.
const REACHES_MAX: usize = 16;

/// Among how many orders a worker that lost one chooses the next.
const SPREAD_MAX: u64 = 32;

/// Whether a claim may come to something. A claim writes, and an idle worker should not. What is
/// sealed under another key is left to those who have it.
const CLAIMABLE: &str = "SELECT COUNT(*) FROM repository_orders \
    WHERE made_at IS NULL AND lease_until <= $1 AND attempts < $2 AND key_name = $3";

/// Of several who find the same order at once, one changes it first; for the others it is not
/// claimable any more, which the statement asks a second time for that reason.
const CLAIM: &str = "UPDATE repository_orders SET worker = $1, claim = $2, lease_until = $3, \
    attempts = attempts + 1, problem = $6 \
    WHERE activation = (SELECT activation FROM repository_orders \
    WHERE made_at IS NULL AND lease_until <= $4 AND attempts < $5 AND key_name = $7 \
    ORDER BY placed_at, activation LIMIT 1 OFFSET $8) \
    AND made_at IS NULL AND lease_until <= $4 AND attempts < $5 AND key_name = $7 \
    RETURNING activation, digest, persona, machine, facts, roots, private_key, attempts";

const RENEW: &str = "UPDATE repository_orders SET lease_until = $3 \
    WHERE activation = $1 AND claim = $2 AND made_at IS NULL";

const DELIVER: &str = "UPDATE repository_orders SET module = $3, sealed_key = $4, made_at = $5, \
    private_key = NULL, claim = NULL, problem = NULL \
    WHERE activation = $1 AND claim = $2 AND made_at IS NULL";

/// An order that was placed anew meanwhile was not tried as often any more.
const FAIL: &str = "UPDATE repository_orders SET attempts = $4, lease_until = $5, \
    claim = NULL, problem = $6 \
    WHERE activation = $1 AND claim = $2 AND attempts = $3 AND made_at IS NULL";

#[derive(FromRow)]
struct ClaimedRow {
    activation: Vec<u8>,
    digest: Vec<u8>,
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
    ) -> Result<Claiming, Fault> {
        let most = i64::from(ATTEMPTS_MAX);
        let key_name = self.secrets.key_name();
        for reach in 0..REACHES_MAX {
            let values = arguments![now.unix_ms(), most, &key_name];
            let (claimable,): (i64,) = self.database.one(CLAIMABLE, values).await?;
            let claimable: u64 = counted("repository_orders", "activation", claimable)?;
            // The oldest; but where another was faster, everybody reaches for it.
            let passed_over = match (claimable, reach) {
                (0, _) => return Ok(Claiming::Nothing),
                (_, 0) => 0,
                (_, _) => self.secrets.below(claimable.min(SPREAD_MAX)),
            };
            let claim = ClaimRef::from_bytes(self.secrets.fresh_id());
            let values = arguments![
                worker.as_bytes(),
                claim.as_bytes(),
                lease_until.unix_ms(),
                now.unix_ms(),
                most,
                UNFINISHED,
                &key_name,
                number(passed_over),
            ];
            let row: Option<ClaimedRow> = self.database.changed(CLAIM, values).await?;
            if let Some(row) = row {
                return self.claimed(claim, &row, now).await;
            }
        }
        // So many others are at it that nothing will be left.
        Ok(Claiming::Nothing)
    }

    async fn claimed(
        &self,
        claim: ClaimRef,
        row: &ClaimedRow,
        now: Timestamp,
    ) -> Result<Claiming, Fault> {
        let activation = sized("repository_orders", "activation", &row.activation)?;
        let activation = ActivationRef::from_bytes(activation);
        let digest = sized("repository_orders", "digest", &row.digest)?;
        let claim = Claim {
            activation,
            claim,
            digest: OrderDigest::from_bytes(digest),
            attempt: counted("repository_orders", "attempts", row.attempts)?,
        };
        match self.open_order(&claim, row) {
            Ok(order) => Ok(Claiming::Claimed(Box::new(Claimed { claim, order }))),
            Err(damaged) => {
                let problem = causes(&damaged);
                let failure = AttemptFailed::Broken(problem.clone());
                self.fail_order(&claim, &failure, now).await?;
                Ok(Claiming::Damaged {
                    activation,
                    problem,
                })
            }
        }
    }

    fn open_order(&self, claim: &Claim, row: &ClaimedRow) -> Result<RepositoryOrder, Damaged> {
        let id = claim.activation.as_bytes();
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
        let order = RepositoryOrder {
            activation: claim.activation,
            persona: parsed("repository_orders", "persona", &persona)?,
            machine: MachineId::from_bytes(sized("repository_orders", "machine", &row.machine)?),
            facts: facts.map_err(|error| damaged("facts", error.into()))?,
            roots: roots.map_err(|error| damaged("roots", error.into()))?,
            pkcs8: self.secrets.open(PRIVATE_KEY, &[id], &row.private_key)?,
        };
        if digest(&self.secrets, &order) != claim.digest {
            return Err(damaged("digest", "it is not what was ordered".into()));
        }
        Ok(order)
    }

    async fn renew_lease(&self, claim: &Claim, lease_until: Timestamp) -> Result<bool, Fault> {
        let values = arguments![
            claim.activation.as_bytes(),
            claim.claim.as_bytes(),
            lease_until.unix_ms(),
        ];
        Ok(self.database.execute(RENEW, values).await? > 0)
    }

    async fn deliver_order(
        &self,
        claim: &Claim,
        individual: &Individual,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let id = claim.activation.as_bytes();
        let row: [&[u8]; 2] = [id, claim.digest.as_bytes()];
        let module = self.secrets.seal(MODULE, &row, &individual.module);
        let sealed_key = self.secrets.seal(SEALED_KEY, &row, &individual.sealed_key);
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
            i64::from(claim.attempt),
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
        self.note_worker(worker, now).await.map_err(unavailable)
    }

    async fn leave(&self, worker: WorkerRef) -> Result<(), Unavailable> {
        self.forget_worker(worker).await.map_err(unavailable)
    }

    async fn demand(&self, now: Timestamp) -> Result<Demand, Unavailable> {
        self.count_demand(now).await.map_err(unavailable)
    }

    async fn claim(
        &self,
        worker: WorkerRef,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Claiming, Unavailable> {
        let claiming = self.claim_order(worker, now, lease_until).await;
        claiming.map_err(unavailable)
    }

    async fn renew(&self, claim: &Claim, lease_until: Timestamp) -> Result<bool, Unavailable> {
        let renewed = self.renew_lease(claim, lease_until).await;
        renewed.map_err(unavailable)
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
