//! What the activation database's files tell about people.

use colophon_core::activation::ports::{Activations, Personas, Sessions};
use colophon_core::activation::session::SessionContent;
use colophon_core::activation::token::SessionToken;
use colophon_keys::{AwsLc, SystemRandom};

use super::ground::{activated, certificate, day, machine, persona, stock, used};
use crate::place::Place;
use crate::privacy::readable;

const PERSONAL: [&str; 9] = [
    "adacanary",
    "people.example",
    "Canaryname",
    "canary.example",
    "Canarydesk",
    "Canarycertificate",
    "Canarypackage",
    "Canarynote",
    "private key 0",
];

pub(crate) async fn nobody_is_readable_in_the_files(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let ada = persona(&store, "adacanary").await;
    activated(&store, ada, &machine(1), day(0)).await;
    let issued = certificate(1, day(0));
    store.keep_certificate(ada, &issued, day(0)).await.unwrap();
    let token = SessionToken::generate(&mut SystemRandom);
    let session = token.digest(&AwsLc);
    let content = SessionContent {
        persona: Some(ada),
        notes: b"Canarynote".to_vec().into(),
    };
    store
        .begin(&session, &content, day(1), day(0))
        .await
        .unwrap();
    place.settle().await;
    let facts = machine(1).to_json();
    let secret = token.reveal();
    let mut texts = PERSONAL.to_vec();
    texts.extend([facts.as_str(), secret.as_str(), "argon2id"]);
    assert_eq!(readable(place, &texts), Vec::<&str>::new());
    // What may be read is read, so the files are the right ones.
    assert_eq!(readable(place, &["reader 1"]), ["reader 1"]);
}

pub(crate) async fn an_erased_persona_leaves_only_numbers(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 3).await;
    let (ada, bob) = (persona(&store, "ada").await, persona(&store, "bob").await);
    activated(&store, ada, &machine(1), day(0)).await;
    activated(&store, bob, &machine(1), day(0)).await;
    let issued = certificate(1, day(0));
    store.keep_certificate(ada, &issued, day(0)).await.unwrap();
    assert!(store.erase(ada, day(1)).await.unwrap());
    assert!(!store.erase(ada, day(1)).await.unwrap());
    assert!(store.persona(ada).await.unwrap().is_none());
    assert!(
        store
            .account(&"ada".parse().unwrap())
            .await
            .unwrap()
            .is_none()
    );
    let mut stranger = place.stranger().await;
    let left = [
        (
            "SELECT COUNT(*) FROM personas WHERE pseudonym IS NULL AND persona IS NULL \
          AND profile IS NULL AND fact_salt IS NULL",
            1,
        ),
        ("SELECT COUNT(*) FROM accounts", 1),
        ("SELECT COUNT(*) FROM grants", 1),
        (
            "SELECT COUNT(*) FROM devices WHERE facts IS NULL AND name IS NULL AND machine = id",
            1,
        ),
        (
            "SELECT COUNT(*) FROM persona_certificates WHERE certificate IS NULL \
          AND revoked_at IS NOT NULL",
            1,
        ),
        (
            "SELECT COUNT(*) FROM key_pairs WHERE persona IS NOT NULL",
            1,
        ),
        ("SELECT COUNT(*) FROM activation_packages", 1),
        ("SELECT COUNT(*) FROM activations", 2),
    ];
    for (sql, expected) in left {
        assert_eq!(stranger.numbers(sql).await, [expected], "{sql}");
    }
    assert_eq!(store.reader().totals().await.unwrap().activations, 2);
    assert_eq!(used(&store, bob).await, 1);
    // The name is free again, and is somebody else then.
    assert_ne!(persona(&store, "ada").await, ada);
    assert!(store.check_integrity().await.unwrap().is_empty());
}

/// On a server what was erased stands in its files until the table is cleaned up.
pub(crate) async fn every_table_that_somebody_was_erased_from_is_cleaned_up(place: &Place) {
    let store = place.activation_store().await;
    let ada = persona(&store, "ada").await;
    assert!(store.erase(ada, day(1)).await.unwrap());
    if !place.is_server() {
        return;
    }
    let mut stranger = place.stranger().await;
    let tables = [
        "accounts",
        "activation_packages",
        "devices",
        "grants",
        "identities",
        "key_pairs",
        "password_resets",
        "persona_certificates",
        "personas",
        "repository_orders",
        "sessions",
    ];
    for table in tables {
        let cleaned = format!(
            "SELECT COUNT(*) FROM pg_stat_user_tables WHERE relname = '{table}' AND vacuum_count > 0"
        );
        assert_eq!(stranger.numbers(&cleaned).await, [1], "{table}");
    }
}
