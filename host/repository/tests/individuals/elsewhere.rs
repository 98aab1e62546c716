//! A host that has its repositories made elsewhere, and what it makes of what it finds. Time is
//! the test's: nothing is waited for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::activation::ports::{
    Individual, RepositoryFailed, RepositoryOrder, RepositoryWorker,
};
use colophon_core::activation::repository_orders::backlog::Backlog;
use colophon_core::activation::repository_orders::{
    GivenUp, OrderDigest, Placed, RepositoryOrders, Standing,
};
use colophon_core::causes::causes;
use colophon_core::id::FrontEndRef;
use colophon_core::ports::{Service, Unavailable};
use colophon_core::time::{Clock, Timestamp};
use colophon_individual::WorkersElsewhere;
use tokio::time::Instant;

use crate::workers::order;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Frozen;

impl Clock for Frozen {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(1_800_000_000_000)
    }
}

/// Orders that stand one after the other as the test says; the last one stays.
struct Told {
    placed: bool,
    standings: Mutex<VecDeque<Option<Standing>>>,
}

#[async_trait]
impl RepositoryOrders for Told {
    async fn rely(&self, _: FrontEndRef, _: Timestamp) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn rely_no_more(&self, _: FrontEndRef) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn place(
        &self,
        ordered: &RepositoryOrder,
        _: Timestamp,
    ) -> Result<Option<Placed>, Unavailable> {
        assert_eq!(ordered.activation, order().activation);
        Ok(self.placed.then(placed))
    }

    async fn standing(
        &self,
        looked_after: &Placed,
        _: Timestamp,
    ) -> Result<Option<Standing>, Unavailable> {
        assert_eq!(*looked_after, placed());
        let mut standings = self.standings.lock().expect("standings");
        match standings.len() {
            0 => Err(Unavailable::new(Service::ActivationDatabase, "gone")),
            1 => Ok(standings[0].clone()),
            _ => Ok(standings.pop_front().expect("a standing")),
        }
    }

    async fn backlog(&self, _: Timestamp) -> Result<Backlog, Unavailable> {
        Ok(Backlog::default())
    }
}

fn placed() -> Placed {
    Placed {
        activation: order().activation,
        digest: OrderDigest::from_bytes([3; 32]),
    }
}

fn waiting(workers: u64) -> Option<Standing> {
    Some(Standing::Waiting { workers })
}

fn made() -> Individual {
    Individual {
        module: vec![1],
        sealed_key: vec![2],
    }
}

/// What a request comes to, and how long it took.
async fn asked(standings: &[Option<Standing>]) -> (Result<Individual, RepositoryFailed>, Duration) {
    let orders = Told {
        placed: true,
        standings: Mutex::new(standings.to_vec().into()),
    };
    let elsewhere = WorkersElsewhere::new(Arc::new(orders), Arc::new(Frozen), PATIENCE);
    let begun = Instant::now();
    let made = elsewhere.individualize(order()).await;
    (made, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn what_was_made_before_is_taken_at_once() {
    let (found, took) = asked(&[Some(Standing::Made(made()))]).await;
    assert_eq!(found.expect("a repository"), made());
    assert_eq!(took, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn looks_follow_each_other_closely_at_first() {
    let mut standings = vec![waiting(1); 3];
    standings.push(Some(Standing::Made(made())));
    let (found, took) = asked(&standings).await;
    assert!(found.is_ok());
    assert!(took < Duration::from_millis(200), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let (found, took) = asked(&[waiting(1)]).await;
    assert!(matches!(found, Err(RepositoryFailed::Busy)));
    assert!(took >= PATIENCE && took < PATIENCE + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_is_at_work_nobody_waits() {
    let (found, took) = asked(&[waiting(0)]).await;
    assert!(matches!(found, Err(RepositoryFailed::Busy)));
    assert_eq!(took, Duration::ZERO);
    // The last worker goes while the order waits.
    let (found, took) = asked(&[waiting(1), waiting(1), waiting(0)]).await;
    assert!(matches!(found, Err(RepositoryFailed::Busy)));
    assert!(took < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_was_given_up_is_broken_with_its_cause() {
    let given_up = GivenUp {
        problem: "odd key".to_owned(),
    };
    let (found, _) = asked(&[waiting(1), Some(Standing::Failed(given_up))]).await;
    let failed = found.expect_err("given up");
    assert!(matches!(failed, RepositoryFailed::Broken(_)));
    assert!(causes(&failed).ends_with("odd key"), "{}", causes(&failed));
}

/// Another request has ordered with other roots: what is made for that one is not this one's, and
/// the reader that asks again gets it.
#[tokio::test(start_paused = true)]
async fn an_order_in_whose_place_another_came_is_not_waited_for() {
    let (found, took) = asked(&[waiting(1), Some(Standing::Replaced)]).await;
    assert!(matches!(found, Err(RepositoryFailed::Busy)));
    assert!(took < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_gone_is_not_waited_for() {
    let (found, _) = asked(&[waiting(1), None]).await;
    assert!(matches!(found, Err(RepositoryFailed::Gone)));
    let orders = Told {
        placed: false,
        standings: Mutex::default(),
    };
    let elsewhere = WorkersElsewhere::new(Arc::new(orders), Arc::new(Frozen), PATIENCE);
    let found = elsewhere.individualize(order()).await;
    assert!(matches!(found, Err(RepositoryFailed::Gone)));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_does_not_answer_is_told() {
    let (found, _) = asked(&[]).await;
    assert!(matches!(found, Err(RepositoryFailed::Unavailable(_))));
}
