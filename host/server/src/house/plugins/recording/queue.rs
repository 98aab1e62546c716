//! Where decisions wait to be written: a line for each center, and room that all of them share.
//!
//! While there is room, a center may take all of it. When there is none left, the center that takes the
//! most gives way, so that one with many downloads costs another none of its decisions; and lines are
//! served in turn.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use colophon_receipt::CenterId;
use tokio::sync::Notify;

use super::Waiting;

/// The bytes that all may have together that wait.
pub(super) const ROOM: usize = 32 << 20;

/// What a decision takes up at least: so many may wait however little each has to say.
pub(super) const LEAST: usize = 16 << 10;

/// The lines of all centers.
#[derive(Clone)]
pub(super) struct Queue {
    lines: Arc<Mutex<Lines>>,
    arrived: Arc<Notify>,
}

struct Lines {
    of_center: BTreeMap<CenterId, Line>,
    /// The center that was served last.
    served: Option<CenterId>,
    room_left: usize,
    /// Nobody writes any more.
    closed: bool,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    takes: usize,
}

impl Queue {
    pub(super) fn with_room(room: usize) -> Self {
        Self {
            lines: Arc::new(Mutex::new(Lines {
                of_center: BTreeMap::new(),
                served: None,
                room_left: room,
                closed: false,
            })),
            arrived: Arc::new(Notify::new()),
        }
    }

    /// Lets a decision wait. Where there is no room for it, the last of the longest line goes, which may
    /// be itself.
    pub(super) fn add(&self, new: Waiting) {
        // Whatever goes is let go, and counted, after the lock.
        let mut gone = Vec::new();
        self.locked().add(new, &mut gone);
        self.arrive();
        for one in gone {
            one.by.dropped.increment(1);
        }
    }

    /// Waits until a decision has come since this was last waited for.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// As if a decision had come: more wait than were taken.
    pub(super) fn arrive(&self) {
        self.arrived.notify_one();
    }

    /// The first decisions of the center whose turn it is: so many, and of so many bytes, though one in
    /// any case. None if nothing waits.
    pub(super) fn take(&self, count_max: usize, bytes_max: usize) -> Vec<Waiting> {
        self.locked().take(count_max, bytes_max)
    }

    /// Takes nothing in any more.
    pub(super) fn close(&self) {
        self.locked().closed = true;
    }

