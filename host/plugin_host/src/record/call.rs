//! A call into the host with its answer, in the contract's terms.
//!
//! A request that is recorded only copies what crosses the boundary. It is written down later, where
//! nobody waits for it.

mod kept;

use serde::{Deserialize, Serialize};

pub(crate) use self::kept::{Bytes, Cell, Fetch, Fetched, Found};
use crate::bindings::catalog::FindError;
use crate::bindings::common;
use crate::bindings::http::{HttpError, Response};
use crate::bindings::kv::KvError;
use crate::bindings::sql::{Rows, SqlError};

/// A call into the host with its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordedCall {
    pub(crate) call: Call,
    pub(crate) reply: Reply,
    /// Whether a service had failed the request by then, which failures are blamed on.
    pub(crate) host_failed: bool,
}

/// What the host was asked, one arm for each function that it offers and answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) enum Call {
    #[serde(rename = "catalog.find")]
    CatalogFind(common::Book),
    #[serde(rename = "config.get")]
    ConfigGet(String),
    #[serde(rename = "http.fetch")]
    HttpFetch(Fetch),
    #[serde(rename = "kv.get")]
    KvGet(String),
    #[serde(rename = "kv.swap")]
    KvSwap {
        key: String,
        expected: Option<Bytes>,
        value: Bytes,
    },
    #[serde(rename = "kv.put")]
    KvPut { key: String, value: Bytes },
    #[serde(rename = "kv.delete")]
    KvDelete(String),
    #[serde(rename = "kv.list-keys")]
    KvListKeys {
        prefix: String,
        after: Option<String>,
    },
    #[serde(rename = "sql.run")]
    SqlRun {
        statement: String,
        parameters: Vec<Cell>,
    },
}

/// What the host answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reply {
    Place(Result<Option<common::Location>, FindError>),
    Setting(Option<String>),
    Response(Result<Fetched, HttpError>),
    Value(Result<Option<Bytes>, KvError>),
    Truth(Result<bool, KvError>),
    Done(Result<(), KvError>),
    Keys(Result<Vec<String>, KvError>),
    Rows(Result<Found, SqlError>),
}

/// An answer as it crosses the boundary, which is kept and given once more.
pub(crate) trait Replied: Sized {
    /// A copy for the record.
    fn reply(&self) -> Reply;

    /// The same out of a record; none if it is another function's.
    fn of(reply: &Reply) -> Option<Self>;
}

impl RecordedCall {
    /// What it takes up, and no less where hardly anything is asked: nothing else limits how often that
    /// is.
    pub(super) fn bytes_about(&self) -> usize {
        const REST: usize = 256;
        REST + self.call.bytes_about() + self.reply.bytes_about()
    }

    /// Whether the answer is one to the question.
    pub(super) fn is_answered(&self) -> bool {
        matches!(
            (&self.call, &self.reply),
            (Call::CatalogFind(_), Reply::Place(_))
                | (Call::ConfigGet(_), Reply::Setting(_))
                | (Call::HttpFetch(_), Reply::Response(_))
                | (Call::KvGet(_), Reply::Value(_))
                | (Call::KvSwap { .. } | Call::KvDelete(_), Reply::Truth(_))
                | (Call::KvPut { .. }, Reply::Done(_))
                | (Call::KvListKeys { .. }, Reply::Keys(_))
                | (Call::SqlRun { .. }, Reply::Rows(_))
        )
    }
}

