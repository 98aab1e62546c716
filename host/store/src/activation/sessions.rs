//! Browsers' sessions.

use async_trait::async_trait;
use colophon_core::activation::ports::Sessions;
use colophon_core::activation::session::{Session, SessionContent};
use colophon_core::activation::token::TokenDigest;
use colophon_core::id::PersonaRef;
use colophon_core::ports::Unavailable;
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use super::personas::persona_ref;
use super::{ActivationStore, unavailable};
use crate::database::{Write, arguments};
use crate::failure::Fault;
use crate::parse::moment;
use crate::secrets::Column;

pub(super) const NOTES: Column = Column {
    table: "sessions",
    name: "notes",
};

const INSERT: &str = "INSERT INTO sessions (token, persona, notes, begun_at, valid_until) \
    VALUES ($1, $2, $3, $4, $5)";

const SELECT: &str = "SELECT persona, notes, begun_at, valid_until FROM sessions \
    WHERE token = $1 AND valid_until > $2";

const DELETE: &str = "DELETE FROM sessions WHERE token = $1";

#[derive(FromRow)]
struct SessionRow {
    persona: Option<Vec<u8>>,
    notes: Vec<u8>,
    begun_at: i64,
    valid_until: i64,
}

impl ActivationStore {
    async fn insert_session(
        &self,
        write: &mut Write,
        token: &TokenDigest,
        content: &SessionContent,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let notes = self
            .secrets
            .seal(NOTES, &[token.as_bytes()], &content.notes);
        let persona = content.persona.as_ref().map(PersonaRef::as_bytes);
        let values = arguments![
            token.as_bytes(),
            persona.map(<[u8; 16]>::as_slice),
            &notes,
            now.unix_ms(),
            until.unix_ms(),
        ];
        write.execute(INSERT, values).await?;
        Ok(())
    }

    async fn load_session(
        &self,
        token: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Session>, Fault> {
        let values = arguments![token.as_bytes(), now.unix_ms()];
        let row: Option<SessionRow> = self.database.optional(SELECT, values).await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let persona = row.persona.as_deref().map(persona_ref).transpose()?;
        let notes = self.secrets.open(NOTES, &[token.as_bytes()], &row.notes)?;
        Ok(Some(Session {
            content: SessionContent { persona, notes },
            begun_at: moment(row.begun_at),
            until: moment(row.valid_until),
        }))
    }

    async fn replace_session(
        &self,
        old: Option<&TokenDigest>,
        new: &TokenDigest,
        content: &SessionContent,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let mut write = self.database.write().await?;
        if let Some(old) = old {
            write.execute(DELETE, arguments![old.as_bytes()]).await?;
        }
        self.insert_session(&mut write, new, content, until, now)
            .await?;
        write.commit().await
    }
}

#[async_trait]
impl Sessions for ActivationStore {
    async fn begin(
        &self,
        token: &TokenDigest,
        content: &SessionContent,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        self.replace_session(None, token, content, until, now)
            .await
            .map_err(unavailable)
    }

    async fn session(
        &self,
        token: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Session>, Unavailable> {
        self.load_session(token, now).await.map_err(unavailable)
    }

    async fn rotate(
        &self,
        old: &TokenDigest,
        new: &TokenDigest,
        content: &SessionContent,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        self.replace_session(Some(old), new, content, until, now)
            .await
            .map_err(unavailable)
    }

    async fn end(&self, token: &TokenDigest) -> Result<bool, Unavailable> {
        let ended = self
            .database
            .execute(DELETE, arguments![token.as_bytes()])
            .await;
        Ok(ended.map_err(unavailable)? > 0)
    }
}
