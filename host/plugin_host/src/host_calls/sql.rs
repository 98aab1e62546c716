//! The center's mapping database.

use std::sync::Arc;

use colophon_core::capability::{MappingFailure, SqlStatement, SqlValue};

use super::Elapsed;
use super::transcript::{Bytes, Tell, Told};
use crate::bindings::sql::{Host, Rows, SqlError, Value};
use crate::record::{Call, Cell};
use crate::state::CallState;

/// As the contract states it.
const ROWS_BYTES_MAX: usize = 256 << 10;

impl Host for CallState {
    async fn run(
        &mut self,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<Rows, SqlError>> {
        self.count_host_call()?;
        let asked = self.asked("sql.run", &(&statement, &parameters), || Call::SqlRun {
            statement: statement.clone(),
            parameters: parameters.iter().map(Cell::of).collect(),
        });
        let rows = match self.replayed(&asked)? {
            Some(recorded) => recorded,
            None => self.run_statement(&statement, parameters).await,
        };
        self.note(asked, &rows, &rows);
        Ok(rows)
    }
}

impl CallState {
    async fn run_statement(
        &mut self,
        name: &str,
        parameters: Vec<Value>,
    ) -> Result<Rows, SqlError> {
        let nobody = || {
            let problem = "there is no mapping database while a plug-in is loaded";
            SqlError::Unavailable(problem.to_owned())
        };
        let granted = self.granted.sql.as_ref().ok_or_else(nobody)?;
        if self.bound.is_none() {
            return Err(nobody());
        }
        let statement = granted.statements.get(name);
        let statement = statement.ok_or_else(|| SqlError::UnknownStatement(name.to_owned()))?;
        let parameters = given(statement, parameters)?;
        let database = Arc::clone(&granted.database);
        let time_max = statement.time_max;
        // A statement has its own time within that of the host call.
        let run = tokio::time::timeout(time_max, database.run(name, &parameters, ROWS_BYTES_MAX));
        let failure = match self.wait(run).await {
            Ok(Ok(Ok(found))) => {
                return Ok(Rows {
                    columns: found.columns,
                    rows: found.rows.into_iter().map(values).collect(),
                    truncated: found.truncated,
                    extra: Vec::new(),
                });
            }
            Ok(Ok(Err(failure))) => failure,
            Ok(Err(_)) => MappingFailure::Timeout,
            Err(Elapsed) => MappingFailure::Timeout,
        };
        Err(match failure {
            MappingFailure::UnknownStatement => SqlError::UnknownStatement(name.to_owned()),
            MappingFailure::TooLarge => SqlError::TooLarge,
            unfit @ MappingFailure::Unfit { .. } => SqlError::BadParameters(unfit.to_string()),
            MappingFailure::Timeout => SqlError::Timeout,
            other @ MappingFailure::ColumnType { .. } => {
                SqlError::Other(("column-type".to_owned(), other.to_string()))
            }
            MappingFailure::Unavailable(source) => {
                self.blame_host("sql.run", &source);
                SqlError::Unavailable("the mapping database did not answer".to_owned())
            }
        })
    }
}

/// The parameters, if they are as many and of the types that the manifest says.
fn given(statement: &SqlStatement, given: Vec<Value>) -> Result<Vec<SqlValue>, SqlError> {
    let expected = &statement.parameters;
    if given.len() != expected.len() {
        return Err(SqlError::BadParameters(format!(
            "{} parameters, where the manifest has {}",
            given.len(),
            expected.len()
        )));
    }
    let parameters = given.into_iter().zip(expected).enumerate();
    let parameters = parameters.map(|(at, (value, kind))| {
        value_of(value)
            .filter(|value| value.fits(*kind))
            .ok_or_else(|| {
                SqlError::BadParameters(format!(
                    "parameter {} is of another type than the manifest says",
                    at + 1
                ))
            })
    });
    parameters.collect()
}

fn values(row: Vec<SqlValue>) -> Vec<Value> {
    row.into_iter().map(Value::from).collect()
}

/// A value of a type that this version knows.
fn value_of(value: Value) -> Option<SqlValue> {
    match value {
        Value::Null => Some(SqlValue::Null),
        Value::Boolean(truth) => Some(SqlValue::Boolean(truth)),
        Value::Integer(number) => Some(SqlValue::Integer(number)),
        Value::Decimal(text) => Some(SqlValue::Decimal(text)),
        Value::Text(text) => Some(SqlValue::Text(text)),
        Value::Bytes(bytes) => Some(SqlValue::Bytes(bytes)),
        Value::Other(_) => None,
    }
}

impl From<SqlValue> for Value {
    fn from(value: SqlValue) -> Self {
        match value {
            SqlValue::Null => Self::Null,
            SqlValue::Boolean(truth) => Self::Boolean(truth),
            SqlValue::Integer(number) => Self::Integer(number),
            SqlValue::Decimal(text) => Self::Decimal(text),
            SqlValue::Text(text) => Self::Text(text),
            SqlValue::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}

impl Tell for Value {
    fn tell(&self, told: &mut Told) {
        match self {
            Self::Null => told.arm(0),
            Self::Boolean(truth) => (1_u8, *truth).tell(told),
            Self::Integer(number) => (2_u8, number.cast_unsigned()).tell(told),
            Self::Decimal(text) => (3_u8, text).tell(told),
            Self::Text(text) => (4_u8, text).tell(told),
            Self::Bytes(bytes) => (5_u8, Bytes(bytes)).tell(told),
            Self::Other(both) => (6_u8, both).tell(told),
        }
    }
}

impl Tell for Rows {
    fn tell(&self, told: &mut Told) {
        let Self {
            columns,
            rows,
            truncated,
            extra,
        } = self;
        (columns, rows).tell(told);
        (truncated, extra).tell(told);
    }
}

impl Tell for SqlError {
    fn tell(&self, told: &mut Told) {
        match self {
            Self::UnknownStatement(text) => (0_u8, text).tell(told),
            Self::BadParameters(text) => (1_u8, text).tell(told),
            Self::TooLarge => told.arm(2),
            Self::Timeout => told.arm(3),
            Self::Unavailable(text) => (4_u8, text).tell(told),
            Self::Other(both) => (5_u8, both).tell(told),
        }
    }
}
