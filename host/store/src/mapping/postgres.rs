//! A mapping database on a PostgreSQL server.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::time::Duration;

use colophon_core::capability::{MappingFailure, Name, SqlRows, SqlStatement, SqlType, SqlValue};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow, PgTypeInfo};
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, ConnectOptions as _, Decode, Executor as _, PgPool,
    Postgres, Row as _, SqlSafeStr as _, Statement as _, Type, TypeInfo as _, ValueRef as _,
};

use super::numeric::Numeric;
use super::{CONNECTIONS_MAX, Collected, MappingRefused, OWN_TABLES, bounded};
use crate::database::DatabaseAddress;

const ACQUIRE_TIME_MAX: Duration = Duration::from_secs(3);

/// What connections are told, beside what every statement is told once more: a statement may set
/// things for its connection that the next one would run under.
const SETTINGS: [(&str, &str); 3] = [
    ("default_transaction_read_only", "on"),
    ("statement_timeout", "10000"),
    ("idle_in_transaction_session_timeout", "20000"),
];

const OWN: &str = "SELECT COUNT(*) FROM pg_catalog.pg_tables WHERE tablename IN ";

pub(super) struct PostgresMapping {
    pool: PgPool,
}

impl PostgresMapping {
    pub(super) async fn open(
        address: &DatabaseAddress,
        url: &str,
        statements: &BTreeMap<Name, SqlStatement>,
    ) -> Result<Self, MappingRefused> {
        let unreachable = |source| MappingRefused::Unreachable {
            address: address.to_string(),
            source,
        };
        let options: PgConnectOptions = url.parse().map_err(unreachable)?;
        let options = options
            .application_name("colophon plug-in")
            .options(SETTINGS)
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIME_MAX)
            .connect_with(options)
            .await
            .map_err(unreachable)?;
        let own: i64 = sqlx::query_scalar(AssertSqlSafe(format!("{OWN}{OWN_TABLES}")))
            .fetch_one(&pool)
            .await
            .map_err(unreachable)?;
        if own > 0 {
            return Err(MappingRefused::HostsOwn {
                address: address.to_string(),
            });
        }
        for (name, statement) in statements {
            prepare(&pool, name, statement).await?;
        }
        Ok(Self { pool })
    }

    pub(super) async fn run(
        &self,
        statement: &SqlStatement,
        parameters: &[SqlValue],
        bytes_max: usize,
    ) -> Result<SqlRows, MappingFailure> {
        let mut transaction = self
            .pool
            .begin_with("BEGIN TRANSACTION READ ONLY")
            .await
            .map_err(failure)?;
        let time_ms = statement.time_max.as_millis();
        let time = format!("SET LOCAL statement_timeout = {time_ms}");
        transaction
            .execute(AssertSqlSafe(time))
            .await
            .map_err(failure)?;
        let text = AssertSqlSafe(bounded(statement));
        let query = sqlx::query_with(text, arguments(statement, parameters)?);
        let mut columns = Vec::new();
        let mut collected = Collected::new(statement, bytes_max);
        let mut found = query.fetch(&mut *transaction);
        while let Some(row) = poll_fn(|context| found.as_mut().poll_next(context)).await {
            let row = row.map_err(failure)?;
            if columns.is_empty() {
                let all = row.columns().iter();
                columns = all.map(|column| column.name().to_owned()).collect();
            }
            collected.take(values(&row)?)?;
        }
        drop(found);
        if columns.is_empty() {
            // Without a row there are no names yet; the statement is prepared already.
            let text = AssertSqlSafe(bounded(statement)).into_sql_str();
            let types = types(statement);
            let prepared = transaction.prepare_with(text, &types).await;
            let prepared = prepared.map_err(failure)?;
            let all = prepared.columns().iter();
            columns = all.map(|column| column.name().to_owned()).collect();
        }
        transaction.rollback().await.map_err(failure)?;
        Ok(SqlRows {
            columns,
            rows: collected.rows,
            truncated: collected.truncated,
        })
    }
}

