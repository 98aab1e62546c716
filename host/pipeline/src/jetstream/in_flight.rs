//! Rows of this node that were handed to the broker, or are about to be, and are not confirmed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use colophon_core::id::EventId;
use tokio::time::Instant;

use super::held::{Held, Place};
use super::refusal::Refusal;

/// Rows held at most.
const ROWS_MAX: usize = 8192;

/// Bytes of their payloads at most.
const BYTES_MAX: u64 = 32 << 20;

/// A confirmation is waited for longer each time that it is overdue: twice as long, this often.
const DOUBLINGS_MAX: u32 = 4;

/// Rows on their way, in the order of their numbers.
#[derive(Default)]
pub(super) struct InFlight {
    rows: BTreeMap<i64, Row>,
    bytes: u64,
}

/// A row with what it is handed over as.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) event: EventId,
    pub(super) payload: Bytes,
    /// The length of its payload in the outbox.
    pub(super) bytes: u64,
    /// How often it was handed over.
    pub(super) times: u32,
    /// How often its confirmation was overdue, and no log writer was known to be waiting itself.
    overdue: u32,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// The broker has not said that it has it.
    NotHanded,
    /// The broker has it, and its confirmation is waited for since a moment.
    Handed { since: Instant, place: Place },
}

/// Rows that are confirmed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Confirmed {
    pub(super) rows: Vec<(i64, EventId)>,
    /// The length of their payloads in the outbox.
    pub(super) bytes: u64,
}

impl InFlight {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn has_room(&self) -> bool {
        self.rows.len() < ROWS_MAX && self.bytes < BYTES_MAX
    }

    /// The number of the last row.
    pub(super) fn last(&self) -> Option<i64> {
        self.rows.last_key_value().map(|(sequence, _)| *sequence)
    }

    /// Forgets everything; the rows are in the outbox.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes a row in that is to be handed over.
    pub(super) fn add(&mut self, sequence: i64, event: EventId, payload: Bytes, bytes: u64) {
        let row = Row {
            event,
            payload,
            bytes,
            times: 0,
            overdue: 0,
            state: State::NotHanded,
        };
        self.bytes = self.bytes.saturating_add(bytes);
        if let Some(known) = self.rows.insert(sequence, row) {
            self.bytes = self.bytes.saturating_sub(known.bytes);
        }
    }

    /// Whether there are rows that are to be handed over.
    pub(super) fn has_unhanded(&self) -> bool {
        let mut states = self.rows.values().map(|row| row.state);
        states.any(|state| matches!(state, State::NotHanded))
    }

    /// Rows that are to be handed over: at most `most`, and none after one that brings them to
    /// `bytes_max`.
    pub(super) fn to_hand_over(&self, most: usize, bytes_max: usize) -> Vec<(i64, Row)> {
        let waiting = self
            .rows
            .iter()
            .filter_map(|(sequence, row)| match row.state {
                State::NotHanded => Some((*sequence, row.clone())),
                State::Handed { .. } => None,
            });
        let mut bytes = 0_usize;
        let fits = |(_, row): &(i64, Row)| {
            let before = bytes;
            bytes = bytes.saturating_add(row.payload.len());
            before < bytes_max
        };
        waiting.take(most).take_while(fits).collect()
    }

    /// Lets go of a row that is not to be handed over.
    pub(super) fn give_up(&mut self, sequence: i64) {
        if let Some(row) = self.rows.remove(&sequence) {
            self.bytes = self.bytes.saturating_sub(row.bytes);
        }
    }

    /// The broker has a row.
    pub(super) fn handed(&mut self, sequence: i64, place: Place, now: Instant) {
        if let Some(row) = self.rows.get_mut(&sequence)
            && matches!(row.state, State::NotHanded)
        {
            row.times = row.times.saturating_add(1);
            row.state = State::Handed { since: now, place };
        }
    }

