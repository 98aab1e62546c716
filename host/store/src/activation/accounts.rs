//! Built-in accounts: names, passwords, and how a forgotten one is replaced.

use colophon_core::activation::persona::{Account, NewAccount, PasswordHash};
use colophon_core::activation::text::{EmailAddress, Username};
use colophon_core::activation::token::TokenDigest;
use colophon_core::id::PersonaRef;
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use super::ActivationStore;
use super::personas::persona_ref;
use crate::database::{Write, arguments};
use crate::failure::{Damaged, Fault};
use crate::parse::{counted, moment, parsed};
use crate::secrets::Column;

pub(super) const USERNAME: Column = Column {
    table: "accounts",
    name: "username",
};
pub(super) const PASSWORD: Column = Column {
    table: "accounts",
    name: "password",
};

const INSERT: &str = "INSERT INTO accounts (persona, pseudonym, username, password, email, failures) \
    VALUES ($1, $2, $3, $4, $5, 0)";

const SELECT: &str = "SELECT persona, username, password, failures, failed_at FROM accounts \
    WHERE pseudonym = $1";

const SELECT_BY_EMAIL: &str = "SELECT persona, username, password, failures, failed_at \
    FROM accounts WHERE email = $1 ORDER BY persona LIMIT 20";

const FAILED: &str =
    "UPDATE accounts SET failures = failures + 1, failed_at = $2 WHERE persona = $1";

const SUCCEEDED: &str = "UPDATE accounts SET failures = 0, failed_at = NULL, \
    password = COALESCE($2, password) WHERE persona = $1";

const END_SESSIONS: &str = "DELETE FROM sessions WHERE persona = $1";

const END_RESETS: &str = "DELETE FROM password_resets WHERE persona = $1";

const BEGIN_RESET: &str = "INSERT INTO password_resets (persona, token, valid_until) \
    VALUES ($1, $2, $3) ON CONFLICT (persona) DO UPDATE \
    SET token = excluded.token, valid_until = excluded.valid_until";

const FIND_RESET: &str =
    "SELECT persona FROM password_resets WHERE token = $1 AND valid_until > $2";

const TAKE_RESET: &str =
    "DELETE FROM password_resets WHERE token = $1 AND valid_until > $2 RETURNING persona";

#[derive(FromRow)]
struct AccountRow {
    persona: Vec<u8>,
    username: Vec<u8>,
    password: Vec<u8>,
    failures: i64,
    failed_at: Option<i64>,
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
        let email = profile.email.as_ref().map(|email| self.email_key(email));
        let email = email.as_ref().map(<[u8; 32]>::as_slice);
        let values = arguments![id, &pseudonym, &username, &password, email];
        write.execute(INSERT, values).await?;
        write.commit().await?;
        Ok(persona)
    }

    pub(super) async fn load_account(&self, username: &Username) -> Result<Option<Account>, Fault> {
        let pseudonym = self.username_pseudonym(username);
        let row: Option<AccountRow> = self
            .database
            .optional(SELECT, arguments![&pseudonym])
            .await?;
        match row {
            Some(row) => self.open_account(&row).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn load_accounts_with(
        &self,
        email: &EmailAddress,
    ) -> Result<Vec<Account>, Fault> {
        let key = self.email_key(email);
        let rows: Vec<AccountRow> = self.database.all(SELECT_BY_EMAIL, arguments![&key]).await?;
        let mut accounts = Vec::new();
        for row in &rows {
            accounts.push(self.open_account(row).await?);
        }
        Ok(accounts)
    }

    async fn open_account(&self, row: &AccountRow) -> Result<Account, Fault> {
        let persona = persona_ref(&row.persona)?;
        let id = persona.as_bytes();
        let username = self.secrets.open(USERNAME, &[id], &row.username)?;
        let password = self.secrets.open(PASSWORD, &[id], &row.password)?;
        let password = PasswordHash::parse(&String::from_utf8_lossy(&password));
        let password = password.ok_or_else(|| Damaged::new("accounts", "password", "no hash"))?;
        let username = parsed("accounts", "username", &String::from_utf8_lossy(&username))?;
        let email = self
            .load_persona(persona)
            .await?
            .and_then(|persona| persona.profile.email);
        Ok(Account {
            username,
            persona,
            password,
            email,
            failures: counted("accounts", "failures", row.failures)?,
            failed_at: row.failed_at.map(moment),
        })
    }

    pub(super) async fn count_failure(
        &self,
        persona: PersonaRef,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let values = arguments![persona.as_bytes(), now.unix_ms()];
        self.database.execute(FAILED, values).await?;
        Ok(())
    }

    pub(super) async fn forget_failures(
        &self,
        persona: PersonaRef,
        rehashed: Option<&PasswordHash>,
    ) -> Result<(), Fault> {
        let sealed = rehashed.map(|hash| self.seal_password(persona, hash));
        let values = arguments![persona.as_bytes(), sealed.as_deref()];
        self.database.execute(SUCCEEDED, values).await?;
        Ok(())
    }

    pub(super) async fn replace_password(
        &self,
        persona: PersonaRef,
        password: &PasswordHash,
    ) -> Result<bool, Fault> {
        let mut write = self.database.write().await?;
        let replaced = self.write_password(&mut write, persona, password).await?;
        write.commit().await?;
        Ok(replaced)
    }

    async fn write_password(
        &self,
        write: &mut Write,
        persona: PersonaRef,
        password: &PasswordHash,
    ) -> Result<bool, Fault> {
        let id = persona.as_bytes();
        let sealed = self.seal_password(persona, password);
        let replaced = write.execute(SUCCEEDED, arguments![id, &sealed]).await?;
        write.execute(END_SESSIONS, arguments![id]).await?;
        write.execute(END_RESETS, arguments![id]).await?;
        Ok(replaced > 0)
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
    ) -> Result<Option<PersonaRef>, Fault> {
        let values = arguments![token.as_bytes(), now.unix_ms()];
        let row: Option<(Vec<u8>,)> = self.database.optional(FIND_RESET, values).await?;
        Ok(row.map(|(id,)| persona_ref(&id)).transpose()?)
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

    fn email_key(&self, email: &EmailAddress) -> [u8; 32] {
        let folded = email.folded();
        self.secrets
            .pseudonym("activation/email", &[folded.as_bytes()])
    }
}
