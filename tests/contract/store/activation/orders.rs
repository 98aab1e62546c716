//! Orders for repositories: placed once, claimed by one worker at a time, never lost with one.

pub(crate) mod endings;
pub(crate) mod leases;
pub(crate) mod made_elsewhere;
pub(crate) mod meddling;

use std::sync::Arc;

use colophon_activation::PinnedRoots;
use colophon_core::activation::admit::Admitted;
use colophon_core::activation::ports::{Individual, RepositoryOrder};
use colophon_core::activation::repository_orders::backlog::{Backlog, Stalled};
use colophon_core::activation::repository_orders::{
    ATTEMPTS_MAX, AttemptFailed, Claimed, Claiming, Demand, PRESENT_MS, Placed, RepositoryOrders,
    RepositoryWork, Standing, UNFINISHED,
};
use colophon_core::id::{FrontEndRef, WorkerRef};
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

async fn place_order(store: &ActivationStore, order: &RepositoryOrder, now: Timestamp) -> Placed {
    store.place(order, now).await.unwrap().unwrap()
}

/// A persona whose one activation waits for its repository, and what was ordered for it.
async fn waiting_for_one(store: &ActivationStore) -> (Admitted, Placed) {
    waiting_for(store, "ada", day(0)).await
}

async fn waiting_for(store: &ActivationStore, name: &str, now: Timestamp) -> (Admitted, Placed) {
    stock(store, 1).await;
    let record = persona(store, name).await;
    let admitted = admitted(activate(store, record, &machine(1), day(0)).await);
    let placed = place_order(store, &order(&admitted, 7), now).await;
    (admitted, placed)
}

/// Claims for a while.
async fn claim(store: &ActivationStore, number: u8, now: Timestamp) -> Option<Claimed> {
    match claiming(store, number, now).await {
        Claiming::Claimed(claimed) => Some(*claimed),
        Claiming::Nothing => None,
        Claiming::Damaged { problem, .. } => panic!("{problem}"),
    }
}

async fn claiming(store: &ActivationStore, number: u8, now: Timestamp) -> Claiming {
    let until = Timestamp::from_unix_ms(now.unix_ms() + LEASE_MS);
    store.claim(worker(number), now, until).await.unwrap()
}

async fn standing(store: &ActivationStore, of: &Placed, now: Timestamp) -> Option<Standing> {
    store.standing(of, now).await.unwrap()
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
    let (of, placed) = waiting_for_one(&store).await;
    let waits = Some(Standing::Waiting { workers: 0 });
    assert_eq!(standing(&store, &placed, day(0)).await, waits);

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
    assert_eq!(standing(&store, &placed, day(0)).await, waits);

    let made = individual("one");
    assert!(elsewhere.deliver(&held, &made, day(0)).await.unwrap());
    let again = elsewhere.deliver(&held, &individual("two"), day(0)).await;
    assert!(!again.unwrap(), "a claim delivers once");
    let kept = standing(&store, &placed, day(0)).await;
    assert_eq!(kept, Some(Standing::Made(made)));
    assert!(claim(&elsewhere, 2, at(LEASE_MS)).await.is_none());
    let mut stranger = place.stranger().await;
    let kept = "SELECT COUNT(*) FROM repository_orders WHERE private_key IS NOT NULL";
    assert_eq!(stranger.numbers(kept).await, [0]);
}

pub(crate) async fn of_workers_that_race_for_orders_each_gets_others(place: &Place) {
    const ORDERS: u32 = 6;
    let store = place.activation_store().await;
    for number in 0..ORDERS {
        let name = format!("ada{number}");
        waiting_for(&store, &name, at(i64::from(number))).await;
    }
    let elsewhere = place.activation_store().await;
    let mut racing = Vec::new();
    // As many as there are orders, each of whom looks once.
    for number in 0..ORDERS {
        let store = match number % 2 {
            0 => Arc::clone(&store),
            _ => Arc::clone(&elsewhere),
        };
        racing.push(tokio::spawn(async move {
            let order = claim(&store, 1, at(1_000)).await;
            order.map(|claimed| claimed.claim.activation)
        }));
    }
    let mut claimed = Vec::new();
    for racer in racing {
        claimed.extend(racer.await.unwrap());
    }
    assert_eq!(claimed.len(), ORDERS as usize, "nobody goes without");
    claimed.sort();
    claimed.dedup();
    assert_eq!(claimed.len(), ORDERS as usize, "none twice");
}

