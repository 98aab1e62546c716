//! What somebody gets who may write into the table of orders and has no master key.

use colophon_core::activation::repository_orders::{
    ATTEMPTS_MAX, Claiming, RepositoryOrders, RepositoryWork, Standing,
};
use colophon_core::time::Timestamp;

use super::{
    LEASE_MS, at, claim, claiming, individual, order, place_order, problem, standing, waiting_for,
    waiting_for_one,
};
use crate::activation::ground::day;
use crate::place::Place;

/// Bytes in the engine's own writing.
fn bytes(place: &Place, digits: &str) -> String {
    match place.is_server() {
        true => format!("'\\x{digits}'"),
        false => format!("X'{digits}'"),
    }
}

/// Changes the one order that waits, and expects that no worker makes anything of it.
async fn check_refused(place: &Place, name: &str, change: &str) {
    let store = place.activation_store().await;
    let (of, placed) = waiting_for(&store, name, day(0)).await;
    let mut stranger = place.stranger().await;
    let whose = format!("activation = {}", bytes(place, &of.activation.to_string()));
    let changed = format!("UPDATE repository_orders SET {change} WHERE {whose}");
    assert_eq!(stranger.run(&changed).await, 1);
    let mut now = day(0);
    for _ in 0..ATTEMPTS_MAX {
        match claiming(&store, 1, now).await {
            Claiming::Damaged { activation, .. } => assert_eq!(activation, of.activation),
            Claiming::Claimed(_) => panic!("{change} was not noticed"),
            Claiming::Nothing => panic!("it may be tried again"),
        }
        let at_once = claiming(&store, 1, now).await;
        assert!(matches!(at_once, Claiming::Nothing), "not at once");
        now = Timestamp::from_unix_ms(now.unix_ms() + LEASE_MS);
    }
    let found = standing(&store, &placed, now).await;
    if found != Some(Standing::Replaced) {
        let told = problem(found);
        assert!(told.contains("repository_orders"), "{told}");
    }

    // The reader asks again: the order is placed as it should be.
    place_order(&store, &order(&of, 7), now).await;
    let held = claim(&store, 1, now).await.unwrap();
    assert!(held.order.roots.iter().eq([[7; 32], [8; 32]]));
    assert_eq!(held.order.machine, of.machine);
    let made = individual(name);
    assert!(store.deliver(&held.claim, &made, now).await.unwrap());
}

/// The roots a repository believes licenses under, and the machine it is for, stand in the table
/// for everybody to read. That is no reason to let everybody choose them.
pub(crate) async fn nothing_is_made_with_a_strangers_root_or_for_another_machine(place: &Place) {
    let root = bytes(place, &"66".repeat(32));
    let machine = bytes(place, &"66".repeat(16));
    let odd = bytes(place, "66");
    check_refused(place, "ada", &format!("roots = {root}")).await;
    check_refused(place, "bob", &format!("roots = {odd}")).await;
    check_refused(place, "cyd", &format!("machine = {machine}")).await;
    check_refused(place, "dan", "persona = facts").await;
    check_refused(place, "eve", "facts = persona").await;
    check_refused(place, "fay", "private_key = facts").await;
    check_refused(place, "gil", &format!("digest = {root}")).await;
}

/// What was made for an order that another one has replaced is put into the other one's row.
pub(crate) async fn a_repository_made_for_another_order_is_not_taken(place: &Place) {
    let store = place.activation_store().await;
    let (of, first) = waiting_for_one(&store).await;
    let held = claim(&store, 1, day(0)).await.unwrap().claim;
    let stale = individual("with the former root");
    assert!(store.deliver(&held, &stale, day(0)).await.unwrap());
    let mut stranger = place.stranger().await;
    stranger
        .run("CREATE TABLE kept AS SELECT module, sealed_key FROM repository_orders")
        .await;
    let second = place_order(&store, &order(&of, 17), at(1)).await;
    assert_ne!(first, second);
    let held = claim(&store, 1, at(1)).await.unwrap().claim;
    let made = individual("with the new root");
    assert!(store.deliver(&held, &made, at(1)).await.unwrap());
    let put_back = "UPDATE repository_orders SET module = (SELECT module FROM kept), \
        sealed_key = (SELECT sealed_key FROM kept)";
    assert_eq!(stranger.run(put_back).await, 1);
    let problems = store.check_orders().await.unwrap();
    assert_eq!(problems.len(), 2, "{problems:?}");

    assert!(store.standing(&second, at(2)).await.is_err());
    // It is gone with that, or the reader would find it each time it asks again.
    assert_eq!(standing(&store, &second, at(2)).await, None);
    let again = place_order(&store, &order(&of, 17), at(3)).await;
    assert_eq!(again, second);
    let held = claim(&store, 1, at(3)).await.unwrap().claim;
    assert!(store.deliver(&held, &made, at(3)).await.unwrap());
    let kept = standing(&store, &second, at(3)).await;
    assert_eq!(kept, Some(Standing::Made(made)));
}

pub(crate) async fn damage_in_orders_is_found(place: &Place) {
    let store = place.activation_store().await;
    waiting_for(&store, "ada", day(0)).await;
    let held = claim(&store, 1, day(0)).await.unwrap().claim;
    let delivered = store.deliver(&held, &individual("one"), day(0)).await;
    assert!(delivered.unwrap());
    waiting_for(&store, "bob", day(0)).await;
    assert_eq!(store.check_integrity().await.unwrap(), []);
    let mut stranger = place.stranger().await;
    let odd = bytes(place, "66");
    for column in ["persona", "facts", "private_key", "module", "sealed_key"] {
        let sound =
            format!("CREATE TABLE sound AS SELECT activation, {column} FROM repository_orders");
        stranger.run(&sound).await;
        let spoil =
            format!("UPDATE repository_orders SET {column} = {odd} WHERE {column} IS NOT NULL");
        stranger.run(&spoil).await;
        for problems in [
            store.check_orders().await.unwrap(),
            store.check_integrity().await.unwrap(),
        ] {
            let [problem] = problems.as_slice() else {
                panic!("{column}: {problems:?}");
            };
            let named = format!("repository_orders.{column} do not decrypt");
            assert!(problem.text.contains(&named), "{}", problem.text);
        }
        let mend = format!(
            "UPDATE repository_orders SET {column} = (SELECT {column} FROM sound \
             WHERE sound.activation = repository_orders.activation)"
        );
        stranger.run(&mend).await;
        stranger.run("DROP TABLE sound").await;
    }
    assert_eq!(store.check_integrity().await.unwrap(), []);
}
