//! Orders for repositories: placed once, claimed by one worker at a time, never lost with one.

pub(crate) mod endings;
pub(crate) mod made_elsewhere;

use std::sync::Arc;

use colophon_activation::PinnedRoots;
use colophon_core::activation::admit::Admitted;
use colophon_core::activation::ports::{Individual, RepositoryOrder};
use colophon_core::activation::repository_orders::{
    ATTEMPTS_MAX, AttemptFailed, Claimed, PRESENT_MS, RepositoryOrders, RepositoryWork, Standing,
    UNFINISHED,
};
use colophon_core::id::WorkerRef;
use colophon_core::time::Timestamp;
use colophon_store::activation::ActivationStore;

use super::ground::{activate, admitted, approved, ask, day, machine, persona, stock, used};
use crate::place::Place;

const LEASE_MS: i64 = 20_000;

/// A moment of the first day.
fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(day(0).unix_ms() + ms)
}

fn worker(number: u8) -> WorkerRef {
    WorkerRef::from_bytes([number; 16])
}

fn individual(text: &str) -> Individual {
    Individual {
        module: format!("Canarymodule {text}").into_bytes(),
        sealed_key: format!("Canarykey {text}").into_bytes(),
    }
}

fn broken(cause: &str) -> AttemptFailed {
    AttemptFailed::Broken(cause.to_owned())
}

/// What the flow orders for an activation, with one root.
fn order(admitted: &Admitted, root: u8) -> RepositoryOrder {
    RepositoryOrder {
        activation: admitted.activation,
        persona: admitted.persona.clone(),
        machine: admitted.machine,
        facts: machine(1),
        roots: PinnedRoots::new([[root; 32], [root + 1; 32]]).unwrap(),
        pkcs8: admitted.key_pair.pkcs8.clone(),
    }
}

/// A persona whose one activation waits for its repository.
async fn waiting_for_one(store: &ActivationStore) -> Admitted {
    stock(store, 1).await;
    let ada = persona(store, "ada").await;
    let admitted = admitted(activate(store, ada, &machine(1), day(0)).await);
    assert!(store.place(&order(&admitted, 7), day(0)).await.unwrap());
    admitted
}

/// Claims for a while.
async fn claim(store: &ActivationStore, number: u8, now: Timestamp) -> Option<Claimed> {
    let until = Timestamp::from_unix_ms(now.unix_ms() + LEASE_MS);
    store.claim(worker(number), now, until).await.unwrap()
}

async fn standing(store: &ActivationStore, of: &Admitted, now: Timestamp) -> Option<Standing> {
    store.standing(of.activation, now).await.unwrap()
}