/// On a server a worker waits for the one that was faster, and finds the order taken.
pub(crate) async fn a_worker_that_lost_an_order_takes_the_next(place: &Place) {
    let store = place.activation_store().await;
    let (first, _) = waiting_for(&store, "ada", at(0)).await;
    let (second, _) = waiting_for(&store, "bob", at(1)).await;
    let mut faster = place.stranger().await;
    faster.run("BEGIN").await;
    let take = format!(
        "UPDATE repository_orders SET lease_until = {} WHERE placed_at = {}",
        at(LEASE_MS).unix_ms(),
        at(0).unix_ms()
    );
    assert_eq!(faster.run(&take).await, 1);
    let its_pid = match place.is_server() {
        true => {
            faster
                .numbers("SELECT CAST(pg_backend_pid() AS BIGINT)")
                .await[0]
        }
        false => 0,
    };
    let slower = Arc::clone(&store);
    let slower = tokio::spawn(async move { claim(&slower, 2, at(2)).await.unwrap() });
    if place.is_server() {
        let mut onlooker = place.stranger().await;
        // Others on the server wait for other things.
        let waits = format!(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE {its_pid} = ANY(pg_blocking_pids(pid))"
        );
        while onlooker.numbers(&waits).await == [0] {
            assert!(!slower.is_finished());
        }
    }
    faster.run("COMMIT").await;
    let claimed = slower.await.unwrap().claim.activation;
    assert_ne!(claimed, first.activation);
    assert_eq!(claimed, second.activation);
}

/// The worker dies between claim and delivery.
pub(crate) async fn an_order_outlives_its_worker(place: &Place) {
    let store = place.activation_store().await;
    let (of, placed) = waiting_for_one(&store).await;
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
    let kept = standing(&store, &placed, now).await;
    assert_eq!(kept, Some(Standing::Made(made)));
}

/// A lease says when another worker may begin, not when this one has to stop.
pub(crate) async fn a_slow_worker_delivers_what_nobody_else_has_begun(place: &Place) {
    let store = place.activation_store().await;
    let (_, placed) = waiting_for_one(&store).await;
    let slow = claim(&store, 1, day(0)).await.unwrap().claim;
    let (made, now) = (individual("slow"), at(10 * LEASE_MS));
    assert!(store.deliver(&slow, &made, now).await.unwrap());
    let kept = standing(&store, &placed, now).await;
    assert_eq!(kept, Some(Standing::Made(made)));
}

pub(crate) async fn an_order_is_given_up_with_its_cause_and_may_be_placed_again(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let ada = persona(&store, "ada").await;
    let grant = approved(&store, ada, day(0)).await;
    let of = admitted(ask(&store, grant, &machine(1), day(0)).await);
    let placed = place_order(&store, &order(&of, 7), day(0)).await;
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
    assert_eq!(problem(standing(&store, &placed, now).await), "odd key 3");
    assert!(claim(&store, 1, now).await.is_none());
    let backlog = store.backlog(now).await.unwrap();
    assert_eq!((backlog.waiting, backlog.failed), (0, 1));
    assert_eq!(backlog.problem.as_deref(), Some("odd key 3"));
    let strange = place.activation_store_under(8).await;
    let theirs = strange.backlog(now).await.unwrap();
    assert_eq!(theirs, Backlog::default(), "it is nothing to other hosts");
    let failed_at = Timestamp::from_unix_ms(now.unix_ms() - LEASE_MS);
    assert_eq!(backlog.failed_at, Some(failed_at));
    let given_up = Backlog {
        workers: 1,
        ..backlog
    };
    assert!(matches!(given_up.check(now), Err(Stalled::GivenUp { .. })));

    // The reader asks again: it has its place, and the order is tried anew.
    let again = admitted(ask(&store, grant, &machine(1), now).await);
    assert_eq!(again.activation, of.activation);
    assert_eq!(used(&store, ada).await, 1);
    place_order(&store, &order(&again, 7), now).await;
    let held = claim(&store, 1, now).await.unwrap().claim;
    assert_eq!(held.attempt, 1);
    assert!(store.deliver(&held, &individual("one"), now).await.unwrap());
    assert_eq!(store.backlog(now).await.unwrap().failed, 0);
}

