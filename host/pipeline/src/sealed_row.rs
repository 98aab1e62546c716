//! A record as it stands in the outbox: encoded, then encrypted for its place.
//!
//! The event id is outside, for the database to find the row by, and is bound into the encryption;
//! so neither a flipped bit nor a payload moved to another row can become a log row.

use colophon_core::id::EventId;
use colophon_core::log::LogRecord;
use colophon_core::ports::{FieldCipher, FieldDamaged, FieldPlace};
use thiserror::Error;

use crate::wire::{self, Unreadable};

/// Why a row cannot be turned back into a record. The text holds nothing of the record.
#[derive(Debug, Error)]
pub(crate) enum RowRefused {
    #[error(transparent)]
    Damaged(#[from] FieldDamaged),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

pub(crate) fn seal(cipher: &dyn FieldCipher, record: &LogRecord) -> Vec<u8> {
    cipher.seal(place(&record.event()), &wire::encode(record))
}

pub(crate) fn open(
    cipher: &dyn FieldCipher,
    event: EventId,
    payload: &[u8],
) -> Result<LogRecord, RowRefused> {
    let encoded = cipher.open(place(&event), payload)?;
    Ok(wire::decode(event, &encoded)?)
}

fn place(event: &EventId) -> FieldPlace<'_> {
    FieldPlace {
        table: "outbox",
        row: event.as_bytes(),
        column: "payload",
    }
}
