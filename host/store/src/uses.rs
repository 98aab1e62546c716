//! Purchases that may be downloaded a limited number of times.

use async_trait::async_trait;
use colophon_core::log::Purchase;
use colophon_core::ports::{Resumption, Service, Unavailable, Use, Uses};
use colophon_core::time::Timestamp;
use colophon_crypto::Engine;
use tokio::runtime::Handle;

use crate::database::arguments;
use crate::parse::number;
use crate::store::Store;

/// Counts and checks in one statement: of any number that run at once, exactly as many as the limit
/// allows return a row.
const TAKE: &str = "INSERT INTO purchase_uses (purchase, center, used, resumable, used_at) \
    VALUES ($1, $2, 1, $3, $4) ON CONFLICT (purchase) DO UPDATE \
    SET used = purchase_uses.used + 1, used_at = excluded.used_at, \
    resumable = purchase_uses.resumable + excluded.resumable \
    WHERE purchase_uses.used < $5 RETURNING used";

const RESUME: &str = "UPDATE purchase_uses SET resumable = resumable - $2 \
    WHERE purchase = $1 AND resumable >= $2 RETURNING used";

const GIVE_BACK: &str = "UPDATE purchase_uses SET resumable = resumable + $2 WHERE purchase = $1";

const GIVE_BACK_TRIES: usize = 5;

const TAKEN: &str = "SELECT used FROM purchase_uses WHERE purchase = $1";

#[async_trait]
impl Uses for Store {
    async fn take(
        &self,
        purchase: &Purchase,
        limit: u32,
        resumable: u64,
        now: Timestamp,
    ) -> Result<Use, Unavailable> {
        // The statement's condition is on rows that are there; the first use would pass it.
        if limit == 0 {
            return Ok(Use::Exhausted);
        }
        let key = purchase_key(self.secrets.engine(), purchase);
        let center = purchase.center.as_str();
        let (resumable, now) = (number(resumable), now.unix_ms());
        let values = arguments![&key, center, resumable, now, i64::from(limit)];
        let counted: Result<Option<(i64,)>, _> = self.fulfillment.changed(TAKE, values).await;
        match counted.map_err(|fault| fault.unavailable(Service::FulfillmentDatabase))? {
            Some(_) => Ok(Use::Taken),
            None => Ok(Use::Exhausted),
        }
    }

    async fn taken(&self, purchase: &Purchase) -> Result<u32, Unavailable> {
        let key = purchase_key(self.secrets.engine(), purchase);
        let rows: Result<Vec<(i64,)>, _> = self.fulfillment.all(TAKEN, arguments![&key]).await;
        let rows = rows.map_err(|fault| fault.unavailable(Service::FulfillmentDatabase))?;
        let used = rows.first().map_or(0, |(used,)| *used);
        Ok(u32::try_from(used).unwrap_or(u32::MAX))
    }

    async fn resume(&self, purchase: &Purchase, bytes: u64) -> Result<Resumption, Unavailable> {
        let key = purchase_key(self.secrets.engine(), purchase);
        let values = arguments![&key, number(bytes)];
        let paid: Result<Option<(i64,)>, _> = self.fulfillment.changed(RESUME, values).await;
        match paid.map_err(|fault| fault.unavailable(Service::FulfillmentDatabase))? {
            Some(_) => Ok(Resumption::Paid),
            None if self.taken(purchase).await? > 0 => Ok(Resumption::Spent),
            None => Ok(Resumption::NothingCounted),
        }
    }

    fn give_back(&self, purchase: &Purchase, bytes: u64) {
        let key = purchase_key(self.secrets.engine(), purchase);
        let database = self.fulfillment.clone();
        let giving = async move {
            let mut outcome = Ok(0);
            // Many downloads may end at once and wait for one connection; each try waits for it.
            for _ in 0..GIVE_BACK_TRIES {
                outcome = database
                    .execute(GIVE_BACK, arguments![&key, number(bytes)])
                    .await;
                if outcome.is_ok() {
                    return;
                }
            }
            let error = outcome
                .err()
                .map(|fault| fault.unavailable(database.service()));
            tracing::warn!(
                ?error,
                bytes,
                "unsent bytes of a limited purchase were not given back"
            );
        };
        match Handle::try_current() {
            Ok(runtime) => drop(self.under_way.spawn_on(giving, &runtime)),
            Err(_) => tracing::warn!(
                bytes,
                "unsent bytes of a limited purchase were not given back"
            ),
        }
    }
}

/// A purchase by the digest of its parts, which is short enough for an index however long they are.
pub(crate) fn purchase_key(engine: &dyn Engine, purchase: &Purchase) -> [u8; 32] {
    engine.digest(&[&colophon_crypto::frames(&purchase.parts())])
}
