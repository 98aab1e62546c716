//! Key pairs: the pool, and the one a persona has.

use async_trait::async_trait;
use colophon_core::activation::key_pair::{PersonaKeyPair, PersonaPublicKey};
use colophon_core::activation::ports::KeyPool;
use colophon_core::id::PersonaRef;
use colophon_core::ports::Unavailable;
use colophon_core::time::Timestamp;

use super::{ActivationStore, unavailable};
use crate::database::{Placeholders, Write, arguments};
use crate::failure::{Damaged, Fault};
use crate::parse::{counted, sized};
use crate::secrets::Column;

pub(super) const PRIVATE_KEY: Column = Column {
    table: "key_pairs",
    name: "private_key",
};

const WAITING: &str = "SELECT COUNT(*) FROM key_pairs WHERE persona IS NULL";

const INSERT: &str = "INSERT INTO key_pairs (id, public_key, private_key, created_at) \
    VALUES ($1, $2, $3, $4)";

const OF_PERSONA: &str = "SELECT id, public_key, private_key FROM key_pairs WHERE persona = $1";

/// The next key pair. The engines differ in how many personas take one at a time: SQLite has one
/// writer; on PostgreSQL each passes over those that others are about to take.
const TAKE_IN_SQLITE: &str = "UPDATE key_pairs SET persona = $1, assigned_at = $2 WHERE id = \
    (SELECT id FROM key_pairs WHERE persona IS NULL ORDER BY created_at, id LIMIT 1) \
    RETURNING id, public_key, private_key";

const TAKE_IN_POSTGRES: &str = "UPDATE key_pairs SET persona = $1, assigned_at = $2 WHERE id = \
    (SELECT id FROM key_pairs WHERE persona IS NULL ORDER BY created_at, id LIMIT 1 \
    FOR UPDATE SKIP LOCKED) RETURNING id, public_key, private_key";

type PairRow = (Vec<u8>, Vec<u8>, Vec<u8>);

impl ActivationStore {
    /// The key pair of a persona, taken from the pool if it has none; none if the pool is empty.
    pub(super) async fn persona_key(
        &self,
        write: &mut Write,
        persona: PersonaRef,
        now: Timestamp,
    ) -> Result<Option<PersonaKeyPair>, Fault> {
        let id = persona.as_bytes();
        let kept: Option<PairRow> = write.optional(OF_PERSONA, arguments![id]).await?;
        if let Some(row) = kept {
            return Ok(Some(self.open_pair(&row)?));
        }
        let take = match write.placeholders() {
            Placeholders::InOrder => TAKE_IN_SQLITE,
            Placeholders::Numbered => TAKE_IN_POSTGRES,
        };
        let taken: Vec<PairRow> = write.all(take, arguments![id, now.unix_ms()]).await?;
        Ok(taken.first().map(|row| self.open_pair(row)).transpose()?)
    }

    fn open_pair(&self, (id, public, sealed): &PairRow) -> Result<PersonaKeyPair, Damaged> {
        let id: [u8; 16] = sized("key_pairs", "id", id)?;
        let public = PersonaPublicKey::parse(public);
        Ok(PersonaKeyPair {
            public: public.map_err(|error| Damaged::new("key_pairs", "public_key", error))?,
            pkcs8: self.secrets.open(PRIVATE_KEY, &[&id], sealed)?,
        })
    }
}

#[async_trait]
impl KeyPool for ActivationStore {
    async fn waiting(&self) -> Result<u64, Unavailable> {
        let count: Result<(i64,), Fault> = self.database.one(WAITING, arguments![]).await;
        let (count,) = count.map_err(unavailable)?;
        let count = counted("key_pairs", "id", count);
        count.map_err(|damaged| unavailable(damaged.into()))
    }

    async fn add(&self, pair: &PersonaKeyPair, now: Timestamp) -> Result<(), Unavailable> {
        let id = self.secrets.fresh_id();
        let sealed = self.secrets.seal(PRIVATE_KEY, &[&id], &pair.pkcs8);
        let values = arguments![&id, pair.public.spki_der(), &sealed, now.unix_ms()];
        let added = self.database.execute(INSERT, values).await;
        added.map(drop).map_err(unavailable)
    }
}
