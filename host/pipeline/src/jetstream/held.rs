//! What the broker still has of what it was handed.
//!
//! A row that waits in the stream for a log writer is not to be handed over again: after the time in
//! which the broker knows messages again, that would make a copy each time. One that is gone is, be
//! it that the broker has forgotten it or that somebody has removed it.

use std::ops::RangeInclusive;

use async_nats::jetstream::stream::{self, Stream};

/// A stream by when it was made: one that is made anew under its name begins to count anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Made(i128);

/// Where in a stream a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) stream: Made,
    pub(super) number: u64,
}

/// The places in a stream that are not behind its log writers yet. Some in between may be empty; they
/// are behind them once they have come so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    stream: Made,
    numbers: RangeInclusive<u64>,
}

impl Made {
    pub(super) fn of(stream: &Stream) -> Self {
        Self::told(stream.cached_info())
    }

    fn told(info: &stream::Info) -> Self {
        Self(info.created.unix_timestamp_nanos())
    }
}

impl Held {
    /// What a stream that was just looked up holds, and log writers are not done with: they are with
    /// everything up to the number `done`. It may lie there still behind something else's message.
    pub(super) fn by(stream: &Stream, done: u64) -> Self {
        let info = stream.cached_info();
        let first = info.state.first_sequence.max(done.saturating_add(1));
        Self {
            stream: Made::told(info),
            numbers: first..=info.state.last_sequence,
        }
    }

    pub(super) fn stream(&self) -> Made {
        self.stream
    }

    pub(super) fn has(&self, place: Place) -> bool {
        place.stream == self.stream && self.numbers.contains(&place.number)
    }
}

#[cfg(test)]
impl Place {
    /// For tests: a place in a stream that is made at the moment `made`.
    pub(super) fn at(made: i128, number: u64) -> Self {
        Self {
            stream: Made(made),
            number,
        }
    }
}

#[cfg(test)]
impl Held {
    pub(super) fn numbers(made: i128, numbers: RangeInclusive<u64>) -> Self {
        Self {
            stream: Made(made),
            numbers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_held_in_its_own_stream_alone() {
        let held = Held::numbers(1, 3..=5);
        for (place, expected) in [
            (Place::at(1, 2), false),
            (Place::at(1, 3), true),
            (Place::at(1, 5), true),
            (Place::at(1, 6), false),
            (Place::at(2, 4), false),
        ] {
            assert_eq!(held.has(place), expected, "{place:?}");
        }
        // As a stream says it that has been emptied.
        let emptied = Held::numbers(1, RangeInclusive::new(6, 5));
        assert!(!emptied.has(Place::at(1, 5)) && !emptied.has(Place::at(1, 6)));
    }
}
