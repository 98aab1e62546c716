//! How fast a plug-in may write.

use std::time::{Duration, Instant};

/// As the contract states it.
const AT_ONCE: u32 = 200;
const ONE_IN: Duration = Duration::from_millis(50);

/// A bucket that fills by one line in a while and holds so many.
pub(super) struct Rate {
    left: u32,
    filled: Instant,
}

impl Rate {
    pub(super) fn full(now: Instant) -> Self {
        Self {
            left: AT_ONCE,
            filled: now,
        }
    }

    /// Takes one line out, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let waited = now.saturating_duration_since(self.filled);
        let come = waited.as_millis() / ONE_IN.as_millis();
        let come = u32::try_from(come).unwrap_or(u32::MAX);
        if self.left.saturating_add(come) >= AT_ONCE {
            *self = Self::full(now);
        } else {
            self.left += come;
            // What is left of the time counts for the next line.
            self.filled += ONE_IN * come;
        }
        let taken = self.left.checked_sub(1);
        self.left = taken.unwrap_or(0);
        taken.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_at_once_and_then_one_by_one() {
        let begun = Instant::now();
        let mut rate = Rate::full(begun);
        for _ in 0..AT_ONCE {
            assert!(rate.take(begun));
        }
        assert!(!rate.take(begun));
        assert!(!rate.take(begun + ONE_IN / 2));
        assert!(rate.take(begun + ONE_IN));
        assert!(!rate.take(begun + ONE_IN + ONE_IN / 2));
        assert!(rate.take(begun + 2 * ONE_IN));
        let later = begun + Duration::from_secs(3600);
        let taken = (0..10 * AT_ONCE).filter(|_| rate.take(later)).count();
        assert_eq!(taken, AT_ONCE as usize);
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_gives_nothing() {
        let begun = Instant::now() + Duration::from_secs(10);
        let mut rate = Rate::full(begun);
        while rate.take(begun) {}
        assert!(!rate.take(begun - Duration::from_secs(5)));
        assert!(!rate.take(begun));
    }
}
