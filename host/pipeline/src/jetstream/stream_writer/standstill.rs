//! Whether the broker goes on handing out, and what else is to be done where it does not.
//!
//! A message that the client does not hand up is acknowledged by nobody. A server before 2.9.15
//! forgets what was handed out whenever something is purged, so that what nobody has brought by then
//! comes never again; and a server of that release that is killed while the stream is empty counts its
//! messages from one again, while the consumer waits for what follows on the old numbers.

use async_nats::jetstream::consumer::Info;
use tokio::time::{Duration, Instant};

/// How often every message may have been handed out anew before one is looked for that does not
/// arrive. A logging database that is away has the same look, so this costs something each time.
const TURNS: u32 = 3;

/// How long the consumer has not come on.
#[derive(Default)]
pub(super) struct Standstill {
    seen: Option<Seen>,
    /// Whether there is more to look into at once.
    more: bool,
}

/// Where it was seen first.
struct Seen {
    floor: u64,
    since: Instant,
    /// The first message that has not been looked at.
    next: u64,
}

/// How a consumer stands to the messages that it hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// It waits for nothing that it has handed out.
    Even,
    /// It waits for what it has handed out, and hands it out again.
    Waiting,
    /// It has handed out what nobody has brought, and does not wait for it.
    Forgetful,
}

/// What came of looking into a standstill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Looked {
    /// How many messages were buried.
    pub(super) buried: usize,
    /// The first message that has not been looked at.
    pub(super) next: u64,
    /// Whether that is behind all that was handed out.
    pub(super) is_through: bool,
}

impl Stand {
    pub(super) fn of(info: &Info) -> Self {
        let is_behind = info.ack_floor.stream_sequence < info.delivered.stream_sequence;
        match (info.num_ack_pending, is_behind) {
            (0, false) => Self::Even,
            (0, true) => Self::Forgetful,
            _ => Self::Waiting,
        }
    }

    /// How long it may stand so.
    fn patience(self, ack_wait: Duration) -> Duration {
        match self {
            Self::Even => Duration::MAX,
            Self::Waiting => ack_wait.saturating_mul(TURNS),
            // Whoever is bringing it has that long.
            Self::Forgetful => ack_wait,
        }
    }
}

/// Whether it waits for what follows on a message that the stream, whose last one has the number
/// `last`, has never had.
pub(super) fn is_beyond(info: &Info, last: u64) -> bool {
    info.delivered.stream_sequence > last
}

impl Standstill {
    /// Whether it has stood still for so long that what it waits for may never come, and from which
    /// message on that is to be looked into.
    pub(super) fn look_from(&mut self, info: &Info, now: Instant) -> Option<u64> {
        let stand = Stand::of(info);
        let floor = info.ack_floor.stream_sequence;
        self.stands(stand, floor, now, stand.patience(info.config.ack_wait))
    }

    fn stands(
        &mut self,
        stand: Stand,
        floor: u64,
        now: Instant,
        patience: Duration,
    ) -> Option<u64> {
        if stand == Stand::Even {
            *self = Self::default();
            return None;
        }
        let here = Seen {
            floor,
            since: now,
            next: floor.saturating_add(1),
        };
        let seen = self.seen.get_or_insert(here);
        if seen.floor != floor {
            let next = seen.next.max(floor.saturating_add(1));
            *seen = Seen {
                floor,
                since: now,
                // A floor that has gone back is that of another consumer.
                next: if floor < seen.floor {
                    floor.saturating_add(1)
                } else {
                    next
                },
            };
        }
        let stood = now.saturating_duration_since(seen.since);
        (self.more || stood >= patience).then_some(seen.next)
    }

    /// It was looked into, from the message `from` on, to the end or until something failed.
    pub(super) fn looked_into(&mut self, from: u64, looked: Looked, now: Instant) {
        // Where nothing can be done at all, that is tried now and then.
        self.more = looked.buried > 0 || (!looked.is_through && looked.next > from);
        if let Some(seen) = &mut self.seen {
            seen.since = now;
            seen.next = match looked.is_through {
                true => seen.floor.saturating_add(1),
                false => looked.next,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(90);

    fn at(standstill: &mut Standstill, floor: u64, now: Instant) -> Option<u64> {
        standstill.stands(Stand::Waiting, floor, now, PATIENCE)
    }

    fn through(buried: usize) -> Looked {
        Looked {
            buried,
            next: 999,
            is_through: true,
        }
    }

    #[test]
    fn a_standstill_is_looked_into_now_and_then_and_as_long_as_something_is_found() {
        let begin = Instant::now();
        let standstill = &mut Standstill::default();
        assert_eq!(at(standstill, 4, begin), None);
        assert_eq!(at(standstill, 4, begin + PATIENCE / 2), None);
        // It has come on.
        assert_eq!(at(standstill, 5, begin + PATIENCE), None);
        let long = begin + PATIENCE * 2;
        assert_eq!(at(standstill, 5, long), Some(6));
        standstill.looked_into(6, through(0), long);
        assert_eq!(at(standstill, 5, long + PATIENCE / 2), None);
        let longer = long + PATIENCE;
        assert_eq!(at(standstill, 5, longer), Some(6));
        standstill.looked_into(6, through(256), longer);
        assert_eq!(at(standstill, 9, longer), Some(10));
        standstill.looked_into(10, through(0), longer);
        assert_eq!(at(standstill, 9, longer), None);
        // Nothing is waited for.
        let even = standstill.stands(Stand::Even, 9, longer + PATIENCE * 9, PATIENCE);
        assert_eq!(even, None);
        assert_eq!(at(standstill, 9, longer + PATIENCE * 9), None);
    }

    #[test]
    fn what_was_looked_at_is_not_looked_at_again_before_the_rest() {
        let begin = Instant::now();
        let standstill = &mut Standstill::default();
        let upto = |next, buried| Looked {
            buried,
            next,
            is_through: false,
        };
        assert_eq!(at(standstill, 4, begin), None);
        let long = begin + PATIENCE;
        assert_eq!(at(standstill, 4, long), Some(5));
        // There are more than are looked at in one go.
        standstill.looked_into(5, upto(261, 0), long);
        assert_eq!(at(standstill, 4, long), Some(261));
        // Something fails after two were buried.
        standstill.looked_into(261, upto(270, 2), long);
        assert_eq!(at(standstill, 4, long), Some(270));
        // Then before anything is done; that is not tried again and again.
        standstill.looked_into(270, upto(270, 0), long);
        assert_eq!(at(standstill, 4, long), None);
        assert_eq!(at(standstill, 4, long + PATIENCE), Some(270));
        // It comes on, and stands again before that.
        standstill.looked_into(270, upto(271, 0), long + PATIENCE);
        assert_eq!(at(standstill, 100, long + PATIENCE), Some(271));
        standstill.looked_into(271, through(1), long + PATIENCE);
        assert_eq!(at(standstill, 100, long + PATIENCE), Some(101));
        // Another consumer begins before it.
        standstill.looked_into(101, upto(300, 1), long + PATIENCE);
        assert_eq!(at(standstill, 2, long + PATIENCE), Some(3));
    }
}
