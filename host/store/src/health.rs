//! Whether the databases answer, how much is in them, and whether it is sound.

mod questions;

use std::time::Duration;

use async_trait::async_trait;
use colophon_core::ports::{Readiness, Service, Unavailable};
use colophon_crypto::frames;
use sqlx::FromRow;
use tokio::time::timeout;

use crate::centers::COPY_KEY;
use crate::database::{Database, Engine, arguments};
use crate::failure::{Fault, ReadError};
use crate::log::{DATA_KEY, DETAILS};
use crate::node::NodeStore;
use crate::parse::counted;
use crate::plugins::{GRANT, VERSION_GRANT};
use crate::principals::CHAIN;
use crate::retailers::SECRET;
use crate::secrets::{Column, Secrets};
use crate::signers::{AUTHORITY_KEY, SIGNER_KEY};
use crate::store::Store;
use crate::titles::CONTENT_KEY;
use crate::values::VALUE;

/// How long the logging database has to answer.
const LOGGING_TIME_MAX: Duration = Duration::from_secs(1);

const ASK: &str = "SELECT CAST(1 AS BIGINT)";

const COUNT_RECORDS: &str = "SELECT (SELECT COUNT(*) FROM centers) AS centers, \
    (SELECT COUNT(*) FROM retailers) AS retailers, (SELECT COUNT(*) FROM titles) AS titles, \
    (SELECT COUNT(*) FROM change_log) AS changes";

const COUNT_ROWS: &str = "SELECT (SELECT COUNT(*) FROM downloads) AS downloads, \
    (SELECT COUNT(*) FROM persons) AS persons, (SELECT COUNT(*) FROM server_events) AS events";

const FORMS_WITHOUT_KEY: &str = "SELECT COUNT(*) FROM title_forms f \
    LEFT JOIN content_keys k ON k.version = f.version WHERE f.form <> 'clear' AND k.version IS NULL";

const SOUND_FILE: &str = "PRAGMA integrity_check";

const BROKEN_REFERENCES: &str = "SELECT \"table\" FROM pragma_foreign_key_check GROUP BY \"table\"";

const COPY_KEYS: &str = "SELECT id, copy_key FROM centers";

const SIGNER_KEYS: &str = "SELECT center, role, private_key FROM signers";

const AUTHORITY_KEYS: &str =
    "SELECT name, private_key FROM authorities WHERE private_key IS NOT NULL";

const RETAILER_SECRETS: &str = "SELECT center, retailer, number, secret FROM retailer_keys";

const CONTENT_KEYS: &str = "SELECT center, version, key FROM content_keys";

const PLUGIN_GRANTS: &str = "SELECT center, id, grant_text FROM plugins";

const VERSION_GRANTS: &str = "SELECT center, plugin, version, grant_text FROM plugin_versions \
    WHERE grant_text IS NOT NULL";

const SOME_VALUES: &str = "SELECT center, plugin, key, value FROM plugin_values LIMIT 1000";

const SOME_PRINCIPALS: &str = "SELECT center, pseudonym, chain FROM principals LIMIT 1000";

/// Enough to tell a wrong master key from a damaged row.
const SOME_PERSONS: &str = "SELECT id, data_key FROM persons LIMIT 1000";

const SOME_EVENTS: &str = "SELECT event, details FROM server_events LIMIT 1000";

/// How many records there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Fulfillment centers.
    pub centers: u64,
    /// Retailers of all centers.
    pub retailers: u64,
    /// Titles of all centers.
    pub titles: u64,
    /// Changes that are still kept.
    pub changes: u64,
    /// Rows of the download log.
    pub downloads: u64,
    /// Persons that have not been erased.
    pub persons: u64,
    /// Rows of the event log.
    pub events: u64,
}

/// Something that is not as it should be, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub service: Service,
    /// What, for the operator.
    pub text: String,
}

#[derive(FromRow)]
struct RecordCounts {
    centers: i64,
    retailers: i64,
    titles: i64,
    changes: i64,
}

impl Store {
    /// Counts the records.
    pub async fn count_records(&self) -> Result<Counts, ReadError> {
        let records: RecordCounts = self.fulfillment.one(COUNT_RECORDS, arguments![]).await?;
        let rows: (i64, i64, i64) = self.logging.one(COUNT_ROWS, arguments![]).await?;
        let count = |number| counted("change_log", "number", number).map_err(Fault::Damaged);
        Ok(Counts {
            centers: count(records.centers)?,
            retailers: count(records.retailers)?,
            titles: count(records.titles)?,
            changes: count(records.changes)?,
            downloads: count(rows.0)?,
            persons: count(rows.1)?,
            events: count(rows.2)?,
        })
    }