pub(crate) async fn an_order_that_kills_its_workers_is_given_up(place: &Place) {
    let store = place.activation_store().await;
    let (_, placed) = waiting_for_one(&store).await;
    let mut now = day(0);
    for _ in 0..ATTEMPTS_MAX {
        assert!(claim(&store, 1, now).await.is_some());
        let waits = standing(&store, &placed, now).await;
        assert!(matches!(waits, Some(Standing::Waiting { .. })));
        now = Timestamp::from_unix_ms(now.unix_ms() + LEASE_MS);
    }
    assert!(claim(&store, 1, now).await.is_none());
    assert_eq!(problem(standing(&store, &placed, now).await), UNFINISHED);
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
        // For a moment nobody reaches for it, or it would be taken and given back without end.
        let tried = AttemptFailed::NoRoom.after(1, now);
        let almost = Timestamp::from_unix_ms(tried.lease_until.unix_ms() - 1);
        assert!(almost > now);
        assert!(claim(&store, 1, almost).await.is_none());
        now = Timestamp::from_unix_ms(now.unix_ms() + LEASE_MS);
    }
}

pub(crate) async fn the_same_order_is_placed_once_and_another_takes_its_place(place: &Place) {
    let store = place.activation_store().await;
    let (of, placed) = waiting_for_one(&store).await;
    let held = claim(&store, 1, day(0)).await.unwrap().claim;
    assert_eq!(place_order(&store, &order(&of, 7), at(1)).await, placed);
    assert!(claim(&store, 2, at(1)).await.is_none(), "it is being made");
    let made = individual("one");
    assert!(store.deliver(&held, &made, at(2)).await.unwrap());
    place_order(&store, &order(&of, 7), at(3)).await;
    let kept = standing(&store, &placed, at(3)).await;
    assert_eq!(kept, Some(Standing::Made(made)), "it is made");

    // With another root it is another repository, also for a worker that was at the first one.
    let other = place_order(&store, &order(&of, 17), at(4)).await;
    assert_ne!(other, placed);
    let first = claim(&store, 1, at(4)).await.unwrap();
    assert!(first.order.roots.iter().eq([[17; 32], [18; 32]]));
    let third = place_order(&store, &order(&of, 27), at(5)).await;
    let second = claim(&store, 1, at(5)).await.unwrap();
    assert_eq!(second.claim.attempt, 1);
    let stale = individual("stale");
    assert!(!store.deliver(&first.claim, &stale, at(6)).await.unwrap());
    assert!(!store.renew(&first.claim, at(LEASE_MS)).await.unwrap());
    let made = individual("two");
    assert!(store.deliver(&second.claim, &made, at(6)).await.unwrap());
    let kept = standing(&store, &third, at(6)).await;
    assert_eq!(kept, Some(Standing::Made(made)));
    // Whoever waits for one of the others is not given this one.
    for replaced in [&placed, &other] {
        let found = standing(&store, replaced, at(6)).await;
        assert_eq!(found, Some(Standing::Replaced));
    }
}

