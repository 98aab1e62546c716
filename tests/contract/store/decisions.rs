//! Decisions of plug-ins: kept up to a number and an age, readable by nobody else, gone with the buyer.

use std::sync::Arc;

use colophon_core::capability::Name;
use colophon_core::decision::Keeping;
use colophon_core::id::DecisionId;
use colophon_receipt::{CenterId, RetailerId};
use colophon_store::decisions::{DecisionRow, Mentions};
use colophon_store::failure::{AddError, ReadError};
use colophon_store::log::{Erased, KnownOf, PersonName};
use colophon_store::store::Store;

use crate::log::append;
use crate::place::{Place, moment};
use crate::plugins::{furnish_with_a_plugin, new};
use crate::privacy::readable;
use crate::samples::{center, center_id, download, event, furnish};

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
    keep_as(store, decisions, KEEPING).await.unwrap();
}

async fn keep_as(
    store: &Store,
    decisions: &[DecisionRow],
    keeping: Keeping,
) -> Result<(), AddError> {
    let sealed = store.seal_decisions(&center_id(), &plugin(), decisions.to_vec());
    assert_eq!(sealed.count(), decisions.len() as u64);
    store.keep_decisions(&sealed, keeping).await
}

async fn numbers(store: &Store) -> Vec<i64> {
    let found = store.decisions(&center_id(), &plugin(), None, 100).await;
    let found = found.unwrap();
    found.iter().map(|row| row.at.unix_ms()).collect()
}

/// They are tried a few at a time, and none of them is left out or tried twice.
pub(crate) async fn damage_is_found_wherever_it_lies(ground: &Place) {
    let store = furnished(ground).await;
    let all: Vec<DecisionRow> = (1..=70).map(decision).collect();
    let keeping = Keeping {
        last: 100,
        ..KEEPING
    };
    keep_as(&store, &all, keeping).await.unwrap();
    let whole = store.check_integrity().await.unwrap();
    assert!(whole.is_empty(), "{whole:?}");
    let mut stranger = ground.stranger().await;
    // One of the first, of the second and of the last page.
    for number in [1, 40, 70] {
        stranger
            .run(&format!(
                "UPDATE plugin_decisions SET record = id WHERE at = {number}"
            ))
            .await;
    }
    let problems = store.check_integrity().await.unwrap();
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}")
    };
    let said = "3 of 70 values of plugin_decisions.record";
    assert!(problem.text.starts_with(said), "{problem:?}");
}

/// More than are tried in all lie in one center, and the damage in another, and in its latest.
pub(crate) async fn the_latest_decisions_of_every_center_are_tried(ground: &Place) {
    let store = furnished(ground).await;
    let other = center("other").id;
    store
        .publish_plugin(&new(&other, "acme", "1"), moment(1))
        .await
        .unwrap();
    let keeping = Keeping {
        last: 5_000,
        ..KEEPING
    };
    let numbered = |number: u16| {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        DecisionRow {
            id: DecisionId::from_bytes(id),
            at: moment(i64::from(number)),
            ..decision(1)
        }
    };
    let many: Vec<DecisionRow> = (1..=1_100).map(numbered).collect();
    keep_as(&store, &many, keeping).await.unwrap();
    let one = store.seal_decisions(&other, &plugin(), [numbered(2_000)]);
    store.keep_decisions(&one, keeping).await.unwrap();
    let mut stranger = ground.stranger().await;
    for number in [1_100, 2_000] {
        stranger
            .run(&format!(
                "UPDATE plugin_decisions SET record = id WHERE at = {number}"
            ))
            .await;
    }
    let problems = store.check_integrity().await.unwrap();
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}")
    };
    let said = "2 of 501 values of plugin_decisions.record";
    assert!(problem.text.starts_with(said), "{problem:?}");
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
    keep_as(&store, &[decision(6)], none).await.unwrap();
    assert_eq!(numbers(&store).await, [1]);
}

pub(crate) async fn a_role_that_is_asked_often_pushes_no_other_out(ground: &Place) {
    let store = furnished(ground).await;
    let named = |number| DecisionRow {
        role: "naming".to_owned(),
        ..decision(number)
    };
    keep(&store, &[decision(1), decision(2)]).await;
    for number in 3..9 {
        keep(&store, &[named(number)]).await;
    }
    assert_eq!(numbers(&store).await, [8, 7, 6, 2, 1]);
    // Of one batch, too.
    keep(&store, &[named(9), decision(10), decision(11)]).await;
    assert_eq!(numbers(&store).await, [11, 10, 9, 8, 7, 2]);
}

