//! The forms of a record in the outbox, version 1, or 2 where a copy has a license: JSON with these
//! members and no others. A named
//! event says of what kind it is; a download does not, for there was no other kind at first.
//!
//! The types here belong to the forms, not to the model: the model may change while rows of an
//! earlier host wait in the outbox. A change of a form takes a new version beside the old one.
//! The event id is not in it; it stands in the row.

mod read;
mod server_event;
mod write;

use std::borrow::Cow;

use colophon_core::id::EventId;
use colophon_core::log::LogRecord;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use self::server_event::EventForm;

/// Why bytes are not a record. Says where, never what was there: that may be personal.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Unreadable {
    #[error("the record is not JSON of its form (column {column})")]
    Form { column: usize },
    #[error("the record is of version {0}, which this host does not know")]
    Version(u64),
    #[error("the record's {0} cannot be read")]
    Member(&'static str),
}

const VERSION: u64 = 1;

/// The version of a download whose copy has a license.
const LICENSED_VERSION: u64 = 2;

/// A text, borrowed from the record while that is written.
type Text<'a> = Cow<'a, str>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordForm<'a> {
    v: u64,
    at_ms: i64,
    took_us: u64,
    center: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claims: Option<ClaimsForm<'a>>,
    outcome: OutcomeForm<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    copy: Option<CopyForm<'a>>,
    address: std::net::IpAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<Text<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimsForm<'a> {
    transaction: Text<'a>,
    book_id: Text<'a>,
    book_id_type: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_name: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    persona: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer_id: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_name: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error_url: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retail_price: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list_price: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    currency: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sold_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_downloads: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OutcomeForm<'a> {
    Completed,
    Broken,
    /// With the slug of the error code.
    Refused(Text<'a>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CopyForm<'a> {
    level: u8,
    file_name: Text<'a>,
    length: u64,
    /// 64 hexadecimal digits.
    etag: Text<'a>,
    asked: (u64, u64),
    sent: u64,
    /// From version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    license: Option<Text<'a>>,
}

/// What a form is the form of.
#[derive(Serialize, Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// What a form without a kind is.
    #[default]
    Download,
    ServerEvent,
}

/// What most records fit into, licenses apart.
const RECORD_BYTES_USUAL: usize = 768;

/// The bytes of a record.
pub(crate) fn encode(record: &LogRecord) -> Vec<u8> {
    let license = match record {
        LogRecord::Download(record) => record.copy.as_ref().and_then(|copy| copy.license.as_ref()),
        LogRecord::Event(_) => None,
    };
    // The quotes in a license are escaped.
    let license = license.map_or(0, |text| text.len().saturating_add(text.len() / 8));
    let mut bytes = Vec::with_capacity(RECORD_BYTES_USUAL.saturating_add(license));
    // The forms hold no map and no float, the only things that JSON could refuse.
    let written = match record {
        LogRecord::Download(record) => serde_json::to_writer(&mut bytes, &RecordForm::from(record)),
        LogRecord::Event(record) => serde_json::to_writer(&mut bytes, &EventForm::from(record)),
    };
    written.map_or_else(|_| Vec::new(), |()| bytes)
}

/// The record of `event` from its bytes.
pub(crate) fn decode(event: EventId, bytes: &[u8]) -> Result<LogRecord, Unreadable> {
    #[derive(Deserialize)]
    struct Versioned {
        v: u64,
        #[serde(default)]
        kind: Kind,
    }
    let malformed = |error: serde_json::Error| Unreadable::Form {
        column: error.column(),
    };
    let versioned: Versioned = serde_json::from_slice(bytes).map_err(malformed)?;
    match (versioned.kind, versioned.v) {
        (Kind::Download, VERSION | LICENSED_VERSION) | (Kind::ServerEvent, VERSION) => {}
        (Kind::Download | Kind::ServerEvent, other) => return Err(Unreadable::Version(other)),
    }
    match versioned.kind {
        Kind::Download => {
            let form: RecordForm<'_> = serde_json::from_slice(bytes).map_err(malformed)?;
            let has_license = form
                .copy
                .as_ref()
                .is_some_and(|copy| copy.license.is_some());
            if has_license != (versioned.v == LICENSED_VERSION) {
                return Err(Unreadable::Member("copy.license"));
            }
            form.into_record(event).map(LogRecord::Download)
        }
        Kind::ServerEvent => {
            let form: EventForm = serde_json::from_slice(bytes).map_err(malformed)?;
            form.into_record(event).map(LogRecord::Event)
        }
    }
}

#[cfg(test)]
mod tests;
