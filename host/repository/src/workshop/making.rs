//! One order in the hands of a worker: made, kept from others meanwhile, and delivered.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use colophon_core::activation::ports::{Individual, RepositoryFailed, RepositoryOrder};
use colophon_core::activation::repository_orders::{ATTEMPTS_MAX, AttemptFailed, Claim, Claimed};
use colophon_core::causes::causes;
use colophon_core::ports::Unavailable;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};

use super::{FAILED, MADE, Workshop};
use crate::pauses::Pauses;

/// How many leases follow each other at most. A worker that takes longer hangs, and others have to
/// get at the order.
const LEASES_MAX: u32 = 6;

/// A lease is renewed when this part of it is over: twice may fail.
const RENEWED_AFTER: u32 = 3;

/// Between two tries to deliver.
const TRIES: Pauses = Pauses::new(Duration::from_millis(100), Duration::from_secs(2));

/// Until when an order is left to this worker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease {
    ends: Instant,
    /// It does not end later, however often it is renewed.
    at_last: Instant,
}

impl Lease {
    /// A lease that began at a moment.
    pub(super) fn from(begun: Instant, lease: Duration) -> Lease {
        let longest = lease.saturating_mul(LEASES_MAX);
        Lease {
            ends: later(begun, lease),
            at_last: later(begun, longest),
        }
    }
}

/// A moment after another. What lies beyond all moments comes at once: an order is then left to others
/// rather than kept from them.
fn later(moment: Instant, by: Duration) -> Instant {
    moment.checked_add(by).unwrap_or(moment)
}

/// What came of an attempt.
enum Attempt {
    Made(Individual),
    Failed(AttemptFailed),
}

impl Workshop {
    pub(super) async fn make(
        self: Arc<Self>,
        claimed: Claimed,
        mut lease: Lease,
        place: OwnedSemaphorePermit,
    ) {
        let Claimed { claim, order } = claimed;
        let activation = claim.activation;
        let noted = match self.make_under(&claim, order, &mut lease).await {
            Some(made) => self.hand_over(&claim, &attempt(&claim, made), lease).await,
            None => Ok(false),
        };
        drop(place);
        let error = match noted {
            Ok(true) => return,
            Ok(false) => {
                tracing::info!(%activation, "a repository order ended before its worker");
                return;
            }
            Err(error) => error,
        };
        let reason = causes(&error);
        if claim.attempt < ATTEMPTS_MAX {
            tracing::warn!(
                %activation,
                reason,
                "what came of a repository order was not noted; another attempt follows"
            );
        } else {
            tracing::error!(
                %activation,
                reason,
                "what came of a repository order was not noted, and it was the last attempt: it is \
                 tried anew when its reader asks again"
            );
        }
    }

    /// Makes what was ordered and renews the lease meanwhile. None if the order ended.
    async fn make_under(
        &self,
        claim: &Claim,
        order: RepositoryOrder,
        lease: &mut Lease,
    ) -> Option<Result<Individual, RepositoryFailed>> {
        let mut making = pin!(self.worker.individualize(order));
        loop {
            tokio::select! {
                biased;
                made = &mut making => return Some(made),
                () = sleep(self.lease / RENEWED_AFTER) => {}
            }
            if later(Instant::now(), self.lease) > lease.at_last {
                return Some(making.await);
            }
            if !self.renew(claim, lease).await {
                return None;
            }
        }
    }

    /// False if the claim is good for nothing any more.
    async fn renew(&self, claim: &Claim, lease: &mut Lease) -> bool {
        let asked = Instant::now();
        let until = self.lease_until(self.clock.now());
        match self.work.renew(claim, until).await {
            Ok(true) => {
                lease.ends = later(asked, self.lease);
                true
            }
            Ok(false) => false,
            // The next turn may come before the lease is over; and if not, what is made is still
            // taken unless somebody else has begun.
            Err(error) => {
                tracing::debug!(%error, "the lease of a repository order was not renewed");
                true
            }
        }
    }

    /// Notes what came of the order, and tries again until the lease is over.
    async fn hand_over(
        &self,
        claim: &Claim,
        attempt: &Attempt,
        lease: Lease,
    ) -> Result<bool, Unavailable> {
        let mut pauses = TRIES;
        loop {
            match self.note(claim, attempt).await {
                Err(error) if Instant::now() >= lease.ends => return Err(error),
                Err(_) => sleep(pauses.next()).await,
                Ok(noted) => {
                    if let (Attempt::Made(_), true) = (attempt, noted) {
                        metrics::counter!(MADE).increment(1);
                    }
                    return Ok(noted);
                }
            }
        }
    }

    async fn note(&self, claim: &Claim, attempt: &Attempt) -> Result<bool, Unavailable> {
        let now = self.clock.now();
        match attempt {
            Attempt::Made(individual) => self.work.deliver(claim, individual, now).await,
            Attempt::Failed(failure) => self.work.fail(claim, failure, now).await,
        }
    }
}

/// Tells of a failure where it happened.
fn attempt(claim: &Claim, made: Result<Individual, RepositoryFailed>) -> Attempt {
    let failed = match made {
        Ok(individual) => return Attempt::Made(individual),
        Err(RepositoryFailed::Busy) => return Attempt::Failed(AttemptFailed::NoRoom),
        Err(
            failed @ (RepositoryFailed::Gone
            | RepositoryFailed::Broken(_)
            | RepositoryFailed::Unavailable(_)),
        ) => failed,
    };
    let reason = causes(&failed);
    metrics::counter!(FAILED).increment(1);
    let (activation, attempt) = (claim.activation, claim.attempt);
    tracing::warn!(%activation, attempt, reason, "no repository was made");
    Attempt::Failed(AttemptFailed::Broken(reason))
}
