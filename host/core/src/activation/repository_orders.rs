//! Repositories that are ordered in one process and made in another.
//!
//! The front end places an order and looks what has become of it. A worker claims an order for as
//! long as its lease lasts, makes the repository and delivers it. Nothing passes between the two
//! but records, so that each may die at any moment: what a front end has not fetched waits for the
//! reader that asks again, and what a worker has not delivered is claimed by another when the
//! lease is over. An order is claimed [`ATTEMPTS_MAX`] times at most; then it has failed, with the
//! cause beside it, until it is placed anew.

use async_trait::async_trait;
use thiserror::Error;

use super::grant::FETCHING_MS;
use super::ports::{Individual, RepositoryOrder};
use crate::id::{ActivationRef, ClaimRef, WorkerRef};
use crate::ports::Unavailable;
use crate::time::Timestamp;

/// How often an order is tried before it has failed.
pub const ATTEMPTS_MAX: u32 = 3;

/// How long an order is kept, in milliseconds: as long as its reader may ask.
pub const KEPT_MS: i64 = FETCHING_MS;

/// How long a worker counts as being at work after it has said so, in milliseconds.
pub const PRESENT_MS: i64 = 15_000;

/// What is noted of an attempt while nothing has come of it.
pub const UNFINISHED: &str = "the worker that took the order did not finish in time";

/// The pause after the first failed attempt, in milliseconds; after the second it is twice as long.
const PAUSE_MS: i64 = 500;

/// How long an order is left alone that found no room, in milliseconds.
const NO_ROOM_MS: i64 = 100;

/// Characters of a cause that are kept.
const PROBLEM_CHARS_MAX: usize = 400;

/// Workers that let an order lie this long do not keep up, in milliseconds.
const BEHIND_MS: i64 = 60_000;

/// How an order stands that nothing was delivered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Times it was claimed.
    pub attempts: u32,
    /// Until when nobody else claims it.
    pub lease_until: Timestamp,
    /// What came of the last attempt.
    pub problem: Option<String>,
}

impl Tried {
    /// Whether something may still come of it: it is being tried, or will be again.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.attempts < ATTEMPTS_MAX || self.lease_until > now
    }

    /// Whether a worker may claim it now.
    pub fn is_claimable(&self, now: Timestamp) -> bool {
        self.attempts < ATTEMPTS_MAX && self.lease_until <= now
    }

    /// What its front end makes of it.
    pub fn standing(self, workers: u64, now: Timestamp) -> Standing {
        if self.is_open(now) {
            return Standing::Waiting { workers };
        }
        let problem = self.problem.unwrap_or_else(|| UNFINISHED.to_owned());
        Standing::Failed(GivenUp { problem })
    }
}

/// What a front end finds when it looks after an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was delivered yet.
    Waiting {
        /// Workers at work, for this order or for others.
        workers: u64,
    },
    /// The repository.
    Made(Individual),
    /// It was tried as often as an order is.
    Failed(GivenUp),
}

/// An order that was tried as often as one is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("given up after {ATTEMPTS_MAX} attempts: {problem}")]
pub struct GivenUp {
    /// What came of the last attempt.
    pub problem: String,
}

/// One worker's right to deliver one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The activation the order belongs to.
    pub activation: ActivationRef,
    /// Tells this attempt from every other, so that one who comes too late delivers nothing.
    pub claim: ClaimRef,
    /// Which attempt it is, from 1 on.
    pub attempt: u32,
}

/// An order in the hands of a worker.
pub struct Claimed {
    /// What it is delivered with.
    pub claim: Claim,
    /// What is to be made.
    pub order: RepositoryOrder,
}

/// Why nothing came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptFailed {
    /// The worker had taken on too much; that is no fault of the order.
    NoRoom,
    /// The repository could not be made, for this cause.
    Broken(String),
}

impl AttemptFailed {
    /// How the order stands after it was attempted so often, this time included.
    pub fn after(&self, attempt: u32, now: Timestamp) -> Tried {
        let later = |ms: i64| Timestamp::from_unix_ms(now.unix_ms().saturating_add(ms));
        match self {
            Self::NoRoom => Tried {
                attempts: attempt.saturating_sub(1),
                lease_until: later(NO_ROOM_MS),
                problem: None,
            },
            Self::Broken(cause) => Tried {
                attempts: attempt,
                lease_until: match attempt < ATTEMPTS_MAX {
                    true => later(PAUSE_MS.saturating_mul(i64::from(attempt))),
                    // There is nothing more to wait for.
                    false => now,
                },
                problem: Some(cause.chars().take(PROBLEM_CHARS_MAX).collect()),
            },
        }
    }
}

/// How much waits for repository workers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Orders that something may still come of.
    pub waiting: u64,
    /// When the oldest of them was placed.
    pub oldest: Option<Timestamp>,
    /// Orders that were given up and not placed anew.
    pub failed: u64,
    /// Why the latest of those was given up.
    pub problem: Option<String>,
    /// Workers at work.
    pub workers: u64,
}

/// Repositories are ordered and not made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Stalled {
    /// No worker has said lately that it is at work.
    #[error("no repository worker is at work; {waiting} orders wait")]
    NobodyAtWork {
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
}

impl Backlog {
    /// For how long the oldest order has waited, in milliseconds; 0 if none waits.
    pub fn oldest_ms(&self, now: Timestamp) -> i64 {
        let oldest = self.oldest.unwrap_or(now).unix_ms();
        now.unix_ms().saturating_sub(oldest).max(0)
    }

