//! Why an operation on the databases failed, by cause.

use colophon_core::ports::{Service, Unavailable};
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
