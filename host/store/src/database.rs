//! One way to run a statement on either engine.
//!
//! A statement's text is written once, for both engines; [`Database`] runs it on whichever is
//! behind the address. What an argument or a row can be is therefore the part that both agree
//! on: 64-bit integers, text and bytes.

mod address;
mod argument;
mod batch;
mod sqlite;

use std::path::Path;
use std::time::Duration;

use colophon_core::ports::Service;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, ConnectOptions, FromRow, PgPool, Postgres, Sqlite, Transaction};
use tracing::warn;

pub use self::address::{DatabaseAddress, MalformedAddress};
pub(crate) use self::argument::{Argument, arguments, bound};
pub(crate) use self::batch::{Batch, Placeholders};
pub(crate) use self::sqlite::SqliteFile;
use crate::failure::Fault;

/// Longest wait for a connection, so that a request fails while somebody still waits for it.
const ACQUIRE_TIME_MAX: Duration = Duration::from_secs(3);

/// Longest that one statement of a host may run on PostgreSQL, in milliseconds.
const STATEMENT_MS_MAX: &str = "60000";

/// What a server is told about connections that only read.
const READ_ONLY: [(&str, &str); 1] = [("default_transaction_read_only", "on")];

/// A row type that can be read on both engines.
pub(crate) trait Row:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{}

/// A database behind its address.
#[derive(Clone)]
pub(crate) struct Database {
    service: Service,
    engine: Engine,
}

/// The engine and its connections.
#[derive(Clone)]
pub(crate) enum Engine {
    /// A file.
    Sqlite(SqliteFile),
    /// A server.
    Postgres(PgPool),
}

/// A write under way: either all of its statements take effect or none.
pub(crate) struct Write {
    service: Service,
    transaction: EngineWrite,
}

enum EngineWrite {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Database {
    /// Prepares connections. A file is made if there is none; a server is asked only when needed.
    pub(crate) async fn open(
        service: Service,
        address: &DatabaseAddress,
    ) -> Result<Self, sqlx::Error> {
        let engine = match address {
            DatabaseAddress::Sqlite(path) => Engine::Sqlite(SqliteFile::open(path).await?),
            DatabaseAddress::Postgres(url) => Engine::Postgres(postgres(url, &[])?),
        };
        Ok(Self { service, engine })
    }

    /// Prepares connections that write nothing; a file that is not there is not made.
    pub(crate) async fn open_to_read(
        service: Service,
        address: &DatabaseAddress,
    ) -> Result<Self, sqlx::Error> {
        let engine = match address {
            DatabaseAddress::Sqlite(path) => Engine::Sqlite(SqliteFile::open_to_read(path).await?),
            DatabaseAddress::Postgres(url) => Engine::Postgres(postgres(url, &READ_ONLY)?),
        };
        Ok(Self { service, engine })
    }

    /// The same connections, used as another database.
    pub(crate) fn shared_as(&self, service: Service) -> Self {
        Self {
            service,
            engine: self.engine.clone(),
        }
    }

    pub(crate) fn service(&self) -> Service {
        self.service
    }

