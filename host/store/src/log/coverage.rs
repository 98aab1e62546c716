//! When every byte of a copy had been sent.

use std::collections::BTreeMap;

use sqlx::FromRow;

/// One delivery of a part of a copy.
#[derive(Debug, Clone, FromRow)]
pub(super) struct Delivery {
    /// Which copy.
    pub(super) etag: Vec<u8>,
    /// Its length in bytes.
    pub(super) length: i64,
    /// First byte sent.
    pub(super) range_start: i64,
    /// Bytes sent from there on.
    pub(super) sent: i64,
    /// When, in milliseconds.
    pub(super) at: i64,
}

/// Parts of a copy, none touching another: start to end.
#[derive(Default)]
struct Spans(BTreeMap<i64, i64>);

impl Spans {
    /// Adds `[start, end)` and joins it with whatever it touches.
    fn add(&mut self, mut start: i64, mut end: i64) {
        let before = self.0.range(..=start).next_back();
        if let Some((at, reach)) = before.map(|(at, reach)| (*at, *reach))
            && reach >= start
        {
            start = at;
            end = end.max(reach);
        }
        while let Some((at, reach)) = self.0.range(start..=end).next().map(|(a, r)| (*a, *r)) {
            self.0.remove(&at);
            end = end.max(reach);
        }
        self.0.insert(start, end);
    }

    fn cover(&self, length: i64) -> bool {
        self.0.get(&0).is_some_and(|end| *end >= length)
    }
}

/// The moment of the first delivery after which some copy had been sent in full. Deliveries of
/// different copies of one purchase do not add up: their bytes differ.
pub(super) fn completed_at(mut deliveries: Vec<Delivery>) -> Option<i64> {
    deliveries.sort_by_key(|delivery| delivery.at);
    let mut copies: BTreeMap<(Vec<u8>, i64), Spans> = BTreeMap::new();
    for Delivery {
        etag,
        length,
        range_start,
        sent,
        at,
    } in deliveries
    {
        let spans = copies.entry((etag, length)).or_default();
        spans.add(range_start, range_start.saturating_add(sent));
        if spans.cover(length) {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(etag: u8, range_start: i64, sent: i64, at: i64) -> Delivery {
        Delivery {
            etag: vec![etag],
            length: 100,
            range_start,
            sent,
            at,
        }
    }

    #[track_caller]
    fn check(deliveries: &[(u8, i64, i64, i64)], expected: Option<i64>) {
        let list = deliveries
            .iter()
            .map(|(etag, start, sent, at)| delivery(*etag, *start, *sent, *at));
        assert_eq!(completed_at(list.collect()), expected, "{deliveries:?}");
    }

    #[test]
    fn a_whole_copy_completes_at_once() {
        check(&[(1, 0, 100, 5)], Some(5));
        check(&[(1, 0, 0, 5)], None);
        check(&[], None);
    }

    #[test]
    fn parts_complete_when_the_last_gap_is_closed() {
        check(&[(1, 0, 50, 1), (1, 50, 50, 2)], Some(2));
        check(&[(1, 50, 50, 1), (1, 0, 50, 2)], Some(2));
        check(&[(1, 0, 40, 1), (1, 60, 40, 2), (1, 30, 40, 3)], Some(3));
        check(
            &[
                (1, 10, 10, 1),
                (1, 30, 10, 2),
                (1, 0, 90, 3),
                (1, 90, 10, 4),
            ],
            Some(4),
        );
    }

    #[test]
    fn a_missing_byte_is_missing() {
        check(&[(1, 0, 50, 1), (1, 51, 49, 2)], None);
        check(&[(1, 1, 99, 1)], None);
        check(&[(1, 0, 99, 1), (1, 0, 99, 2)], None);
    }

    #[test]
    fn parts_of_different_copies_do_not_add_up() {
        check(&[(1, 0, 50, 1), (2, 50, 50, 2)], None);
        check(&[(1, 0, 50, 1), (2, 50, 50, 2), (1, 50, 50, 3)], Some(3));
    }

    #[test]
    fn the_order_of_arrival_does_not_matter() {
        check(&[(1, 50, 50, 9), (1, 0, 50, 4), (1, 0, 100, 20)], Some(9));
    }
}
