//! Which workers are at work, and which front ends rely on them.

use colophon_core::activation::repository_orders::{Demand, PRESENT_MS};
use colophon_core::id::{FrontEndRef, WorkerRef};
use colophon_core::time::Timestamp;

use crate::activation::ActivationStore;
use crate::database::arguments;
use crate::failure::Fault;
use crate::parse::counted;

const NOTE_WORKER: &str = "INSERT INTO repository_workers (worker, key_name, present_until) \
    VALUES ($1, $2, $3) ON CONFLICT (worker) DO UPDATE SET key_name = excluded.key_name, \
    present_until = excluded.present_until";

const FORGET_WORKER: &str = "DELETE FROM repository_workers WHERE worker = $1";

const NOTE_FRONT_END: &str = "INSERT INTO repository_front_ends (front_end, key_name, \
    present_until) VALUES ($1, $2, $3) ON CONFLICT (front_end) DO UPDATE \
    SET key_name = excluded.key_name, present_until = excluded.present_until";

const FORGET_FRONT_END: &str = "DELETE FROM repository_front_ends WHERE front_end = $1";

const DEMAND: &str = "SELECT COUNT(CASE WHEN key_name = $2 THEN 1 END) AS front_ends, \
    COUNT(CASE WHEN key_name <> $2 THEN 1 END) AS strangers \
    FROM repository_front_ends WHERE present_until > $1";

impl ActivationStore {
    pub(super) async fn note_worker(&self, worker: WorkerRef, now: Timestamp) -> Result<(), Fault> {
        self.note(NOTE_WORKER, worker.as_bytes(), now).await
    }

    pub(super) async fn forget_worker(&self, worker: WorkerRef) -> Result<(), Fault> {
        let values = arguments![worker.as_bytes()];
        self.database.execute(FORGET_WORKER, values).await.map(drop)
    }

    pub(super) async fn note_front_end(
        &self,
        front_end: FrontEndRef,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.note(NOTE_FRONT_END, front_end.as_bytes(), now).await
    }

    pub(super) async fn forget_front_end(&self, front_end: FrontEndRef) -> Result<(), Fault> {
        let values = arguments![front_end.as_bytes()];
        let forgotten = self.database.execute(FORGET_FRONT_END, values).await;
        forgotten.map(drop)
    }

    /// Notes who is there for a while, under the key it works with.
    async fn note(&self, sql: &'static str, who: &[u8], now: Timestamp) -> Result<(), Fault> {
        let key_name = self.secrets.key_name();
        let values = arguments![who, &key_name, now.unix_ms() + PRESENT_MS];
        self.database.execute(sql, values).await.map(drop)
    }

    pub(super) async fn count_demand(&self, now: Timestamp) -> Result<Demand, Fault> {
        let key_name = self.secrets.key_name();
        let values = arguments![now.unix_ms(), &key_name];
        let (front_ends, strangers): (i64, i64) = self.database.one(DEMAND, values).await?;
        Ok(Demand {
            front_ends: counted("repository_front_ends", "front_end", front_ends)?,
            strangers: counted("repository_front_ends", "front_end", strangers)?,
        })
    }
}
