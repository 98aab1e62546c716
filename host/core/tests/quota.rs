//! The activation quota, held to a model that counts day by day.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use colophon_core::activation::quota::{
    MachineStanding, QuotaTerms, QuotaTermsRefused, Standing, Verdict,
};
use colophon_core::time::Timestamp;

const DAY_MS: i64 = 86_400_000;
const HISTORIES: u64 = 1_000_000;

fn on(day: i64) -> Timestamp {
    Timestamp::from_unix_ms(1_800_000_000_000 + day * DAY_MS)
}

fn standing(first_day: Option<i64>, used: u32) -> Standing {
    Standing {
        first_activation: first_day.map(on),
        used,
    }
}

#[test]
fn grants_grow_by_one_a_period_up_to_the_total() {
    let terms = QuotaTerms::default();
    let cases = [
        (-1, 5),
        (0, 5),
        (89, 5),
        (90, 6),
        (179, 6),
        (180, 7),
        (449, 9),
        (450, 10),
        (540, 10),
        (100_000, 10),
    ];
    for (day, granted) in cases {
        assert_eq!(
            terms.granted(standing(Some(0), 0), on(day)),
            granted,
            "day {day}"
        );
    }
    let last_moment = Timestamp::from_unix_ms(on(90).unix_ms() - 1);
    assert_eq!(terms.granted(standing(Some(0), 0), last_moment), 5);
    assert_eq!(terms.granted(standing(None, 0), on(100_000)), 5);
}

#[test]
fn a_refusal_says_when_the_next_activation_is_granted() {
    let terms = QuotaTerms::default();
    let cases = [(5, Some(90)), (6, Some(180)), (9, Some(450)), (10, None)];
    for (used, day) in cases {
        let at = if used > 5 {
            on(90 * i64::from(used - 5))
        } else {
            on(0)
        };
        assert_eq!(
            terms.judge(standing(Some(0), used), MachineStanding::New, at),
            Verdict::LimitReached {
                next_allowed_at: day.map(on)
            },
            "{used} used"
        );
    }
}

#[test]
fn what_is_granted_next_does_not_hang_on_what_is_used() {
    let terms = QuotaTerms::default();
    let cases = [
        (-1, Some(90)),
        (0, Some(90)),
        (89, Some(90)),
        (90, Some(180)),
        (449, Some(450)),
        (450, None),
    ];
    for (day, next) in cases {
        for used in [0, 5, 10] {
            let grows_at = terms.grows_at(standing(Some(0), used), on(day));
            assert_eq!(grows_at, next.map(on), "day {day}, {used} used");
        }
    }
    assert_eq!(terms.grows_at(standing(None, 0), on(0)), None);
}

#[test]
fn the_same_machine_is_free_three_times_and_then_costs_one() {
    let terms = QuotaTerms::default();
    let again = |used, repeats| {
        let machine = MachineStanding::Known { repeats };
        terms.judge(standing(Some(0), used), machine, on(1))
    };
    assert_eq!(again(5, 0), Verdict::Repeated);
    assert_eq!(again(5, 2), Verdict::Repeated);
    assert_eq!(again(4, 3), Verdict::Counted);
    assert_eq!(
        again(5, 3),
        Verdict::LimitReached {
            next_allowed_at: Some(on(90))
        }
    );
}

#[test]
fn stricter_terms_take_no_activation_back_but_grant_none_until_they_reach_it() {
    let stricter = QuotaTerms::new(2, 30, 9, 0).unwrap();
    assert_eq!(
        stricter.judge(standing(Some(0), 5), MachineStanding::New, on(0)),
        Verdict::LimitReached {
            next_allowed_at: Some(on(120))
        }
    );
    assert_eq!(
        stricter.judge(standing(Some(0), 5), MachineStanding::New, on(120)),
        Verdict::Counted
    );
}

#[test]
fn extreme_clocks_and_terms_overflow_nothing() {
    let terms = QuotaTerms::new(u32::MAX, 1, u32::MAX, u32::MAX).unwrap();
    let ends = [i64::MIN, -1, 0, i64::MAX].map(Timestamp::from_unix_ms);
    for first in ends {
        for now in ends {
            for used in [0, 1, u32::MAX] {
                let standing = Standing {
                    first_activation: Some(first),
                    used,
                };
                assert_eq!(terms.granted(standing, now), u32::MAX);
                let verdict = terms.judge(standing, MachineStanding::New, now);
                let spent = Verdict::LimitReached {
                    next_allowed_at: None,
                };
                let expected = if used == u32::MAX {
                    spent
                } else {
                    Verdict::Counted
                };
                assert_eq!(verdict, expected);
            }
        }
    }
}

