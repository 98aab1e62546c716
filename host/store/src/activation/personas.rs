//! Personas.

use async_trait::async_trait;
use colophon_activation::{FactSalt, PersonaId};
use colophon_core::activation::persona::{
    Account, ExternalIdentity, NewAccount, PasswordHash, Persona, Profile,
};
use colophon_core::activation::ports::{IdentityRefused, Personas, SignUpRefused};
use colophon_core::activation::quota::Standing;
use colophon_core::activation::text::Username;
use colophon_core::activation::token::TokenDigest;
use colophon_core::id::PersonaRef;
use colophon_core::ports::Unavailable;
use colophon_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::accounts::{END_RESETS, END_SESSIONS};
use super::handed_over::DROP_PACKAGES_OF_PERSONA;
use super::orders::DROP_ORDERS_OF_PERSONA;
use super::{ActivationStore, unavailable};
use crate::database::{Write, arguments};
use crate::failure::{Damaged, Fault};
use crate::parse::{counted, moment, parsed, sized};
use crate::secrets::{Column, Secrets};

pub(super) const PERSONA: Column = Column {
    table: "personas",
    name: "persona",
};
pub(super) const PROFILE: Column = Column {
    table: "personas",
    name: "profile",
};
pub(super) const FACT_SALT: Column = Column {
    table: "personas",
    name: "fact_salt",
};

const INSERT: &str = "INSERT INTO personas (id, pseudonym, persona, profile, fact_salt, used, \
    created_at) VALUES ($1, $2, $3, $4, $5, 0, $6)";

const SELECT: &str = "SELECT id, persona, profile, fact_salt, first_activation, used, withdrawn_at \
    FROM personas WHERE id = $1 AND erased_at IS NULL";

const FIND: &str = "SELECT id FROM personas WHERE pseudonym = $1";

/// What is erased of a persona in one table. What was there stays readable in a database server's
/// files until the table is cleaned up, so each table is named beside its statement.
struct Erasure {
    table: &'static str,
    sql: &'static str,
}

const ERASE: Erasure = Erasure {
    table: "personas",
    sql: "UPDATE personas SET pseudonym = NULL, persona = NULL, profile = NULL, fact_salt = NULL, \
        erased_at = $2 WHERE id = $1 AND erased_at IS NULL",
};

const ERASE_CERTIFICATES: Erasure = Erasure {
    table: "persona_certificates",
    sql: "UPDATE persona_certificates SET certificate = NULL, \
        revoked_at = COALESCE(revoked_at, $2) WHERE persona = $1",
};

/// Everything else that tells who a persona was, or that its devices could be served from.
const ERASE_REST: [Erasure; 9] = [
    Erasure {
        table: "sessions",
        sql: END_SESSIONS,
    },
    Erasure {
        table: "password_resets",
        sql: END_RESETS,
    },
    Erasure {
        table: "accounts",
        sql: "DELETE FROM accounts WHERE persona = $1",
    },
    Erasure {
        table: "identities",
        sql: "DELETE FROM identities WHERE persona = $1",
    },
    Erasure {
        table: "grants",
        sql: "DELETE FROM grants WHERE persona = $1",
    },
    Erasure {
        table: "key_pairs",
        sql: "DELETE FROM key_pairs WHERE persona = $1",
    },
    Erasure {
        table: "activation_packages",
        sql: DROP_PACKAGES_OF_PERSONA,
    },
    Erasure {
        table: "repository_orders",
        sql: DROP_ORDERS_OF_PERSONA,
    },
    Erasure {
        table: "devices",
        // The machine's id is made of its facts.
        sql: "UPDATE devices SET facts = NULL, name = NULL, machine = id WHERE persona = $1",
    },
];

/// A persona's row; the encrypted columns are there until it is erased.
#[derive(FromRow)]
pub(super) struct PersonaColumns {
    pub(super) id: Vec<u8>,
    persona: Vec<u8>,
    profile: Vec<u8>,
    fact_salt: Vec<u8>,
    first_activation: Option<i64>,
    used: i64,
    withdrawn_at: Option<i64>,
}

