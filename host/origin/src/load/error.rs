//! Why a stored form could not be loaded.

use std::error::Error;
use std::sync::Arc;

use colophon_core::ports::{OriginError, Service, Unavailable};
use thiserror::Error;

use crate::directory::OpenError;
use crate::stored_file::ReadError;
use crate::workers::NoAnswer;

/// Why a form was not loaded; shared by all requests that waited for it.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    /// Too much is in memory to take this in as a whole; it can still be read from disk.
    #[error("there is no room in memory")]
    NoRoom,
    #[error("the content store has no such object")]
    NotFound,
    #[error("the path does not name an object")]
    InvalidPath(#[source] OpenError),
    #[error("the stored object is damaged: {0}")]
    Damaged(String),
    #[error("the content store does not answer")]
    Unreachable(#[source] Arc<dyn Error + Send + Sync>),
}

impl LoadError {
    /// The same in the words of the port; this value stays for the others who waited.
    pub(crate) fn to_origin_error(&self) -> OriginError {
        match self {
            Self::NotFound | Self::InvalidPath(_) => OriginError::NotFound,
            Self::Damaged(problem) => OriginError::Damaged {
                problem: problem.clone(),
            },
            Self::Unreachable(source) => {
                let source: Box<dyn Error + Send + Sync> = Box::new(Arc::clone(source));
                OriginError::Unreachable(Unavailable::new(Service::ContentStore, source))
            }
            Self::NoRoom => {
                OriginError::Unreachable(Unavailable::new(Service::ContentStore, "no room"))
            }
        }
    }
}

impl From<OpenError> for LoadError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotFound => Self::NotFound,
            OpenError::UnknownRoot(_) | OpenError::NotAnObject(_) => Self::InvalidPath(error),
            OpenError::Denied(source) => Self::Damaged(format!("it cannot be opened: {source}")),
            OpenError::Unreachable(_) => Self::Unreachable(Arc::new(error)),
        }
    }
}

impl From<NoAnswer> for LoadError {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::TooSlow(_) => Self::Unreachable(Arc::new(error)),
            NoAnswer::Broken => Self::Damaged(error.to_string()),
        }
    }
}

impl From<ReadError> for LoadError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Changed => Self::Damaged(error.to_string()),
            ReadError::Io(_) => Self::Unreachable(Arc::new(error)),
        }
    }
}
