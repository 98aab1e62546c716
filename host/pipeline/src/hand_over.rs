//! Rows that go from the outbox's commit to the log writer without being read back.
//!
//! What is here is in the outbox too, durable, and leaves it only when the logging database has it.
//! So nothing is lost when this is dropped, refuses a row or is taken from and fails: the log
//! writer then reads the outbox, as it does for the rows of an earlier run.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use colophon_core::log::LogRecord;

/// Rows held at most.
const ROWS_MAX: usize = 4096;

/// Bytes of their payloads at most; in memory a record takes about as much.
const BYTES_MAX: u64 = 16 << 20;

/// A row that is durable in the outbox.
pub(crate) struct DurableRow {
    /// Its number there.
    pub(crate) sequence: i64,
    pub(crate) record: LogRecord,
    /// The length of its payload there.
    pub(crate) bytes: u64,
}

/// The rows on their way, in the order of their numbers.
#[derive(Default)]
pub(crate) struct HandOver {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// Whether somebody takes them.
    open: bool,
    rows: VecDeque<DurableRow>,
    bytes: u64,
}

impl HandOver {
    /// Rows are held from now on.
    pub(crate) fn open(&self) {
        self.held().open = true;
    }

    /// Nobody takes rows any more.
    pub(crate) fn close(&self) {
        *self.held() = Held::default();
    }

    /// Holds rows that follow each other and end with the number `last`, as many as there is room
    /// for; the others wait in the outbox.
    pub(crate) fn offer(&self, last: i64, rows: Vec<(LogRecord, u64)>) {
        let mut held = self.held();
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let numbers = last.saturating_sub(count).saturating_add(1)..=last;
        if !held.open {
            return;
        }
        for (sequence, (record, bytes)) in numbers.zip(rows) {
            let total = held.bytes.saturating_add(bytes);
            if held.rows.len() >= ROWS_MAX || total > BYTES_MAX {
                return;
            }
            held.bytes = total;
            held.rows.push_back(DurableRow {
                sequence,
                record,
                bytes,
            });
        }
    }

    /// Takes at most `most` rows that follow each other from the number `next` on, and drops what
    /// is before it. Takes nothing where that row is not here.
    pub(crate) fn take(&self, next: i64, most: usize) -> Vec<DurableRow> {
        let mut held = self.held();
        let mut expected = next;
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(row) = held.rows.pop_front_if(|row| row.sequence <= expected)
        {
            held.bytes = held.bytes.saturating_sub(row.bytes);
            if row.sequence == expected {
                expected = expected.saturating_add(1);
                taken.push(row);
            }
        }
        taken
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Whole between any two statements.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use colophon_core::event::NamedEvent;
    use colophon_core::id::EventId;
    use colophon_core::log::{EventDetails, EventMessage, ServerEvent, Severity};
    use colophon_core::time::Timestamp;

    use super::*;

    fn rows(count: usize, bytes: u64) -> Vec<(LogRecord, u64)> {
        let record = LogRecord::Event(ServerEvent {
            event: EventId::from_bytes([0; 16]),
            at: Timestamp::from_unix_ms(0),
            name: NamedEvent::RequestIllegal,
            severity: Severity::Warning,
            center: None,
            message: EventMessage::cut("a row"),
            details: EventDetails::default(),
        });
        vec![(record, bytes); count]
    }

    fn opened() -> HandOver {
        let rows = HandOver::default();
        rows.open();
        rows
    }

    #[track_caller]
    fn check(rows: &HandOver, next: i64, most: usize, expected: &[i64]) {
        let taken = rows.take(next, most);
        let taken: Vec<i64> = taken.iter().map(|row| row.sequence).collect();
        assert_eq!(taken, expected);
    }

    #[test]
    fn rows_are_taken_in_turn_and_once() {
        let held = opened();
        held.offer(3, rows(3, 1));
        held.offer(5, rows(2, 1));
        check(&held, 1, 2, &[1, 2]);
        check(&held, 3, 9, &[3, 4, 5]);
        check(&held, 6, 9, &[]);
        check(&held, 1, 9, &[]);
    }

    #[test]
    fn what_does_not_follow_stays_until_it_does() {
        let held = opened();
        held.offer(5, rows(2, 1));
        check(&held, 2, 9, &[]);
        held.offer(9, rows(2, 1));
        check(&held, 4, 9, &[4, 5]);
        check(&held, 6, 9, &[]);
        check(&held, 8, 9, &[8, 9]);
    }

    #[test]
    fn what_was_read_from_the_outbox_meanwhile_is_dropped() {
        let held = opened();
        held.offer(5, rows(5, 7));
        check(&held, 4, 9, &[4, 5]);
        held.offer(6, rows(1, 1));
        check(&held, 9, 9, &[]);
        assert_eq!(held.held().bytes, 0);
        assert!(held.held().rows.is_empty());
    }

    #[test]
    fn nothing_is_held_for_nobody() {
        let held = HandOver::default();
        held.offer(3, rows(3, 1));
        held.open();
        check(&held, 1, 9, &[]);
        held.offer(6, rows(3, 1));
        held.close();
        check(&held, 4, 9, &[]);
        held.offer(7, rows(1, 1));
        check(&held, 7, 9, &[]);
    }

    #[test]
    fn rows_and_bytes_are_bounded_and_what_is_held_is_the_oldest() {
        let held = opened();
        held.offer(5000, rows(5000, 1));
        assert_eq!(held.held().rows.len(), ROWS_MAX);
        check(&held, 1, 1, &[1]);
        held.offer(5002, rows(2, 1));
        assert_eq!(held.held().rows.len(), ROWS_MAX);
        assert_eq!(held.take(2, 9999).len(), ROWS_MAX - 1);
        check(&held, 5001, 9, &[5001]);

        held.offer(20, rows(20, BYTES_MAX / 8));
        check(&held, 1, 99, &[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(held.held().bytes, 0);
    }
}
