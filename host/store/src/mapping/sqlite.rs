//! A mapping database in a SQLite file.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::path::Path;
use std::time::{Duration, Instant};

use colophon_core::capability::{MappingFailure, Name, SqlRows, SqlStatement, SqlValue};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, ConnectOptions as _, Decode, Either, Executor as _,
    Row as _, SqlSafeStr as _, Sqlite, SqlitePool, Statement as _, TypeInfo as _, ValueRef as _,
};

use super::{CONNECTIONS_MAX, Collected, MappingRefused, OWN_TABLES, bounded};

/// How many steps of a statement pass before its time is looked at.
const STEPS: i32 = 1000;

/// A file that others may be writing to is waited for, while the statement's time runs.
const BUSY_TIME_MAX: Duration = Duration::from_millis(100);

const ACQUIRE_TIME_MAX: Duration = Duration::from_secs(3);

pub(super) struct SqliteMapping {
    readers: SqlitePool,
}

impl SqliteMapping {
    pub(super) async fn open(
        path: &Path,
        statements: &BTreeMap<Name, SqlStatement>,
    ) -> Result<Self, MappingRefused> {
        let address = format!("sqlite://{}", path.display());
        let unreachable = |source| MappingRefused::Unreachable {
            address: address.clone(),
            source,
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(BUSY_TIME_MAX)
            .pragma("query_only", "ON")
            .pragma("trusted_schema", "OFF")
            .pragma("mmap_size", "0")
            .disable_statement_logging();
        let readers = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIME_MAX)
            .connect_with(options)
            .await
            .map_err(unreachable)?;
        let own = format!("SELECT COUNT(*) FROM sqlite_master WHERE name IN {OWN_TABLES}");
        let own: i64 = sqlx::query_scalar(AssertSqlSafe(own))
            .fetch_one(&readers)
            .await
            .map_err(unreachable)?;
        if own > 0 {
            return Err(MappingRefused::HostsOwn { address });
        }
        for (name, statement) in statements {
            let text = AssertSqlSafe(bounded(statement)).into_sql_str();
            let prepared = readers.prepare(text).await;
            let prepared = prepared.map_err(|source| MappingRefused::Statement {
                name: name.clone(),
                source,
            })?;
            let found = match prepared.parameters() {
                Some(Either::Left(types)) => types.len(),
                Some(Either::Right(count)) => count,
                None => 0,
            };
            let named = statement.parameters.len();
            if found != named {
                return Err(MappingRefused::Parameters {
                    name: name.clone(),
                    found,
                    named,
                });
            }
        }
        Ok(Self { readers })
    }

    pub(super) async fn run(
        &self,
        statement: &SqlStatement,
        parameters: &[SqlValue],
        bytes_max: usize,
    ) -> Result<SqlRows, MappingFailure> {
        // Waiting for a connection takes of the statement's time.
        let end = Instant::now() + statement.time_max;
        let mut connection = self.readers.acquire().await.map_err(failure)?;
        // The statement runs on a thread of its own, which nobody else could stop.
        let mut handle = connection.lock_handle().await.map_err(failure)?;
        handle.set_progress_handler(STEPS, move || Instant::now() < end);
        drop(handle);
        let text = AssertSqlSafe(bounded(statement));
        let query = sqlx::query_with(text, arguments(parameters)?);
        let mut columns = Vec::new();
        let mut collected = Collected::new(statement, bytes_max);
        let mut found = query.fetch(&mut *connection);
        while let Some(row) = poll_fn(|context| found.as_mut().poll_next(context)).await {
            let row = row.map_err(failure)?;
            if columns.is_empty() {
                columns = names(&row);
            }
            collected.take(values(&row)?)?;
        }
        drop(found);
        if columns.is_empty() {
            // Without a row there are no names yet.
            let text = AssertSqlSafe(bounded(statement)).into_sql_str();
            let prepared = connection.prepare(text).await.map_err(failure)?;
            let all = prepared.columns().iter();
            columns = all.map(|column| column.name().to_owned()).collect();
        }
        Ok(SqlRows {
            columns,
            rows: collected.rows,
            truncated: collected.truncated,
        })
    }
}

fn arguments(parameters: &[SqlValue]) -> Result<SqliteArguments, MappingFailure> {
    let mut arguments = SqliteArguments::default();
    for value in parameters {
        let added = match value {
            SqlValue::Null => arguments.add(None::<String>),
            SqlValue::Boolean(truth) => arguments.add(*truth),
            SqlValue::Integer(number) => arguments.add(*number),
            // SQLite has no exact numbers but whole ones; it compares these as the column says.
            SqlValue::Decimal(text) | SqlValue::Text(text) => arguments.add(text.clone()),
            SqlValue::Bytes(bytes) => arguments.add(bytes.clone()),
        };
        added.map_err(MappingFailure::Unavailable)?;
    }
    Ok(arguments)
}

fn names(row: &SqliteRow) -> Vec<String> {
    let all = row.columns().iter();
    all.map(|column| column.name().to_owned()).collect()
}

fn values(row: &SqliteRow) -> Result<Vec<SqlValue>, MappingFailure> {
    let mut values = Vec::with_capacity(row.columns().len());
    for (at, column) in row.columns().iter().enumerate() {
        let value = row.try_get_raw(at).map_err(failure)?;
        if value.is_null() {
            values.push(SqlValue::Null);
            continue;
        }
        let kind = value.type_info().name().to_owned();
        let read = match (kind.as_str(), column.type_info().name()) {
            // What is declared as a truth is kept as a number.
            ("INTEGER", "BOOLEAN") => {
                <i64 as Decode<Sqlite>>::decode(value).map(|n| SqlValue::Boolean(n != 0))
            }
            ("INTEGER", _) => <i64 as Decode<Sqlite>>::decode(value).map(SqlValue::Integer),
            ("TEXT", _) => <String as Decode<Sqlite>>::decode(value).map(SqlValue::Text),
            ("BLOB", _) => <Vec<u8> as Decode<Sqlite>>::decode(value).map(SqlValue::Bytes),
            _ => {
                return Err(MappingFailure::ColumnType {
                    column: column.name().to_owned(),
                    kind,
                });
            }
        };
        values.push(read.map_err(MappingFailure::Unavailable)?);
    }
    Ok(values)
}

fn failure(error: sqlx::Error) -> MappingFailure {
    // SQLITE_INTERRUPT: the handler above said that the time is over.
    let interrupted = error
        .as_database_error()
        .and_then(|database| database.code())
        .is_some_and(|code| code == "9");
    if interrupted {
        MappingFailure::Timeout
    } else {
        MappingFailure::Unavailable(error.into())
    }
}
