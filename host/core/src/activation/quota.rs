//! How many machines a persona may activate, counted from its first activation.
//!
//! A persona begins with a few activations and is granted one more after each further period, up
//! to a total. What counts are activations, not machines in use: releasing a machine gives nothing
//! back, for nobody can take the repository off it again. Activating a machine again is free for a
//! few times, so that an installation can be repaired; beyond that it costs an activation like a
//! new machine, which keeps one machine's identity from serving many.
//!
//! Everything here is arithmetic over what the store has read within one transaction; see
//! [`QuotaTerms::judge`].

use thiserror::Error;

use crate::time::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// The longest period, in days: a hundred years. Longer ones mean "never", which is said by
/// `total` being equal to `initial`.
const PERIOD_DAYS_MAX: u32 = 36_525;

/// What a host grants every persona.
///
/// ```
/// use colophon_core::activation::quota::{MachineStanding, QuotaTerms, Standing, Verdict};
/// use colophon_core::time::Timestamp;
///
/// let terms = QuotaTerms::default();
/// let now = Timestamp::from_unix_ms(1_800_000_000_000);
/// let five_used = Standing { first_activation: Some(now), used: 5 };
/// let Verdict::LimitReached { next_allowed_at } = terms.judge(five_used, MachineStanding::New, now) else {
///     panic!("a sixth machine within the first period");
/// };
/// let in_90_days = Timestamp::from_unix_ms(now.unix_ms() + 90 * 86_400_000);
/// assert_eq!(next_allowed_at, Some(in_90_days));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaTerms {
    initial: u32,
    period_days: u32,
    total: u32,
    free_repeats: u32,
}

/// Why numbers are no terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum QuotaTermsRefused {
    /// Nobody could activate anything.
    #[error("at least one activation has to be granted at first")]
    NoneAtFirst,
    /// The total would take back what was granted at first.
    #[error("the total of {total} is less than the {initial} granted at first")]
    TotalBelowInitial {
        /// Granted at first.
        initial: u32,
        /// Granted at most.
        total: u32,
    },
    /// A period of no days, or of more than a hundred years.
    #[error("a period is 1 to {PERIOD_DAYS_MAX} days long, not {days}")]
    Period {
        /// The days given.
        days: u32,
    },
}

impl Default for QuotaTerms {
    /// Five activations in the first 90 days, one more in each 90 days after them, ten at most;
    /// the same machine again for nothing three times.
    fn default() -> Self {
        Self {
            initial: 5,
            period_days: 90,
            total: 10,
            free_repeats: 3,
        }
    }
}

/// What a persona has used so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// When it first activated a machine; none if it never did.
    pub first_activation: Option<Timestamp>,
    /// Activations counted against its quota, less those an operator gave back.
    pub used: u32,
}

/// What is known of the machine that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineStanding {
    /// This persona has not activated it, or has released it.
    New,
    /// Activated before.
    Known {
        /// How often it was activated again for nothing since an activation was last counted
        /// for it.
        repeats: u32,
    },
}

/// What becomes of a request to activate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on, and one activation is counted.
    Counted,
    /// The same machine again; it may go on and counts as a repeat.
    Repeated,
    /// Everything granted so far is used.
    LimitReached {
        /// When the next activation is granted; none if the total is used up.
        next_allowed_at: Option<Timestamp>,
    },
}

impl QuotaTerms {
    /// Terms: `initial` activations within the first `period_days`, one more in each further
    /// period, `total` at most, and each machine again for nothing `free_repeats` times.
    pub fn new(
        initial: u32,
        period_days: u32,
        total: u32,
        free_repeats: u32,
    ) -> Result<Self, QuotaTermsRefused> {
        if initial == 0 {
            return Err(QuotaTermsRefused::NoneAtFirst);
        }
        if total < initial {
            return Err(QuotaTermsRefused::TotalBelowInitial { initial, total });
        }
        if !(1..=PERIOD_DAYS_MAX).contains(&period_days) {
            return Err(QuotaTermsRefused::Period { days: period_days });
        }
        Ok(Self {
            initial,
            period_days,
            total,
            free_repeats,
        })
    }

    /// How many activations are granted within the first period.
    pub fn initial(self) -> u32 {
        self.initial
    }

    /// How long a period is, in days.
    pub fn period_days(self) -> u32 {
        self.period_days
    }

    /// How many are granted at most.
    pub fn total(self) -> u32 {
        self.total
    }

    /// How often a machine may be activated again for nothing.
    pub fn free_repeats(self) -> u32 {
        self.free_repeats
    }

    /// Whether a machine may be activated now. The answer holds for as long as nothing else is
    /// counted for the persona, so it is asked and acted upon within one transaction.
    pub fn judge(self, standing: Standing, machine: MachineStanding, now: Timestamp) -> Verdict {
        if let MachineStanding::Known { repeats } = machine
            && repeats < self.free_repeats
        {
            return Verdict::Repeated;
        }
        if standing.used < self.granted(standing, now) {
            return Verdict::Counted;
        }
        Verdict::LimitReached {
            next_allowed_at: self.next_allowed_at(standing),
        }
    }

    /// How many activations a persona has been granted by now, used or not.
    pub fn granted(self, standing: Standing, now: Timestamp) -> u32 {
        let Some(first) = standing.first_activation else {
            return self.initial;
        };
        // A clock set back before the first activation takes nothing away.
        let passed_ms = now.unix_ms().saturating_sub(first.unix_ms()).max(0);
        let periods = passed_ms / self.period_ms();
        let periods = u32::try_from(periods).unwrap_or(u32::MAX);
        self.initial.saturating_add(periods).min(self.total)
    }

    /// When a persona is granted one more than it has been by now; none if it has not begun, or
    /// was granted the total.
    pub fn grows_at(self, standing: Standing, now: Timestamp) -> Option<Timestamp> {
        let first = standing.first_activation?;
        let granted = self.granted(standing, now);
        if granted >= self.total {
            return None;
        }
        let periods = granted.saturating_add(1).saturating_sub(self.initial);
        let after_ms = self.period_ms().saturating_mul(i64::from(periods));
        let at_ms = first.unix_ms().saturating_add(after_ms);
        Some(Timestamp::from_unix_ms(at_ms))
    }

    /// When the activation after those used is granted, given that none is left now; none if
    /// that would be more than the total.
    pub fn next_allowed_at(self, standing: Standing) -> Option<Timestamp> {
        let first = standing.first_activation?;
        if standing.used >= self.total {
            return None;
        }
        // Terms that were made stricter may leave a persona with more used than granted.
        let periods = standing.used.saturating_add(1).saturating_sub(self.initial);
        let after_ms = self.period_ms().saturating_mul(i64::from(periods));
        let at_ms = first.unix_ms().saturating_add(after_ms);
        Some(Timestamp::from_unix_ms(at_ms))
    }

    fn period_ms(self) -> i64 {
        i64::from(self.period_days).saturating_mul(DAY_MS)
    }
}
