//! How long to wait between two looks at a database.

use std::time::Duration;

/// Pauses that double up to a limit; a copy of what they began as begins anew.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Pauses {
        Pauses {
            next: first,
            longest,
        }
    }

    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_double_up_to_the_longest() {
        let ms = Duration::from_millis;
        let mut pauses = Pauses::new(ms(20), ms(100));
        let taken: Vec<Duration> = (0..5).map(|_| pauses.next()).collect();
        assert_eq!(taken, [20, 40, 80, 100, 100].map(ms));
    }
}
