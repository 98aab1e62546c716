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

use super::bounded::{Bounded, Column};
use super::collected::{Cells, Collected, Unreadable, failure};
use super::numeric::Numeric;
use super::{COLUMNS_MAX, CONNECTIONS_MAX, MappingRefused, OWN_TABLES, refuse_other_parameters};
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

/// Roles that a statement could use, by setting one or by functions that look like any other, to
/// reach what lies outside of the database.
const MIGHTY: &str = "SELECT CAST(r.rolname AS TEXT) FROM pg_catalog.pg_roles r \
    WHERE (r.rolsuper OR r.rolname IN ('pg_read_server_files', 'pg_write_server_files', \
    'pg_execute_server_program', 'pg_signal_backend')) \
    AND pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER') ORDER BY r.rolsuper DESC LIMIT 1";

/// What a statement may have left on its connection goes before the next one runs there.
const TIDY: &str = "RESET ROLE; RESET ALL; SELECT pg_catalog.pg_advisory_unlock_all()";

pub(super) struct PostgresMapping {
    pool: PgPool,
}

impl PostgresMapping {
    pub(super) async fn open(
        address: &DatabaseAddress,
        url: &str,
        statements: BTreeMap<Name, SqlStatement>,
    ) -> Result<(Self, BTreeMap<Name, Bounded>), MappingRefused> {
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
            .after_release(|connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(TIDY).execute(connection).await?;
                    Ok(true)
                })
            })
            .connect_with(options)
            .await
            .map_err(unreachable)?;
        let mighty: Option<String> = sqlx::query_scalar(MIGHTY)
            .fetch_optional(&pool)
            .await
            .map_err(unreachable)?;
        if let Some(role) = mighty {
            return Err(MappingRefused::Mighty {
                address: address.to_string(),
                role,
            });
        }
        let own: i64 = sqlx::query_scalar(AssertSqlSafe(format!("{OWN}{OWN_TABLES}")))
            .fetch_one(&pool)
            .await
            .map_err(unreachable)?;
        if own > 0 {
            return Err(MappingRefused::HostsOwn {
                address: address.to_string(),
            });
        }
        let mut prepared = BTreeMap::new();
        for (name, statement) in statements {
            let bounded = prepare(&pool, &name, &statement).await?;
            prepared.insert(name, bounded);
        }
        Ok((Self { pool }, prepared))
    }

    pub(super) async fn run(
        &self,
        bounded: &Bounded,
        parameters: &[SqlValue],
        bytes_max: usize,
    ) -> Result<SqlRows, MappingFailure> {
        let mut transaction = self
            .pool
            .begin_with("BEGIN TRANSACTION READ ONLY")
            .await
            .map_err(named)?;
        let time_ms = bounded.statement.time_max.as_millis();
        let time = format!("SET LOCAL statement_timeout = {time_ms}");
        transaction
            .execute(AssertSqlSafe(time))
            .await
            .map_err(named)?;
        let text = AssertSqlSafe(bounded.text.as_str());
        let arguments = arguments(&bounded.statement, parameters, bytes_max).map_err(named)?;
        let query = sqlx::query_with(text, arguments);
        let mut collected = Collected::new(bounded, bytes_max);
        let mut found = query.fetch(&mut *transaction);
        while let Some(row) = poll_fn(|context| found.as_mut().poll_next(context)).await {
            if !collected.take(&row.map_err(named)?)? {
                break;
            }
        }
        drop(found);
        transaction.rollback().await.map_err(named)?;
        Ok(collected.rows())
    }
}

async fn prepare(
    pool: &PgPool,
    name: &Name,
    statement: &SqlStatement,
) -> Result<Bounded, MappingRefused> {
    let refused = |source| MappingRefused::Statement {
        name: name.clone(),
        source,
    };
    // By itself, so that it is known to be one whole statement.
    let mut types = types(statement);
    let alone = AssertSqlSafe(statement.text.as_str()).into_sql_str();
    let alone = pool.prepare_with(alone, &types).await.map_err(refused)?;
    refuse_other_parameters(name, statement, alone.parameters())?;
    let found = alone.columns().len();
    if !(1..=COLUMNS_MAX).contains(&found) {
        return Err(MappingRefused::Columns {
            name: name.clone(),
            found,
        });
    }
    let columns = alone.columns().iter().map(|column| {
        let info = column.type_info();
        let kind = kind(info).ok_or_else(|| MappingRefused::ColumnType {
            name: name.clone(),
            column: column.name().to_owned(),
            kind: info.name().to_owned(),
        })?;
        Ok(Column {
            name: column.name().to_owned(),
            truth: kind == SqlType::Boolean,
            size: match kind {
                SqlType::Boolean | SqlType::Integer => None,
                SqlType::Decimal | SqlType::Text => Some("octet_length(CAST({} AS TEXT))"),
                SqlType::Bytes => Some("octet_length({})"),
            },
        })
    });
    let columns = columns.collect::<Result<_, MappingRefused>>()?;
    let bounded = Bounded::new(statement, columns);
    types.push(<i64 as Type<Postgres>>::type_info());
    let text = AssertSqlSafe(bounded.text.as_str()).into_sql_str();
    pool.prepare_with(text, &types).await.map_err(refused)?;
    Ok(bounded)
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
    bytes_max: usize,
) -> Result<PgArguments, sqlx::Error> {
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
        added.map_err(sqlx::Error::Encode)?;
    }
    let most = i64::try_from(bytes_max).unwrap_or(i64::MAX);
    arguments.add(most).map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

impl Cells for PgRow {
    fn number(&self, at: usize) -> Result<i64, sqlx::Error> {
        self.try_get(at)
    }

    fn value(&self, at: usize, _: &Column) -> Result<SqlValue, Unreadable> {
        let value = self.try_get_raw(at).map_err(Unreadable::Away)?;
        if value.is_null() {
            return Ok(SqlValue::Null);
        }
        let info = value.type_info().into_owned();
        let read = match (kind(&info), info.name()) {
            (Some(SqlType::Boolean), _) => {
                <bool as Decode<Postgres>>::decode(value).map(SqlValue::Boolean)
            }
            (Some(SqlType::Integer), "INT2") => <i16 as Decode<Postgres>>::decode(value)
                .map(|number| SqlValue::Integer(number.into())),
            (Some(SqlType::Integer), "INT4") => <i32 as Decode<Postgres>>::decode(value)
                .map(|number| SqlValue::Integer(number.into())),
            (Some(SqlType::Integer), _) => {
                <i64 as Decode<Postgres>>::decode(value).map(SqlValue::Integer)
            }
            (Some(SqlType::Decimal), _) => {
                Numeric::decode(value).map(|Numeric(text)| SqlValue::Decimal(text))
            }
            (Some(SqlType::Text), _) => {
                <String as Decode<Postgres>>::decode(value).map(SqlValue::Text)
            }
            (Some(SqlType::Bytes), _) => {
                <Vec<u8> as Decode<Postgres>>::decode(value).map(SqlValue::Bytes)
            }
            (None, name) => return Err(Unreadable::Kind(name.to_owned())),
        };
        read.map_err(|error| Unreadable::Kind(format!("{}, {error}", info.name())))
    }
}

fn named(error: sqlx::Error) -> MappingFailure {
    failure(error, |code| match code {
        // query_canceled: the statement's time is over.
        "57014" => Some(MappingFailure::Timeout),
        // Data exceptions: a text that is no number, a division by zero and their like.
        code if code.starts_with("22") => Some(MappingFailure::Unfit {
            code: format!("SQLSTATE {code}"),
        }),
        _ => None,
    })
}
