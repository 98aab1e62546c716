//! Built-in accounts: names, passwords, and how a forgotten one is replaced.

use colophon_core::activation::persona::{Account, NewAccount, PasswordHash};
use colophon_core::activation::text::Username;
use colophon_core::activation::token::TokenDigest;
use colophon_core::id::PersonaRef;
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use super::ActivationStore;
use super::personas::persona_ref;
use crate::database::{Write, arguments};
use crate::failure::{Damaged, Fault};
use crate::parse::parsed;
use crate::secrets::Column;

pub(super) const USERNAME: Column = Column {
    table: "accounts",
    name: "username",
};
pub(super) const PASSWORD: Column = Column {
    table: "accounts",
    name: "password",
};

const INSERT: &str = "INSERT INTO accounts (persona, pseudonym, username, password) \
    VALUES ($1, $2, $3, $4)";

const SELECT: &str = "SELECT persona, username, password FROM accounts WHERE pseudonym = $1";

const SELECT_BY_PERSONA: &str =
    "SELECT persona, username, password FROM accounts WHERE persona = $1";

/// Begins every change of a password that was read before.
const LOCK: &str = "UPDATE accounts SET password = password WHERE persona = $1 RETURNING password";

const SET_PASSWORD: &str = "UPDATE accounts SET password = $2 WHERE persona = $1";

pub(super) const END_SESSIONS: &str = "DELETE FROM sessions WHERE persona = $1";

pub(super) const END_RESETS: &str = "DELETE FROM password_resets WHERE persona = $1";

const BEGIN_RESET: &str = "INSERT INTO password_resets (persona, token, valid_until) \
    VALUES ($1, $2, $3) ON CONFLICT (persona) DO UPDATE \
    SET token = excluded.token, valid_until = excluded.valid_until";

const FIND_RESET: &str = "SELECT a.persona, a.username FROM password_resets r \
    JOIN accounts a ON a.persona = r.persona WHERE r.token = $1 AND r.valid_until > $2";

const TAKE_RESET: &str =
    "DELETE FROM password_resets WHERE token = $1 AND valid_until > $2 RETURNING persona";

#[derive(FromRow)]
struct AccountRow {
    persona: Vec<u8>,
    username: Vec<u8>,
    password: Vec<u8>,
}

impl ActivationStore {
    pub(super) async fn insert_account(
        &self,
        account: &NewAccount,
        now: Timestamp,
    ) -> Result<PersonaRef, Fault> {
        let mut write = self.database.write().await?;
        let profile = &account.profile;
        let persona = self
            .insert_persona(&mut write, &account.persona, profile, now)
            .await?;
        let id = persona.as_bytes();
        let pseudonym = self.username_pseudonym(&account.username);
        let name = account.username.as_str().as_bytes();
        let username = self.secrets.seal(USERNAME, &[id], name);
        let password = self.seal_password(persona, &account.password);
        let values = arguments![id, &pseudonym, &username, &password];
        write.execute(INSERT, values).await?;
        write.commit().await?;
        Ok(persona)
    }

    pub(super) async fn load_account(&self, username: &Username) -> Result<Option<Account>, Fault> {
        let pseudonym = self.username_pseudonym(username);
        self.find_account(SELECT, &pseudonym).await
    }

    pub(super) async fn load_account_of(
        &self,
        persona: PersonaRef,
    ) -> Result<Option<Account>, Fault> {
        self.find_account(SELECT_BY_PERSONA, persona.as_bytes())
            .await
    }

