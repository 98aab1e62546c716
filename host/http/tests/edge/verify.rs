//! Asking whether a title could be downloaded.

use crate::support::client::{Answer, ask};
use crate::support::host::{Host, ROOM};

async fn verify(host: &Host, receipt: &str) -> Answer {
    ask(
        host.address,
        "GET",
        &format!("/main/ds?action=verify&value={receipt}"),
        &[],
    )
    .await
}

#[tokio::test]
async fn a_title_that_is_ready() {
    let host = Host::start().await;
    host.sell_pattern("111", 1_000);
    let answer = verify(&host, &host.limited_receipt("111", 1)).await;
    answer.check(200, &[("content-type", "application/json")]);
    let found: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let expected = serde_json::json!({
        "book_id": "111",
        "book_id_type": "ISBN",
        "ready": true,
        "media_type": "application/epub+zip",
        "levels": [1],
        "signatures": [],
    });
    assert_eq!(found, expected);
    assert!(host.uses.0.lock().unwrap().is_empty());
    assert_eq!((host.outbox.rows().len(), host.outbox.room()), (0, ROOM));
    assert_eq!(host.counters.values().requests, 0);
}

#[tokio::test]
async fn one_that_is_not() {
    let host = Host::start().await;
    host.sell_pattern("111", 1_000);
    // The asker is a program, so it is told and not sent anywhere.
    verify(&host, &host.receipt("999"))
        .await
        .check_problem(404, "title-unknown");
    host.store.forms.lock().unwrap().clear();
    let answer = verify(&host, &host.receipt("111")).await;
    answer.check_problem(503, "title-not-ready");
    assert_eq!(answer.header("retry-after"), Some("5"));
}

#[tokio::test]
async fn strangers_learn_nothing() {
    let host = Host::start().await;
    host.sell_pattern("111", 1_000);
    verify(&host, "x")
        .await
        .check_problem(403, "receipt-invalid");
}
