//! Whether what is kept about personas is sound.

use colophon_crypto::frames;

use super::ActivationStore;
use super::accounts::{PASSWORD, USERNAME};
use super::devices::FACTS;
use super::handed_over::CERTIFICATE;
use super::orders::PRIVATE_KEY as ORDERED_KEY;
use super::personas::{FACT_SALT, PERSONA, PROFILE};
use super::pool::PRIVATE_KEY;
use crate::database::arguments;
use crate::failure::ReadError;
use crate::health::{Problem, file_problems, unopened};
use crate::secrets::Column;

/// Enough to tell a wrong master key from a damaged row. Key pairs are read all: a damaged one
/// would be found by the persona it is given to.
const COLUMNS: [(Column, &str); 8] = [
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
    (
        ORDERED_KEY,
        "SELECT activation, private_key FROM repository_orders \
            WHERE private_key IS NOT NULL LIMIT 1000",
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
            let rows: Vec<(Vec<u8>, Vec<u8>)> = database.all(sql, arguments![]).await?;
            let rows = rows
                .into_iter()
                .map(|(id, sealed)| (frames(&[&id]), sealed));
            problems.extend(unopened(&self.secrets, database, column, rows));
        }
        let rows: Vec<CertificateRow> = database.all(CERTIFICATES, arguments![]).await?;
        let rows = rows
            .into_iter()
            .map(|(id, number, sealed)| (frames(&[&id, &number.to_be_bytes()]), sealed));
        problems.extend(unopened(&self.secrets, database, CERTIFICATE, rows));
        Ok(problems)
    }
}
