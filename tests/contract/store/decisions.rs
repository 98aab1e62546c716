//! Decisions of plug-ins: kept up to a number and an age, readable by nobody else, gone with the buyer.

use std::sync::Arc;

use colophon_core::capability::Name;
use colophon_core::decision::Keeping;
use colophon_core::id::DecisionId;
use colophon_receipt::{CenterId, RetailerId};
use colophon_store::decisions::DecisionRow;
use colophon_store::failure::{AddError, ReadError};
use colophon_store::log::PersonName;
use colophon_store::store::Store;

use crate::place::{Place, moment};
use crate::plugins::furnish_with_a_plugin;
use crate::privacy::readable;
use crate::samples::{center, center_id, furnish};

const KEEPING: Keeping = Keeping {
    last: 3,
    sampled_per_mille: 0,
    days: 30,
};

fn plugin() -> Name {
    Name::parse("acme").unwrap()
}

fn id(number: u8) -> DecisionId {
    DecisionId::made_at(moment(i64::from(number)), [number; 10])
}

fn decision(number: u8) -> DecisionRow {
    DecisionRow {
        id: id(number),
        plugin: plugin(),
        version: "1".parse().unwrap(),
        at: moment(i64::from(number)),
        request: format!("request {number}"),
        retailer: RetailerId::try_from("shop").unwrap(),
        role: "policy".to_owned(),
        outcome: "allow".to_owned(),
        fuel: 1 << 40,
        sampled: false,
        contract: "1.0".to_owned(),
        sha256: [1; 32],
        grant_digest: [2; 32],
        config_digest: [3; 32],
        record: format!("{{\"sale\":[[\"user-name\",\"Canarybuyer {number}\"]]}}").into_bytes(),
    }
}

async fn furnished(ground: &Place) -> Arc<Store> {
    let store = ground.store().await;
    furnish(&store).await;
    store.add_center(&center("other"), moment(1)).await.unwrap();
    furnish_with_a_plugin(&store).await;
    store
}

async fn keep(store: &Store, decisions: &[DecisionRow]) {
    let kept = store
        .keep_decisions(&center_id(), &plugin(), decisions, KEEPING)
        .await;
    kept.unwrap();
}

async fn numbers(store: &Store) -> Vec<i64> {
    let found = store.decisions(&center_id(), &plugin(), None, 100).await;
    let found = found.unwrap();
    found.iter().map(|row| row.at.unix_ms()).collect()
}

pub(crate) async fn a_decision_comes_back_as_it_was_kept(ground: &Place) {
    let store = furnished(ground).await;
    let sampled = DecisionRow {
        sampled: true,
        record: vec![0, 255, 10],
        ..decision(2)
    };
    keep(&store, &[decision(1), sampled.clone()]).await;
    // What is handed in again changes nothing.
    keep(&store, &[decision(1)]).await;
    let found = store.decision(&center_id(), id(2)).await.unwrap();
    assert_eq!(found, Some(sampled));
    let found = store.decision(&center_id(), id(1)).await.unwrap();
    assert_eq!(found, Some(decision(1)));
    assert_eq!(store.decision(&center_id(), id(9)).await.unwrap(), None);
    let other = center("other").id;
    assert_eq!(store.decision(&other, id(1)).await.unwrap(), None);
    assert!(
        store
            .decisions(&other, &plugin(), None, 9)
            .await
            .unwrap()
            .is_empty()
    );
    let before = store
        .decisions(&center_id(), &plugin(), Some(id(2)), 9)
        .await;
    assert_eq!(before.unwrap(), [decision(1)]);
}

