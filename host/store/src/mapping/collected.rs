//! Rows under way, held against the caps, and what failures are called.

use colophon_core::capability::{MappingFailure, SqlRows, SqlValue};

use super::bounded::{Bounded, Column};

/// A row of either engine.
pub(super) trait Cells {
    /// The number in a column.
    fn number(&self, at: usize) -> Result<i64, sqlx::Error>;

    /// The value in a column; what no plug-in can be given is named.
    fn value(&self, at: usize, column: &Column) -> Result<SqlValue, Unreadable>;
}

/// Why a value is not handed over.
pub(super) enum Unreadable {
    /// The database did not hand it over either.
    Away(sqlx::Error),
    /// It is of a type that the contract does not have.
    Kind(String),
}

/// What a statement has found so far.
pub(super) struct Collected<'a> {
    bounded: &'a Bounded,
    rows: Vec<Vec<SqlValue>>,
    bytes_left: usize,
    truncated: bool,
}

impl<'a> Collected<'a> {
    pub(super) fn new(bounded: &'a Bounded, bytes_max: usize) -> Self {
        Self {
            bounded,
            rows: Vec::new(),
            bytes_left: bytes_max,
            truncated: false,
        }
    }

    /// Takes a row, or notes that there is one too many; says whether another is wanted.
    pub(super) fn take(&mut self, row: &impl Cells) -> Result<bool, MappingFailure> {
        let rows_max = usize::try_from(self.bounded.statement.rows_max).unwrap_or(usize::MAX);
        if self.rows.len() >= rows_max {
            self.truncated = true;
            return Ok(false);
        }
        let columns = &self.bounded.columns;
        let held = row.number(columns.len()).map_err(away)?;
        let held = usize::try_from(held).unwrap_or(usize::MAX);
        // The values of such a row have been left out.
        if held.saturating_add(columns.len() * SqlValue::BYTES_MIN) > self.bytes_left {
            return Err(MappingFailure::TooLarge);
        }
        let mut values = Vec::with_capacity(columns.len());
        for (at, column) in columns.iter().enumerate() {
            let value = row
                .value(at, column)
                .map_err(|unreadable| match unreadable {
                    Unreadable::Away(error) => away(error),
                    Unreadable::Kind(kind) => MappingFailure::ColumnType {
                        column: column.name.clone(),
                        kind,
                    },
                })?;
            values.push(value);
        }
        let bytes: usize = values.iter().map(SqlValue::bytes).sum();
        let left = self.bytes_left.checked_sub(bytes);
        self.bytes_left = left.ok_or(MappingFailure::TooLarge)?;
        self.rows.push(values);
        Ok(true)
    }

    pub(super) fn rows(self) -> SqlRows {
        SqlRows {
            columns: self.bounded.names(),
            rows: self.rows,
            truncated: self.truncated,
        }
    }
}

/// What the database's own code for an error means; what it does not name is an outage.
pub(super) fn failure(
    error: sqlx::Error,
    meant: impl FnOnce(&str) -> Option<MappingFailure>,
) -> MappingFailure {
    let code = error.as_database_error().and_then(|error| error.code());
    match code.and_then(|code| meant(&code)) {
        Some(failure) => failure,
        None => away(error),
    }
}

pub(super) fn away(error: sqlx::Error) -> MappingFailure {
    MappingFailure::Unavailable(error.into())
}
