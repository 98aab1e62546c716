//! Whether what is kept about personas is sound.

use colophon_crypto::frames;

use super::ActivationStore;
use super::accounts::{PASSWORD, USERNAME};
use super::devices::FACTS;
use super::handed_over::CERTIFICATE;
use super::orders;
use super::personas::{FACT_SALT, PERSONA, PROFILE};
use super::pool::PRIVATE_KEY;
use crate::database::arguments;
use crate::failure::{Fault, ReadError};
use crate::health::{Problem, file_problems, unopened};
use crate::secrets::Column;

/// Enough to tell a wrong master key from a damaged row. Key pairs are read all: a damaged one
/// would be found by the persona it is given to.
const COLUMNS: [(Column, &str); 7] = [
    (
        PERSONA,
        "SELECT id, persona FROM personas WHERE erased_at IS NULL LIMIT 1000",
    ),
    (
        PROFILE,
        "SELECT id, profile FROM personas WHERE erased_at IS NULL LIMIT 1000",
    ),
    (
        FACT_SALT,
        "SELECT id, fact_salt FROM personas WHERE erased_at IS NULL LIMIT 1000",
    ),
    (
        USERNAME,
        "SELECT persona, username FROM accounts LIMIT 1000",
    ),
    (
        PASSWORD,
        "SELECT persona, password FROM accounts LIMIT 1000",
    ),
    (
        FACTS,
        "SELECT id, facts FROM devices WHERE facts IS NOT NULL LIMIT 1000",
    ),
    (PRIVATE_KEY, "SELECT id, private_key FROM key_pairs"),
];

const ORDERED: [(Column, &str); 3] = [
    (
        orders::PERSONA,
        "SELECT activation, persona FROM repository_orders LIMIT 1000",
    ),
    (
        orders::FACTS,
        "SELECT activation, facts FROM repository_orders LIMIT 1000",
    ),
    (
        orders::PRIVATE_KEY,
        "SELECT activation, private_key FROM repository_orders \
            WHERE private_key IS NOT NULL LIMIT 1000",
    ),
];

const DELIVERED: [(Column, &str); 2] = [
    (
        orders::MODULE,
        "SELECT activation, digest, module FROM repository_orders \
            WHERE module IS NOT NULL LIMIT 1000",
    ),
    (
        orders::SEALED_KEY,
        "SELECT activation, digest, sealed_key FROM repository_orders \
            WHERE sealed_key IS NOT NULL LIMIT 1000",
    ),
];

const CERTIFICATES: &str = "SELECT persona, number, certificate FROM persona_certificates \
    WHERE certificate IS NOT NULL LIMIT 1000";

type CertificateRow = (Vec<u8>, i64, Vec<u8>);

impl ActivationStore {
    /// Looks for damage: in the file itself, and in what is encrypted.
    pub async fn check_integrity(&self) -> Result<Vec<Problem>, ReadError> {
        let database = &self.database;
        let mut problems = file_problems(database).await?;
        for (column, sql) in COLUMNS {
            problems.extend(self.unopened_by_id(column, sql).await?);
        }
        let rows: Vec<CertificateRow> = database.all(CERTIFICATES, arguments![]).await?;
        let rows = rows
            .into_iter()
            .map(|(id, number, sealed)| (frames(&[&id, &number.to_be_bytes()]), sealed));
        problems.extend(unopened(&self.secrets, database, CERTIFICATE, rows));
        problems.extend(self.check_orders().await?);
        Ok(problems)
    }

    /// The same in repository orders alone, which is all that a worker may read.
    pub async fn check_orders(&self) -> Result<Vec<Problem>, ReadError> {
        let database = &self.database;
        let mut problems = Vec::new();
        for (column, sql) in ORDERED {
            problems.extend(self.unopened_by_id(column, sql).await?);
        }
        for (column, sql) in DELIVERED {
            let rows: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> = database.all(sql, arguments![]).await?;
            let rows = rows
                .into_iter()
                .map(|(id, digest, sealed)| (frames(&[&id, &digest]), sealed));
            problems.extend(unopened(&self.secrets, database, column, rows));
        }
        Ok(problems)
    }

    /// Of a column whose values are bound to the row's id and nothing else.
    async fn unopened_by_id(
        &self,
        column: Column,
        sql: &'static str,
    ) -> Result<Option<Problem>, Fault> {
        let rows: Vec<(Vec<u8>, Vec<u8>)> = self.database.all(sql, arguments![]).await?;
        let rows = rows
            .into_iter()
            .map(|(id, sealed)| (frames(&[&id]), sealed));
        Ok(unopened(&self.secrets, &self.database, column, rows))
    }
}