    /// Looks for damage: in the files themselves, in references between records, and in everything
    /// encrypted. Reads all of the fulfillment database.
    pub async fn check_integrity(&self) -> Result<Vec<Problem>, ReadError> {
        let mut problems = file_problems(&self.fulfillment).await?;
        if self.fulfillment.file() != self.logging.file() || self.logging.file().is_none() {
            problems.extend(file_problems(&self.logging).await?);
        }
        let (keyless,): (i64,) = self
            .fulfillment
            .one(FORMS_WITHOUT_KEY, arguments![])
            .await?;
        if keyless > 0 {
            let text =
                format!("{keyless} encrypted forms have no content key: add the titles anew");
            problems.push(Problem {
                service: self.fulfillment.service(),
                text,
            });
        }
        problems.extend(self.sealed_problems().await?);
        Ok(problems)
    }

    async fn sealed_problems(&self) -> Result<Vec<Problem>, Fault> {
        let database = &self.fulfillment;
        let mut problems = Vec::new();
        let rows: Vec<(String, Vec<u8>)> = database.all(COPY_KEYS, arguments![]).await?;
        let rows = rows
            .into_iter()
            .map(|(id, sealed)| (frames(&[id.as_bytes()]), sealed));
        problems.extend(unopened(&self.secrets, database, COPY_KEY, rows));

        let rows: Vec<(String, String, Vec<u8>)> = database.all(SIGNER_KEYS, arguments![]).await?;
        let rows = rows
            .into_iter()
            .map(|(center, role, sealed)| (frames(&[center.as_bytes(), role.as_bytes()]), sealed));
        problems.extend(unopened(&self.secrets, database, SIGNER_KEY, rows));

        let rows: Vec<(String, Vec<u8>)> = database.all(AUTHORITY_KEYS, arguments![]).await?;
        let rows = rows
            .into_iter()
            .map(|(name, sealed)| (frames(&[name.as_bytes()]), sealed));
        problems.extend(unopened(&self.secrets, database, AUTHORITY_KEY, rows));

        let rows: Vec<(String, String, i64, Vec<u8>)> =
            database.all(RETAILER_SECRETS, arguments![]).await?;
        let rows = rows.into_iter().map(|(center, retailer, number, sealed)| {
            let kid = format!("{retailer}.{number}");
            (frames(&[center.as_bytes(), kid.as_bytes()]), sealed)
        });
        problems.extend(unopened(&self.secrets, database, SECRET, rows));

        let rows: Vec<(String, Vec<u8>, Vec<u8>)> =
            database.all(CONTENT_KEYS, arguments![]).await?;
        let rows = rows
            .into_iter()
            .map(|(center, version, sealed)| (frames(&[center.as_bytes(), &version]), sealed));
        problems.extend(unopened(&self.secrets, database, CONTENT_KEY, rows));

        let rows: Vec<(String, Vec<u8>, Vec<u8>)> =
            database.all(SOME_PRINCIPALS, arguments![]).await?;
        let rows = rows
            .into_iter()
            .map(|(center, name, sealed)| (frames(&[center.as_bytes(), &name]), sealed));
        problems.extend(unopened(&self.secrets, database, CHAIN, rows));

        let rows: Vec<(String, String, Vec<u8>)> =
            database.all(PLUGIN_GRANTS, arguments![]).await?;
        let rows = rows
            .into_iter()
            .map(|(center, id, sealed)| (frames(&[center.as_bytes(), id.as_bytes()]), sealed));
        problems.extend(unopened(&self.secrets, database, GRANT, rows));

        let rows: Vec<(String, String, String, Vec<u8>)> =
            database.all(VERSION_GRANTS, arguments![]).await?;
        let rows = rows.into_iter().map(|(center, id, version, sealed)| {
            let row = [center.as_bytes(), id.as_bytes(), version.as_bytes()];
            (frames(&row), sealed)
        });
        problems.extend(unopened(&self.secrets, database, VERSION_GRANT, rows));

        problems.extend(self.question_problems().await?);

        let rows: Vec<(String, String, String, Vec<u8>)> =
            database.all(SOME_VALUES, arguments![]).await?;
        let rows = rows.into_iter().map(|(center, id, key, sealed)| {
            let row = [center.as_bytes(), id.as_bytes(), key.as_bytes()];
            (frames(&row), sealed)
        });
        problems.extend(unopened(&self.secrets, database, VALUE, rows));

        let rows: Vec<(Vec<u8>, Vec<u8>)> = self.logging.all(SOME_PERSONS, arguments![]).await?;
        let rows = rows
            .into_iter()
            .map(|(id, sealed)| (frames(&[&id]), sealed));
        problems.extend(unopened(&self.secrets, &self.logging, DATA_KEY, rows));

        let rows: Vec<(Vec<u8>, Vec<u8>)> = self.logging.all(SOME_EVENTS, arguments![]).await?;
        let rows = rows
            .into_iter()
            .map(|(event, sealed)| (frames(&[&event]), sealed));
        problems.extend(unopened(&self.secrets, &self.logging, DETAILS, rows));
        Ok(problems)
    }
}

