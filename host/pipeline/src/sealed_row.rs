//! A record as it stands in the outbox or travels to another machine: encoded, then encrypted for
//! its place.
//!
//! The event id is outside, for the database to find the row by, and is bound into the encryption;
//! so neither a flipped bit nor a payload moved to another row can become a log row. A row gets its
//! number only where it is stored, so node and number are bound in when it leaves the node.

use colophon_core::id::{EventId, NodeId};
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

/// Which row of which node a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) node: NodeId,
    pub(crate) sequence: i64,
    pub(crate) event: EventId,
}

impl Origin {
    fn bytes(&self) -> Vec<u8> {
        let (event, node) = (self.event.as_bytes(), self.node.as_bytes());
        [&event[..], &node[..], &self.sequence.to_be_bytes()].concat()
    }
}

/// A record as it leaves its node.
pub(crate) fn seal_to_leave(
    cipher: &dyn FieldCipher,
    origin: Origin,
    record: &LogRecord,
) -> Vec<u8> {
    cipher.seal(on_its_way(&origin.bytes()), &wire::encode(record))
}

/// A record that says to be of this origin.
pub(crate) fn open_arrived(
    cipher: &dyn FieldCipher,
    origin: Origin,
    payload: &[u8],
) -> Result<LogRecord, RowRefused> {
    let encoded = cipher.open(on_its_way(&origin.bytes()), payload)?;
    Ok(wire::decode(origin.event, &encoded)?)
}

fn on_its_way(origin: &[u8]) -> FieldPlace<'_> {
    FieldPlace {
        table: "log_rows",
        row: origin,
        column: "record",
    }
}
