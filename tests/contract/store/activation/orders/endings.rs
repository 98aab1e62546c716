//! When an order ends, and what is left of it.

use colophon_core::activation::admit::Admitted;
use colophon_core::activation::ports::{Activations, Personas};
use colophon_core::activation::repository_orders::{RepositoryOrders, RepositoryWork};
use colophon_store::activation::ActivationStore;

use super::{claim, individual, order, standing, waiting_for, waiting_for_one};
use crate::activation::ground::{day, finished, machine};
use crate::place::Place;
use crate::privacy::readable;

/// Whatever was done, the order is gone, a worker that has it delivers nothing, and there is
/// nothing to order any more.
async fn check_ended(place: &Place, end: impl AsyncFnOnce(&ActivationStore, &Admitted)) {
    let store = place.activation_store().await;
    let (of, placed) = waiting_for_one(&store).await;
    let held = claim(&store, 1, day(0)).await.unwrap().claim;
    end(&store, &of).await;
    assert_eq!(standing(&store, &placed, day(0)).await, None);
    let delivered = store.deliver(&held, &individual("late"), day(0)).await;
    assert!(!delivered.unwrap());
    assert!(!store.renew(&held, day(1)).await.unwrap());
    assert_eq!(store.place(&order(&of, 7), day(0)).await.unwrap(), None);
    assert!(claim(&store, 2, day(0)).await.is_none());
    let mut stranger = place.stranger().await;
    let rows = "SELECT COUNT(*) FROM repository_orders";
    assert_eq!(stranger.numbers(rows).await, [0]);
    assert!(store.check_integrity().await.unwrap().is_empty());
}

pub(crate) async fn an_order_ends_with_the_package(place: &Place) {
    let end = async |store: &ActivationStore, of: &Admitted| {
        finished(store, of, b"package", day(0)).await;
    };
    check_ended(place, end).await;
}

pub(crate) async fn an_order_ends_with_its_machine(place: &Place) {
    let end = async |store: &ActivationStore, of: &Admitted| {
        let device = store.devices(of.record).await.unwrap()[0].record;
        assert!(store.release(of.record, device, day(0)).await.unwrap());
    };
    check_ended(place, end).await;
}

pub(crate) async fn an_order_ends_when_its_persona_is_withdrawn(place: &Place) {
    let end = async |store: &ActivationStore, of: &Admitted| {
        store.withdraw(of.record, day(0)).await.unwrap();
    };
    check_ended(place, end).await;
}

pub(crate) async fn an_order_ends_when_its_persona_is_erased(place: &Place) {
    let end = async |store: &ActivationStore, of: &Admitted| {
        assert!(store.erase(of.record, day(0)).await.unwrap());
    };
    check_ended(place, end).await;
}

pub(crate) async fn an_order_is_forgotten_when_its_reader_cannot_ask_any_more(place: &Place) {
    let store = place.activation_store().await;
    let (_, placed) = waiting_for_one(&store).await;
    let held = claim(&store, 1, day(0)).await.unwrap().claim;
    let delivered = store.deliver(&held, &individual("one"), day(0)).await;
    assert!(delivered.unwrap());
    assert_eq!(store.forget_expired(day(0)).await.unwrap(), 0);
    let log = place.folder().join("colophon.db-wal");
    let logged = || std::fs::metadata(&log).unwrap().len();
    assert!(place.is_server() || logged() > 0);
    // The grant, and the order.
    assert_eq!(store.forget_expired(day(1)).await.unwrap(), 2);
    // Neither is left in the write-ahead log of a file.
    assert!(place.is_server() || logged() == 0);
    assert_eq!(standing(&store, &placed, day(1)).await, None);
}

/// What an order holds is as secret as the persona's key pair, before and after it is made.
pub(crate) async fn nobody_is_readable_in_orders(place: &Place) {
    let store = place.activation_store().await;
    let (made, _) = waiting_for_one(&store).await;
    let held = claim(&store, 1, day(0)).await.unwrap().claim;
    let delivered = store.deliver(&held, &individual("one"), day(0)).await;
    assert!(delivered.unwrap());
    // Another one waits.
    waiting_for(&store, "bob", day(0)).await;
    place.settle().await;
    let facts = machine(1).to_json();
    let texts = [
        "ada@people.example",
        "bob@people.example",
        "private key 0",
        "Canarymodule",
        "Canarykey",
        facts.as_str(),
    ];
    assert_eq!(readable(place, &texts), Vec::<&str>::new());
    // What may be read is read, so the files are the right ones.
    assert_eq!(readable(place, &["reader 1"]), ["reader 1"]);
    assert_eq!(made.key_pair.pkcs8.as_slice(), b"private key 0");
}
