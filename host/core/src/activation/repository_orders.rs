//! Repositories that are ordered in one process and made in another.
//!
//! The front end places an order and looks what has become of it. A worker claims an order for as
//! long as its lease lasts, makes the repository and delivers it. Nothing passes between the two
//! but records, so that each may die at any moment: what a front end has not fetched waits for the
//! reader that asks again, and what a worker has not delivered is claimed by another when the
//! lease is over. A worker that is still at it renews its lease. An order is claimed
//! [`ATTEMPTS_MAX`] times at most; then it has failed, with the cause beside it, until it is placed
//! anew.
//!
//! Both sides work under one master key, and only those that do see each other: a worker under
//! another key is at work for nobody, and no order is tried by it.

pub mod backlog;

use async_trait::async_trait;
use thiserror::Error;

use self::backlog::Backlog;
use super::grant::FETCHING_MS;
use super::ports::{Individual, RepositoryOrder};
use crate::id::{ActivationRef, ClaimRef, FrontEndRef, WorkerRef};
use crate::ports::Unavailable;
use crate::time::Timestamp;

/// How often an order is tried before it has failed.
pub const ATTEMPTS_MAX: u32 = 3;

/// How long an order is kept, in milliseconds: as long as its reader may ask.
pub const KEPT_MS: i64 = FETCHING_MS;

/// How long a worker counts as being at work after it has said so, and a front end as relying on
/// workers, in milliseconds.
pub const PRESENT_MS: i64 = 15_000;

/// What is noted of an attempt while nothing has come of it.
pub const UNFINISHED: &str = "the worker that took the order did not finish in time";

/// The pause after the first failed attempt, in milliseconds; after the second it is twice as long.
const PAUSE_MS: i64 = 500;

/// How long an order is left alone that found no room, in milliseconds.
const NO_ROOM_MS: i64 = 100;

/// Characters of a cause that are kept.
const PROBLEM_CHARS_MAX: usize = 400;

/// Tells an order from every other one: a keyed hash of all that was ordered. What was changed
/// between the one who ordered and the worker does not have it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderDigest([u8; 32]);

impl OrderDigest {
    /// Wraps the 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// An order that was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// The activation it belongs to.
    pub activation: ActivationRef,
    /// What was ordered.
    pub digest: OrderDigest,
}

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
    /// Another one for the same activation has taken its place: it was placed by another request,
    /// with other roots.
    Replaced,
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
    /// What was ordered; what is delivered is bound to it.
    pub digest: OrderDigest,
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

/// What a worker gets that asks for an order.
pub enum Claiming {
    /// An order.
    Claimed(Box<Claimed>),
    /// None can be claimed.
    Nothing,
    /// An order that is not as it was placed. The attempt counts, or one damaged row would keep
    /// every worker busy for ever.
    Damaged {
        /// The activation it belongs to.
        activation: ActivationRef,
        /// What is wrong with it.
        problem: String,
    },
}

/// Who relies on workers now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demand {
    /// Front ends under the worker's own master key.
    pub front_ends: u64,
    /// Front ends under another one: nothing that they order can be read by this worker.
    pub strangers: u64,
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

/// Orders, as those see them who place them.
#[async_trait]
pub trait RepositoryOrders: Send + Sync {
    /// Says that a front end has its repositories made by workers, for [`PRESENT_MS`] from now.
    async fn rely(&self, front_end: FrontEndRef, now: Timestamp) -> Result<(), Unavailable>;

    /// Says that a front end ends.
    async fn rely_no_more(&self, front_end: FrontEndRef) -> Result<(), Unavailable>;

    /// Places an order. The same one again changes nothing, unless it has failed: then it is tried
    /// anew, and a worker that is still at it may deliver. Another one for the same activation
    /// takes its place. None if there is nothing to order any more, as
    /// [`Gone`](super::ports::RepositoryFailed::Gone) says.
    async fn place(
        &self,
        order: &RepositoryOrder,
        now: Timestamp,
    ) -> Result<Option<Placed>, Unavailable>;

    /// What has become of an order; none if it is gone. A delivered repository that cannot be read
    /// is gone with this look.
    async fn standing(
        &self,
        placed: &Placed,
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

    /// Who relies on workers.
    async fn demand(&self, now: Timestamp) -> Result<Demand, Unavailable>;

    /// Takes an order that may be claimed until the lease is over, the oldest unless others reach
    /// for it at the same moment.
    async fn claim(
        &self,
        worker: WorkerRef,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Claiming, Unavailable>;

    /// Makes the lease longer. False if the claim is good for nothing any more: the order is gone,
    /// another one has taken its place, or another worker has claimed it since.
    async fn renew(&self, claim: &Claim, lease_until: Timestamp) -> Result<bool, Unavailable>;

    /// Delivers a repository. False as above, or if this was done before.
    async fn deliver(
        &self,
        claim: &Claim,
        individual: &Individual,
        now: Timestamp,
    ) -> Result<bool, Unavailable>;

    /// Ends a claim without a repository. False as above, or if the order was placed anew since.
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
}
