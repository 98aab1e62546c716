//! When a version has failed so often that the one before it is to take its place.

use std::time::Duration;

use super::share::{RetailerMark, SaleMark};
use super::{PurchaseMark, Witnesses, later};
use crate::time::Timestamp;

/// Transactions that have to meet a failure within the window. One buyer who asks again and again
/// counts once: nobody can roll a version back with a single sale.
const SALES: usize = 5;

/// How long calls are counted together.
const WINDOW: Duration = Duration::from_secs(60);

/// Failures have to be at least one in so many calls. A few odd sales among very many are for the
/// version's author to look at, and no reason to take it from everybody else.
const ONE_IN: u64 = 20;

/// How long nothing is said after the breaker has tripped; doubled each time it trips again.
const PAUSE: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// Counts the calls of one version and those that failed by a defect of it.
///
/// Time is handed in. A clock that goes back begins another window.
#[derive(Debug, Clone)]
pub struct Breaker {
    began: Timestamp,
    calls: u64,
    failures: u64,
    /// Sales that an opened receipt proves.
    proven: Vec<SaleMark>,
    /// The retailers of these; two are as good as many.
    retailers: Vec<RetailerMark>,
    /// Sales that are only claimed: the receipt is not opened yet, and anybody can have made it.
    claimed: Vec<SaleMark>,
    trips: u32,
    quiet_until: Option<Timestamp>,
    /// The witnesses that were told last.
    told: Option<Witnesses>,
}

/// The version has failed too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tripped {
    /// Failures in the window.
    pub failures: u64,
    /// Calls in the window.
    pub calls: u64,
    /// Who has seen the failures.
    pub witnesses: Witnesses,
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
            proven: Vec::new(),
            retailers: Vec::new(),
            claimed: Vec::new(),
            trips: 0,
            quiet_until: None,
            told: None,
        }
    }

    /// Notes a call that did not fail, or by no defect of the version.
    pub fn answered(&mut self, now: Timestamp) {
        self.roll(now);
        self.calls = self.calls.saturating_add(1);
    }

    /// Notes a failure, and says whether it is the one too many. A call for no purchase counts among
    /// the calls and for nobody. Until the pause is over nothing more is said: whoever was told is at
    /// work, or has nothing to put in the version's place; only that another retailer's buyers have
    /// met the failures as well is told at once, for it changes what may be done.
    pub fn failed(&mut self, now: Timestamp, purchase: Option<PurchaseMark>) -> Option<Tripped> {
        self.roll(now);
        self.calls = self.calls.saturating_add(1);
        self.failures = self.failures.saturating_add(1);
        if let Some(purchase) = purchase {
            self.note(purchase);
        }
        let witnesses = self.witnesses()?;
        if self.failures.saturating_mul(ONE_IN) < self.calls {
            return None;
        }
        let is_quiet = self.quiet_until.is_some_and(|until| now < until);
        if is_quiet && self.told >= Some(witnesses) {
            return None;
        }
        let pause = PAUSE.saturating_mul(1 << self.trips.min(16)).min(PAUSE_MAX);
        self.trips = self.trips.saturating_add(1);
        self.quiet_until = Some(later(now, pause));
        self.told = Some(witnesses);
        Some(Tripped {
            failures: self.failures,
            calls: self.calls,
            witnesses,
            trips: self.trips,
        })
    }

    fn note(&mut self, purchase: PurchaseMark) {
        match purchase.proven_sale() {
            Some(sale) => {
                add(&mut self.retailers, purchase.retailer(), 2);
                add(&mut self.proven, sale, SALES);
            }
            None => add(&mut self.claimed, purchase.claimed_sale(), SALES),
        }
    }

    /// Who has seen the failures of the window, if there are enough.
    fn witnesses(&self) -> Option<Witnesses> {
        if self.proven.len() >= SALES && self.retailers.len() >= 2 {
            Some(Witnesses::Several)
        } else if self.proven.len() + self.claimed.len() >= SALES {
            Some(Witnesses::One)
        } else {
            None
        }
    }

    fn roll(&mut self, now: Timestamp) {
        if now < self.began || now >= later(self.began, WINDOW) {
            self.began = now;
            self.calls = 0;
            self.failures = 0;
            self.proven.clear();
            self.retailers.clear();
            self.claimed.clear();
        }
    }
}