pub(crate) async fn decisions_are_found_by_their_request(ground: &Place) {
    let store = furnished(ground).await;
    let same = DecisionRow {
        role: "naming".to_owned(),
        request: "request 1".to_owned(),
        ..decision(3)
    };
    keep(&store, &[decision(1), decision(2), same.clone()]).await;
    let (center, plugin) = (center_id(), plugin());
    let found = async |request, limit| {
        let found = store.decisions_of_request(&center, &plugin, request, limit);
        found.await.unwrap()
    };
    assert_eq!(found("request 1", 9).await, [same.clone(), decision(1)]);
    assert_eq!(found("request 1", 1).await, [same]);
    assert_eq!(found("request 2", 9).await, [decision(2)]);
    assert_eq!(found("request 3", 9).await, []);
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
    let kept = keep_as(&store, &[decision(2)], KEEPING).await;
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
    // The same request asked for a name, and whose a retailer id was, which names no buyer.
    let naming = DecisionRow {
        role: "naming".to_owned(),
        request: "request 1".to_owned(),
        record: b"{}".to_vec(),
        ..decision(5)
    };
    let claimed = DecisionRow {
        role: "retailers".to_owned(),
        retailer: RetailerId::try_from("alias").unwrap(),
        ..naming.clone()
    };
    let claimed = DecisionRow {
        id: id(6),
        at: moment(6),
        ..claimed
    };
    let all = Keeping {
        last: 99,
        ..KEEPING
    };
    let kept = [
        decision(1),
        decision(2),
        elsewhere,
        same_name,
        naming,
        claimed,
    ];
    keep_as(&store, &kept, all).await.unwrap();
    let shop = RetailerId::try_from("shop").unwrap();
    let person = PersonName::UserName("Canarybuyer 1".parse().unwrap());
    let counted = store.known_of(&center_id(), &shop, &person).await;
    assert_eq!(counted.unwrap().decisions, 4);
    let erased = store
        .erase_person(&center_id(), &shop, &person, Mentions::Stay)
        .await;
    let expected = Erased {
        logged: false,
        rows: 0,
        decisions: 4,
        unreadable: 0,
    };
    assert_eq!(
        erased.unwrap(),
        expected,
        "nobody of this name is in the log"
    );
    assert_eq!(numbers(&store).await, [3, 2]);
}

pub(crate) async fn what_names_no_buyer_goes_by_the_request_in_the_log(ground: &Place) {
    let store = furnished(ground).await;
    // A plug-in that only names files: nothing in its records tells for whom.
    let named = |number: u8| DecisionRow {
        role: "naming".to_owned(),
        request: event(u32::from(number)).to_string(),
        record: b"{}".to_vec(),
        ..decision(number)
    };
    keep(&store, &[named(1), named(2), named(3)]).await;
    let bought = |number: u32, customer: &str| {
        let mut record = download(number, &format!("order-{number}"));
        record.at = moment(i64::from(number));
        if let Some(claims) = &mut record.claims {
            claims.customer_id = Some(customer.parse().unwrap());
        }
        (i64::from(number), record)
    };
    append(
        &store,
        [bought(1, "ada"), bought(2, "bob"), bought(3, "ada")],
    )
    .await;
    let shop = RetailerId::try_from("shop").unwrap();
    let ada = PersonName::Customer("ada".parse().unwrap());
    let erased = store
        .erase_person(&center_id(), &shop, &ada, Mentions::Stay)
        .await
        .unwrap();
    let expected = Erased {
        logged: true,
        rows: 2,
        decisions: 2,
        unreadable: 0,
    };
    assert_eq!(erased, expected);
    assert_eq!(numbers(&store).await, [2]);
    let again = store
        .erase_person(&center_id(), &shop, &ada, Mentions::Stay)
        .await
        .unwrap();
    let nothing = Erased {
        logged: false,
        rows: 0,
        decisions: 0,
        unreadable: 0,
    };
    assert_eq!(again, nothing);
}

