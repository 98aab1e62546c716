//! Whether repositories are made for those who order them.

use thiserror::Error;

use crate::time::Timestamp;

/// Workers that let an order lie this long do not keep up, in milliseconds.
const BEHIND_MS: i64 = 60_000;

/// For how long an order that was given up says that something is wrong with the workers, in
/// milliseconds. It stays longer than that, and tells what was wrong with it.
const GIVEN_UP_MS: i64 = 10 * 60_000;

/// How much waits for repository workers, of what was ordered under one master key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Orders that something may still come of.
    pub waiting: u64,
    /// When the oldest of them was placed.
    pub oldest: Option<Timestamp>,
    /// Orders that were given up and not placed anew.
    pub failed: u64,
    /// When the latest of those was given up.
    pub failed_at: Option<Timestamp>,
    /// Why.
    pub problem: Option<String>,
    /// Workers at work under it.
    pub workers: u64,
    /// Workers under another master key, which can read none of these orders.
    pub strangers: u64,
}

/// Repositories are not made for those who order them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Stalled {
    /// No worker has said lately that it is at work.
    #[error("no repository worker is at work; orders that wait: {waiting}")]
    NobodyAtWork {
        /// Orders that wait.
        waiting: u64,
    },
    /// There are workers, and none of them can read an order.
    #[error(
        "no repository worker is at work but {strangers} under another master key; orders that \
         wait: {waiting}"
    )]
    OtherMasterKey {
        /// Workers under another master key.
        strangers: u64,
        /// Orders that wait.
        waiting: u64,
    },
    /// There are workers, and they do not keep up.
    #[error("{waiting} repository orders wait, the oldest for {oldest_s} s")]
    Behind {
        /// Orders that wait.
        waiting: u64,
        /// Seconds since the oldest was placed.
        oldest_s: i64,
    },
    /// Orders were given up lately.
    #[error("repository orders given up: {failed}, the latest because {problem}")]
    GivenUp {
        /// Orders that were given up and not placed anew.
        failed: u64,
        /// What came of the last attempt at the latest.
        problem: String,
    },
}

impl Backlog {
    /// For how long the oldest order has waited, in milliseconds; 0 if none waits.
    pub fn oldest_ms(&self, now: Timestamp) -> i64 {
        since_ms(self.oldest.unwrap_or(now), now)
    }

    /// Whether repositories are made for those who order them.
    ///
    /// # Errors
    ///
    /// [`Stalled`], see its variants.
    pub fn check(&self, now: Timestamp) -> Result<(), Stalled> {
        let waiting = self.waiting;
        match (self.workers, self.strangers) {
            (0, 0) => return Err(Stalled::NobodyAtWork { waiting }),
            (0, strangers) => return Err(Stalled::OtherMasterKey { strangers, waiting }),
            (1.., _) => {}
        }
        let oldest_ms = self.oldest_ms(now);
        if oldest_ms >= BEHIND_MS {
            let oldest_s = oldest_ms / 1000;
            return Err(Stalled::Behind { waiting, oldest_s });
        }
        match (self.failed_at, &self.problem) {
            (Some(failed_at), Some(problem)) if since_ms(failed_at, now) < GIVEN_UP_MS => {
                Err(Stalled::GivenUp {
                    failed: self.failed,
                    problem: problem.clone(),
                })
            }
            _ => Ok(()),
        }
    }
}

/// Of a moment that another host's clock has called later than now, no time has passed.
fn since_ms(then: Timestamp, now: Timestamp) -> i64 {
    now.unix_ms().saturating_sub(then.unix_ms()).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(NOW.unix_ms() + ms)
    }

    #[test]
    fn a_backlog_is_stalled_without_workers_or_when_they_do_not_keep_up() {
        let mut backlog = Backlog {
            waiting: 2,
            oldest: Some(at(-BEHIND_MS + 1)),
            workers: 1,
            ..Backlog::default()
        };
        assert_eq!(backlog.check(NOW), Ok(()));
        let behind = Stalled::Behind {
            waiting: 2,
            oldest_s: 60,
        };
        assert_eq!(backlog.check(at(1)), Err(behind));
        backlog.workers = 0;
        let nobody = Err(Stalled::NobodyAtWork { waiting: 2 });
        assert_eq!(backlog.check(NOW), nobody);
        let nobody = Err(Stalled::NobodyAtWork { waiting: 0 });
        assert_eq!(Backlog::default().check(NOW), nobody);
    }

    #[test]
    fn workers_that_can_read_no_order_are_as_good_as_none() {
        let mut backlog = Backlog {
            waiting: 2,
            strangers: 3,
            ..Backlog::default()
        };
        let strangers = Stalled::OtherMasterKey {
            strangers: 3,
            waiting: 2,
        };
        assert_eq!(backlog.check(NOW), Err(strangers));
        backlog.workers = 1;
        assert_eq!(backlog.check(NOW), Ok(()));
    }

    #[test]
    fn an_order_that_was_given_up_tells_for_a_while_that_something_is_wrong() {
        let backlog = Backlog {
            failed: 1,
            failed_at: Some(NOW),
            problem: Some("odd key".to_owned()),
            workers: 1,
            ..Backlog::default()
        };
        let given_up = Stalled::GivenUp {
            failed: 1,
            problem: "odd key".to_owned(),
        };
        for now in [at(-5), NOW, at(GIVEN_UP_MS - 1)] {
            assert_eq!(backlog.check(now), Err(given_up.clone()));
        }
        assert_eq!(backlog.check(at(GIVEN_UP_MS)), Ok(()));
    }

    #[test]
    fn an_order_from_the_future_has_waited_no_time() {
        let backlog = Backlog {
            oldest: Some(at(5)),
            ..Backlog::default()
        };
        assert_eq!(backlog.oldest_ms(NOW), 0);
        assert_eq!(Backlog::default().oldest_ms(NOW), 0);
    }
}