    /// Whether repositories are made for those who order them.
    ///
    /// # Errors
    ///
    /// [`Stalled`], see its variants.
    pub fn check(&self, now: Timestamp) -> Result<(), Stalled> {
        let waiting = self.waiting;
        if self.workers == 0 {
            return Err(Stalled::NobodyAtWork { waiting });
        }
        match self.oldest_ms(now) {
            ..BEHIND_MS => Ok(()),
            oldest_ms => Err(Stalled::Behind {
                waiting,
                oldest_s: oldest_ms / 1000,
            }),
        }
    }
}

/// Orders, as those see them who place them.
#[async_trait]
pub trait RepositoryOrders: Send + Sync {
    /// Places an order. The same one again changes nothing, unless it has failed: then it is tried
    /// anew. Another one for the same activation takes its place. False if there is nothing to
    /// order any more, as [`Gone`](super::ports::RepositoryFailed::Gone) says.
    async fn place(&self, order: &RepositoryOrder, now: Timestamp) -> Result<bool, Unavailable>;

    /// What has become of an activation's order; none if it is gone.
    async fn standing(
        &self,
        activation: ActivationRef,
        now: Timestamp,
    ) -> Result<Option<Standing>, Unavailable>;

    /// How much waits.
    async fn backlog(&self, now: Timestamp) -> Result<Backlog, Unavailable>;
}

/// Orders, as workers see them.
#[async_trait]
pub trait RepositoryWork: Send + Sync {
    /// Says that a worker is at work, for [`PRESENT_MS`] from now.
    async fn announce(&self, worker: WorkerRef, now: Timestamp) -> Result<(), Unavailable>;

    /// Says that a worker ends.
    async fn leave(&self, worker: WorkerRef) -> Result<(), Unavailable>;

    /// Takes the oldest order that may be claimed, until the lease is over; none if there is none,
    /// or another worker was faster. An order that cannot be read counts as attempted.
    async fn claim(
        &self,
        worker: WorkerRef,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<Claimed>, Unavailable>;

    /// Delivers a repository. False if the claim is good for nothing any more: the order is gone,
    /// was placed anew, or another worker has claimed it since.
    async fn deliver(
        &self,
        claim: &Claim,
        individual: &Individual,
        now: Timestamp,
    ) -> Result<bool, Unavailable>;

    /// Ends a claim without a repository. False as above.
    async fn fail(
        &self,
        claim: &Claim,
        failure: &AttemptFailed,
        now: Timestamp,
    ) -> Result<bool, Unavailable>;
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(NOW.unix_ms() + ms)
    }

    #[track_caller]
    fn check(attempts: u32, lease_ms: i64, is_open: bool, is_claimable: bool) {
        let tried = Tried {
            attempts,
            lease_until: at(lease_ms),
            problem: None,
        };
        assert_eq!(tried.is_open(NOW), is_open);
        assert_eq!(tried.is_claimable(NOW), is_claimable);
        let waits = Standing::Waiting { workers: 2 };
        assert_eq!(tried.standing(2, NOW) == waits, is_open);
    }

    #[test]
    fn an_order_is_claimed_by_one_at_a_time_and_not_for_ever() {
        check(0, -1, true, true);
        check(1, 1, true, false);
        // The moment the lease ends, it is over.
        check(1, 0, true, true);
        check(ATTEMPTS_MAX - 1, 0, true, true);
        // The last attempt under way, and over.
        check(ATTEMPTS_MAX, 1, true, false);
        check(ATTEMPTS_MAX, 0, false, false);
        check(ATTEMPTS_MAX + 1, 0, false, false);
    }

    #[test]
    fn a_failed_attempt_is_made_up_for_later_each_time_and_the_last_one_is_the_end() {
        let broken = AttemptFailed::Broken("the key is odd".to_owned());
        let mut before = 0;
        for attempt in 1..ATTEMPTS_MAX {
            let tried = broken.after(attempt, NOW);
            let pause = tried.lease_until.unix_ms() - NOW.unix_ms();
            assert!(pause > before, "{attempt}");
            before = pause;
            assert!(!tried.is_claimable(NOW));
            assert!(tried.is_claimable(at(pause)));
        }
        let last = broken.after(ATTEMPTS_MAX, NOW);
        let given_up = GivenUp {
            problem: "the key is odd".to_owned(),
        };
        assert_eq!(last.standing(1, NOW), Standing::Failed(given_up));
    }

    #[test]
    fn want_of_room_costs_the_order_nothing() {
        for attempt in 1..=ATTEMPTS_MAX {
            let tried = AttemptFailed::NoRoom.after(attempt, NOW);
            assert_eq!(tried.attempts, attempt - 1);
            assert!(tried.is_open(NOW) && !tried.is_claimable(NOW));
            assert!(tried.is_claimable(at(NO_ROOM_MS)));
        }
        assert_eq!(AttemptFailed::NoRoom.after(0, NOW).attempts, 0);
    }

    #[test]
    fn an_order_whose_workers_died_says_so() {
        let tried = Tried {
            attempts: ATTEMPTS_MAX,
            lease_until: NOW,
            problem: None,
        };
        let Standing::Failed(given_up) = tried.standing(0, NOW) else {
            panic!("it has failed");
        };
        assert_eq!(given_up.problem, UNFINISHED);
        assert!(given_up.to_string().contains("3 attempts"));
    }

    #[test]
    fn a_cause_is_kept_up_to_its_limit() {
        let endless = AttemptFailed::Broken("ß".repeat(10_000));
        let problem = endless.after(1, NOW).problem.unwrap();
        assert_eq!(problem.chars().count(), PROBLEM_CHARS_MAX);
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
    fn an_order_from_the_future_has_waited_no_time() {
        let backlog = Backlog {
            oldest: Some(at(5)),
            ..Backlog::default()
        };
        assert_eq!(backlog.oldest_ms(NOW), 0);
        assert_eq!(Backlog::default().oldest_ms(NOW), 0);
    }
}