async fn prepare(
    pool: &PgPool,
    name: &Name,
    statement: &SqlStatement,
) -> Result<(), MappingRefused> {
    let text = AssertSqlSafe(bounded(statement)).into_sql_str();
    let prepared = pool.prepare_with(text, &types(statement)).await;
    let prepared = prepared.map_err(|source| MappingRefused::Statement {
        name: name.clone(),
        source,
    })?;
    let found = match prepared.parameters() {
        Some(sqlx::Either::Left(types)) => types.len(),
        Some(sqlx::Either::Right(count)) => count,
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
    match prepared
        .columns()
        .iter()
        .find(|column| kind(column.type_info()).is_none())
    {
        Some(column) => Err(MappingRefused::ColumnType {
            name: name.clone(),
            column: column.name().to_owned(),
            kind: column.type_info().name().to_owned(),
        }),
        None => Ok(()),
    }
}

/// What the parameters are, so that the server need not guess.
fn types(statement: &SqlStatement) -> Vec<PgTypeInfo> {
    let all = statement.parameters.iter();
    let types = all.map(|kind| match kind {
        SqlType::Boolean => <bool as Type<Postgres>>::type_info(),
        SqlType::Integer => <i64 as Type<Postgres>>::type_info(),
        SqlType::Decimal => Numeric::type_info(),
        SqlType::Text => <String as Type<Postgres>>::type_info(),
        SqlType::Bytes => <Vec<u8> as Type<Postgres>>::type_info(),
    });
    types.collect()
}

/// How a column's values are handed over; none if they cannot be.
fn kind(info: &PgTypeInfo) -> Option<SqlType> {
    match info.name() {
        "BOOL" => Some(SqlType::Boolean),
        "INT2" | "INT4" | "INT8" => Some(SqlType::Integer),
        "NUMERIC" => Some(SqlType::Decimal),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" => Some(SqlType::Text),
        "BYTEA" => Some(SqlType::Bytes),
        _ => None,
    }
}

fn arguments(
    statement: &SqlStatement,
    parameters: &[SqlValue],
) -> Result<PgArguments, MappingFailure> {
    let mut arguments = PgArguments::default();
    for (value, kind) in parameters.iter().zip(&statement.parameters) {
        let added = match (value, kind) {
            (SqlValue::Boolean(truth), _) => arguments.add(*truth),
            (SqlValue::Integer(number), _) => arguments.add(*number),
            (SqlValue::Decimal(text), _) => arguments.add(Numeric(text.clone())),
            (SqlValue::Text(text), _) => arguments.add(text.clone()),
            (SqlValue::Bytes(bytes), _) => arguments.add(bytes.clone()),
            (SqlValue::Null, SqlType::Boolean) => arguments.add(None::<bool>),
            (SqlValue::Null, SqlType::Integer) => arguments.add(None::<i64>),
            (SqlValue::Null, SqlType::Decimal) => arguments.add(None::<Numeric>),
            (SqlValue::Null, SqlType::Text) => arguments.add(None::<String>),
            (SqlValue::Null, SqlType::Bytes) => arguments.add(None::<Vec<u8>>),
        };
        added.map_err(MappingFailure::Unavailable)?;
    }
    Ok(arguments)
}

fn values(row: &PgRow) -> Result<Vec<SqlValue>, MappingFailure> {
    let mut values = Vec::with_capacity(row.columns().len());
    for (at, column) in row.columns().iter().enumerate() {
        let value = row.try_get_raw(at).map_err(failure)?;
        if value.is_null() {
            values.push(SqlValue::Null);
            continue;
        }
        let info = column.type_info();
        let read = match kind(info) {
            Some(SqlType::Boolean) => {
                <bool as Decode<Postgres>>::decode(value).map(SqlValue::Boolean)
            }
            Some(SqlType::Integer) => match info.name() {
                "INT2" => <i16 as Decode<Postgres>>::decode(value).map(i64::from),
                "INT4" => <i32 as Decode<Postgres>>::decode(value).map(i64::from),
                _ => <i64 as Decode<Postgres>>::decode(value),
            }
            .map(SqlValue::Integer),
            Some(SqlType::Decimal) => {
                Numeric::decode(value).map(|Numeric(text)| SqlValue::Decimal(text))
            }
            Some(SqlType::Text) => <String as Decode<Postgres>>::decode(value).map(SqlValue::Text),
            Some(SqlType::Bytes) => {
                <Vec<u8> as Decode<Postgres>>::decode(value).map(SqlValue::Bytes)
            }
            None => {
                return Err(MappingFailure::ColumnType {
                    column: column.name().to_owned(),
                    kind: info.name().to_owned(),
                });
            }
        };
        values.push(read.map_err(MappingFailure::Unavailable)?);
    }
    Ok(values)
}

fn failure(error: sqlx::Error) -> MappingFailure {
    // query_canceled: the statement's time is over.
    let canceled = error
        .as_database_error()
        .and_then(|database| database.code())
        .is_some_and(|code| code == "57014");
    if canceled {
        MappingFailure::Timeout
    } else {
        MappingFailure::Unavailable(error.into())
    }
}