/// As many different ones as are needed.
fn add<Mark: PartialEq>(marks: &mut Vec<Mark>, mark: Mark, needed: usize) {
    if marks.len() < needed && !marks.contains(&mark) {
        marks.push(mark);
    }
}

#[cfg(test)]
mod tests {
    use colophon_receipt::{BookId, RetailerId, TransactionId};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_ms(seconds * 1000)
    }

    /// Every number is a sale of a retailer of its own.
    fn purchase(number: u64) -> Option<PurchaseMark> {
        Some(PurchaseMark::from_number(number))
    }

    fn sold(retailer: &str, transaction: u64, book: &str) -> Option<PurchaseMark> {
        Some(PurchaseMark::of(
            &RetailerId::try_from(retailer).unwrap(),
            &TransactionId::try_from(format!("t-{transaction}").as_str()).unwrap(),
            &BookId::try_from(book).unwrap(),
        ))
    }

    fn tripped(failures: u64, witnesses: Witnesses, trips: u32) -> Option<Tripped> {
        Some(Tripped {
            failures,
            calls: failures,
            witnesses,
            trips,
        })
    }

    #[test]
    fn failures_of_enough_sales_within_the_window_trip_it() {
        let mut breaker = Breaker::new(at(0));
        for number in 0..4 {
            assert_eq!(breaker.failed(at(10), purchase(number)), None);
        }
        assert_eq!(
            breaker.failed(at(59), purchase(4)),
            tripped(5, Witnesses::Several, 1)
        );
    }

    #[test]
    fn one_sale_alone_never_trips_it_whatever_books_it_is_of() {
        let mut breaker = Breaker::new(at(0));
        for number in 0..1_000 {
            let book = format!("b-{number}");
            assert_eq!(breaker.failed(at(1), sold("shop", 7, &book)), None);
        }
        for _ in 0..1_000 {
            assert_eq!(breaker.failed(at(1), None), None);
        }
    }

    #[test]
    fn one_retailer_is_one_witness_however_much_it_sells() {
        let mut breaker = Breaker::new(at(0));
        for number in 0..4 {
            assert_eq!(breaker.failed(at(1), sold("shop", number, "b")), None);
        }
        assert_eq!(
            breaker.failed(at(1), sold("shop", 4, "b")),
            tripped(5, Witnesses::One, 1)
        );
        for number in 5..500 {
            assert_eq!(breaker.failed(at(1), sold("shop", number, "b")), None);
        }
        // The first sale of another changes what may be done, so it is not kept back by the pause.
        assert_eq!(
            breaker.failed(at(1), sold("other", 1, "b")),
            tripped(501, Witnesses::Several, 2)
        );
        assert_eq!(breaker.failed(at(1), sold("other", 2, "b")), None);
    }

    #[test]
    fn retailers_that_are_only_claimed_are_one_witness_together() {
        let mut breaker = Breaker::new(at(0));
        let claimed = |number: u64| {
            let id = format!("shop-{number}");
            Some(PurchaseMark::claimed(
                &RetailerId::try_from(id.as_str()).unwrap(),
            ))
        };
        for _ in 0..100 {
            assert_eq!(breaker.failed(at(1), claimed(0)), None);
        }
        let told: Vec<_> = (1..100)
            .filter_map(|number| breaker.failed(at(1), claimed(number)))
            .collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].witnesses, Witnesses::One);
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
                if breaker
                    .failed(at(second), sold("shop", number, "b"))
                    .is_some()
                {
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
