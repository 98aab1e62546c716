//! How long an order is left to its worker, whose clock may be another one.

use colophon_core::activation::repository_orders::{
    ATTEMPTS_MAX, PRESENT_MS, RepositoryOrders, RepositoryWork, Standing,
};
use colophon_core::time::Timestamp;

use super::{
    LEASE_MS, at, broken, claim, individual, order, place_order, standing, waiting_for_one, worker,
};
use crate::activation::ground::day;
use crate::place::Place;

/// How far the README allows clocks to be apart, and more.
const SKEW_MS: i64 = 5_000;

pub(crate) async fn a_worker_that_is_still_at_an_order_keeps_it(place: &Place) {
    let store = place.activation_store().await;
    let (_, placed) = waiting_for_one(&store).await;
    let held = claim(&store, 1, day(0)).await.unwrap().claim;
    for turn in 1..10 {
        let now = turn * LEASE_MS / 2;
        assert!(store.renew(&held, at(now + LEASE_MS)).await.unwrap());
        assert!(claim(&store, 2, at(now + LEASE_MS - 1)).await.is_none());
    }
    // It dies, or it hangs and does not renew any more.
    let end = 9 * LEASE_MS / 2 + LEASE_MS;
    let heir = claim(&store, 2, at(end)).await.unwrap().claim;
    assert_eq!(heir.attempt, 2, "the long one was one attempt");
    assert!(!store.renew(&held, at(2 * end)).await.unwrap());
    let made = individual("heir's");
    assert!(store.deliver(&heir, &made, at(end)).await.unwrap());
    assert!(!store.renew(&heir, at(2 * end)).await.unwrap());
    let kept = standing(&store, &placed, at(end)).await;
    assert_eq!(kept, Some(Standing::Made(made)));
}

/// A reader that asks again places the same order; that is nothing to a worker which is just slow.
pub(crate) async fn an_order_placed_anew_is_still_its_workers(place: &Place) {
    let store = place.activation_store().await;
    let (of, placed) = waiting_for_one(&store).await;
    let mut now = 0;
    let mut slow = None;
    for _ in 0..ATTEMPTS_MAX {
        slow = claim(&store, 1, at(now)).await.map(|held| held.claim);
        now += LEASE_MS;
    }
    let slow = slow.unwrap();
    let given_up = standing(&store, &placed, at(now)).await;
    assert!(matches!(given_up, Some(Standing::Failed(_))));
    place_order(&store, &order(&of, 7), at(now)).await;
    let waits = standing(&store, &placed, at(now)).await;
    assert!(matches!(waits, Some(Standing::Waiting { .. })));

    // Its failure would be the third, of an order that was not tried yet.
    let failed = store.fail(&slow, &broken("slow"), at(now)).await;
    assert!(!failed.unwrap());
    let waits = standing(&store, &placed, at(now)).await;
    assert!(matches!(waits, Some(Standing::Waiting { .. })));
    assert!(store.renew(&slow, at(now + LEASE_MS)).await.unwrap());
    assert!(claim(&store, 2, at(now)).await.is_none());
    let made = individual("slow");
    assert!(store.deliver(&slow, &made, at(now)).await.unwrap());
    let kept = standing(&store, &placed, at(now)).await;
    assert_eq!(kept, Some(Standing::Made(made)));
}

/// With another root it is another repository, and the slow worker's is not wanted.
pub(crate) async fn another_order_is_not_the_slow_workers(place: &Place) {
    let store = place.activation_store().await;
    let (of, _) = waiting_for_one(&store).await;
    let slow = claim(&store, 1, day(0)).await.unwrap().claim;
    place_order(&store, &order(&of, 17), at(1)).await;
    let made = individual("slow");
    assert!(!store.deliver(&slow, &made, at(1)).await.unwrap());
    let failed = store.fail(&slow, &broken("slow"), at(1)).await;
    assert!(!failed.unwrap());
    assert_eq!(claim(&store, 2, at(1)).await.unwrap().claim.attempt, 1);
}

/// Clocks that are a few seconds apart move the moments at which things happen, and nothing else.
pub(crate) async fn clocks_may_be_a_few_seconds_apart(place: &Place) {
    for skew in [-SKEW_MS, SKEW_MS] {
        check_skewed(place, skew).await;
    }
}

/// A worker whose clock is so far ahead of the others'.
async fn check_skewed(place: &Place, skew: i64) {
    let store = place.activation_store().await;
    let name = format!("ada{}", skew.unsigned_abs() + u64::from(skew > 0));
    let (_, placed) = super::waiting_for(&store, &name, day(0)).await;
    let theirs = |now: i64| at(now + skew);
    // It counts as present until it should have said so again, and does not stay for long.
    store.announce(worker(1), theirs(0)).await.unwrap();
    let said_again = PRESENT_MS / 3;
    assert_eq!(workers(&store, at(said_again)).await, 1, "{skew}");
    assert_eq!(workers(&store, at(PRESENT_MS + SKEW_MS)).await, 0, "{skew}");

    // A worker that is behind takes a new order later, at the worst.
    let first = match claim(&store, 1, theirs(0)).await {
        Some(first) => first.claim,
        None => claim(&store, 1, theirs(SKEW_MS)).await.unwrap().claim,
    };
    // Renewed at a third of the lease, it is left alone by the others all the time.
    for turn in 1..6 {
        let now = turn * LEASE_MS / 3;
        assert!(claim(&store, 2, at(now)).await.is_none(), "{skew}: {turn}");
        let until = theirs(now + LEASE_MS);
        assert!(store.renew(&first, until).await.unwrap());
    }
    // It dies: another one takes over, sooner or later by what the clocks differ.
    let end = 5 * LEASE_MS / 3 + LEASE_MS;
    assert!(claim(&store, 2, at(end - SKEW_MS - 1)).await.is_none());
    let heir = claim(&store, 2, at(end + SKEW_MS)).await.unwrap().claim;
    assert_eq!(heir.attempt, 2);
    let made = individual("heir's");
    let delivered = store.deliver(&heir, &made, at(end + SKEW_MS)).await;
    assert!(delivered.unwrap());
    let kept = standing(&store, &placed, theirs(end)).await;
    assert_eq!(kept, Some(Standing::Made(made)));
}

async fn workers(store: &colophon_store::activation::ActivationStore, now: Timestamp) -> u64 {
    store.backlog(now).await.unwrap().workers
}
