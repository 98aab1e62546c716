//! What plug-ins cost, booked by who spent it and for whom.
//!
//! Fuel, memory and what is asked of the host depend on the question and the plug-in alone, not on the
//! machine: the same call costs the same everywhere, so that figures of several hosts add up and a
//! version can be held against another one.

use colophon_receipt::{CenterId, RetailerId};

use crate::capability::Name;
use crate::rollout::PluginVersion;
use crate::time::Timestamp;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// The day that a moment falls in.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.unix_ms().div_euclid(DAY_MS))
    }

    /// Its first moment.
    pub fn begins(self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.saturating_mul(DAY_MS))
    }

    /// The day so many days before.
    #[must_use]
    pub fn before(self, days: u16) -> Self {
        Self(self.0.saturating_sub(i64::from(days)))
    }

    /// The day after.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Whose calls they were.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spender {
    /// The built-in plug-in's.
    BuiltIn,
    /// Those of a plug-in of the center's own.
    Own(Name),
}

/// For whom they were made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payer {
    /// A retailer whose receipt opened.
    Retailer(RetailerId),
    /// Whoever sent a receipt that was still closed, or never opened: anybody can name any retailer
    /// in one, so that it is not booked to the one that it names.
    Claimed,
    /// Retailers for whom a host had no room until it wrote.
    Others,
}

/// What costs are booked under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CostKey {
    /// The center whose rules were asked.
    pub center: CenterId,
    /// The plug-in.
    pub spender: Spender,
    /// Its version, as its author counts.
    pub version: PluginVersion,
    /// SHA-256 of the component: a version that is removed may be published again with another one.
    pub component: [u8; 32],
    /// For whom.
    pub payer: Payer,
    /// When the request was judged.
    pub day: Day,
    /// What was asked.
    pub role: &'static str,
}

/// What calls have cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Costs {
    /// Questions to the plug-in, with those that it gave no usable answer to.
    pub calls: u64,
    /// Of these, those without a usable answer.
    pub failures: u64,
    /// Fuel, with that of starts.
    pub fuel: u64,
    /// Calls into the host.
    pub host_calls: u64,
    /// Bytes of what was asked of the host and answered.
    pub host_bytes: u64,
    /// The most linear memory that an instance had, in bytes.
    pub memory_bytes_max: u64,
}

impl Costs {
    /// Adds what other calls have cost.
    pub fn add(&mut self, other: Self) {
        let Self {
            calls,
            failures,
            fuel,
            host_calls,
            host_bytes,
            memory_bytes_max,
        } = other;
        self.calls = self.calls.saturating_add(calls);
        self.failures = self.failures.saturating_add(failures);
        self.fuel = self.fuel.saturating_add(fuel);
        self.host_calls = self.host_calls.saturating_add(host_calls);
        self.host_bytes = self.host_bytes.saturating_add(host_bytes);
        self.memory_bytes_max = self.memory_bytes_max.max(memory_bytes_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(ms: i64) -> Day {
        Day::of(Timestamp::from_unix_ms(ms))
    }

    #[test]
    fn a_day_begins_at_midnight() {
        assert_eq!(day(0), day(DAY_MS - 1));
        assert_eq!(day(DAY_MS), day(0).next());
        assert_eq!(day(-1).next(), day(0));
        assert_eq!(day(3 * DAY_MS + 5).begins().unix_ms(), 3 * DAY_MS);
        assert_eq!(day(3 * DAY_MS).before(3), day(0));
    }

    #[test]
    fn counts_are_summed_and_of_memory_the_most_is_kept() {
        let one = |memory_bytes_max| Costs {
            calls: 1,
            failures: 0,
            fuel: 10,
            host_calls: 2,
            host_bytes: 7,
            memory_bytes_max,
        };
        let mut sum = one(5);
        sum.add(one(9));
        sum.add(Costs {
            failures: 1,
            fuel: u64::MAX,
            ..one(1)
        });
        let expected = Costs {
            calls: 3,
            failures: 1,
            fuel: u64::MAX,
            host_calls: 6,
            host_bytes: 21,
            memory_bytes_max: 9,
        };
        assert_eq!(sum, expected);
    }
}