impl Call {
    /// Interface and function, as `sql.run`.
    pub(crate) fn function(&self) -> &'static str {
        match self {
            Self::CatalogFind(_) => "catalog.find",
            Self::ConfigGet(_) => "config.get",
            Self::HttpFetch(_) => "http.fetch",
            Self::KvGet(_) => "kv.get",
            Self::KvSwap { .. } => "kv.swap",
            Self::KvPut { .. } => "kv.put",
            Self::KvDelete(_) => "kv.delete",
            Self::KvListKeys { .. } => "kv.list-keys",
            Self::SqlRun { .. } => "sql.run",
        }
    }

    /// What was asked, as JSON.
    pub(crate) fn question(&self) -> String {
        let told = serde_json::to_value(self).unwrap_or_default();
        told.get(self.function())
            .map_or_else(String::new, |question| question.to_string())
    }

    fn bytes_about(&self) -> usize {
        match self {
            Self::CatalogFind(book) => book.id_type.len() + book.id.len(),
            Self::ConfigGet(text) | Self::KvGet(text) | Self::KvDelete(text) => text.len(),
            Self::HttpFetch(fetch) => fetch.bytes_about(),
            Self::KvSwap {
                key,
                expected,
                value,
            } => key.len() + expected.as_ref().map_or(0, Bytes::len) + value.len(),
            Self::KvPut { key, value } => key.len() + value.len(),
            Self::KvListKeys { prefix, after } => {
                prefix.len() + after.as_ref().map_or(0, String::len)
            }
            Self::SqlRun {
                statement,
                parameters,
            } => statement.len() + parameters.iter().map(Cell::bytes_about).sum::<usize>(),
        }
    }
}

impl Reply {
    fn bytes_about(&self) -> usize {
        const TEXT: usize = 24;
        match self {
            Self::Place(Ok(Some(place))) => {
                place.root.len() + place.path.len() + pairs(&place.extra)
            }
            Self::Setting(Some(text)) => text.len(),
            Self::Response(Ok(response)) => response.bytes_about(),
            Self::Value(Ok(Some(bytes))) => bytes.len(),
            Self::Keys(Ok(keys)) => keys.iter().map(|key| TEXT + key.len()).sum(),
            Self::Rows(Ok(rows)) => rows.bytes_about(),
            // Nothing, a truth, or an error, whose text is the host's and short.
            Self::Place(_)
            | Self::Setting(None)
            | Self::Response(Err(_))
            | Self::Value(_)
            | Self::Truth(_)
            | Self::Done(_)
            | Self::Keys(Err(_))
            | Self::Rows(Err(_)) => 0,
        }
    }
}

/// What a list of pairs takes up.
pub(super) fn pairs(pairs: &[(String, String)]) -> usize {
    const PAIR: usize = 48;
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| PAIR + name.len() + value.len())
        .sum()
}

macro_rules! replied {
    ($($given:ty => $arm:ident),*) => {
        $(impl Replied for $given {
            fn reply(&self) -> Reply {
                Reply::$arm(self.clone())
            }

            fn of(reply: &Reply) -> Option<Self> {
                let Reply::$arm(given) = reply else {
                    return None;
                };
                Some(given.clone())
            }
        })*
    };
}

replied!(
    Result<Option<common::Location>, FindError> => Place,
    Option<String> => Setting,
    Result<bool, KvError> => Truth,
    Result<(), KvError> => Done,
    Result<Vec<String>, KvError> => Keys
);

/// The same where bytes are kept in another form than the contract's.
macro_rules! replied_as {
    ($($given:ty => $arm:ident as $kept:ty),*) => {
        $(impl Replied for $given {
            fn reply(&self) -> Reply {
                Reply::$arm(self.as_ref().map(<$kept>::of).map_err(Clone::clone))
            }

            fn of(reply: &Reply) -> Option<Self> {
                let Reply::$arm(kept) = reply else {
                    return None;
                };
                Some(kept.clone().map(<$kept>::given))
            }
        })*
    };
}

replied_as!(
    Result<Response, HttpError> => Response as Fetched,
    Result<Rows, SqlError> => Rows as Found
);

impl Replied for Result<Option<Vec<u8>>, KvError> {
    fn reply(&self) -> Reply {
        let kept = self.as_ref();
        let kept = kept.map(|value| value.as_deref().map(Bytes::of));
        Reply::Value(kept.map_err(Clone::clone))
    }

    fn of(reply: &Reply) -> Option<Self> {
        let Reply::Value(kept) = reply else {
            return None;
        };
        Some(kept.clone().map(|value| value.map(Bytes::given)))
    }
}
