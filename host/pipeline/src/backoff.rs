//! How long to wait before asking again something that did not answer.

use std::time::Duration;

use colophon_crypto::Randomness;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// Waits that double from 100 ms to 10 s. Each is shortened by chance, by half at most, so that
/// hosts that lost the same database do not come back to it in step.
pub(crate) struct Backoff {
    next: Duration,
    random: Box<dyn Randomness + Send>,
}

impl Backoff {
    pub(crate) fn new(random: Box<dyn Randomness + Send>) -> Self {
        Self {
            next: FIRST,
            random,
        }
    }

    /// The wait after one more failure.
    pub(crate) fn fail(&mut self) -> Duration {
        let full = self.next;
        self.next = full.saturating_mul(2).min(LONGEST);
        let mut byte = [0];
        self.random.fill(&mut byte);
        full - full / 2 * u32::from(byte[0]) / 255
    }

    /// Begins anew with short waits.
    pub(crate) fn succeed(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always(u8);

    impl Randomness for Always {
        fn fill(&mut self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    fn check(chance: u8, expected_ms: [u64; 9]) {
        let mut backoff = Backoff::new(Box::new(Always(chance)));
        let waits = expected_ms.map(|_| backoff.fail().as_millis() as u64);
        assert_eq!(waits, expected_ms);
        backoff.succeed();
        assert_eq!(backoff.fail().as_millis() as u64, expected_ms[0]);
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        check(0, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        check(255, [50, 100, 200, 400, 800, 1600, 3200, 5_000, 5_000]);
    }
}
