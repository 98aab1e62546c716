//! A mapping database in a SQLite file.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::path::Path;
use std::time::{Duration, Instant};

use colophon_core::capability::{MappingFailure, Name, SqlRows, SqlStatement, SqlValue};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, ConnectOptions as _, Decode, Executor as _,
    Row as _, SqlSafeStr as _, Sqlite, SqlitePool, Statement as _, TypeInfo as _, ValueRef as _,
};

use super::bounded::{Bounded, Column};
use super::collected::{Cells, Collected, Unreadable, away, failure};
use super::{
    COLUMNS_MAX, CONNECTIONS_MAX, MappingRefused, OWN_TABLES, VALUE_BYTES_MAX, ceiling,
    refuse_other_parameters,
};

/// How many steps of a statement pass before its time is looked at.
const STEPS: i32 = 1000;

/// A file that others may be writing to is waited for, while the statement's time runs.
const BUSY_TIME_MAX: Duration = Duration::from_millis(100);

const ACQUIRE_TIME_MAX: Duration = Duration::from_secs(3);

/// Types belong to values here and not to columns.
const SIZE: &str = "CASE WHEN typeof({}) IN ('text', 'blob') THEN octet_length({}) END";

pub(super) struct SqliteMapping {
    readers: SqlitePool,
}

impl SqliteMapping {
    pub(super) async fn open(
        path: &Path,
        statements: BTreeMap<Name, SqlStatement>,
    ) -> Result<(Self, BTreeMap<Name, Bounded>), MappingRefused> {
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
            // Rows that nobody has asked for yet would stand in memory uncounted.
            .row_buffer_size(1)
            .disable_statement_logging();
        let readers = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIME_MAX)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    ceiling::set(&mut connection.lock_handle().await?, VALUE_BYTES_MAX);
                    Ok(())
                })
            })
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
        let mut prepared = BTreeMap::new();
        for (name, statement) in statements {
            let bounded = prepare(&readers, &name, &statement).await?;
            prepared.insert(name, bounded);
        }
        Ok((Self { readers }, prepared))
    }

    pub(super) async fn run(
        &self,
        bounded: &Bounded,
        parameters: &[SqlValue],
        bytes_max: usize,
    ) -> Result<SqlRows, MappingFailure> {
        // Waiting for a connection takes of the statement's time.
        let end = Instant::now() + bounded.statement.time_max;
        let mut connection = self.readers.acquire().await.map_err(away)?;
        // The statement runs on a thread of its own, which nobody else could stop.
        let mut handle = connection.lock_handle().await.map_err(away)?;
        handle.set_progress_handler(STEPS, move || Instant::now() < end);
        drop(handle);
        let text = AssertSqlSafe(bounded.text.as_str());
        let query = sqlx::query_with(text, arguments(parameters, bytes_max).map_err(away)?);
        let mut collected = Collected::new(bounded, bytes_max);
        let mut found = query.fetch(&mut *connection);
        let mut failed = None;
        while let Some(row) = poll_fn(|context| found.as_mut().poll_next(context)).await {
            match row {
                Ok(row) if collected.take(&row)? => {}
                Ok(_) => break,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        drop(found);
        match failed {
            None => Ok(collected.rows()),
            Some(error) => Err(named(error, bounded, connection).await),
        }
    }
}

async fn prepare(
    readers: &SqlitePool,
    name: &Name,
    statement: &SqlStatement,
) -> Result<Bounded, MappingRefused> {
    let refused = |source| MappingRefused::Statement {
        name: name.clone(),
        source,
    };
    // By itself: a comment that does not end could otherwise hide what stands around it.
    let alone = AssertSqlSafe(statement.text.as_str()).into_sql_str();
    let alone = readers.prepare(alone).await.map_err(refused)?;
    refuse_other_parameters(name, statement, alone.parameters())?;
    let found = alone.columns().len();
    if !(1..=COLUMNS_MAX).contains(&found) {
        return Err(MappingRefused::Columns {
            name: name.clone(),
            found,
        });
    }
    let columns = alone.columns().iter().map(|column| Column {
        name: column.name().to_owned(),
        // What is declared as a truth is kept as a number.
        truth: column.type_info().name() == "BOOLEAN",
        size: Some(SIZE),
    });
    let bounded = Bounded::new(statement, columns.collect());
    // Once for nothing: parameters that can be given no value are found when they are to have one.
    let nothing = vec![SqlValue::Null; statement.parameters.len()];
    let nothing = arguments(&nothing, 0).map_err(refused)?;
    let trial = AssertSqlSafe(format!("SELECT * FROM ({}) LIMIT 0", bounded.text));
    let tried = sqlx::query_with(trial, nothing).execute(readers).await;
    tried.map(|_| bounded).map_err(refused)
}

fn arguments(parameters: &[SqlValue], bytes_max: usize) -> Result<SqliteArguments, sqlx::Error> {
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
        added.map_err(sqlx::Error::Encode)?;
    }
    let most = i64::try_from(bytes_max).unwrap_or(i64::MAX);
    arguments.add(most).map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

impl Cells for SqliteRow {
    fn number(&self, at: usize) -> Result<i64, sqlx::Error> {
        self.try_get(at)
    }

    fn value(&self, at: usize, column: &Column) -> Result<SqlValue, Unreadable> {
        let value = self.try_get_raw(at).map_err(Unreadable::Away)?;
        if value.is_null() {
            return Ok(SqlValue::Null);
        }
        let kind = value.type_info().name().to_owned();
        let read = match kind.as_str() {
            "INTEGER" if column.truth => {
                <i64 as Decode<Sqlite>>::decode(value).map(|n| SqlValue::Boolean(n != 0))
            }
            "INTEGER" => <i64 as Decode<Sqlite>>::decode(value).map(SqlValue::Integer),
            "TEXT" => <String as Decode<Sqlite>>::decode(value).map(SqlValue::Text),
            "BLOB" => <Vec<u8> as Decode<Sqlite>>::decode(value).map(SqlValue::Bytes),
            _ => return Err(Unreadable::Kind(kind)),
        };
        read.map_err(|error| Unreadable::Kind(format!("{kind}, {error}")))
    }
}

/// SQLite has one code for a statement that does not fit the schema any more and for values that do
/// not fit the statement. Whether it still fits, another look tells.
async fn named(
    error: sqlx::Error,
    bounded: &Bounded,
    mut connection: PoolConnection<Sqlite>,
) -> MappingFailure {
    const ERROR: &str = "1";
    let code = error.as_database_error().and_then(|error| error.code());
    let fits = code.as_deref() == Some(ERROR) && {
        let plan = AssertSqlSafe(format!("EXPLAIN {}", bounded.text));
        sqlx::raw_sql(plan).execute(&mut *connection).await.is_ok()
    };
    failure(error, |code| match code {
        // The handler above said that the time is over.
        "9" => Some(MappingFailure::Timeout),
        "18" => Some(MappingFailure::TooLarge),
        ERROR if !fits => None,
        ERROR | "20" => Some(MappingFailure::Unfit {
            code: format!("SQLite error {code}"),
        }),
        _ => None,
    })
}