    async fn find_account(&self, sql: &'static str, key: &[u8]) -> Result<Option<Account>, Fault> {
        let row: Option<AccountRow> = self.database.optional(sql, arguments![key]).await?;
        match row {
            Some(row) => self.open_account(&row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn open_account(&self, row: &AccountRow) -> Result<Account, Fault> {
        let persona = persona_ref(&row.persona)?;
        let id = persona.as_bytes();
        let password = self.open_password(id, &row.password)?;
        let username = self.open_username(id, &row.username)?;
        let email = self
            .load_persona(persona)
            .await?
            .and_then(|persona| persona.profile.email);
        Ok(Account {
            username,
            persona,
            password,
            email,
        })
    }

    fn open_username(&self, id: &[u8; 16], sealed: &[u8]) -> Result<Username, Damaged> {
        let username = self.secrets.open(USERNAME, &[id], sealed)?;
        parsed("accounts", "username", &String::from_utf8_lossy(&username))
    }

    fn open_password(&self, id: &[u8; 16], sealed: &[u8]) -> Result<PasswordHash, Damaged> {
        let password = self.secrets.open(PASSWORD, &[id], sealed)?;
        let password = PasswordHash::parse(&String::from_utf8_lossy(&password));
        password.ok_or_else(|| Damaged::new("accounts", "password", "no hash"))
    }

    /// Another hash of the same password: nobody is signed out.
    pub(super) async fn replace_hash(
        &self,
        persona: PersonaRef,
        former: &PasswordHash,
        rehashed: &PasswordHash,
    ) -> Result<bool, Fault> {
        let mut write = self.database.write().await?;
        if !self.still_has(&mut write, persona, former).await? {
            write.undo().await?;
            return Ok(false);
        }
        self.set_password(&mut write, persona, rehashed).await?;
        write.commit().await?;
        Ok(true)
    }

    pub(super) async fn replace_password(
        &self,
        persona: PersonaRef,
        former: &PasswordHash,
        password: &PasswordHash,
    ) -> Result<bool, Fault> {
        let mut write = self.database.write().await?;
        if !self.still_has(&mut write, persona, former).await? {
            write.undo().await?;
            return Ok(false);
        }
        self.write_password(&mut write, persona, password).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Whether the account's password is the one that was read before. It is locked from here on.
    async fn still_has(
        &self,
        write: &mut Write,
        persona: PersonaRef,
        former: &PasswordHash,
    ) -> Result<bool, Fault> {
        let id = persona.as_bytes();
        let locked: Vec<(Vec<u8>,)> = write.all(LOCK, arguments![id]).await?;
        let Some((sealed,)) = locked.first() else {
            return Ok(false);
        };
        let kept = self.open_password(id, sealed)?;
        Ok(kept.expose() == former.expose())
    }

    /// A new password: whoever knew the old one is signed out.
    async fn write_password(
        &self,
        write: &mut Write,
        persona: PersonaRef,
        password: &PasswordHash,
    ) -> Result<(), Fault> {
        let id = persona.as_bytes();
        self.set_password(write, persona, password).await?;
        write.execute(END_SESSIONS, arguments![id]).await?;
        write.execute(END_RESETS, arguments![id]).await?;
        Ok(())
    }

    async fn set_password(
        &self,
        write: &mut Write,
        persona: PersonaRef,
        password: &PasswordHash,
    ) -> Result<(), Fault> {
        let sealed = self.seal_password(persona, password);
        let values = arguments![persona.as_bytes(), &sealed];
        write.execute(SET_PASSWORD, values).await?;
        Ok(())
    }

    pub(super) async fn write_reset(
        &self,
        persona: PersonaRef,
        token: &TokenDigest,
        until: Timestamp,
    ) -> Result<(), Fault> {
        let values = arguments![persona.as_bytes(), token.as_bytes(), until.unix_ms()];
        self.database.execute(BEGIN_RESET, values).await?;
        Ok(())
    }

    pub(super) async fn find_reset(
        &self,
        token: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Username>, Fault> {
        let values = arguments![token.as_bytes(), now.unix_ms()];
        let row: Option<(Vec<u8>, Vec<u8>)> = self.database.optional(FIND_RESET, values).await?;
        let Some((id, username)) = row else {
            return Ok(None);
        };
        let persona = persona_ref(&id)?;
        Ok(Some(self.open_username(persona.as_bytes(), &username)?))
    }

    pub(super) async fn take_reset(
        &self,
        token: &TokenDigest,
        password: &PasswordHash,
        now: Timestamp,
    ) -> Result<Option<PersonaRef>, Fault> {
        let mut write = self.database.write().await?;
        let values = arguments![token.as_bytes(), now.unix_ms()];
        let taken: Vec<(Vec<u8>,)> = write.all(TAKE_RESET, values).await?;
        let Some((id,)) = taken.first() else {
            write.undo().await?;
            return Ok(None);
        };
        let persona = persona_ref(id)?;
        self.write_password(&mut write, persona, password).await?;
        write.commit().await?;
        Ok(Some(persona))
    }

    fn seal_password(&self, persona: PersonaRef, password: &PasswordHash) -> Vec<u8> {
        let id = persona.as_bytes();
        self.secrets
            .seal(PASSWORD, &[id], password.expose().as_bytes())
    }

    fn username_pseudonym(&self, username: &Username) -> [u8; 32] {
        let parts = [username.as_str().as_bytes()];
        self.secrets.pseudonym("activation/username", &parts)
    }
}