/// What is encrypted of a profile.
#[derive(Serialize, Deserialize)]
struct KeptProfile {
    name: Option<String>,
    email: Option<String>,
}

impl ActivationStore {
    pub(super) fn open_persona(&self, row: &PersonaColumns) -> Result<Persona, Damaged> {
        let id: [u8; 16] = sized("personas", "id", &row.id)?;
        let salt = self.secrets.open(FACT_SALT, &[&id], &row.fact_salt)?;
        Ok(Persona {
            record: PersonaRef::from_bytes(id),
            id: self.open_persona_id(&id, &row.persona)?,
            profile: self.open_profile(&id, &row.profile)?,
            fact_salt: FactSalt::from_bytes(sized("personas", "fact_salt", &salt)?),
            standing: Standing {
                first_activation: row.first_activation.map(moment),
                used: counted("personas", "used", row.used)?,
            },
            withdrawn_at: row.withdrawn_at.map(moment),
        })
    }

    pub(super) fn open_persona_id(
        &self,
        id: &[u8; 16],
        sealed: &[u8],
    ) -> Result<PersonaId, Damaged> {
        let persona = self.secrets.open(PERSONA, &[id], sealed)?;
        let persona = String::from_utf8_lossy(&persona);
        parsed("personas", "persona", &persona)
    }

    fn open_profile(&self, id: &[u8; 16], sealed: &[u8]) -> Result<Profile, Damaged> {
        let json = self.secrets.open(PROFILE, &[id], sealed)?;
        let kept: KeptProfile = serde_json::from_slice(&json)
            .map_err(|error| Damaged::new("personas", "profile", error))?;
        let name = kept.name.as_deref();
        let email = kept.email.as_deref();
        Ok(Profile {
            name: name
                .map(|text| parsed("personas", "profile", text))
                .transpose()?,
            email: email
                .map(|text| parsed("personas", "profile", text))
                .transpose()?,
        })
    }

    /// Enters a persona; [`Fault::Taken`] if there is one of this id.
    pub(super) async fn insert_persona(
        &self,
        write: &mut Write,
        persona: &PersonaId,
        profile: &Profile,
        now: Timestamp,
    ) -> Result<PersonaRef, Fault> {
        let id = self.secrets.fresh_id();
        let salt = self.secrets.fresh_id();
        let pseudonym = persona_pseudonym(&self.secrets, persona);
        let name = self
            .secrets
            .seal(PERSONA, &[&id], persona.as_str().as_bytes());
        let profile = self.seal_profile(&id, profile)?;
        let salt = self.secrets.seal(FACT_SALT, &[&id], &salt);
        let values = arguments![&id, &pseudonym, &name, &profile, &salt, now.unix_ms()];
        write.execute(INSERT, values).await?;
        Ok(PersonaRef::from_bytes(id))
    }

    pub(super) fn seal_profile(
        &self,
        id: &[u8; 16],
        profile: &Profile,
    ) -> Result<Vec<u8>, Damaged> {
        let kept = KeptProfile {
            name: profile.name.as_ref().map(ToString::to_string),
            email: profile.email.as_ref().map(ToString::to_string),
        };
        let json = serde_json::to_vec(&kept)
            .map_err(|error| Damaged::new("personas", "profile", error))?;
        Ok(self.secrets.seal(PROFILE, &[id], &json))
    }

    pub(super) async fn load_persona(&self, record: PersonaRef) -> Result<Option<Persona>, Fault> {
        let values = arguments![record.as_bytes()];
        let row: Option<PersonaColumns> = self.database.optional(SELECT, values).await?;
        Ok(row.map(|row| self.open_persona(&row)).transpose()?)
    }

    pub(super) async fn find_persona(
        &self,
        persona: &PersonaId,
    ) -> Result<Option<PersonaRef>, Fault> {
        let pseudonym = persona_pseudonym(&self.secrets, persona);
        let row: Option<(Vec<u8>,)> = self.database.optional(FIND, arguments![&pseudonym]).await?;
        Ok(row.map(|(id,)| persona_ref(&id)).transpose()?)
    }

