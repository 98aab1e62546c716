//! The time in which a form is good.

use colophon_claims::UnixSeconds;

use super::SealError;

/// From when until when a form is good, by the clock it was made by.
#[derive(Clone, Copy)]
pub(crate) struct Period {
    pub(crate) issued_at: UnixSeconds,
    pub(crate) expires_at: UnixSeconds,
}

/// How a time is outside a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutOfTime {
    NotYetValid,
    Expired,
}

impl Period {
    /// Judges a time: the form is good from `iat − skew` on and before `exp + skew`.
    pub(crate) fn check(self, now: UnixSeconds, skew_s: u32) -> Result<(), OutOfTime> {
        let skew_s = i64::from(skew_s);
        if now.get() < self.issued_at.get().saturating_sub(skew_s) {
            Err(OutOfTime::NotYetValid)
        } else if now.get() < self.expires_at.get().saturating_add(skew_s) {
            Ok(())
        } else {
            Err(OutOfTime::Expired)
        }
    }

    /// Whether it ends after it begins, and by so many seconds at most.
    pub(crate) fn lasts_at_most(self, seconds: i64) -> bool {
        let lifetime = self.expires_at.get().saturating_sub(self.issued_at.get());
        (1..=seconds).contains(&lifetime)
    }

    /// Checks that the claims of a new form can say it.
    pub(crate) fn check_new(self) -> Result<(), SealError> {
        if !self.issued_at.fits_claim() {
            Err(SealError::Range("iat"))
        } else if !self.expires_at.fits_claim() || self.expires_at <= self.issued_at {
            Err(SealError::Range("exp"))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(issued_at: i64, expires_at: i64, now: i64, skew_s: u32) -> Result<(), OutOfTime> {
        let period = Period {
            issued_at: UnixSeconds::new(issued_at),
            expires_at: UnixSeconds::new(expires_at),
        };
        period.check(UnixSeconds::new(now), skew_s)
    }

    /// Checks the second on each side of both edges.
    #[track_caller]
    fn check_edges(issued_at: i64, expires_at: i64, skew_s: u32) {
        let at = |now| at(issued_at, expires_at, now, skew_s);
        let skew = i64::from(skew_s);
        assert_eq!(at(issued_at - skew - 1), Err(OutOfTime::NotYetValid));
        assert_eq!(at(issued_at - skew), Ok(()));
        assert_eq!(at(expires_at + skew - 1), Ok(()));
        assert_eq!(at(expires_at + skew), Err(OutOfTime::Expired));
    }

    #[test]
    fn time_has_two_edges() {
        check_edges(1_800_000_000, 1_800_000_001, 120);
        check_edges(1_800_000_000, 1_900_000_000, 0);
        check_edges(0, (1 << 53) - 1, 120);
    }

    #[test]
    fn no_time_overflows() {
        for now in [i64::MIN, 0, i64::MAX - 1] {
            assert_eq!(at(i64::MIN, i64::MAX, now, u32::MAX), Ok(()));
        }
    }
}
