//! Points in time.

use core::fmt;

use crate::json::INTEGER_MAX;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(i64);

impl UnixSeconds {
    /// The point `seconds` after (or, if negative, before) the start of 1970.
    #[must_use]
    pub const fn new(seconds: i64) -> UnixSeconds {
        UnixSeconds(seconds)
    }

    /// Seconds since the start of 1970.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whether a claim can hold it: not before 1970, and at most 2^53 − 1.
    #[must_use]
    pub const fn fits_claim(self) -> bool {
        0 <= self.0 && self.0 <= INTEGER_MAX
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_hold_times_that_every_language_can_count() {
        for (seconds, fits) in [
            (i64::MIN, false),
            (-1, false),
            (0, true),
            (1_800_000_000, true),
            (INTEGER_MAX, true),
            (INTEGER_MAX + 1, false),
            (i64::MAX, false),
        ] {
            assert_eq!(UnixSeconds::new(seconds).fits_claim(), fits, "{seconds}");
        }
    }
}
