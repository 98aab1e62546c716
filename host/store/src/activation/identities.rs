//! Personas whom an OpenID Connect provider vouches for.

use colophon_core::activation::persona::ExternalIdentity;
use colophon_core::id::PersonaRef;
use colophon_core::time::Timestamp;

use super::ActivationStore;
use super::personas::persona_ref;
use crate::database::arguments;
use crate::failure::Fault;

const FIND: &str = "SELECT persona FROM identities WHERE identity = $1";

const INSERT: &str = "INSERT INTO identities (identity, persona) VALUES ($1, $2)";

const SET_PROFILE: &str = "UPDATE personas SET profile = $2 WHERE id = $1 AND erased_at IS NULL";

impl ActivationStore {
    /// Finds or makes the persona; [`Fault::Taken`] if its id is somebody else's.
    pub(super) async fn identified(
        &self,
        identity: &ExternalIdentity,
        now: Timestamp,
    ) -> Result<PersonaRef, Fault> {
        let parts = [identity.issuer.as_bytes(), identity.subject.as_bytes()];
        let key = self.secrets.pseudonym("activation/identity", &parts);
        if let Some(known) = self.known(&key).await? {
            self.follow_profile(known, identity).await?;
            return Ok(known);
        }
        match self.enter(&key, identity, now).await {
            // Somebody may have entered the same identity in the meantime.
            Err(Fault::Taken) => self.known(&key).await?.ok_or(Fault::Taken),
            entered => entered,
        }
    }

    async fn known(&self, key: &[u8; 32]) -> Result<Option<PersonaRef>, Fault> {
        let row: Option<(Vec<u8>,)> = self.database.optional(FIND, arguments![key]).await?;
        Ok(row.map(|(id,)| persona_ref(&id)).transpose()?)
    }

    async fn enter(
        &self,
        key: &[u8; 32],
        identity: &ExternalIdentity,
        now: Timestamp,
    ) -> Result<PersonaRef, Fault> {
        let mut write = self.database.write().await?;
        let persona = self
            .insert_persona(&mut write, &identity.persona, &identity.profile, now)
            .await?;
        write
            .execute(INSERT, arguments![key, persona.as_bytes()])
            .await?;
        write.commit().await?;
        Ok(persona)
    }

    async fn follow_profile(
        &self,
        record: PersonaRef,
        identity: &ExternalIdentity,
    ) -> Result<(), Fault> {
        let Some(persona) = self.load_persona(record).await? else {
            return Ok(());
        };
        if persona.profile == identity.profile {
            return Ok(());
        }
        let sealed = self.seal_profile(record.as_bytes(), &identity.profile)?;
        let values = arguments![record.as_bytes(), &sealed];
        self.database.execute(SET_PROFILE, values).await?;
        Ok(())
    }
}