#[track_caller]
fn problem(standing: Option<Standing>) -> String {
    match standing {
        Some(Standing::Failed(given_up)) => given_up.problem,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn an_order_is_claimed_as_it_was_placed_and_delivered(place: &Place) {
    let store = place.activation_store().await;
    let of = waiting_for_one(&store).await;
    let waits = Some(Standing::Waiting { workers: 0 });
    assert_eq!(standing(&store, &of, day(0)).await, waits);

    // The worker is another process, with connections of its own.
    let elsewhere = place.activation_store().await;
    let Claimed { claim: held, order } = claim(&elsewhere, 1, day(0)).await.unwrap();
    assert_eq!((held.activation, held.attempt), (of.activation, 1));
    assert_eq!(order.activation, of.activation);
    assert_eq!(order.persona, of.persona);
    assert_eq!(order.machine, of.machine);
    assert_eq!(order.facts, machine(1));
    assert!(order.roots.iter().eq([[7; 32], [8; 32]]));
    assert_eq!(order.pkcs8, of.key_pair.pkcs8);
    assert!(claim(&elsewhere, 2, day(0)).await.is_none());
    assert_eq!(standing(&store, &of, day(0)).await, waits);

    let made = individual("one");
    assert!(elsewhere.deliver(&held, &made, day(0)).await.unwrap());
    let again = elsewhere.deliver(&held, &individual("two"), day(0)).await;
    assert!(!again.unwrap(), "a claim delivers once");
    assert_eq!(
        standing(&store, &of, day(0)).await,
        Some(Standing::Made(made))
    );
    assert!(claim(&elsewhere, 2, at(LEASE_MS)).await.is_none());
    let mut stranger = place.stranger().await;
    let kept = "SELECT COUNT(*) FROM repository_orders WHERE private_key IS NOT NULL";
    assert_eq!(stranger.numbers(kept).await, [0]);
}

pub(crate) async fn of_workers_that_race_for_orders_each_gets_others(place: &Place) {
    const ORDERS: u32 = 6;
    let store = place.activation_store().await;
    stock(&store, ORDERS).await;
    for number in 0..ORDERS {
        let name = format!("ada{number}");
        let record = persona(&store, &name).await;
        let admitted = admitted(activate(&store, record, &machine(1), day(0)).await);
        let now = at(i64::from(number));
        assert!(store.place(&order(&admitted, 7), now).await.unwrap());
    }
    let mut racing = Vec::new();
    for number in 0..4 {
        let store = match number % 2 {
            0 => Arc::clone(&store),
            _ => place.activation_store().await,
        };
        racing.push(tokio::spawn(async move {
            let mut claimed = Vec::new();
            // Somebody else may have been faster, as often as there are orders.
            for _ in 0..3 * ORDERS {
                let order = claim(&store, number, at(1_000)).await;
                claimed.extend(order.map(|claimed| claimed.claim.activation));
            }
            claimed
        }));
    }
    let mut claimed = Vec::new();
    for racer in racing {
        claimed.extend(racer.await.unwrap());
    }
    assert_eq!(claimed.len(), ORDERS as usize, "none twice");
    claimed.sort();
    claimed.dedup();
    assert_eq!(claimed.len(), ORDERS as usize, "and all of them");
}

/// The worker dies between claim and delivery.
pub(crate) async fn an_order_outlives_its_worker(place: &Place) {
    let store = place.activation_store().await;
    let of = waiting_for_one(&store).await;
    let dead = claim(&store, 1, day(0)).await.unwrap().claim;
    assert!(claim(&store, 2, at(LEASE_MS - 1)).await.is_none());
    let heir = claim(&store, 2, at(LEASE_MS)).await.unwrap();
    assert_eq!(heir.claim.attempt, 2);
    assert_eq!(heir.order.pkcs8, of.key_pair.pkcs8);

    // It was only slow. What it brings now would be in the way of the other one's.
    let late = individual("late");
    assert!(!store.deliver(&dead, &late, at(LEASE_MS)).await.unwrap());
    let blamed = store.fail(&dead, &broken("late"), at(LEASE_MS)).await;
    assert!(!blamed.unwrap());
    let made = individual("in time");
    let now = at(LEASE_MS + 1);
    assert!(store.deliver(&heir.claim, &made, now).await.unwrap());
    assert_eq!(standing(&store, &of, now).await, Some(Standing::Made(made)));
}

/// A lease says when another worker may begin, not when this one has to stop.
pub(crate) async fn a_slow_worker_delivers_what_nobody_else_has_begun(place: &Place) {
    let store = place.activation_store().await;
    let of = waiting_for_one(&store).await;
    let slow = claim(&store, 1, day(0)).await.unwrap().claim;
    let (made, now) = (individual("slow"), at(10 * LEASE_MS));
    assert!(store.deliver(&slow, &made, now).await.unwrap());
    assert_eq!(standing(&store, &of, now).await, Some(Standing::Made(made)));
}

pub(crate) async fn an_order_is_given_up_with_its_cause_and_may_be_placed_again(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let ada = persona(&store, "ada").await;
    let grant = approved(&store, ada, day(0)).await;
    let of = admitted(ask(&store, grant, &machine(1), day(0)).await);
    assert!(store.place(&order(&of, 7), day(0)).await.unwrap());
    let mut now = day(0);
    for attempt in 1..=ATTEMPTS_MAX {
        let held = claim(&store, 1, now).await.unwrap().claim;
        assert_eq!(held.attempt, attempt);
        let failure = broken(&format!("odd key {attempt}"));
        assert!(store.fail(&held, &failure, now).await.unwrap());
        assert!(!store.fail(&held, &failure, now).await.unwrap());
        assert!(claim(&store, 1, now).await.is_none(), "not at once");
        now = Timestamp::from_unix_ms(now.unix_ms() + LEASE_MS);
    }
    assert_eq!(problem(standing(&store, &of, now).await), "odd key 3");
    assert!(claim(&store, 1, now).await.is_none());
    let backlog = store.backlog(now).await.unwrap();
    assert_eq!((backlog.waiting, backlog.failed), (0, 1));
    assert_eq!(backlog.problem.as_deref(), Some("odd key 3"));

    // The reader asks again: it has its place, and the order is tried anew.
    let again = admitted(ask(&store, grant, &machine(1), now).await);
    assert_eq!(again.activation, of.activation);
    assert_eq!(used(&store, ada).await, 1);
    assert!(store.place(&order(&again, 7), now).await.unwrap());
    let held = claim(&store, 1, now).await.unwrap().claim;
    assert_eq!(held.attempt, 1);
    assert!(store.deliver(&held, &individual("one"), now).await.unwrap());
    assert_eq!(store.backlog(now).await.unwrap().failed, 0);
}

pub(crate) async fn an_order_that_kills_its_workers_is_given_up(place: &Place) {
    let store = place.activation_store().await;
    let of = waiting_for_one(&store).await;
    let mut now = day(0);
    for _ in 0..ATTEMPTS_MAX {
        assert!(claim(&store, 1, now).await.is_some());
        let waits = standing(&store, &of, now).await;
        assert!(matches!(waits, Some(Standing::Waiting { .. })));
        now = Timestamp::from_unix_ms(now.unix_ms() + LEASE_MS);
    }
    assert!(claim(&store, 1, now).await.is_none());
    assert_eq!(problem(standing(&store, &of, now).await), UNFINISHED);
}

pub(crate) async fn a_worker_without_room_uses_up_no_attempt(place: &Place) {
    let store = place.activation_store().await;
    waiting_for_one(&store).await;
    let mut now = day(0);
    for _ in 0..3 * ATTEMPTS_MAX {
        let held = claim(&store, 1, now).await.unwrap().claim;
        assert_eq!(held.attempt, 1);
        let failed = store.fail(&held, &AttemptFailed::NoRoom, now).await;
        assert!(failed.unwrap());
        now = Timestamp::from_unix_ms(now.unix_ms() + LEASE_MS);
    }
}

pub(crate) async fn the_same_order_is_placed_once_and_another_takes_its_place(place: &Place) {
    let store = place.activation_store().await;
    let of = waiting_for_one(&store).await;
    let held = claim(&store, 1, day(0)).await.unwrap().claim;
    assert!(store.place(&order(&of, 7), at(1)).await.unwrap());
    assert!(claim(&store, 2, at(1)).await.is_none(), "it is being made");
    let made = individual("one");
    assert!(store.deliver(&held, &made, at(2)).await.unwrap());
    assert!(store.place(&order(&of, 7), at(3)).await.unwrap());
    let kept = standing(&store, &of, at(3)).await;
    assert_eq!(kept, Some(Standing::Made(made)), "it is made");

    // With another root it is another repository, also for a worker that was at the first one.
    assert!(store.place(&order(&of, 17), at(4)).await.unwrap());
    let first = claim(&store, 1, at(4)).await.unwrap();
    assert!(first.order.roots.iter().eq([[17; 32], [18; 32]]));
    assert!(store.place(&order(&of, 27), at(5)).await.unwrap());
    let second = claim(&store, 1, at(5)).await.unwrap();
    assert_eq!(second.claim.attempt, 1);
    let stale = individual("stale");
    assert!(!store.deliver(&first.claim, &stale, at(6)).await.unwrap());
    let made = individual("two");
    assert!(store.deliver(&second.claim, &made, at(6)).await.unwrap());
    let kept = standing(&store, &of, at(6)).await;
    assert_eq!(kept, Some(Standing::Made(made)));
}

/// Under another master key nothing can be read. That is no fault of the order, but it counts, or
/// one row that is damaged would keep every worker busy for ever.
pub(crate) async fn an_order_that_cannot_be_read_counts_as_tried(place: &Place) {
    let store = place.activation_store().await;
    let of = waiting_for_one(&store).await;
    let strange = place.activation_store_under(8).await;
    let until = at(LEASE_MS);
    assert!(strange.claim(worker(1), day(0), until).await.is_err());
    let waits = standing(&store, &of, day(0)).await;
    assert!(matches!(waits, Some(Standing::Waiting { .. })));
    let mut stranger = place.stranger().await;
    let noted = stranger
        .texts("SELECT problem FROM repository_orders")
        .await;
    assert!(noted[0].contains("repository_orders"), "{noted:?}");
    let held = claim(&store, 2, at(LEASE_MS)).await.unwrap();
    assert_eq!(held.claim.attempt, 2);
    assert_eq!(held.order.pkcs8, of.key_pair.pkcs8);
}

pub(crate) async fn workers_are_known_while_they_say_that_they_are_there(place: &Place) {
    let store = place.activation_store().await;
    let of = waiting_for_one(&store).await;
    for number in [1, 2, 2] {
        store.announce(worker(number), day(0)).await.unwrap();
    }
    let waits = |workers| Some(Standing::Waiting { workers });
    assert_eq!(standing(&store, &of, day(0)).await, waits(2));
    let backlog = store.backlog(at(PRESENT_MS - 1)).await.unwrap();
    assert_eq!((backlog.workers, backlog.waiting), (2, 1));
    assert_eq!(backlog.oldest, Some(day(0)));
    assert_eq!(backlog.check(at(PRESENT_MS - 1)), Ok(()));
    store.leave(worker(1)).await.unwrap();
    assert_eq!(standing(&store, &of, day(0)).await, waits(1));
    assert_eq!(standing(&store, &of, at(PRESENT_MS)).await, waits(0));
    let backlog = store.backlog(at(PRESENT_MS)).await.unwrap();
    assert!(backlog.check(at(PRESENT_MS)).is_err());
    let forgotten = store.forget_expired(at(PRESENT_MS)).await.unwrap();
    assert_eq!(forgotten, 1, "the worker, and not the order");
}