    async fn erase_persona(&self, record: PersonaRef, now: Timestamp) -> Result<bool, Fault> {
        let id = record.as_bytes();
        let mut write = self.database.write().await?;
        let dated = arguments![id, now.unix_ms()];
        if write.execute(ERASE.sql, dated).await? == 0 {
            write.undo().await?;
            return Ok(false);
        }
        write.execute(ERASE_CERTIFICATES.sql, dated).await?;
        let mut touched = vec![ERASE.table, ERASE_CERTIFICATES.table];
        for Erasure { table, sql } in ERASE_REST {
            write.execute(sql, arguments![id]).await?;
            touched.push(table);
        }
        write.commit().await?;
        self.database.overwrite_deleted(&touched).await;
        Ok(true)
    }
}

#[async_trait]
impl Personas for ActivationStore {
    async fn sign_up(
        &self,
        account: &NewAccount,
        now: Timestamp,
    ) -> Result<PersonaRef, SignUpRefused> {
        self.insert_account(account, now)
            .await
            .map_err(|fault| match fault {
                Fault::Taken => SignUpRefused::UsernameTaken,
                other @ (Fault::ParentMissing | Fault::Unavailable(_) | Fault::Damaged(_)) => {
                    SignUpRefused::Unavailable(unavailable(other))
                }
            })
    }

    async fn account(&self, username: &Username) -> Result<Option<Account>, Unavailable> {
        self.load_account(username).await.map_err(unavailable)
    }

    async fn account_of(&self, persona: PersonaRef) -> Result<Option<Account>, Unavailable> {
        self.load_account_of(persona).await.map_err(unavailable)
    }

    async fn rehash(
        &self,
        persona: PersonaRef,
        former: &PasswordHash,
        rehashed: &PasswordHash,
    ) -> Result<bool, Unavailable> {
        self.replace_hash(persona, former, rehashed)
            .await
            .map_err(unavailable)
    }

    async fn change_password(
        &self,
        persona: PersonaRef,
        former: &PasswordHash,
        password: &PasswordHash,
    ) -> Result<bool, Unavailable> {
        self.replace_password(persona, former, password)
            .await
            .map_err(unavailable)
    }

    async fn begin_reset(
        &self,
        persona: PersonaRef,
        token: &TokenDigest,
        until: Timestamp,
    ) -> Result<(), Unavailable> {
        self.write_reset(persona, token, until)
            .await
            .map_err(unavailable)
    }

    async fn reset_for(
        &self,
        token: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Username>, Unavailable> {
        self.find_reset(token, now).await.map_err(unavailable)
    }

    async fn finish_reset(
        &self,
        token: &TokenDigest,
        password: &PasswordHash,
        now: Timestamp,
    ) -> Result<Option<PersonaRef>, Unavailable> {
        self.take_reset(token, password, now)
            .await
            .map_err(unavailable)
    }

    async fn identify(
        &self,
        identity: &ExternalIdentity,
        now: Timestamp,
    ) -> Result<PersonaRef, IdentityRefused> {
        self.identified(identity, now)
            .await
            .map_err(|fault| match fault {
                Fault::Taken => IdentityRefused::PersonaTaken,
                other @ (Fault::ParentMissing | Fault::Unavailable(_) | Fault::Damaged(_)) => {
                    IdentityRefused::Unavailable(unavailable(other))
                }
            })
    }

    async fn persona(&self, record: PersonaRef) -> Result<Option<Persona>, Unavailable> {
        self.load_persona(record).await.map_err(unavailable)
    }

    async fn erase(&self, record: PersonaRef, now: Timestamp) -> Result<bool, Unavailable> {
        self.erase_persona(record, now).await.map_err(unavailable)
    }
}

pub(super) fn persona_ref(id: &[u8]) -> Result<PersonaRef, Damaged> {
    Ok(PersonaRef::from_bytes(sized("personas", "id", id)?))
}

fn persona_pseudonym(secrets: &Secrets, persona: &PersonaId) -> [u8; 32] {
    secrets.pseudonym("activation/persona", &[persona.as_str().as_bytes()])
}