    /// How batches are written for this engine.
    pub(crate) fn placeholders(&self) -> Placeholders {
        match self.engine {
            Engine::Sqlite(_) => Placeholders::InOrder,
            Engine::Postgres(_) => Placeholders::Numbered,
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The file, where the database is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.engine {
            Engine::Sqlite(file) => Some(file.path()),
            Engine::Postgres(_) => None,
        }
    }

    /// Every row of a query.
    pub(crate) async fn all<T: Row>(
        &self,
        sql: &'static str,
        arguments: &[Argument<'_>],
    ) -> Result<Vec<T>, Fault> {
        let rows = match &self.engine {
            Engine::Sqlite(file) => {
                bound!(sqlx::query_as(sql), arguments)
                    .fetch_all(file.readers())
                    .await
            }
            Engine::Postgres(pool) => bound!(sqlx::query_as(sql), arguments).fetch_all(pool).await,
        };
        rows.map_err(|error| self.fault(error))
    }

    /// The first row of a query.
    pub(crate) async fn optional<T: Row>(
        &self,
        sql: &'static str,
        arguments: &[Argument<'_>],
    ) -> Result<Option<T>, Fault> {
        let row = match &self.engine {
            Engine::Sqlite(file) => {
                bound!(sqlx::query_as(sql), arguments)
                    .fetch_optional(file.readers())
                    .await
            }
            Engine::Postgres(pool) => {
                bound!(sqlx::query_as(sql), arguments)
                    .fetch_optional(pool)
                    .await
            }
        };
        row.map_err(|error| self.fault(error))
    }

    /// The one row of a query that always has one.
    pub(crate) async fn one<T: Row>(
        &self,
        sql: &'static str,
        arguments: &[Argument<'_>],
    ) -> Result<T, Fault> {
        let row = self.optional(sql, arguments).await?;
        row.ok_or_else(|| self.fault(sqlx::Error::RowNotFound))
    }

    /// Runs a statement that changes rows, and says how many.
    pub(crate) async fn execute(
        &self,
        sql: &'static str,
        arguments: &[Argument<'_>],
    ) -> Result<u64, Fault> {
        let changed = match &self.engine {
            Engine::Sqlite(file) => bound!(sqlx::query(sql), arguments)
                .execute(file.writer())
                .await
                .map(|done| done.rows_affected()),
            Engine::Postgres(pool) => bound!(sqlx::query(sql), arguments)
                .execute(pool)
                .await
                .map(|done| done.rows_affected()),
        };
        changed.map_err(|error| self.fault(error))
    }

    /// Runs a statement that adds rows, and gives the number of the last where a file numbers them.
    pub(crate) async fn insert(
        &self,
        sql: &'static str,
        arguments: &[Argument<'_>],
    ) -> Result<Option<i64>, Fault> {
        let added = match &self.engine {
            Engine::Sqlite(file) => bound!(sqlx::query(sql), arguments)
                .execute(file.writer())
                .await
                .map(|done| Some(done.last_insert_rowid())),
            Engine::Postgres(pool) => bound!(sqlx::query(sql), arguments)
                .execute(pool)
                .await
                .map(|_| None),
        };
        added.map_err(|error| self.fault(error))
    }

    /// Runs a statement that changes rows and returns the first of them.
    pub(crate) async fn changed<T: Row>(
        &self,
        sql: &'static str,
        arguments: &[Argument<'_>],
    ) -> Result<Option<T>, Fault> {
        // Read to the end: the statement is committed when its last row has been asked for.
        let rows: Result<Vec<T>, _> = match &self.engine {
            Engine::Sqlite(file) => {
                bound!(sqlx::query_as(sql), arguments)
                    .fetch_all(file.writer())
                    .await
            }
            Engine::Postgres(pool) => bound!(sqlx::query_as(sql), arguments).fetch_all(pool).await,
        };
        rows.map(|rows| rows.into_iter().next())
            .map_err(|error| self.fault(error))
    }

    /// Begins a write of several statements. On SQLite it takes the write lock at once: a lock
    /// taken later, after a read, may be refused without waiting.
    pub(crate) async fn write(&self) -> Result<Write, Fault> {
        let transaction = match &self.engine {
            Engine::Sqlite(file) => file
                .writer()
                .begin_with("BEGIN IMMEDIATE")
                .await
                .map(EngineWrite::Sqlite),
            Engine::Postgres(pool) => pool.begin().await.map(EngineWrite::Postgres),
        };
        let transaction = transaction.map_err(|error| self.fault(error))?;
        Ok(Write {
            service: self.service,
            transaction,
        })
    }

    /// Deleted values may still stand in the write-ahead log or in dead rows; this takes them out,
    /// on a server of the tables given.
    pub(crate) async fn overwrite_deleted(&self, tables: &[&'static str]) {
        let done = match &self.engine {
            Engine::Sqlite(file) => sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                .execute(file.writer())
                .await
                .map(drop),
            Engine::Postgres(pool) => {
                // Names of our own tables, and of nobody else's choosing.
                let vacuum = AssertSqlSafe(format!("VACUUM {}", tables.join(", ")));
                sqlx::query(vacuum).execute(pool).await.map(drop)
            }
        };
        if let Err(error) = done {
            warn!(%error, "what was erased goes with the database's own next clean-up");
        }
    }

    pub(crate) fn fault(&self, error: sqlx::Error) -> Fault {
        Fault::from_sqlx(self.service, error)
    }

    pub(crate) async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(file) => file.close().await,
            Engine::Postgres(pool) => pool.close().await,
        }
    }
}

impl Write {
    /// How batches are written for this engine.
    pub(crate) fn placeholders(&self) -> Placeholders {
        match self.transaction {
            EngineWrite::Sqlite(_) => Placeholders::InOrder,
            EngineWrite::Postgres(_) => Placeholders::Numbered,
        }
    }

    pub(crate) async fn all<T: Row>(
        &mut self,
        sql: &'static str,
        arguments: &[Argument<'_>],
    ) -> Result<Vec<T>, Fault> {
        let rows = match &mut self.transaction {
            EngineWrite::Sqlite(open) => {
                bound!(sqlx::query_as(sql), arguments)
                    .fetch_all(&mut **open)
                    .await
            }
            EngineWrite::Postgres(open) => {
                bound!(sqlx::query_as(sql), arguments)
                    .fetch_all(&mut **open)
                    .await
            }
        };
        rows.map_err(|error| self.fault(error))
    }

    pub(crate) async fn optional<T: Row>(
        &mut self,
        sql: &'static str,
        arguments: &[Argument<'_>],
    ) -> Result<Option<T>, Fault> {
        let row = match &mut self.transaction {
            EngineWrite::Sqlite(open) => {
                bound!(sqlx::query_as(sql), arguments)
                    .fetch_optional(&mut **open)
                    .await
            }
            EngineWrite::Postgres(open) => {
                bound!(sqlx::query_as(sql), arguments)
                    .fetch_optional(&mut **open)
                    .await
            }
        };
        row.map_err(|error| self.fault(error))
    }

    pub(crate) async fn execute(
        &mut self,
        sql: &'static str,
        arguments: &[Argument<'_>],
    ) -> Result<u64, Fault> {
        let changed = match &mut self.transaction {
            EngineWrite::Sqlite(open) => bound!(sqlx::query(sql), arguments)
                .execute(&mut **open)
                .await
                .map(|done| done.rows_affected()),
            EngineWrite::Postgres(open) => bound!(sqlx::query(sql), arguments)
                .execute(&mut **open)
                .await
                .map(|done| done.rows_affected()),
        };
        changed.map_err(|error| self.fault(error))
    }

    /// Adds rows, and gives the number of the last where a file numbers them.
    pub(crate) async fn insert(
        &mut self,
        sql: &'static str,
        arguments: &[Argument<'_>],
    ) -> Result<Option<i64>, Fault> {
        let added = match &mut self.transaction {
            EngineWrite::Sqlite(open) => bound!(sqlx::query(sql), arguments)
                .execute(&mut **open)
                .await
                .map(|done| Some(done.last_insert_rowid())),
            EngineWrite::Postgres(open) => bound!(sqlx::query(sql), arguments)
                .execute(&mut **open)
                .await
                .map(|_| None),
        };
        added.map_err(|error| self.fault(error))
    }

    /// Waits for no row longer than this that another write holds. A file has one writer, which is
    /// waited for when a write begins and never later.
    pub(crate) async fn limit_waits(&mut self, time_max: Duration) -> Result<(), Fault> {
        let limited = match &mut self.transaction {
            EngineWrite::Sqlite(_) => return Ok(()),
            EngineWrite::Postgres(open) => {
                sqlx::query("SELECT set_config('lock_timeout', $1, true)")
                    .bind(format!("{}ms", time_max.as_millis()))
                    .execute(&mut **open)
                    .await
            }
        };
        limited.map(drop).map_err(|error| self.fault(error))
    }

    /// Ends the write without any effect.
    pub(crate) async fn undo(self) -> Result<(), Fault> {
        let service = self.service;
        let done = match self.transaction {
            EngineWrite::Sqlite(open) => open.rollback().await,
            EngineWrite::Postgres(open) => open.rollback().await,
        };
        done.map_err(|error| Fault::from_sqlx(service, error))
    }

    pub(crate) async fn commit(self) -> Result<(), Fault> {
        let service = self.service;
        let done = match self.transaction {
            EngineWrite::Sqlite(open) => open.commit().await,
            EngineWrite::Postgres(open) => open.commit().await,
        };
        done.map_err(|error| Fault::from_sqlx(service, error))
    }

    fn fault(&self, error: sqlx::Error) -> Fault {
        Fault::from_sqlx(self.service, error)
    }
}

fn postgres(url: &str, settings: &[(&str, &str)]) -> Result<PgPool, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    let options = options
        .application_name("colophon")
        .options(settings.iter().copied())
        .options([("statement_timeout", STATEMENT_MS_MAX)])
        .statement_cache_capacity(256)
        .disable_statement_logging();
    Ok(PgPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(ACQUIRE_TIME_MAX)
        .connect_lazy_with(options))
}
