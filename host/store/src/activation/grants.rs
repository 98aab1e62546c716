//! Readers' requests to be activated.

use async_trait::async_trait;
use colophon_core::activation::grant::{
    Approval, Decision, FETCHING_MS, Grant, GrantState, NewGrant, POLL_INTERVAL_S, Polled,
    Progress, Purpose, WAITING_MS,
};
use colophon_core::activation::ports::{GrantNotOpened, Grants};
use colophon_core::activation::text::DeviceName;
use colophon_core::activation::token::TokenDigest;
use colophon_core::id::{ActivationRef, GrantRef};
use colophon_core::ports::Unavailable;
use colophon_core::time::Timestamp;
use sqlx::FromRow;

use super::personas::persona_ref;
use super::{ActivationStore, unavailable};
use crate::database::{Argument, arguments};
use crate::failure::{Damaged, Fault};
use crate::parse::{counted, moment, parsed, sized};
use crate::secrets::Column;

pub(super) const DEVICE_NAME: Column = Column {
    table: "grants",
    name: "device_name",
};

/// What a reader that polls too fast waits longer, and the longest wait it gets that way.
const SLOWER_S: i64 = 5;
const INTERVAL_S_MAX: i64 = 60;

/// A poll may be this much early: clocks and networks are not exact.
const EARLY_MS: i64 = 500;

const INSERT: &str = "INSERT INTO grants (id, device_code, user_code, reader, state, progress, \
    begun_at, valid_until, interval_s, device_name) \
    VALUES ($1, $2, $3, $4, 'waiting', 'awaits-reader', $5, $6, $7, $8)";

const BY_ID: &str = "SELECT id, reader, state, persona, device_name, purpose, progress, next_grant, \
    activation, begun_at, valid_until FROM grants WHERE id = $1";

const BY_USER_CODE: &str = "SELECT id, reader, state, persona, device_name, purpose, progress, \
    next_grant, activation, begun_at, valid_until FROM grants \
    WHERE user_code = $1 AND valid_until > $2";

const BY_ACCESS_TOKEN: &str = "SELECT id, reader, state, persona, device_name, purpose, progress, \
    next_grant, activation, begun_at, valid_until FROM grants \
    WHERE access_token = $1 AND state = 'approved' AND valid_until > $2";

const APPROVE: &str = "UPDATE grants SET state = 'approved', persona = $3, device_name = $4, \
    purpose = $5, valid_until = $6 WHERE id = $1 AND state = 'waiting' AND valid_until > $2";

const DENY: &str = "UPDATE grants SET state = 'denied' \
    WHERE id = $1 AND state = 'waiting' AND valid_until > $2";

const POLL: &str = "SELECT id, state, persona, valid_until, polled_at, interval_s FROM grants \
    WHERE device_code = $1";

const POLLED: &str = "UPDATE grants SET polled_at = $2, interval_s = $3 WHERE id = $1";

const REDEEM: &str = "UPDATE grants SET access_token = $2 \
    WHERE id = $1 AND state = 'approved' AND valid_until > $3";

/// What was sent stays sent, however often it is fetched again. It is kept under the word
/// `delivered`.
const NOTE: &str = "UPDATE grants SET progress = $2, next_grant = $3, \
    activation = COALESCE($4, activation) \
    WHERE id = $1 AND state = 'approved' AND progress <> 'delivered'";

#[derive(FromRow)]
struct GrantRow {
    id: Vec<u8>,
    reader: String,
    state: String,
    persona: Option<Vec<u8>>,
    device_name: Option<Vec<u8>>,
    purpose: Option<String>,
    progress: String,
    next_grant: Option<i64>,
    activation: Option<Vec<u8>>,
    begun_at: i64,
    valid_until: i64,
}

#[derive(FromRow)]
struct PollRow {
    id: Vec<u8>,
    state: String,
    persona: Option<Vec<u8>>,
    valid_until: i64,
    polled_at: Option<i64>,
    interval_s: i64,
}