impl NodeStore {
    /// Looks for damage in the node's file.
    pub async fn check_integrity(&self) -> Result<Vec<Problem>, ReadError> {
        Ok(file_problems(self.database()).await?)
    }
}

#[async_trait]
impl Readiness for Store {
    async fn check(&self) -> Vec<(Service, Result<(), Unavailable>)> {
        let fulfillment = answers(&self.fulfillment).await;
        // There are hosts that are ready without it, so it must not take up the time of the others.
        let logging = timeout(LOGGING_TIME_MAX, answers(&self.logging)).await;
        let logging = logging.unwrap_or_else(|_elapsed| {
            let text = format!("no answer within {} ms", LOGGING_TIME_MAX.as_millis());
            Err(Unavailable::new(Service::LoggingDatabase, text))
        });
        vec![
            (Service::FulfillmentDatabase, fulfillment),
            (Service::LoggingDatabase, logging),
        ]
    }
}

/// Whether a database answers.
pub(crate) async fn answers(database: &Database) -> Result<(), Unavailable> {
    let answer: Result<(i64,), Fault> = database.one(ASK, arguments![]).await;
    answer
        .map(drop)
        .map_err(|fault| fault.unavailable(database.service()))
}

/// Tries every value of an encrypted column.
pub(crate) fn unopened(
    secrets: &Secrets,
    database: &Database,
    column: Column,
    rows: impl Iterator<Item = (Vec<u8>, Vec<u8>)>,
) -> Option<Problem> {
    let mut tried = Tried::default();
    for (row, sealed) in rows {
        tried.one(secrets.opens(column, &row, &sealed));
    }
    tried.problem(database, column)
}

/// Values of an encrypted column that were tried.
#[derive(Default)]
struct Tried {
    all: u64,
    bad: u64,
}

impl Tried {
    fn one(&mut self, opens: bool) {
        self.all += 1;
        self.bad += u64::from(!opens);
    }

    fn problem(&self, database: &Database, column: Column) -> Option<Problem> {
        let Self { all, bad } = self;
        let advice = match bad {
            0 => return None,
            bad if bad == all => "is this the master key the database was made with?",
            _ => "restore the rows from a copy, or replace the keys",
        };
        let Column { table, name } = column;
        let text = format!("{bad} of {all} values of {table}.{name} do not decrypt: {advice}");
        Some(Problem {
            service: database.service(),
            text,
        })
    }
}

/// What the engine itself finds wrong with a file; a server looks after its own.
pub(crate) async fn file_problems(database: &Database) -> Result<Vec<Problem>, Fault> {
    match database.engine() {
        Engine::Postgres(_) => return Ok(Vec::new()),
        Engine::Sqlite(_) => {}
    }
    let service = database.service();
    let lines: Vec<(String,)> = database.all(SOUND_FILE, arguments![]).await?;
    let damage = lines.into_iter().filter(|(line,)| line != "ok");
    let damage = damage.map(|(line,)| format!("the file is damaged: {line}; restore a copy"));
    let mut problems: Vec<Problem> = damage.map(|text| Problem { service, text }).collect();
    let broken: Vec<(String,)> = database.all(BROKEN_REFERENCES, arguments![]).await?;
    let texts = broken
        .into_iter()
        .map(|(table,)| format!("rows of {table} refer to missing rows"));
    problems.extend(texts.map(|text| Problem { service, text }));
    Ok(problems)
}