#[test]
fn numbers_that_make_no_sense_are_no_terms() {
    assert_eq!(
        QuotaTerms::new(0, 90, 10, 3),
        Err(QuotaTermsRefused::NoneAtFirst)
    );
    assert_eq!(
        QuotaTerms::new(5, 90, 4, 3),
        Err(QuotaTermsRefused::TotalBelowInitial {
            initial: 5,
            total: 4
        })
    );
    for days in [0, 36_526, u32::MAX] {
        assert_eq!(
            QuotaTerms::new(5, days, 10, 3),
            Err(QuotaTermsRefused::Period { days })
        );
    }
}

/// A small generator of chance with a stated beginning, so that a failure can be repeated.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u32) -> u32 {
        // Constants of Knuth's MMIX generator.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (((self.0 >> 32) * u64::from(end)) >> 32) as u32
    }
}

/// The rule told in another way: a purse into which coins fall one by one as days go by.
#[derive(Default)]
struct Purse {
    first: Option<i64>,
    /// Coins that fell in by now, the initial ones included.
    fallen: u32,
    spent: u32,
    /// Free repeats left to each machine.
    machines: BTreeMap<u32, u32>,
}

struct Numbers {
    initial: u32,
    period_days: u32,
    total: u32,
    free_repeats: u32,
}

impl Purse {
    fn activate(&mut self, numbers: &Numbers, machine: u32, day: i64) -> bool {
        if let Some(left) = self.machines.get_mut(&machine)
            && *left > 0
        {
            *left -= 1;
            return true;
        }
        match self.first {
            None => self.fallen = numbers.initial,
            Some(first) => {
                let mut next = first + i64::from(numbers.period_days);
                let mut fallen = numbers.initial;
                while next <= day && fallen < numbers.total {
                    fallen += 1;
                    next += i64::from(numbers.period_days);
                }
                self.fallen = fallen;
            }
        }
        if self.spent == self.fallen {
            return false;
        }
        self.spent += 1;
        self.first.get_or_insert(day);
        self.machines.insert(machine, numbers.free_repeats);
        true
    }
}

/// Plays one history on both sides and gives how many activations went through.
fn play(chance: &mut Chance) -> u32 {
    let initial = 1 + chance.below(6);
    let numbers = Numbers {
        initial,
        period_days: 1 + chance.below(120),
        total: initial + chance.below(8),
        free_repeats: chance.below(4),
    };
    let terms = QuotaTerms::new(
        numbers.initial,
        numbers.period_days,
        numbers.total,
        numbers.free_repeats,
    )
    .unwrap();
    let mut purse = Purse::default();
    let mut used = Standing {
        first_activation: None,
        used: 0,
    };
    let mut repeats: BTreeMap<u32, u32> = BTreeMap::new();
    let (mut day, mut through) = (0_i64, 0);
    for _ in 0..chance.below(24) {
        day += i64::from(chance.below(60));
        if !repeats.is_empty() && chance.below(10) == 0 {
            let released = chance.below(6);
            repeats.remove(&released);
            purse.machines.remove(&released);
        }
        let machine = chance.below(6);
        let known = repeats
            .get(&machine)
            .map_or(MachineStanding::New, |repeats| MachineStanding::Known {
                repeats: *repeats,
            });
        let expected = purse.activate(&numbers, machine, day);
        let verdict = terms.judge(used, known, on(day));
        match verdict {
            Verdict::Counted => {
                used.used += 1;
                used.first_activation.get_or_insert(on(day));
                repeats.insert(machine, 0);
            }
            Verdict::Repeated => *repeats.get_mut(&machine).unwrap() += 1,
            Verdict::LimitReached { next_allowed_at } => {
                check_next(terms, used, next_allowed_at, on(day))
            }
        }
        let allowed = !matches!(verdict, Verdict::LimitReached { .. });
        assert_eq!(allowed, expected, "{terms:?} {used:?} day {day}");
        assert!(used.used <= numbers.total);
        through += u32::from(allowed);
    }
    through
}

/// The moment named is the very first at which an activation is granted again.
fn check_next(terms: QuotaTerms, used: Standing, next: Option<Timestamp>, now: Timestamp) {
    let open = |at| terms.judge(used, MachineStanding::New, at) == Verdict::Counted;
    match next {
        Some(at) => {
            assert!(at > now && open(at));
            assert!(!open(Timestamp::from_unix_ms(at.unix_ms() - 1)));
        }
        None => assert!(!open(Timestamp::from_unix_ms(i64::MAX))),
    }
}

#[test]
fn a_million_histories_agree_with_the_model() {
    let mut chance = Chance(1);
    let through: u64 = (0..HISTORIES).map(|_| u64::from(play(&mut chance))).sum();
    // Histories that never get anywhere would agree for nothing.
    assert!(through > HISTORIES, "{through}");
    println!("{HISTORIES} histories, {through} activations went through");
}