    /// The rows whose confirmation is overdue: the first and the last of at most `most`.
    pub(super) fn overdue(
        &self,
        now: Instant,
        after: Duration,
        most: usize,
    ) -> Option<RangeInclusive<i64>> {
        let is_due = |row: &Row| due(row, after).is_some_and(|moment| moment <= now);
        let mut overdue = self.rows.iter().filter(|(_, row)| is_due(row));
        let first = *overdue.next()?.0;
        // Numbers may be missing, so this many numbers hold at most as many rows.
        let span = i64::try_from(most.max(1) - 1).unwrap_or(i64::MAX);
        let last = self.rows.range(first..=first.saturating_add(span)).last();
        Some(first..=last.map_or(first, |(sequence, _)| *sequence))
    }

    /// The moment at which the next confirmation is overdue.
    pub(super) fn next_due(&self, after: Duration) -> Option<Instant> {
        self.rows.values().filter_map(|row| due(row, after)).min()
    }

    /// Those of these rows whose confirmation is overdue are to be handed over again, unless the
    /// broker holds them; then they wait on, for longer.
    pub(super) fn again(
        &mut self,
        among: RangeInclusive<i64>,
        now: Instant,
        after: Duration,
        held: Option<&Held>,
    ) {
        for (row, place) in self.overdue_among(among, now, after) {
            row.overdue = row.overdue.saturating_add(1);
            row.state = match held {
                Some(held) if held.has(place) => State::Handed { since: now, place },
                Some(_) | None => State::NotHanded,
            };
        }
    }

    /// The overdue rows among these wait for another turn, without being handed over again.
    pub(super) fn wait_on(&mut self, among: RangeInclusive<i64>, now: Instant, after: Duration) {
        for (row, place) in self.overdue_among(among, now, after) {
            row.state = State::Handed { since: now, place };
        }
    }

    /// Whether the confirmation of one of these rows is overdue.
    pub(super) fn is_overdue(
        &mut self,
        among: RangeInclusive<i64>,
        now: Instant,
        after: Duration,
    ) -> bool {
        self.overdue_among(among, now, after).next().is_some()
    }

    fn overdue_among(
        &mut self,
        among: RangeInclusive<i64>,
        now: Instant,
        after: Duration,
    ) -> impl Iterator<Item = (&mut Row, Place)> {
        let rows = self.rows.range_mut(among).map(|(_, row)| row);
        rows.filter_map(move |row| match row.state {
            State::Handed { place, .. } if due(row, after)? <= now => Some((row, place)),
            State::Handed { .. } | State::NotHanded => None,
        })
    }

    /// Whether the confirmation of a row was overdue a second time. Once may be the broker's
    /// forgetting alone.
    pub(super) fn has_stale(&self) -> bool {
        self.rows.values().any(|row| row.overdue > 1)
    }

    /// Lets go of the rows that the logging database has: those whose number and event are both
    /// among `arrived`.
    pub(super) fn confirm(&mut self, arrived: &[(i64, EventId)]) -> Confirmed {
        let mut confirmed = Confirmed::default();
        for (sequence, event) in arrived {
            let Entry::Occupied(row) = self.rows.entry(*sequence) else {
                continue;
            };
            if row.get().event == *event {
                let bytes = row.remove().bytes;
                confirmed.rows.push((*sequence, *event));
                confirmed.bytes = confirmed.bytes.saturating_add(bytes);
            }
        }
        self.bytes = self.bytes.saturating_sub(confirmed.bytes);
        confirmed
    }

    /// Lets go of the rows that are refused: those that the broker has under this very number, so
    /// that no earlier try counts.
    pub(super) fn refuse(&mut self, refusals: Vec<Refusal>) -> Vec<Refusal> {
        let mut refused = Vec::new();
        for refusal in refusals {
            let Some(row) = self.rows.get(&refusal.sequence) else {
                continue;
            };
            let is_this = match row.state {
                State::NotHanded => false,
                State::Handed { place, .. } => place.number == refusal.number,
            };
            if is_this && row.event == refusal.event {
                self.give_up(refusal.sequence);
                refused.push(refusal);
            }
        }
        refused
    }
}

