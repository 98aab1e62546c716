//! Requests that are refused, and what their senders learn.

use colophon_core::plugin::{RetailerAnswer, RetailerEntry};

use crate::support::client::{Client, ask, download_target, form_request, get_copy, post, request};
use crate::support::host::{Host, Options, SORRY};
use crate::support::ports::Obliging;

async fn host() -> Host {
    let host = Host::with(Options {
        error_urls: &[],
        ..Options::default()
    })
    .await;
    host.sell_pattern("111", 1_000);
    host
}

#[tokio::test]
async fn illegal_requests() {
    let host = host().await;
    let receipt = host.receipt("111");
    let cases = [
        "".to_owned(),
        "action=download".to_owned(),
        format!("value={receipt}"),
        format!("action=upload&value={receipt}"),
        format!("action=download&action=download&value={receipt}"),
        format!("action=download&value={receipt}&value={receipt}"),
        format!("Action=download&value={receipt}"),
        format!("action=download&value={receipt}&RetailerID=a/b"),
        format!("{}action=download&value={receipt}", "x=y&".repeat(40)),
    ];
    for form in &cases {
        post(host.address, "/main/ds", form)
            .await
            .check_problem(400, "request-illegal");
        ask(host.address, "GET", &format!("/main/ds?{form}"), &[])
            .await
            .check_problem(400, "request-illegal");
    }
    let twice = format!("/main/ds?action=download&value={receipt}");
    post(host.address, &twice, "action=download")
        .await
        .check_problem(400, "request-illegal");
    assert_eq!(host.outbox.rows().len(), 0);
    assert_eq!(host.counters.values().requests, 0);
}

#[tokio::test]
async fn bodies_that_are_no_forms() {
    let host = host().await;
    let form = format!("action=download&value={}", host.receipt("111"));
    let length = form.len().to_string();
    for media_type in [
        "",
        "multipart/form-data; boundary=x",
        "application/json",
        "text/plain",
    ] {
        let headers = [("Content-Type", media_type), ("Content-Length", &length)];
        let mut client = Client::connect(host.address).await;
        client
            .send(request("POST", "/main/ds", &headers, &form))
            .await;
        client
            .answer_to("POST")
            .await
            .check_problem(400, "request-illegal");
        assert_eq!(client.rest().await, b"");
    }
    let mut client = Client::connect(host.address).await;
    let target = download_target(&host.receipt("111"));
    client
        .send(request("GET", &target, &[("Content-Length", "3")], "a=b"))
        .await;
    client
        .answer_to("GET")
        .await
        .check_problem(400, "request-illegal");
}

#[tokio::test]
async fn strangers_cannot_tell_one_bad_receipt_from_another() {
    let host = host().await;
    let good = host.receipt("111");
    let flipped = {
        let mut text = good.clone().into_bytes();
        let last = text.len() - 5;
        text[last] = if text[last] == b'A' { b'B' } else { b'A' };
        String::from_utf8(text).unwrap()
    };
    // The header says `nobody.1`.
    let unknown = format!(
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoibm9ib2R5LjEifQ{}",
        &good[good.find('.').unwrap()..]
    );
    let mut bodies = Vec::new();
    for receipt in ["x", "", "..", &good[1..], &flipped, &unknown]
        .iter()
        .filter(|r| !r.is_empty())
    {
        let answer = get_copy(host.address, receipt, &[]).await;
        answer.check_problem(403, "receipt-invalid");
        let id = answer.header("x-request-id").unwrap().to_owned();
        bodies.push(String::from_utf8(answer.body).unwrap().replace(&id, ""));
    }
    let other = format!("{}&RetailerID=other", download_target(&good));
    let answer = ask(host.address, "GET", &other, &[]).await;
    answer.check_problem(403, "receipt-invalid");
    assert!(bodies.iter().all(|body| *body == bodies[0]));
}

