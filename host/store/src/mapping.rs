//! A center's own mapping database, in which one plug-in runs the statements it was granted.
//!
//! The database is somebody else's: its schema is not ours, and nothing of ours is in it. Each
//! statement is prepared once against the live schema, so that one that does not fit is refused
//! when the plug-in is loaded and not when a buyer waits. Connections can only read, and every
//! statement is run inside of another that cuts its rows, where nothing that writes may stand.

mod numeric;
mod postgres;
mod sqlite;

use std::collections::BTreeMap;

use async_trait::async_trait;
use colophon_core::capability::{
    MappingDatabase, MappingFailure, Name, SqlRows, SqlStatement, SqlValue,
};
use thiserror::Error;

use self::postgres::PostgresMapping;
use self::sqlite::SqliteMapping;
use crate::database::DatabaseAddress;

/// How many statements of one plug-in run at once.
const CONNECTIONS_MAX: u32 = 4;

/// A mapping database, connected, with the statements of one plug-in.
pub struct GrantedMapping {
    statements: BTreeMap<Name, SqlStatement>,
    engine: Engine,
}

enum Engine {
    Sqlite(SqliteMapping),
    Postgres(PostgresMapping),
}

/// Why a plug-in's statements cannot be run in a database.
#[derive(Debug, Error)]
pub enum MappingRefused {
    /// Nothing is there, or it does not answer.
    #[error("the mapping database {address} cannot be read")]
    Unreachable {
        /// Where it should be, without a password.
        address: String,
        /// What the driver says.
        #[source]
        source: sqlx::Error,
    },
    /// It is one of a host's own, which hold what belongs to all centers.
    #[error("{address} is a database of a Colophon host; plug-ins read a database of their own")]
    HostsOwn {
        /// Where it is.
        address: String,
    },
    /// A statement does not fit the schema.
    #[error("statement {name} cannot be prepared in the mapping database")]
    Statement {
        /// Its name.
        name: Name,
        /// What the database says.
        #[source]
        source: sqlx::Error,
    },
    /// A statement has another number of parameters than the manifest says.
    #[error("statement {name} has {found} parameters; its manifest names {named} types")]
    Parameters {
        /// Its name.
        name: Name,
        /// As many as the database counts.
        found: usize,
        /// As many as the manifest names.
        named: usize,
    },
    /// A column has a type that no plug-in can be given.
    #[error(
        "column {column} of statement {name} has the type {kind}; write CAST({column} AS TEXT)"
    )]
    ColumnType {
        /// The statement's name.
        name: Name,
        /// The column's name.
        column: String,
        /// What the database calls its type.
        kind: String,
    },
}

impl GrantedMapping {
    /// Connects, and prepares every statement.
    ///
    /// # Errors
    /// [`MappingRefused`] names the database or the statement that is wrong.
    pub async fn open(
        address: &DatabaseAddress,
        statements: BTreeMap<Name, SqlStatement>,
    ) -> Result<Self, MappingRefused> {
        let engine = match address {
            DatabaseAddress::Sqlite(path) => {
                Engine::Sqlite(SqliteMapping::open(path, &statements).await?)
            }
            DatabaseAddress::Postgres(url) => {
                Engine::Postgres(PostgresMapping::open(address, url, &statements).await?)
            }
        };
        Ok(Self { statements, engine })
    }
}

#[async_trait]
impl MappingDatabase for GrantedMapping {
    async fn run(
        &self,
        statement: &str,
        parameters: &[SqlValue],
        bytes_max: usize,
    ) -> Result<SqlRows, MappingFailure> {
        let statement = self.statements.get(statement);
        let statement = statement.ok_or(MappingFailure::UnknownStatement)?;
        match &self.engine {
            Engine::Sqlite(database) => database.run(statement, parameters, bytes_max).await,
            Engine::Postgres(database) => database.run(statement, parameters, bytes_max).await,
        }
    }
}

/// The statement as it is run: inside of another, where a statement that writes is an error, and
/// which reads one row more than is handed over. A comment at its end ends with its line.
fn bounded(statement: &SqlStatement) -> String {
    let text = statement.text.as_str();
    let rows = u64::from(statement.rows_max) + 1;
    format!("SELECT * FROM ({text}\n) AS granted LIMIT {rows}")
}

/// Tables that only a host's own databases have.
const OWN_TABLES: &str = "('fulfillment_migrations', 'logging_migrations', \
    'activation_migrations', 'node_migrations')";

/// Rows under way, held against the caps.
struct Collected {
    rows: Vec<Vec<SqlValue>>,
    rows_max: usize,
    bytes_left: usize,
    truncated: bool,
}

impl Collected {
    fn new(statement: &SqlStatement, bytes_max: usize) -> Self {
        Self {
            rows: Vec::new(),
            rows_max: usize::try_from(statement.rows_max).unwrap_or(usize::MAX),
            bytes_left: bytes_max,
            truncated: false,
        }
    }

    /// Takes a row, or notes that there is one too many.
    fn take(&mut self, row: Vec<SqlValue>) -> Result<(), MappingFailure> {
        if self.rows.len() == self.rows_max {
            self.truncated = true;
            return Ok(());
        }
        let bytes: usize = row.iter().map(SqlValue::bytes).sum();
        let left = self.bytes_left.checked_sub(bytes);
        self.bytes_left = left.ok_or(MappingFailure::TooLarge)?;
        self.rows.push(row);
        Ok(())
    }
}