/// When the confirmation of a row is overdue.
fn due(row: &Row, after: Duration) -> Option<Instant> {
    match row.state {
        State::NotHanded => None,
        State::Handed { since, .. } => {
            let doublings = row.overdue.min(DOUBLINGS_MAX);
            Some(since + after.saturating_mul(1 << doublings))
        }
    }
}

#[cfg(test)]
mod tests {
    use colophon_core::ports::RecordRefused;

    use super::*;

    const AFTER: Duration = Duration::from_secs(30);

    fn event(number: i64) -> EventId {
        EventId::from_bytes(i128::from(number).to_be_bytes())
    }

    fn holding(numbers: impl IntoIterator<Item = i64>) -> InFlight {
        let mut rows = InFlight::default();
        for number in numbers {
            rows.add(number, event(number), Bytes::from_static(b"payload"), 7);
        }
        rows
    }

    fn handed(numbers: impl IntoIterator<Item = i64>, now: Instant) -> InFlight {
        let numbers: Vec<i64> = numbers.into_iter().collect();
        let mut rows = holding(numbers.iter().copied());
        for number in numbers {
            rows.handed(number, place(number), now);
        }
        rows
    }

    /// Where the broker has a row.
    fn place(number: i64) -> Place {
        Place::at(1, number as u64)
    }

    /// The rows that are to be handed over, with how often they were before.
    fn to_hand_over(rows: &InFlight) -> Vec<(i64, u32)> {
        let waiting = rows.to_hand_over(99, usize::MAX).into_iter();
        waiting
            .map(|(sequence, row)| (sequence, row.times))
            .collect()
    }

    #[track_caller]
    fn confirm(rows: &mut InFlight, numbers: &[i64], expected: &[i64]) {
        let pairs = |numbers: &[i64]| -> Vec<(i64, EventId)> {
            numbers
                .iter()
                .map(|number| (*number, event(*number)))
                .collect()
        };
        let expected = Confirmed {
            rows: pairs(expected),
            bytes: 7 * expected.len() as u64,
        };
        assert_eq!(rows.confirm(&pairs(numbers)), expected);
    }

    #[test]
    fn confirmed_rows_leave_once() {
        let mut rows = handed([3, 4, 5, 7, 8], Instant::now());
        confirm(&mut rows, &[8, 4, 3, 7, 99, 3], &[8, 4, 3, 7]);
        confirm(&mut rows, &[3, 4], &[]);
        confirm(&mut rows, &[5], &[5]);
        assert!(rows.is_empty() && rows.bytes == 0);
    }

    #[test]
    fn a_confirmation_of_another_event_under_the_same_number_is_none() {
        let mut rows = handed([3], Instant::now());
        assert_eq!(rows.confirm(&[(3, event(4))]), Confirmed::default());
        assert_eq!(rows.len(), 1);
    }

    #[test]
    fn a_row_the_broker_has_not_got_may_be_confirmed() {
        let mut rows = holding([1]);
        confirm(&mut rows, &[1], &[1]);
    }

    #[test]
    fn a_row_is_refused_by_what_was_said_of_its_last_message() {
        let now = Instant::now();
        let mut rows = handed([3, 4], now);
        rows.add(5, event(5), Bytes::new(), 0);
        let refusal = |sequence, of, number| Refusal {
            sequence,
            event: event(of),
            number,
            reason: RecordRefused {
                reason: "why".to_owned(),
            },
        };
        for (sequence, of, number) in [(3, 4, 3), (3, 3, 2), (5, 5, 5), (9, 9, 9)] {
            assert_eq!(rows.refuse(vec![refusal(sequence, of, number)]), []);
        }
        assert_eq!(rows.len(), 3);
        let refused = [refusal(3, 3, 3)];
        assert_eq!(rows.refuse(refused.to_vec()), refused);
        assert_eq!(rows.refuse(refused.to_vec()), []);
        assert_eq!((rows.len(), rows.bytes), (2, 7));
    }