/// Kept under a customer's id: neither by name nor by sale do others' rows or decisions go.
pub(crate) async fn what_is_kept_under_something_else_is_told_and_stays(ground: &Place) {
    let store = furnished(ground).await;
    let told = |number: u8, pairs: &str| DecisionRow {
        request: event(u32::from(number)).to_string(),
        record: format!("{{\"sale\":[{pairs}]}}").into_bytes(),
        ..decision(number)
    };
    let ada = "[\"transaction\",\"order-1\"],[\"customer-id\",\"c-7\"],[\"user-name\",\"Ada Q\"]";
    // The customer's id is another one's name.
    let eve = "[\"customer-id\",\"Ada Q\"],[\"user-name\",\"Eve\"]";
    // Somebody else gave her a present.
    let present = "[\"customer-id\",\"c-8\"]],\"note\":[\"for Ada Q, with love\"";
    // A plug-in that is told nobody asked about her. The log knows for whom, and of the last it does not.
    let asked = DecisionRow {
        record: br#"{"heard":"Ada Q"}"#.to_vec(),
        ..told(4, "")
    };
    let unknown = DecisionRow {
        id: id(5),
        at: moment(5),
        request: event(5).to_string(),
        ..asked.clone()
    };
    let kept = [told(1, ada), told(2, eve), told(3, present), asked, unknown];
    let all = Keeping {
        last: 99,
        ..KEEPING
    };
    keep_as(&store, &kept, all).await.unwrap();
    let bought = |number: u32, customer: &str, name: &str| {
        let mut record = download(number, &format!("order-{number}"));
        record.at = moment(i64::from(number));
        if let Some(claims) = &mut record.claims {
            claims.customer_id = Some(customer.parse().unwrap());
            claims.user_name = Some(name.parse().unwrap());
        }
        (i64::from(number), record)
    };
    append(
        &store,
        [
            bought(1, "c-7", "Ada Q"),
            bought(2, "Ada Q", "Eve"),
            bought(3, "c-8", "Bob"),
            bought(4, "c-8", "Bob"),
        ],
    )
    .await;
    let shop = RetailerId::try_from("shop").unwrap();
    let customer = |id: &str| PersonName::Customer(id.parse().unwrap());
    let name = PersonName::UserName("Ada Q".parse().unwrap());
    let known = store.known_of(&center_id(), &shop, &name).await.unwrap();
    let expected = KnownOf {
        decisions: 1,
        of_others: 3,
        elsewhere: [(customer("c-7"), 1)].into(),
        otherwise: [(customer("Ada Q"), 1)].into(),
        ..KnownOf::default()
    };
    assert_eq!(known, expected);
    let sale = PersonName::Sale("order-1".parse().unwrap());
    let known = store.known_of(&center_id(), &shop, &sale).await.unwrap();
    assert_eq!((known.rows, known.decisions), (0, 0));
    assert_eq!(known.elsewhere, [(customer("c-7"), 1)].into());
    let known = store
        .known_of(&center_id(), &shop, &customer("c-7"))
        .await
        .unwrap();
    assert_eq!((known.rows, known.decisions, known.of_others), (1, 1, 0));
    let erased = store
        .erase_person(&center_id(), &shop, &customer("Ada Q"), Mentions::Stay)
        .await;
    assert_eq!(erased.unwrap().decisions, 2);
    assert_eq!(numbers(&store).await, [4, 3, 1]);
    let erased = store
        .erase_person(&center_id(), &shop, &name, Mentions::Go)
        .await;
    assert_eq!(erased.unwrap().decisions, 3);
    assert!(numbers(&store).await.is_empty());
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
    // Whom it is about nobody can say, so it does not go with somebody.
    let shop = RetailerId::try_from("shop").unwrap();
    let nobody = PersonName::UserName("Nobody Atall".parse().unwrap());
    let erased = store
        .erase_person(&center_id(), &shop, &nobody, Mentions::Stay)
        .await;
    let expected = Erased {
        logged: false,
        rows: 0,
        decisions: 0,
        unreadable: 1,
    };
    assert_eq!(erased.unwrap(), expected);
    assert_eq!(store.check_integrity().await.unwrap().len(), 1);
}

pub(crate) async fn no_buyer_is_readable_in_decisions(ground: &Place) {
    let store = furnished(ground).await;
    keep(&store, &[decision(1)]).await;
    ground.settle().await;
    let found = readable(ground, &["request 1", "Canarybuyer"]);
    assert_eq!(found, ["request 1"]);
}
