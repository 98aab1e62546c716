//! What a node asks log writers, and what one of them answers.
//!
//! A question is in the clear: it tells nothing, and its answer is for the node alone. Whatever a
//! node acts on is encrypted under the master key, that a log writer cannot say included; otherwise
//! anybody could have a node wait for rows that nobody has.

use std::ops::RangeInclusive;

use colophon_core::id::{EventId, NodeId};
use colophon_core::ports::{FieldCipher, FieldPlace};

use super::message::open_confirmation;

/// What came of a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// These rows have arrived.
    Arrived(Vec<(i64, EventId)>),
    /// A log writer is there and cannot say, since the logging database does not answer.
    CannotSay,
    /// There is none.
    Nobody,
}

/// The question which of these rows have arrived.
pub(super) fn question(sequences: &RangeInclusive<i64>) -> Vec<u8> {
    format!("{} {}", sequences.start(), sequences.end()).into_bytes()
}

/// The rows that a question is about.
pub(super) fn read_question(payload: &[u8]) -> Option<RangeInclusive<i64>> {
    let (first, last) = std::str::from_utf8(payload).ok()?.split_once(' ')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (0 < first && first <= last).then_some(first..=last)
}

/// Whether a subject is the inbox of somebody who asked. Answers go nowhere else, whatever a
/// question says: a log writer may publish where whoever asks may not.
pub(super) fn is_inbox(subject: &str) -> bool {
    let mut parts = subject.split('.');
    parts.next() == Some("_INBOX") && parts.next().is_some() && !subject.contains(['*', '>'])
}

/// The answer that nobody can say it of these rows now.
pub(super) fn seal_cannot_say(
    cipher: &dyn FieldCipher,
    node: NodeId,
    asked: &RangeInclusive<i64>,
) -> Vec<u8> {
    cipher.seal(cannot_say(&node), &question(asked))
}

/// What an answer to a question says. One that no log writer gave says nothing.
pub(super) fn open_answer(
    cipher: &dyn FieldCipher,
    node: NodeId,
    asked: &RangeInclusive<i64>,
    sealed: &[u8],
) -> Answer {
    if let Ok(arrived) = open_confirmation(cipher, node, sealed) {
        return Answer::Arrived(arrived);
    }
    match cipher.open(cannot_say(&node), sealed) {
        // The rows are in it, so that it answers no other question.
        Ok(of) if read_question(&of).as_ref() == Some(asked) => Answer::CannotSay,
        Ok(_) | Err(_) => Answer::Nobody,
    }
}

fn cannot_say(node: &NodeId) -> FieldPlace<'_> {
    FieldPlace {
        table: "log_confirmations",
        row: node.as_bytes(),
        column: "cannot_say",
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{Plain, seal_confirmation};
    use super::*;

    #[test]
    fn a_question_names_rows_in_order() {
        assert_eq!(read_question(&question(&(3..=70))), Some(3..=70));
        for text in ["", "3", "0 1", "4 3", "-1 3", "1 2 3", "1 x"] {
            assert_eq!(read_question(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn answers_go_to_inboxes() {
        for subject in ["_INBOX.abc", "_INBOX.abc.1"] {
            assert!(is_inbox(subject), "{subject}");
        }
        for subject in [
            "",
            "_INBOX",
            "orders.new",
            "x._INBOX.a",
            "_INBOX.>",
            "_INBOX.*.a",
            "_INBOXES.a",
        ] {
            assert!(!is_inbox(subject), "{subject}");
        }
    }

    #[test]
    fn only_what_a_log_writer_has_sealed_is_an_answer() {
        let [node, another] = [1, 2].map(|number| NodeId::from_bytes([number; 16]));
        let rows = [(5, EventId::from_bytes([5; 16]))];
        let arrived = seal_confirmation(&Plain, node, &rows);
        let cannot = seal_cannot_say(&Plain, node, &(3..=9));
        let open = |node, sequences, sealed: &[u8]| open_answer(&Plain, node, &sequences, sealed);
        assert_eq!(open(node, 3..=9, &arrived), Answer::Arrived(rows.to_vec()));
        assert_eq!(open(node, 3..=9, &cannot), Answer::CannotSay);
        assert_eq!(open(node, 3..=8, &cannot), Answer::Nobody);
        assert_eq!(open(another, 3..=9, &cannot), Answer::Nobody);
        assert_eq!(open(another, 3..=9, &arrived), Answer::Nobody);
        assert_eq!(open(node, 3..=9, b""), Answer::Nobody);
    }
}
