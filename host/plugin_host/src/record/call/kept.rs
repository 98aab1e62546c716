//! Values of the contract in which bytes lie, as they are kept: a list of numbers would be written
//! with nearly four characters for each byte, and base64 takes four for three.

use base64ct::{Base64, Encoding as _};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::pairs;
use crate::bindings::common::Attributes;
use crate::bindings::http::{Request, Response};
use crate::bindings::sql::{Rows, Value};

/// Bytes, written as a text in base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bytes(Vec<u8>);

impl Bytes {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(super) fn given(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Base64::encode_string(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = Base64::decode_vec(&text);
        bytes
            .map(Self)
            .map_err(|_| D::Error::custom("bytes that are not base64"))
    }
}

/// A request for a service on the web.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fetch {
    method: String,
    url: String,
    fields: Vec<(String, String)>,
    secrets: Vec<String>,
    body: Option<Bytes>,
    extra: Attributes,
}

impl Fetch {
    pub(crate) fn of(request: &Request) -> Self {
        let Request {
            method,
            url,
            fields,
            secrets,
            body,
            extra,
        } = request;
        Self {
            method: method.clone(),
            url: url.clone(),
            fields: fields.clone(),
            secrets: secrets.clone(),
            body: body.as_deref().map(Bytes::of),
            extra: extra.clone(),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Names of the secrets that were put into it.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }

    pub(super) fn bytes_about(&self) -> usize {
        let secrets = self.secrets.iter().map(String::len);
        let body = self.body.as_ref().map_or(0, Bytes::len);
        let texts = self.method.len() + self.url.len() + secrets.sum::<usize>();
        texts + pairs(&self.fields) + pairs(&self.extra) + body
    }
}

/// What such a service answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fetched {
    status: u16,
    fields: Vec<(String, String)>,
    body: Bytes,
    extra: Attributes,
}

impl Fetched {
    pub(super) fn of(response: &Response) -> Self {
        let Response {
            status,
            fields,
            body,
            extra,
        } = response;
        Self {
            status: *status,
            fields: fields.clone(),
            body: Bytes::of(body),
            extra: extra.clone(),
        }
    }

    pub(super) fn given(self) -> Response {
        Response {
            status: self.status,
            fields: self.fields,
            body: self.body.given(),
            extra: self.extra,
        }
    }

    pub(super) fn bytes_about(&self) -> usize {
        pairs(&self.fields) + pairs(&self.extra) + self.body.len()
    }
}

/// Rows of the mapping database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Found {
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
    truncated: bool,
    extra: Attributes,
}

impl Found {
    pub(super) fn of(found: &Rows) -> Self {
        let Rows {
            columns,
            rows,
            truncated,
            extra,
        } = found;
        let rows = rows.iter().map(|row| row.iter().map(Cell::of).collect());
        Self {
            columns: columns.clone(),
            rows: rows.collect(),
            truncated: *truncated,
            extra: extra.clone(),
        }
    }

    pub(super) fn given(self) -> Rows {
        let rows = self.rows.into_iter();
        Rows {
            columns: self.columns,
            rows: rows
                .map(|row| row.into_iter().map(Cell::given).collect())
                .collect(),
            truncated: self.truncated,
            extra: self.extra,
        }
    }

    pub(super) fn bytes_about(&self) -> usize {
        const ROW: usize = 24;
        let columns = self.columns.iter().map(|name| ROW + name.len());
        let rows = self
            .rows
            .iter()
            .map(|row| ROW + row.iter().map(Cell::bytes_about).sum::<usize>());
        columns.sum::<usize>() + rows.sum::<usize>() + pairs(&self.extra)
    }
}

/// A value of the mapping database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Cell {
    Null,
    Boolean(bool),
    Integer(i64),
    Decimal(String),
    Text(String),
    Bytes(Bytes),
    Other((String, String)),
}

impl Cell {
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(truth) => Self::Boolean(*truth),
            Value::Integer(number) => Self::Integer(*number),
            Value::Decimal(text) => Self::Decimal(text.clone()),
            Value::Text(text) => Self::Text(text.clone()),
            Value::Bytes(bytes) => Self::Bytes(Bytes::of(bytes)),
            Value::Other(both) => Self::Other(both.clone()),
        }
    }

    fn given(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(truth) => Value::Boolean(truth),
            Self::Integer(number) => Value::Integer(number),
            Self::Decimal(text) => Value::Decimal(text),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes.given()),
            Self::Other(both) => Value::Other(both),
        }
    }

    pub(super) fn bytes_about(&self) -> usize {
        const VALUE: usize = 56;
        VALUE
            + match self {
                Self::Null | Self::Boolean(_) | Self::Integer(_) => 0,
                Self::Decimal(text) | Self::Text(text) => text.len(),
                Self::Bytes(bytes) => bytes.len(),
                Self::Other((name, text)) => name.len() + text.len(),
            }
    }
}
