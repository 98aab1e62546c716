//! Why something did not come about with the broker.

use std::fmt;
use std::time::Duration;

use colophon_core::ports::Unavailable;
use thiserror::Error;

use super::names::Names;

/// Why something did not come about with the broker; it may later.
#[derive(Debug, Error)]
pub enum Trouble {
    /// There is no connection.
    #[error("not connected to the broker: {0}")]
    NotConnected(String),
    /// It did not answer.
    #[error("the broker did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// It did not accept a message.
    #[error("the broker did not accept a message for {subject}")]
    NotAccepted {
        /// The subject of the message.
        subject: String,
        /// Why not.
        #[source]
        source: Said,
    },
    /// A stream cannot be looked up or made.
    #[error("the stream {stream} cannot be looked up or made")]
    Stream {
        /// Its name.
        stream: String,
        /// Why not.
        #[source]
        source: Said,
    },
    /// What is in a stream cannot be looked at or removed.
    #[error("messages of the stream {stream} cannot be looked at or removed")]
    Clearing {
        /// Its name.
        stream: String,
        /// Why not.
        #[source]
        source: Said,
    },
    /// A stream has the name that is wanted and belongs to somebody else.
    #[error(
        "the stream {stream} is for {subjects} and not this installation's; set nats.prefix to \
         another name, or give that stream another"
    )]
    Foreign {
        /// Its name.
        stream: String,
        /// The subjects that it takes.
        subjects: String,
    },
    /// The consumer cannot be looked up or made.
    #[error("the consumer {} cannot be looked up or made", Names::CONSUMER)]
    Consumer(#[source] Said),
    /// Rows wait for log writers and none is handed out.
    #[error("the broker hands out no rows: {0}")]
    Stalled(String),
    /// One of our own databases did not answer.
    #[error(transparent)]
    Database(#[from] Unavailable),
}

/// What the client says of a failure: its errors name their causes themselves.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Said(String);

impl<Kind> From<async_nats::error::Error<Kind>> for Said
where
    Kind: Clone + fmt::Debug + fmt::Display + PartialEq,
{
    fn from(error: async_nats::error::Error<Kind>) -> Self {
        Self(error.to_string())
    }
}

impl From<async_nats::jetstream::Error> for Said {
    fn from(error: async_nats::jetstream::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<async_nats::Error> for Said {
    fn from(error: async_nats::Error) -> Self {
        Self(error.to_string())
    }
}

impl Trouble {
    pub(super) fn not_accepted(subject: &str, source: impl Into<Said>) -> Self {
        Self::NotAccepted {
            subject: subject.to_owned(),
            source: source.into(),
        }
    }

    pub(super) fn clearing(stream: &str, source: impl Into<Said>) -> Self {
        Self::Clearing {
            stream: stream.to_owned(),
            source: source.into(),
        }
    }

    pub(super) fn stream(stream: &str, source: impl Into<Said>) -> Self {
        Self::Stream {
            stream: stream.to_owned(),
            source: source.into(),
        }
    }
}