#[tokio::test]
async fn a_wrong_key_number_is_the_receipts_fault_whoever_tells_the_retailer() {
    let known = |retailer: &str, key: Option<&str>| {
        Some(RetailerAnswer::Known(RetailerEntry {
            retailer: retailer.to_owned(),
            key: key.map(str::to_owned),
        }))
    };
    let shop = || known("shop", None);
    for (identity, named, refused) in [
        (shop(), "branch.1", None),
        (shop(), "branch.7", Some((403, "receipt-invalid"))),
        (Some(RetailerAnswer::NotMine), "shop.1", None),
        (
            Some(RetailerAnswer::NotMine),
            "shop.7",
            Some((403, "receipt-invalid")),
        ),
        // What the plug-in names itself has to be there.
        (known("shop", Some("shop.1")), "branch.7", None),
        (
            known("shop", Some("shop.7")),
            "branch.1",
            Some((503, "plug-in-failed")),
        ),
        (
            known("nobody", None),
            "branch.1",
            Some((503, "plug-in-failed")),
        ),
        (
            known("shop", Some("other.1")),
            "branch.1",
            Some((503, "plug-in-failed")),
        ),
    ] {
        let told = format!("{identity:?}, {named}");
        let host = Host::with(Options {
            error_urls: &[],
            plugins: Obliging {
                identity,
                ..Obliging::default()
            },
            ..Options::default()
        })
        .await;
        host.sell_pattern("111", 1_000);
        let receipt = host.receipt_naming("111", named);
        let answer = get_copy(host.address, &receipt, &[]).await;
        match refused {
            None => assert_eq!(answer.status, 200, "{told}"),
            Some((status, code)) => answer.check_problem(status, code),
        }
    }
}

#[tokio::test]
async fn centers_and_titles_that_there_are_not() {
    let host = host().await;
    let query = format!("action=download&value={}", host.receipt("111"));
    for center in ["other", "MAIN", "a%2Fb", "%00", "%FF", "%E4%B8%AD"] {
        let target = format!("/{center}/ds?{query}");
        ask(host.address, "GET", &target, &[])
            .await
            .check_problem(404, "center-unknown");
    }
    let unknown = get_copy(host.address, &host.receipt("999"), &[]).await;
    unknown.check_problem(404, "title-unknown");
    host.shelf.titles.lock().unwrap().clear();
    get_copy(host.address, &host.receipt("111"), &[])
        .await
        .check_problem(404, "title-unknown");
    // What names no center at all is asked of none.
    let values = host.settled().await;
    assert_eq!((values.requests, values.refused, values.failed), (3, 3, 3));
}

#[tokio::test]
async fn addresses_and_methods_that_there_are_not() {
    let host = host().await;
    for target in [
        "/",
        "/main",
        "/main/ds/",
        "/main/ds/x",
        "/main//ds",
        "/../main/ds",
        "/docs",
    ] {
        ask(host.address, "GET", target, &[])
            .await
            .check_problem(404, "address-unknown");
    }
    let tunnel = ask(host.address, "CONNECT", "center.example:443", &[]).await;
    tunnel.check_problem(404, "address-unknown");
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"] {
        let answer = ask(host.address, method, "/main/ds", &[]).await;
        answer.check_problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), Some("GET,HEAD,POST"));
    }
}

#[tokio::test]
async fn a_known_retailer_hears_why_at_its_own_address() {
    let host = Host::start().await;
    host.sell_pattern("111", 1_000);
    let answer = get_copy(host.address, &host.receipt("999"), &[]).await;
    let expected = format!("{SORRY}&code=title-unknown");
    answer.check(
        303,
        &[("location", &expected), ("cache-control", "no-store")],
    );
    assert!(answer.body.is_empty());

    let receipt = host.receipt("111");
    host.clock.advance_s(100_000);
    let expired = get_copy(host.address, &receipt, &[]).await;
    expired.check(
        303,
        &[("location", &format!("{SORRY}&code=receipt-expired"))],
    );
    let head = ask(host.address, "HEAD", &download_target(&receipt), &[]).await;
    assert_eq!(head.status, 303);
}

#[tokio::test]
async fn a_form_may_be_sent_before_the_server_agrees() {
    let host = host().await;
    let form = format!("action=download&value={}", host.receipt("111"));
    let mut client = Client::connect(host.address).await;
    let whole = form_request("/main/ds", &form, &[("Expect", "100-continue")]);
    let (head, body) = whole.split_at(whole.len() - form.len());
    client.send(head).await;
    assert_eq!(client.head().await.status, 100);
    client.send(body).await;
    assert_eq!(client.answer_to("POST").await.status, 200);
}
