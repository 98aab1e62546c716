//! A center's own mapping database, in which one plug-in runs the statements it was granted.
//!
//! The database is somebody else's: its schema is not ours, and nothing of ours is in it. Each
//! statement is prepared once against the live schema, so that one that does not fit is refused
//! when the plug-in is loaded and not when a buyer waits: by itself first, so that it is known to be
//! one whole statement, and then inside of another that cuts its rows and leaves out values that
//! are too large, where nothing that writes may stand. Connections can only read.

mod bounded;
mod ceiling;
mod collected;
mod numeric;
mod postgres;
mod sqlite;
mod turns;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::capability::{
    MappingDatabase, MappingFailure, Name, SqlRows, SqlStatement, SqlValue,
};
use sqlx::Either;
use thiserror::Error;
use tokio::time::timeout;

use self::bounded::Bounded;
use self::postgres::PostgresMapping;
use self::sqlite::SqliteMapping;
pub use self::turns::StatementTurns;
use crate::database::DatabaseAddress;

/// How many statements of one plug-in run at once.
const CONNECTIONS_MAX: u32 = 4;

/// What a statement has beyond its own time, which the database holds it to, before it is given up:
/// a server that is away says nothing any more.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// As the contract states it.
const COLUMNS_MAX: usize = 64;

/// The largest value that a statement may come by on a SQLite file, which is read within the host
/// itself: as much as all rows together may hold.
const VALUE_BYTES_MAX: i32 = 256 << 10;

/// A mapping database, connected, with the statements of one version of a plug-in.
pub struct GrantedMapping {
    statements: BTreeMap<Name, Arc<Bounded>>,
    engine: Arc<Engine>,
    turns: Arc<StatementTurns>,
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
    /// Its user may do more than read what it is granted: a statement could reach files and programs
    /// of the server through functions that look like any other.
    #[error(
        "the user of {address} is or may become {role}; give plug-ins a user who may read these \
         tables and nothing more"
    )]
    Mighty {
        /// Where the database is.
        address: String,
        /// The role that is too much.
        role: String,
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
    /// A statement has more columns than a plug-in can be given, or none.
    #[error("statement {name} has {found} columns, where 1 to {COLUMNS_MAX} are allowed")]
    Columns {
        /// Its name.
        name: Name,
        /// As many as the database counts.
        found: usize,
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
    /// Connects, and prepares every statement. `turns` are those of the plug-in, which all its
    /// versions share.
    ///
    /// # Errors
    /// [`MappingRefused`] names the database or the statement that is wrong.
    pub async fn open(
        address: &DatabaseAddress,
        statements: BTreeMap<Name, SqlStatement>,
        turns: Arc<StatementTurns>,
    ) -> Result<Self, MappingRefused> {
        let (engine, statements) = match address {
            DatabaseAddress::Sqlite(path) => {
                let (database, statements) = SqliteMapping::open(path, statements).await?;
                (Engine::Sqlite(database), statements)
            }
            DatabaseAddress::Postgres(url) => {
                let (database, statements) =
                    PostgresMapping::open(address, url, statements).await?;
                (Engine::Postgres(database), statements)
            }
        };
        let statements = statements.into_iter();
        Ok(Self {
            statements: statements
                .map(|(name, bounded)| (name, Arc::new(bounded)))
                .collect(),
            engine: Arc::new(engine),
            turns,
        })
    }
}

impl Engine {
    async fn run(
        &self,
        statement: &Bounded,
        parameters: &[SqlValue],
        bytes_max: usize,
    ) -> Result<SqlRows, MappingFailure> {
        let running = async {
            match self {
                Self::Sqlite(database) => database.run(statement, parameters, bytes_max).await,
                Self::Postgres(database) => database.run(statement, parameters, bytes_max).await,
            }
        };
        let ended = timeout(statement.statement.time_max + SILENCE_MAX, running).await;
        ended.unwrap_or(Err(MappingFailure::Timeout))
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
        let statement = Arc::clone(statement.ok_or(MappingFailure::UnknownStatement)?);
        let turn = self.turns.next().await?;
        let (engine, parameters) = (Arc::clone(&self.engine), parameters.to_vec());
        // It keeps its turn until the database is done with it, whether somebody still waits or not.
        let run = tokio::spawn(async move {
            let found = engine.run(&statement, &parameters, bytes_max).await;
            drop(turn);
            found
        });
        let ended = run.await;
        ended.unwrap_or_else(|lost| Err(MappingFailure::Unavailable(lost.into())))
    }
}

/// Tables that only a host's own databases have.
const OWN_TABLES: &str = "('fulfillment_migrations', 'logging_migrations', \
    'activation_migrations', 'node_migrations')";

/// Holds how many parameters the database counts against those that the manifest names.
fn refuse_other_parameters<Type>(
    name: &Name,
    statement: &SqlStatement,
    counted: Option<Either<&[Type], usize>>,
) -> Result<(), MappingRefused> {
    let named = statement.parameters.len();
    let counted = match counted {
        Some(Either::Left(types)) => types.len(),
        Some(Either::Right(count)) => count,
        None => 0,
    };
    let written = statement.text.parameters();
    match [counted, written].into_iter().find(|found| *found != named) {
        Some(found) => Err(MappingRefused::Parameters {
            name: name.clone(),
            found,
            named,
        }),
        None => Ok(()),
    }
}