pub(crate) async fn the_last_decisions_are_kept_and_those_of_chance(ground: &Place) {
    let store = furnished(ground).await;
    let chosen = DecisionRow {
        sampled: true,
        ..decision(1)
    };
    keep(&store, &[chosen, decision(2), decision(3)]).await;
    assert_eq!(numbers(&store).await, [3, 2, 1]);
    let counted = async |at: &CenterId| store.count_decisions(at, &plugin()).await.unwrap();
    assert_eq!(counted(&center_id()).await, 3);
    assert_eq!(counted(&center("other").id).await, 0);
    keep(&store, &[decision(4), decision(5)]).await;
    assert_eq!(numbers(&store).await, [5, 4, 3, 1]);
    let none = Keeping { last: 0, ..KEEPING };
    let kept = store
        .keep_decisions(&center_id(), &plugin(), &[decision(6)], none)
        .await;
    kept.unwrap();
    assert_eq!(numbers(&store).await, [1]);
}

pub(crate) async fn decisions_go_by_age(ground: &Place) {
    let store = furnished(ground).await;
    let chosen = DecisionRow {
        sampled: true,
        ..decision(1)
    };
    keep(&store, &[chosen, decision(2), decision(3)]).await;
    let gone = store.forget_decisions_before(moment(3)).await.unwrap();
    assert_eq!((gone, numbers(&store).await), (2, vec![3]));
}

pub(crate) async fn decisions_go_with_their_plug_in(ground: &Place) {
    let store = furnished(ground).await;
    keep(&store, &[decision(1)]).await;
    let removed = store
        .remove_plugin(&center_id(), &plugin(), moment(9))
        .await;
    removed.unwrap();
    let left = "SELECT COUNT(*) FROM plugin_decisions";
    assert_eq!(ground.stranger().await.numbers(left).await, [0]);
    let kept = store
        .keep_decisions(&center_id(), &plugin(), &[decision(2)], KEEPING)
        .await;
    assert!(matches!(kept, Err(AddError::NotFound)), "{kept:?}");
}

pub(crate) async fn decisions_about_an_erased_buyer_go(ground: &Place) {
    let store = furnished(ground).await;
    let rival = RetailerId::try_from("rival").unwrap();
    let elsewhere = DecisionRow {
        retailer: rival,
        ..decision(3)
    };
    let same_name = DecisionRow {
        record: br#"{"question":"[[\"customer\",\"Canarybuyer 1\"]]"}"#.to_vec(),
        ..decision(4)
    };
    keep(&store, &[decision(1), decision(2), elsewhere]).await;
    let all = Keeping {
        last: 99,
        ..KEEPING
    };
    let kept = store
        .keep_decisions(&center_id(), &plugin(), &[same_name], all)
        .await;
    kept.unwrap();
    let shop = RetailerId::try_from("shop").unwrap();
    let person = PersonName::UserName("Canarybuyer 1".parse().unwrap());
    let erased = store.erase_person(&center_id(), &shop, &person).await;
    assert!(!erased.unwrap(), "nobody of this name is in the log");
    assert_eq!(numbers(&store).await, [3, 2]);
}

pub(crate) async fn a_decision_moved_to_another_row_does_not_open(ground: &Place) {
    let store = furnished(ground).await;
    keep(&store, &[decision(1), decision(2)]).await;
    assert_eq!(store.check_integrity().await.unwrap(), []);
    let mut stranger = ground.stranger().await;
    stranger
        .run(
            "UPDATE plugin_decisions SET record = \
             (SELECT record FROM plugin_decisions WHERE at = 1) WHERE at = 2",
        )
        .await;
    let error = store.decision(&center_id(), id(2)).await.unwrap_err();
    let ReadError::Damaged(damaged) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (damaged.table, damaged.column),
        ("plugin_decisions", "record")
    );
    assert!(store.decision(&center_id(), id(1)).await.is_ok());
    assert_eq!(store.check_integrity().await.unwrap().len(), 1);
}

pub(crate) async fn no_buyer_is_readable_in_decisions(ground: &Place) {
    let store = furnished(ground).await;
    keep(&store, &[decision(1)]).await;
    ground.settle().await;
    let found = readable(ground, &["request 1", "Canarybuyer"]);
    assert_eq!(found, ["request 1"]);
}
