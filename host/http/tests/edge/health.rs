//! What balancers and monitors ask for.

use std::time::Duration;

use colophon_http::limits::Limits;

use crate::support::client::{Answer, ask, get_copy};
use crate::support::host::Host;
use crate::support::ports::Health;

fn json(answer: &Answer) -> serde_json::Value {
    assert_eq!(answer.header("content-type"), Some("application/json"));
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn alive_whatever_is_behind() {
    let host = Host::start().await;
    *host.checkup.0.lock().unwrap() = Health::Hanging;
    for target in ["/livez", "/healthz"] {
        let answer = ask(host.address, "GET", target, &[]).await;
        answer.check(200, &[("cache-control", "no-store")]);
        assert_eq!(answer.body, b"ok\n");
        let head = ask(host.address, "HEAD", target, &[]).await;
        head.check(200, &[("content-length", "3")]);
    }
}

#[tokio::test]
async fn ready_when_every_service_answers() {
    let host = Host::start().await;
    let answer = ask(host.administration, "GET", "/readyz", &[]).await;
    answer.check(200, &[("cache-control", "no-store")]);
    assert_eq!(json(&answer)["ready"], true);
    assert_eq!(json(&answer)["services"][1]["service"], "content-store");
}

#[tokio::test]
async fn not_ready_says_why_and_no_more() {
    let host = Host::start().await;
    *host.checkup.0.lock().unwrap() = Health::DatabaseGone;
    let answer = ask(host.administration, "GET", "/readyz", &[]).await;
    assert_eq!(answer.status, 503);
    let report = json(&answer);
    assert_eq!(report["ready"], false);
    assert_eq!(report["services"][0]["service"], "fulfillment-database");
    assert_eq!(report["services"][0]["ready"], false);
    assert_eq!(report["services"][1]["ready"], true);
    assert!(
        !String::from_utf8(answer.body)
            .unwrap()
            .contains("by the test's wish")
    );
}

/// Downloads go on without them, so a balancer leaves the host where it is.
#[tokio::test]
async fn repository_workers_that_are_gone_are_told_of_and_stop_nothing() {
    let host = Host::start().await;
    *host.checkup.0.lock().unwrap() = Health::WorkersGone;
    let answer = ask(host.administration, "GET", "/readyz", &[]).await;
    assert_eq!(answer.status, 200);
    let report = json(&answer);
    assert_eq!(report["ready"], true);
    assert_eq!(report["services"][2]["service"], "repository-workers");
    assert_eq!(report["services"][2]["ready"], false);
    let reason = report["services"][2]["reason"].as_str().unwrap();
    assert!(!reason.contains("by the test's wish"), "{reason}");
}

#[tokio::test]
async fn a_check_takes_no_longer_than_its_limit() {
    let limits = Limits {
        ready: Duration::from_millis(100),
        ..Limits::default()
    };
    let host = Host::with_limits(limits).await;
    *host.checkup.0.lock().unwrap() = Health::Hanging;
    let answer = ask(host.administration, "GET", "/readyz", &[]).await;
    assert_eq!(answer.status, 503);
    assert_eq!(json(&answer)["reason"], "the check took too long");
}

#[tokio::test]
async fn metrics_are_what_the_recorder_renders() {
    let host = Host::start().await;
    let answer = ask(host.administration, "GET", "/metrics", &[]).await;
    answer.check(
        200,
        &[("content-type", "text/plain; version=0.0.4; charset=utf-8")],
    );
    assert_eq!(answer.body, b"colophon_test 1\n");
}

#[tokio::test]
async fn administration_has_an_address_of_its_own() {
    let host = Host::start().await;
    host.sell_pattern("111", 10);
    let private = host.administration;
    for target in ["/readyz", "/metrics"] {
        assert_eq!(ask(private, "GET", target, &[]).await.status, 200);
        ask(host.address, "GET", target, &[])
            .await
            .check_problem(404, "address-unknown");
    }
    for address in [host.address, private] {
        assert_eq!(ask(address, "GET", "/livez", &[]).await.status, 200);
    }
    let receipt = host.receipt("111");
    assert_eq!(get_copy(host.address, &receipt, &[]).await.status, 200);
    get_copy(private, &receipt, &[])
        .await
        .check_problem(404, "address-unknown");
}