impl ActivationStore {
    async fn find_grant(
        &self,
        sql: &'static str,
        values: &[Argument<'_>],
    ) -> Result<Option<Grant>, Fault> {
        let row: Option<GrantRow> = self.database.optional(sql, values).await?;
        Ok(row.map(|row| self.open_grant(&row)).transpose()?)
    }

    fn open_grant(&self, row: &GrantRow) -> Result<Grant, Damaged> {
        let record = GrantRef::from_bytes(sized("grants", "id", &row.id)?);
        let mut name = self.open_device_name(record, row.device_name.as_deref())?;
        let state = match (row.state.as_str(), &row.persona) {
            ("waiting", _) => GrantState::Waiting,
            ("denied", _) => GrantState::Denied,
            ("approved", Some(persona)) => GrantState::Approved(Approval {
                persona: persona_ref(persona)?,
                device_name: name.take(),
                purpose: purpose(row.purpose.as_deref())?,
                progress: progress(row)?,
            }),
            _ => return Err(Damaged::new("grants", "state", "not a state")),
        };
        Ok(Grant {
            record,
            reader: parsed("grants", "reader", &row.reader)?,
            proposed_name: name,
            state,
            begun_at: moment(row.begun_at),
            until: moment(row.valid_until),
        })
    }

    fn seal_device_name(&self, grant: GrantRef, name: &DeviceName) -> Vec<u8> {
        let name = name.as_str().as_bytes();
        self.secrets.seal(DEVICE_NAME, &[grant.as_bytes()], name)
    }

    pub(super) fn open_device_name(
        &self,
        grant: GrantRef,
        sealed: Option<&[u8]>,
    ) -> Result<Option<DeviceName>, Damaged> {
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let name = self
            .secrets
            .open(DEVICE_NAME, &[grant.as_bytes()], sealed)?;
        let name = String::from_utf8_lossy(&name);
        parsed("grants", "device_name", &name).map(Some)
    }

    async fn write_decision(
        &self,
        record: GrantRef,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let id = record.as_bytes();
        let written = match decision {
            Decision::Approve {
                persona,
                device_name,
                purpose,
            } => {
                let name = device_name.as_ref();
                let name = name.map(|name| self.seal_device_name(record, name));
                let values = arguments![
                    id,
                    now.unix_ms(),
                    persona.as_bytes(),
                    name.as_deref(),
                    purpose_word(*purpose),
                    now.unix_ms() + FETCHING_MS,
                ];
                self.database.execute(APPROVE, values).await?
            }
            Decision::Deny => {
                let values = arguments![id, now.unix_ms()];
                self.database.execute(DENY, values).await?
            }
        };
        Ok(written > 0)
    }

    async fn look_at(&self, code: &TokenDigest, now: Timestamp) -> Result<Option<Polled>, Fault> {
        let values = arguments![code.as_bytes()];
        let row: Option<PollRow> = self.database.optional(POLL, values).await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let grant = GrantRef::from_bytes(sized("grants", "id", &row.id)?);
        if row.valid_until <= now.unix_ms() {
            return Ok(Some(Polled::Expired));
        }
        match (row.state.as_str(), &row.persona) {
            ("approved", Some(persona)) => {
                let persona = persona_ref(persona)?;
                return Ok(Some(Polled::Approved { grant, persona }));
            }
            ("denied", _) => return Ok(Some(Polled::Denied)),
            _ => {}
        }
        let passed_ms = row.polled_at.map(|at| now.unix_ms().saturating_sub(at));
        let is_early = passed_ms.is_some_and(|ms| ms + EARLY_MS < row.interval_s * 1000);
        let interval_s = match is_early {
            true => (row.interval_s + SLOWER_S).min(INTERVAL_S_MAX),
            false => row.interval_s,
        };
        let values = arguments![grant.as_bytes(), now.unix_ms(), interval_s];
        self.database.execute(POLLED, values).await?;
        Ok(Some(match is_early {
            true => Polled::TooSoon {
                interval_s: counted("grants", "interval_s", interval_s)?,
            },
            false => Polled::Waiting,
        }))
    }
}

#[async_trait]
impl Grants for ActivationStore {
    async fn open(&self, grant: &NewGrant, now: Timestamp) -> Result<(), GrantNotOpened> {
        let name = grant.proposed_name.as_ref();
        let name = name.map(|name| self.seal_device_name(grant.record, name));
        let values = arguments![
            grant.record.as_bytes(),
            grant.device_code.as_bytes(),
            grant.user_code.as_bytes(),
            grant.reader.as_str(),
            now.unix_ms(),
            now.unix_ms() + WAITING_MS,
            i64::from(POLL_INTERVAL_S),
            name.as_deref(),
        ];
        match self.database.execute(INSERT, values).await {
            Ok(_) => Ok(()),
            Err(Fault::Taken) => Err(GrantNotOpened::CodeTaken),
            Err(fault) => Err(GrantNotOpened::Unavailable(unavailable(fault))),
        }
    }

