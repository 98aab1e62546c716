//! Which bytes of a copy have been sent.

use sqlx::FromRow;

/// Bytes of a copy that were sent, without a gap: from `first` on, as far as before `past`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub(super) struct Span {
    /// The first byte.
    pub(super) first: i64,
    /// One past the last byte.
    pub(super) past: i64,
    /// The latest moment of a delivery that brought any of them, in milliseconds. Deliveries are
    /// taken as they arrive: of two hosts' rows that overlap, the one that arrives first counts.
    pub(super) at: i64,
}

impl Span {
    /// This span with those it touches; none if all of it had been sent before. Spans in `others`
    /// that it does not touch are left out.
    pub(super) fn joined(self, others: &[Span]) -> Option<Span> {
        let touching = others
            .iter()
            .filter(|other| other.first <= self.past && self.first <= other.past);
        touching.into_iter().try_fold(self, |joined, other| {
            let known = other.first <= self.first && self.past <= other.past;
            (!known).then_some(Span {
                first: joined.first.min(other.first),
                past: joined.past.max(other.past),
                at: joined.at.max(other.at),
            })
        })
    }

    /// Whether these are all bytes of a copy.
    pub(super) fn covers(self, length: i64) -> bool {
        self.first == 0 && self.past >= length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(first: i64, past: i64, at: i64) -> Span {
        Span { first, past, at }
    }

    #[track_caller]
    fn check(new: Span, others: &[Span], expected: Option<Span>) {
        assert_eq!(new.joined(others), expected, "{new:?} {others:?}");
    }

    #[test]
    fn what_touches_is_joined() {
        check(span(0, 50, 1), &[], Some(span(0, 50, 1)));
        check(span(50, 60, 2), &[span(0, 50, 1)], Some(span(0, 60, 2)));
        check(span(0, 50, 1), &[span(50, 60, 2)], Some(span(0, 60, 2)));
        check(
            span(30, 60, 3),
            &[span(0, 40, 1), span(50, 90, 9)],
            Some(span(0, 90, 9)),
        );
        check(
            span(0, 90, 3),
            &[span(10, 20, 1), span(30, 40, 2)],
            Some(span(0, 90, 3)),
        );
    }

    #[test]
    fn a_missing_byte_keeps_spans_apart() {
        check(span(51, 60, 2), &[span(0, 50, 1)], Some(span(51, 60, 2)));
        check(span(0, 49, 2), &[span(50, 60, 1)], Some(span(0, 49, 2)));
    }

    #[test]
    fn what_was_sent_before_is_nothing_new() {
        check(span(10, 20, 9), &[span(0, 50, 1)], None);
        check(span(0, 50, 9), &[span(0, 50, 1)], None);
        check(span(0, 50, 1), &[span(0, 50, 9)], None);
    }

    #[test]
    fn a_copy_is_covered_from_its_first_to_its_last_byte() {
        assert!(span(0, 100, 1).covers(100));
        assert!(!span(0, 99, 1).covers(100));
        assert!(!span(1, 100, 1).covers(100));
    }
}
