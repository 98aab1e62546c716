//! The center's mapping database.

use std::sync::Arc;

use colophon_core::capability::{MappingFailure, SqlStatement, SqlValue};

use super::Elapsed;
use super::transcript::{Asked, Bytes, Tell, Told};
use crate::bindings::sql::{Host, Rows, SqlError, Value};
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
        let asked = Asked::of("sql.run", &(&statement, &parameters));
        let rows = self.run_statement(&statement, parameters).await;
        self.note(asked, &rows);
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
        let parameters: Vec<SqlValue> = parameters.into_iter().map(SqlValue::from).collect();
        refuse_other_types(statement, &parameters)?;
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
                });
            }
            Ok(Ok(Err(failure))) => failure,
            Ok(Err(_)) => MappingFailure::Timeout,
            Err(Elapsed) => MappingFailure::Timeout,
        };
        Err(match failure {
            MappingFailure::UnknownStatement => SqlError::UnknownStatement(name.to_owned()),
            MappingFailure::TooLarge => SqlError::TooLarge,
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

fn refuse_other_types(statement: &SqlStatement, given: &[SqlValue]) -> Result<(), SqlError> {
    let expected = &statement.parameters;
    if given.len() != expected.len() {
        return Err(SqlError::BadParameters(format!(
            "{} parameters, where the manifest has {}",
            given.len(),
            expected.len()
        )));
    }
    let wrong = given
        .iter()
        .zip(expected)
        .position(|(value, kind)| !value.fits(*kind));
    match wrong {
        Some(at) => Err(SqlError::BadParameters(format!(
            "parameter {} is of another type than the manifest says",
            at + 1
        ))),
        None => Ok(()),
    }
}

fn values(row: Vec<SqlValue>) -> Vec<Value> {
    row.into_iter().map(Value::from).collect()
}

impl From<Value> for SqlValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(truth) => Self::Boolean(truth),
            Value::Integer(number) => Self::Integer(number),
            Value::Decimal(text) => Self::Decimal(text),
            Value::Text(text) => Self::Text(text),
            Value::Bytes(bytes) => Self::Bytes(bytes),
        }
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
        }
    }
}

impl Tell for Rows {
    fn tell(&self, told: &mut Told) {
        (&self.columns, &self.rows, self.truncated).tell(told);
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
