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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordForm {
    v: u64,
    at_ms: i64,
    took_us: u64,
    center: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claims: Option<ClaimsForm>,
    outcome: OutcomeForm,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    copy: Option<CopyForm>,
    address: std::net::IpAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimsForm {
    transaction: String,
    book_id: String,
    book_id_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    persona: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retail_price: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list_price: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sold_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_downloads: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OutcomeForm {
    Completed,
    Broken,
    /// With the slug of the error code.
    Refused(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CopyForm {
    level: u8,
    file_name: String,
    length: u64,
    /// 64 hexadecimal digits.
    etag: String,
    asked: (u64, u64),
    sent: u64,
    /// From version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    license: Option<String>,
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

/// The bytes of a record.
pub(crate) fn encode(record: &LogRecord) -> Vec<u8> {
    // The forms hold no map and no float, the only things that JSON could refuse.
    let bytes = match record {
        LogRecord::Download(record) => serde_json::to_vec(&RecordForm::from(record)),
        LogRecord::Event(record) => serde_json::to_vec(&EventForm::from(record)),
    };
    bytes.unwrap_or_default()
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
            let form: RecordForm = serde_json::from_slice(bytes).map_err(malformed)?;
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
