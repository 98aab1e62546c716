//! When a version has failed so often that the one before it is to take its place.

use std::time::Duration;

use super::PurchaseMark;
use crate::time::Timestamp;

/// Purchases that have to meet a failure within the window. One buyer who asks again and again
/// counts once: nobody can roll a version back with a single sale.
const PURCHASES: usize = 5;

/// How long calls are counted together.
const WINDOW: Duration = Duration::from_secs(60);

/// Failures have to be at least one in so many calls. A few odd sales among very many are for the
/// version's author to look at, and no reason to take it from everybody else.
const ONE_IN: u64 = 20;

/// How long nothing is said after the breaker has tripped; doubled each time it trips again.
const PAUSE: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// Counts the calls of one version and those that failed by its author's fault.
///
/// Time is handed in. A clock that goes back begins another window.
#[derive(Debug, Clone)]
pub struct Breaker {
    began: Timestamp,
    calls: u64,
    failures: u64,
    purchases: Vec<PurchaseMark>,
    trips: u32,
    quiet_until: Option<Timestamp>,
}

/// The version has failed too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tripped {
    /// Failures in the window.
    pub failures: u64,
    /// Calls in the window.
    pub calls: u64,
    /// How often it has tripped, with this time.
    pub trips: u32,
}

impl Breaker {
    /// A breaker that has seen nothing.
    pub fn new(now: Timestamp) -> Self {
        Self {
            began: now,
            calls: 0,
            failures: 0,
            purchases: Vec::new(),
            trips: 0,
            quiet_until: None,
        }
    }

    /// Notes a call that did not fail, or by no fault of the version.
    pub fn answered(&mut self, now: Timestamp) {
        self.roll(now);
        self.calls = self.calls.saturating_add(1);
    }

    /// Notes a failure, and says whether it is the one too many. Until the pause is over nothing
    /// more is said: whoever was told is at work, or has nothing to put in the version's place.
    pub fn failed(&mut self, now: Timestamp, purchase: PurchaseMark) -> Option<Tripped> {
        self.roll(now);
        self.calls = self.calls.saturating_add(1);
        self.failures = self.failures.saturating_add(1);
        if self.purchases.len() < PURCHASES && !self.purchases.contains(&purchase) {
            self.purchases.push(purchase);
        }
        let enough =
            self.purchases.len() >= PURCHASES && self.failures.saturating_mul(ONE_IN) >= self.calls;
        if !enough || self.quiet_until.is_some_and(|until| now < until) {
            return None;
        }
        let pause = PAUSE.saturating_mul(1 << self.trips.min(16)).min(PAUSE_MAX);
        self.trips = self.trips.saturating_add(1);
        self.quiet_until = Some(later(now, pause));
        Some(Tripped {
            failures: self.failures,
            calls: self.calls,
            trips: self.trips,
        })
    }

    fn roll(&mut self, now: Timestamp) {
        if now < self.began || now >= later(self.began, WINDOW) {
            self.began = now;
            self.calls = 0;
            self.failures = 0;
            self.purchases.clear();
        }
    }
}

fn later(moment: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_ms(moment.unix_ms().saturating_add(by))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_ms(seconds * 1000)
    }

    fn purchase(number: u64) -> PurchaseMark {
        PurchaseMark::from_number(number)
    }

    #[test]
    fn failures_of_enough_purchases_within_the_window_trip_it() {
        let mut breaker = Breaker::new(at(0));
        for number in 0..4 {
            assert_eq!(breaker.failed(at(10), purchase(number)), None);
        }
        let tripped = Tripped {
            failures: 5,
            calls: 5,
            trips: 1,
        };
        assert_eq!(breaker.failed(at(59), purchase(4)), Some(tripped));
    }

    #[test]
    fn one_purchase_alone_never_trips_it() {
        let mut breaker = Breaker::new(at(0));
        for _ in 0..1_000 {
            assert_eq!(breaker.failed(at(1), purchase(7)), None);
        }
    }

    #[test]
    fn failures_of_another_window_are_forgotten() {
        let mut breaker = Breaker::new(at(0));
        for number in 0..4 {
            assert_eq!(breaker.failed(at(59), purchase(number)), None);
        }
        for number in 4..8 {
            assert_eq!(breaker.failed(at(60), purchase(number)), None);
        }
        assert!(breaker.failed(at(60), purchase(8)).is_some());
    }

    #[test]
    fn few_failures_among_very_many_answers_do_not_trip_it() {
        let mut breaker = Breaker::new(at(0));
        for _ in 0..1_000 {
            breaker.answered(at(1));
        }
        for number in 0..50 {
            assert_eq!(breaker.failed(at(2), purchase(number)), None, "{number}");
        }
        // More than one in twenty.
        let later = (50..60).any(|number| breaker.failed(at(2), purchase(number)).is_some());
        assert!(later);
    }

    #[test]
    fn pauses_between_trips_grow_up_to_a_limit() {
        let mut breaker = Breaker::new(at(0));
        let mut told = Vec::new();
        for second in 0..3_000 {
            for number in 0..10 {
                if breaker.failed(at(second), purchase(number)).is_some() {
                    told.push(second);
                }
            }
        }
        let pauses: Vec<i64> = told.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(pauses[..7], [2, 4, 8, 16, 32, 64, 128]);
        assert!(pauses[8..].iter().all(|pause| *pause == 300), "{pauses:?}");
    }

    #[test]
    fn a_clock_that_goes_back_begins_anew() {
        let mut breaker = Breaker::new(at(100));
        for number in 0..4 {
            breaker.failed(at(100), purchase(number));
        }
        assert_eq!(breaker.failed(at(50), purchase(4)), None);
    }
}
