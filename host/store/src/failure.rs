//! Why an operation on the databases failed, by cause.

use colophon_core::ports::{NotLogged, RecordRefused, Service, Unavailable};
use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;
use thiserror::Error;

/// A stored value is not what was written: it does not parse, or does not decrypt at its place.
#[derive(Debug, Error)]
#[error("{table}.{column} holds a damaged value")]
pub struct Damaged {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// What is wrong with the value, never the value itself.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Damaged {
    pub(crate) fn new(
        table: &'static str,
        column: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            table,
            column,
            source: source.into(),
        }
    }
}

/// Why a record could not be read. A record that is not there is no failure.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The database did not answer.
    #[error(transparent)]
    Unavailable(Unavailable),
    /// A stored value is damaged.
    #[error(transparent)]
    Damaged(Damaged),
}

/// Why a record was not added. The database is unchanged.
#[derive(Debug, Error)]
pub enum AddError {
    /// Another record has the same name.
    #[error("there already is a record of this name")]
    AlreadyExists,
    /// The record it belongs to is not there.
    #[error("the record it belongs to is not there")]
    NotFound,
    /// The database did not answer.
    #[error(transparent)]
    Unavailable(Unavailable),
    /// A stored value is damaged.
    #[error(transparent)]
    Damaged(Damaged),
}

/// Why a record was not changed. The database is unchanged.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// There is no such record.
    #[error("there is no such record")]
    NotFound,
    /// It is not as it was when the change was decided on.
    #[error("somebody else has changed the record meanwhile")]
    ChangedMeanwhile,
    /// Another record already has what the change would give this one.
    #[error("another record already has this name or place")]
    AlreadyExists,
    /// The database did not answer.
    #[error(transparent)]
    Unavailable(Unavailable),
    /// A stored value is damaged.
    #[error(transparent)]
    Damaged(Damaged),
}

/// Every way a statement can fail, before the operation says which of them mean what to it.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A unique column has this value already.
    Taken,
    /// The row referred to is not there.
    ParentMissing,
    /// The database did not answer, or answered with something unforeseen.
    Unavailable(Unavailable),
    /// A stored value is damaged.
    Damaged(Damaged),
}

impl Fault {
    pub(crate) fn from_sqlx(service: Service, error: sqlx::Error) -> Self {
        let database = error.as_database_error();
        if database.is_some_and(|database| database.is_unique_violation()) {
            Self::Taken
        } else if database.is_some_and(|database| database.is_foreign_key_violation()) {
            Self::ParentMissing
        } else {
            Self::Unavailable(Unavailable::new(service, error))
        }
    }

    /// The failure as a port reports it, which knows no damage: what cannot be read does not answer.
    pub(crate) fn unavailable(self, service: Service) -> Unavailable {
        match self {
            Self::Taken => Unavailable::new(service, AddError::AlreadyExists),
            Self::ParentMissing => Unavailable::new(service, AddError::NotFound),
            Self::Unavailable(unavailable) => unavailable,
            Self::Damaged(damaged) => Unavailable::new(service, damaged),
        }
    }

    /// The failure to store log records, as the port reports it.
    pub(crate) fn not_logged(self) -> NotLogged {
        match self.refusal() {
            Some(reason) => RecordRefused { reason }.into(),
            None => self.unavailable(Service::LoggingDatabase).into(),
        }
    }

    /// What the values themselves were refused for, if they were. Messages of a database may quote
    /// them; its codes do not.
    fn refusal(&self) -> Option<String> {
        match self {
            Self::Taken => Some("a unique value is taken".to_owned()),
            Self::ParentMissing => Some("a row that it refers to is missing".to_owned()),
            Self::Damaged(damaged) => Some(damaged.to_string()),
            Self::Unavailable(unavailable) => {
                let error = unavailable.source.downcast_ref::<sqlx::Error>()?;
                code_against_values(error.as_database_error()?)
            }
        }
    }
}

/// The code of an error that comes of the values in a statement: the next try would end like this
/// one. Everything else may be over by then.
fn code_against_values(error: &dyn DatabaseError) -> Option<String> {
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        let code = error.code();
        // Data exceptions, constraints, what a view does not show, sizes beyond what an index or a
        // row takes, and what a trigger raises.
        let against = ["22", "23", "44", "54", "P0"]
            .iter()
            .any(|class| code.starts_with(class));
        return against.then(|| format!("SQLSTATE {code}"));
    }
    let code: u32 = error
        .try_downcast_ref::<SqliteError>()?
        .code()?
        .parse()
        .ok()?;
    // The last byte of an extended code is the kind: too big, a constraint, a mismatch.
    matches!(code & 0xff, 18..=20).then(|| format!("SQLite {code}"))
}

impl From<Damaged> for Fault {
    fn from(damaged: Damaged) -> Self {
        Self::Damaged(damaged)
    }
}

/// Reading breaks no rule of the schema, so such a fault can only be the database's own.
impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Damaged(damaged) => Self::Damaged(damaged),
            Fault::Unavailable(unavailable) => Self::Unavailable(unavailable),
            broken @ (Fault::Taken | Fault::ParentMissing) => {
                Self::Unavailable(broken.unavailable(Service::FulfillmentDatabase))
            }
        }
    }
}

impl From<Fault> for AddError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Taken => Self::AlreadyExists,
            Fault::ParentMissing => Self::NotFound,
            Fault::Unavailable(unavailable) => Self::Unavailable(unavailable),
            Fault::Damaged(damaged) => Self::Damaged(damaged),
        }
    }
}

impl From<Fault> for ChangeError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Taken => Self::AlreadyExists,
            Fault::ParentMissing => Self::NotFound,
            Fault::Unavailable(unavailable) => Self::Unavailable(unavailable),
            Fault::Damaged(damaged) => Self::Damaged(damaged),
        }
    }
}
