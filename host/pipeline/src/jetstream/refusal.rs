//! What a log writer tells a node of rows that the logging database refuses.
//!
//! A node sets such rows aside until its next start, so nobody may say it but a log writer, and what
//! one has said once may not be said again of a later try: it holds for the message in which the
//! row came, by its number in the stream.

use colophon_core::id::{EventId, NodeId};
use colophon_core::ports::{FieldCipher, FieldDamaged, FieldPlace, RecordRefused};
use serde::{Deserialize, Serialize};

use super::message::sixteen;

/// The longest reason that is told, in bytes. It is a code with a few words.
const REASON_MAX: usize = 128;

/// The bytes of one refusal at most, as they are sealed: no character of a reason takes more than
/// six.
pub(super) const BYTES_MAX: usize = 160 + 6 * REASON_MAX;

/// A row that the logging database refused when it came in one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) sequence: i64,
    pub(super) event: EventId,
    /// The number of the message in the stream.
    pub(super) number: u64,
    pub(super) reason: RecordRefused,
}

/// One as it is written down.
#[derive(Serialize, Deserialize)]
struct Written {
    sequence: i64,
    event: String,
    number: u64,
    reason: String,
}

impl From<&Refusal> for Written {
    fn from(refusal: &Refusal) -> Self {
        let mut reason = refusal.reason.reason.clone();
        reason.truncate(reason.floor_char_boundary(REASON_MAX));
        Self {
            sequence: refusal.sequence,
            event: refusal.event.to_string(),
            number: refusal.number,
            reason,
        }
    }
}

/// Rows of a node that the logging database refuses.
pub(super) fn seal_refusals(
    cipher: &dyn FieldCipher,
    node: NodeId,
    refusals: &[Refusal],
) -> Result<Vec<u8>, serde_json::Error> {
    let written: Vec<Written> = refusals.iter().map(Written::from).collect();
    Ok(cipher.seal(refused(&node), &serde_json::to_vec(&written)?))
}

/// The rows that a log writer says are refused.
pub(super) fn open_refusals(
    cipher: &dyn FieldCipher,
    node: NodeId,
    sealed: &[u8],
) -> Result<Vec<Refusal>, FieldDamaged> {
    let plain = cipher.open(refused(&node), sealed)?;
    let written: Vec<Written> = serde_json::from_slice(&plain).map_err(|_| FieldDamaged)?;
    let refusal = |one: Written| {
        Ok(Refusal {
            sequence: one.sequence,
            event: EventId::from_bytes(sixteen(&one.event).ok_or(FieldDamaged)?),
            number: one.number,
            reason: RecordRefused { reason: one.reason },
        })
    };
    written.into_iter().map(refusal).collect()
}

fn refused(node: &NodeId) -> FieldPlace<'_> {
    FieldPlace {
        table: "log_confirmations",
        row: node.as_bytes(),
        column: "refused",
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{Plain, open_confirmation};
    use super::*;

    fn refusal(reason: &str) -> Refusal {
        Refusal {
            sequence: i64::MAX,
            event: EventId::from_bytes([0xab; 16]),
            number: u64::MAX,
            reason: RecordRefused {
                reason: reason.to_owned(),
            },
        }
    }

    #[test]
    fn refusals_come_back_for_their_node_alone() {
        let [node, another] = [1, 2].map(|number| NodeId::from_bytes([number; 16]));
        let refusals = [refusal("SQLSTATE 23514"), refusal("SQLite 1811")];
        let sealed = seal_refusals(&Plain, node, &refusals).unwrap();
        assert_eq!(open_refusals(&Plain, node, &sealed).unwrap(), refusals);
        assert!(open_refusals(&Plain, another, &sealed).is_err());
        assert!(open_confirmation(&Plain, node, &sealed).is_err());
        let cut = sealed.get(..sealed.len() - 1).unwrap();
        assert!(open_refusals(&Plain, node, cut).is_err());
    }

    #[test]
    fn a_refusal_is_bounded_whatever_its_reason() {
        let node = NodeId::from_bytes([1; 16]);
        let none = seal_refusals(&Plain, node, &[]).unwrap().len();
        for reason in ["\u{1}", "ä", "\"", "x"] {
            let long = refusal(&reason.repeat(1000));
            let sealed = seal_refusals(&Plain, node, &[long]).unwrap();
            assert!(sealed.len() - none <= BYTES_MAX, "{reason:?}");
            assert!(open_refusals(&Plain, node, &sealed).is_ok());
        }
    }
}