    fn locked(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn add(&mut self, new: Waiting, gone: &mut Vec<Waiting>) {
        if self.closed {
            gone.push(new);
            return;
        }
        let takes = new.takes;
        let own = self.of_center.get(&new.by.center);
        let own = own.map_or(0, |line| line.takes) + takes;
        // Nobody gives way for what would find no room all the same.
        let longer = self.of_center.values().map(|line| line.takes);
        let spare: usize = longer.map(|takes| takes.saturating_sub(own)).sum();
        if self.room_left + spare < takes {
            gone.push(new);
            return;
        }
        while self.room_left < takes {
            let longest = self.of_center.iter_mut();
            let longest = longest.max_by_key(|(_, line)| line.takes);
            let Some((center, line)) = longest.filter(|(_, line)| line.takes > own) else {
                gone.push(new);
                return;
            };
            let last = line.waiting.pop_back();
            let freed = last.as_ref().map_or(0, |last| last.takes);
            line.takes -= freed;
            self.room_left += freed;
            if line.waiting.is_empty() {
                let center = center.clone();
                self.of_center.remove(&center);
            }
            gone.extend(last);
        }
        self.room_left -= takes;
        let line = self.of_center.entry(new.by.center.clone()).or_default();
        line.takes += takes;
        line.waiting.push_back(new);
    }

    fn take(&mut self, count_max: usize, bytes_max: usize) -> Vec<Waiting> {
        let after = match &self.served {
            Some(served) => Bound::Excluded(served),
            None => Bound::Unbounded,
        };
        let next = self.of_center.range((after, Bound::Unbounded)).next();
        let next = next.or_else(|| self.of_center.iter().next());
        let Some(center) = next.map(|(center, _)| center.clone()) else {
            return Vec::new();
        };
        let mut taken = Vec::new();
        let mut bytes = 0;
        if let Some(line) = self.of_center.get_mut(&center) {
            while let Some(first) = line.waiting.front() {
                bytes += first.takes;
                if !taken.is_empty() && (taken.len() == count_max || bytes > bytes_max) {
                    break;
                }
                line.takes -= first.takes;
                self.room_left += first.takes;
                taken.extend(line.waiting.pop_front());
            }
            if line.waiting.is_empty() {
                self.of_center.remove(&center);
            }
        }
        self.served = Some(center);
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use metrics::Counter;

    use super::super::tests::{by, decided};
    use super::*;

    struct Center {
        queue: Queue,
        by: Arc<super::super::DecidedBy>,
        dropped: Arc<AtomicU64>,
    }

    impl Center {
        fn of(queue: &Queue, name: &str) -> Self {
            let dropped = Arc::new(AtomicU64::new(0));
            let by = by(name, Counter::from_arc(Arc::clone(&dropped)));
            Self {
                queue: queue.clone(),
                by: Arc::new(by),
                dropped,
            }
        }

        fn decides(&self, times: usize, takes: usize) {
            for _ in 0..times {
                self.queue.add(Waiting {
                    by: Arc::clone(&self.by),
                    decided: decided(),
                    takes,
                });
            }
        }

        fn dropped(&self) -> u64 {
            self.dropped.load(Ordering::Relaxed)
        }
    }

    /// The centers of all that waits, as they are served.
    fn served(queue: &Queue, count_max: usize) -> Vec<(String, usize)> {
        let takes = std::iter::from_fn(|| Some(queue.take(count_max, ROOM)));
        let takes = takes.take_while(|taken| !taken.is_empty());
        takes
            .map(|taken| (taken[0].by.center.as_str().to_owned(), taken.len()))
            .collect()
    }

    fn counts(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
        let expected = expected.iter();
        expected
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    }

    #[test]
    fn one_center_may_take_all_the_room_there_is() {
        let queue = Queue::with_room(10);
        let busy = Center::of(&queue, "busy");
        busy.decides(14, 1);
        assert_eq!(busy.dropped(), 4);
        assert_eq!(served(&queue, 99), counts(&[("busy", 10)]));
    }

    #[test]
    fn a_center_that_takes_the_most_gives_way_to_the_others() {
        let queue = Queue::with_room(10);
        let [busy, other, quiet] = ["busy", "other", "quiet"].map(|name| Center::of(&queue, name));
        busy.decides(20, 1);
        quiet.decides(2, 1);
        other.decides(20, 1);
        assert_eq!(
            (busy.dropped(), other.dropped(), quiet.dropped()),
            (16, 16, 0)
        );
        assert_eq!(
            served(&queue, 99),
            counts(&[("busy", 4), ("other", 4), ("quiet", 2)])
        );
        assert_eq!(queue.locked().room_left, 10);
    }

    #[test]
    fn room_goes_by_bytes() {
        let queue = Queue::with_room(10);
        let [large, small] = ["large", "small"].map(|name| Center::of(&queue, name));
        large.decides(2, 5);
        small.decides(3, 1);
        assert_eq!((large.dropped(), small.dropped()), (1, 0));
        // More than there will ever be.
        small.decides(1, 11);
        assert_eq!(small.dropped(), 1);
        assert_eq!(served(&queue, 99), counts(&[("large", 1), ("small", 3)]));
    }

    #[test]
    fn nobody_gives_way_for_nothing() {
        let queue = Queue::with_room(10);
        let [one, other] = ["one", "other"].map(|name| Center::of(&queue, name));
        one.decides(10, 1);
        other.decides(1, 6);
        assert_eq!((one.dropped(), other.dropped()), (0, 1));
    }

    #[test]
    fn centers_are_served_in_turn() {
        let queue = Queue::with_room(99);
        let [busy, quiet] = ["busy", "quiet"].map(|name| Center::of(&queue, name));
        busy.decides(5, 1);
        quiet.decides(1, 1);
        assert_eq!(
            served(&queue, 2),
            counts(&[("busy", 2), ("quiet", 1), ("busy", 2), ("busy", 1)])
        );
        busy.decides(3, 4);
        assert_eq!(queue.take(9, 8).len(), 2, "no more bytes than this");
        assert_eq!(queue.take(9, 1).len(), 1, "one in any case");
        assert_eq!(queue.take(9, 1).len(), 0);
    }

    #[test]
    fn nobody_waits_when_nobody_writes() {
        let queue = Queue::with_room(10);
        let late = Center::of(&queue, "late");
        late.decides(1, 1);
        queue.close();
        late.decides(1, 1);
        assert_eq!(late.dropped(), 1);
        assert_eq!(served(&queue, 9), counts(&[("late", 1)]));
    }
}