    #[test]
    fn what_is_not_confirmed_in_time_is_handed_over_again_after_longer_and_longer() {
        let begin = Instant::now();
        let mut rows = handed([1, 2, 5], begin);
        rows.add(6, event(6), Bytes::new(), 0);
        assert_eq!(rows.overdue(begin + AFTER / 2, AFTER, 9), None);
        let due = begin + AFTER;
        assert_eq!(rows.next_due(AFTER), Some(due));
        assert_eq!(rows.overdue(due, AFTER, 9), Some(1..=6));
        assert_eq!(rows.overdue(due, AFTER, 2), Some(1..=2));
        assert!(!rows.has_stale());
        rows.again(1..=2, due, AFTER, None);
        assert_eq!(to_hand_over(&rows), [(1, 1), (2, 1), (6, 0)]);
        rows.handed(1, place(7), due);
        assert!(!rows.has_stale());
        rows.confirm(&[(2, event(2)), (5, event(5)), (6, event(6))]);
        assert_eq!(rows.next_due(AFTER), Some(due + AFTER * 2));
        rows.wait_on(1..=1, due + AFTER * 2, AFTER);
        assert_eq!(rows.next_due(AFTER), Some(due + AFTER * 4));
        assert!(!rows.has_stale());
        rows.again(1..=1, due + AFTER * 4, AFTER, None);
        assert_eq!(to_hand_over(&rows), [(1, 2)]);
        assert!(rows.has_stale());
    }

    #[test]
    fn what_the_broker_holds_is_not_handed_over_again() {
        let begin = Instant::now();
        let mut rows = handed([1, 2, 3], begin);
        let held = Held::numbers(1, 2..=9);
        let due = begin + AFTER;
        assert!(!rows.is_overdue(1..=3, begin, AFTER));
        assert!(rows.is_overdue(1..=3, due, AFTER));
        rows.again(1..=3, due, AFTER, Some(&held));
        assert_eq!(to_hand_over(&rows), [(1, 1)]);
        assert_eq!(rows.next_due(AFTER), Some(due + AFTER * 2));
        // Nobody has brought them for two turns, though nothing was handed over again.
        rows.again(2..=3, due + AFTER * 2, AFTER, Some(&held));
        assert_eq!(to_hand_over(&rows), [(1, 1)]);
        assert!(rows.has_stale());
        // The stream is made anew.
        let anew = Held::numbers(2, 1..=9);
        rows.again(2..=3, due + AFTER * 6, AFTER, Some(&anew));
        assert_eq!(to_hand_over(&rows), [(1, 1), (2, 1), (3, 1)]);
    }

    #[test]
    fn what_is_handed_over_at_once_is_bounded_in_rows_and_bytes() {
        let rows = holding(1..=9);
        for (most, bytes_max, expected) in
            [(3, 99, 3), (9, 99, 9), (9, 14, 2), (9, 15, 3), (9, 1, 1)]
        {
            assert_eq!(
                rows.to_hand_over(most, bytes_max).len(),
                expected,
                "{most} {bytes_max}"
            );
        }
    }

    #[test]
    fn rows_and_bytes_are_bounded() {
        let mut rows = holding(1..=ROWS_MAX as i64 - 1);
        assert!(rows.has_room());
        rows.add(0, event(0), Bytes::new(), 0);
        assert!(!rows.has_room());
        rows.clear();
        rows.add(0, event(0), Bytes::new(), BYTES_MAX);
        assert!(!rows.has_room());
        rows.add(0, event(0), Bytes::new(), 1);
        assert_eq!(rows.bytes, 1);
    }
}