/// Who can read nothing that is ordered takes nothing, counts for nobody, and can find out why.
pub(crate) async fn a_worker_under_another_master_key_is_at_work_for_nobody(place: &Place) {
    let store = place.activation_store().await;
    let (of, placed) = waiting_for_one(&store).await;
    let strange = place.activation_store_under(8).await;
    strange.announce(worker(1), day(0)).await.unwrap();
    store
        .rely(FrontEndRef::from_bytes([1; 16]), day(0))
        .await
        .unwrap();
    assert!(claim(&strange, 1, day(0)).await.is_none());
    let waits = Some(Standing::Waiting { workers: 0 });
    assert_eq!(standing(&store, &placed, day(0)).await, waits);
    let backlog = store.backlog(day(0)).await.unwrap();
    assert_eq!((backlog.workers, backlog.strangers), (0, 1));
    let stalled = Stalled::OtherMasterKey {
        strangers: 1,
        waiting: 1,
    };
    assert_eq!(backlog.check(day(0)), Err(stalled));
    let demand = strange.demand(day(0)).await.unwrap();
    assert_eq!((demand.front_ends, demand.strangers), (0, 1));
    let theirs = strange.backlog(at(1)).await.unwrap();
    assert_eq!((theirs.waiting, theirs.oldest), (0, None));

    // It has cost the order nothing.
    store.announce(worker(2), day(0)).await.unwrap();
    let backlog = store.backlog(day(0)).await.unwrap();
    assert_eq!(backlog.check(day(0)), Ok(()));
    let held = claim(&store, 2, day(0)).await.unwrap();
    assert_eq!(held.claim.attempt, 1);
    assert_eq!(held.order.pkcs8, of.key_pair.pkcs8);
    // What is placed anew under the other key is for the others.
    place_order(&strange, &order(&of, 7), at(1)).await;
    let ours = store.backlog(at(1)).await.unwrap();
    assert_eq!((ours.waiting, ours.oldest), (0, None));
    let theirs = strange.backlog(at(1)).await.unwrap();
    assert_eq!((theirs.waiting, theirs.oldest), (1, Some(at(1))));
    assert!(claim(&strange, 1, at(1)).await.is_some());
}

pub(crate) async fn workers_are_known_while_they_say_that_they_are_there(place: &Place) {
    let store = place.activation_store().await;
    let (_, placed) = waiting_for_one(&store).await;
    for number in [1, 2, 2] {
        store.announce(worker(number), day(0)).await.unwrap();
    }
    let waits = |workers| Some(Standing::Waiting { workers });
    assert_eq!(standing(&store, &placed, day(0)).await, waits(2));
    let backlog = store.backlog(at(PRESENT_MS - 1)).await.unwrap();
    assert_eq!((backlog.workers, backlog.waiting), (2, 1));
    assert_eq!(backlog.oldest, Some(day(0)));
    assert_eq!(backlog.check(at(PRESENT_MS - 1)), Ok(()));
    store.leave(worker(1)).await.unwrap();
    assert_eq!(standing(&store, &placed, day(0)).await, waits(1));
    assert_eq!(standing(&store, &placed, at(PRESENT_MS)).await, waits(0));
    let backlog = store.backlog(at(PRESENT_MS)).await.unwrap();
    assert!(backlog.check(at(PRESENT_MS)).is_err());
    let forgotten = store.forget_expired(at(PRESENT_MS)).await.unwrap();
    assert_eq!(forgotten, 1, "the worker, and not the order");
}

pub(crate) async fn workers_know_whether_somebody_relies_on_them(place: &Place) {
    let store = place.activation_store().await;
    let front_end = |number| FrontEndRef::from_bytes([number; 16]);
    assert_eq!(store.demand(day(0)).await.unwrap(), Demand::default());
    for number in [1, 2, 2] {
        store.rely(front_end(number), day(0)).await.unwrap();
    }
    let relied_on = |front_ends| Demand {
        front_ends,
        strangers: 0,
    };
    let demand = store.demand(at(PRESENT_MS - 1)).await.unwrap();
    assert_eq!(demand, relied_on(2));
    store.rely_no_more(front_end(1)).await.unwrap();
    assert_eq!(store.demand(day(0)).await.unwrap(), relied_on(1));
    assert_eq!(store.demand(at(PRESENT_MS)).await.unwrap(), relied_on(0));
    assert_eq!(store.forget_expired(at(PRESENT_MS)).await.unwrap(), 1);
}