    async fn by_user_code(
        &self,
        code: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Grant>, Unavailable> {
        let values = arguments![code.as_bytes(), now.unix_ms()];
        let found = self.find_grant(BY_USER_CODE, values).await;
        found.map_err(unavailable)
    }

    async fn grant(&self, record: GrantRef) -> Result<Option<Grant>, Unavailable> {
        let found = self.find_grant(BY_ID, arguments![record.as_bytes()]).await;
        found.map_err(unavailable)
    }

    async fn decide(
        &self,
        record: GrantRef,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        self.write_decision(record, decision, now)
            .await
            .map_err(unavailable)
    }

    async fn poll(
        &self,
        device_code: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Polled>, Unavailable> {
        self.look_at(device_code, now).await.map_err(unavailable)
    }

    async fn redeem(
        &self,
        record: GrantRef,
        token: &TokenDigest,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        let values = arguments![record.as_bytes(), token.as_bytes(), now.unix_ms()];
        let redeemed = self.database.execute(REDEEM, values).await;
        Ok(redeemed.map_err(unavailable)? > 0)
    }

    async fn by_access_token(
        &self,
        token: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Grant>, Unavailable> {
        let values = arguments![token.as_bytes(), now.unix_ms()];
        let found = self.find_grant(BY_ACCESS_TOKEN, values).await;
        found.map_err(unavailable)
    }

    async fn note(&self, record: GrantRef, progress: Progress) -> Result<(), Unavailable> {
        let (word, next, activation) = match progress {
            Progress::AwaitsReader => ("awaits-reader", None, None),
            Progress::AwaitsKeys => ("awaits-keys", None, None),
            Progress::LimitReached { next_allowed_at } => ("limit-reached", next_allowed_at, None),
            Progress::Admitted { activation } => ("admitted", None, Some(activation)),
            Progress::Made { activation } => ("made", None, Some(activation)),
            Progress::Sent { activation } => ("delivered", None, Some(activation)),
        };
        let activation = activation.as_ref().map(|activation| activation.as_bytes());
        let values = arguments![
            record.as_bytes(),
            word,
            next.map(Timestamp::unix_ms),
            activation.map(<[u8; 16]>::as_slice),
        ];
        let noted = self.database.execute(NOTE, values).await;
        noted.map(drop).map_err(unavailable)
    }
}

fn progress(row: &GrantRow) -> Result<Progress, Damaged> {
    let activation = || -> Result<ActivationRef, Damaged> {
        let id = row.activation.as_deref().unwrap_or_default();
        Ok(ActivationRef::from_bytes(sized(
            "grants",
            "activation",
            id,
        )?))
    };
    Ok(match row.progress.as_str() {
        "awaits-reader" => Progress::AwaitsReader,
        "awaits-keys" => Progress::AwaitsKeys,
        "limit-reached" => Progress::LimitReached {
            next_allowed_at: row.next_grant.map(moment),
        },
        "admitted" => Progress::Admitted {
            activation: activation()?,
        },
        "made" => Progress::Made {
            activation: activation()?,
        },
        "delivered" => Progress::Sent {
            activation: activation()?,
        },
        _ => return Err(Damaged::new("grants", "progress", "not a progress")),
    })
}

pub(super) fn purpose(word: Option<&str>) -> Result<Purpose, Damaged> {
    match word {
        Some("new") => Ok(Purpose::New),
        Some("recovery") => Ok(Purpose::Recovery),
        Some(_) | None => Err(Damaged::new("grants", "purpose", "not a purpose")),
    }
}

pub(super) fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::New => "new",
        Purpose::Recovery => "recovery",
    }
}
