//! What a client may take up: time, bytes, connections, downloads.

use std::time::Duration;

use colophon_http::client_address::{ProxyHeader, TrustedProxies};
use colophon_http::limits::Limits;

use crate::support::client::{Client, ask, download_target, form_request, get_copy, post, request};
use crate::support::host::{Host, Options};
use crate::support::ports::Durability;

const SHORT: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let host = Host::with_limits(Limits {
        first_byte: SHORT,
        ..Limits::default()
    })
    .await;
    assert_eq!(Client::connect(host.address).await.rest().await, b"");
    let mut within_preface = Client::connect(host.address).await;
    within_preface.send("PRI * HT").await;
    assert_eq!(within_preface.rest().await, b"");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let host = Host::with_limits(Limits {
        head: SHORT,
        ..Limits::default()
    })
    .await;
    let mut client = Client::connect(host.address).await;
    client.send("GET /livez HTTP/1.1\r\nHost: x\r\nX: ").await;
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn nor_is_an_idle_connection_kept() {
    let host = Host::with_limits(Limits {
        head: SHORT,
        ..Limits::default()
    })
    .await;
    let mut client = Client::connect(host.address).await;
    client.send(request("GET", "/livez", &[], "")).await;
    assert_eq!(client.answer_to("GET").await.body, b"ok\n");
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let host = Host::with_limits(Limits {
        body_grace: SHORT,
        ..Limits::default()
    })
    .await;
    let mut client = Client::connect(host.address).await;
    let whole = form_request("/main/ds", "action=download&value=x", &[]);
    client.send(&whole[..whole.len() - 1]).await;
    let answer = client.answer_to("POST").await;
    answer.check_problem(408, "request-timeout");
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn bodies_and_queries_have_a_size() {
    let host = Host::start().await;
    let large = format!("action=download&value={}", "x".repeat(32 * 1024));
    let mut client = Client::connect(host.address).await;
    // The server may close before it has read all of this.
    let _ = tokio::io::AsyncWriteExt::write_all(
        &mut client.stream,
        form_request("/main/ds", &large, &[]).as_bytes(),
    )
    .await;
    client
        .answer_to("POST")
        .await
        .check_problem(413, "request-too-large");

    let query = format!("/main/ds?action=download&value={}", "x".repeat(2_048));
    ask(host.address, "GET", &query, &[])
        .await
        .check_problem(413, "request-too-large");
    post(host.address, &query, "")
        .await
        .check_problem(413, "request-too-large");
}

#[tokio::test]
async fn heads_have_a_size() {
    let host = Host::start().await;
    let long = "x".repeat(16 * 1024);
    let answer = ask(host.address, "GET", "/livez", &[("X-Long", &long)]).await;
    assert_eq!(answer.status, 431);
    let answer = ask(host.address, "GET", &format!("/livez?{long}"), &[]).await;
    assert_eq!(answer.status, 431);

    let fields: Vec<(String, &str)> = (0..101).map(|n| (format!("X-{n}"), "y")).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, y)| (name.as_str(), *y)).collect();
    let ask = |count: usize| ask(host.address, "GET", "/livez", &fields[..count]);
    assert_eq!(ask(63).await.status, 200);
    ask(64).await.check_problem(413, "request-too-large");
    ask(99).await.check_problem(413, "request-too-large");
    assert_eq!(ask(101).await.status, 431);
}

#[tokio::test]
async fn connections_are_counted() {
    let limits = Limits {
        connections_per_address_max: 2,
        ..Limits::default()
    };
    let host = Host::with_limits(limits).await;
    let ask = request("GET", "/livez", &[], "");
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(host.address).await;
        client.send(&ask).await;
        assert_eq!(client.answer_to("GET").await.status, 200);
        held.push(client);
    }
    assert_eq!(host.counters.values().connections, 2);
    let mut third = Client::connect(host.address).await;
    let answer = third.head().await;
    answer.check(503, &[("retry-after", "5"), ("connection", "close")]);

    drop(held.pop());
    while host.counters.values().connections > 1 {
        tokio::task::yield_now().await;
    }
    let mut again = Client::connect(host.address).await;
    again.send(&ask).await;
    assert_eq!(again.answer_to("GET").await.status, 200);
}

#[tokio::test]
async fn one_download_too_many_is_refused_at_once() {
    let limits = Limits {
        downloads_max: 1,
        ..Limits::default()
    };
    let host = Host::with_limits(limits).await;
    host.sell_pattern("111", 1_000);
    host.outbox.set(Durability::Later);
    let mut client = Client::connect(host.address).await;
    client
        .send(request(
            "GET",
            &download_target(&host.receipt("111")),
            &[],
            "",
        ))
        .await;
    client.head().await;
    host.outbox.wait_for_rows(1).await;

    let answer = get_copy(host.address, &host.receipt("111"), &[]).await;
    answer.check_problem(503, "busy");
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(ask(host.address, "GET", "/livez", &[]).await.status, 200);

    host.outbox.set(Durability::AtOnce);
    client.exactly(1_000).await;
    host.settled().await;
    assert_eq!(
        get_copy(host.address, &host.receipt("111"), &[])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_proxy_speaks_for_its_clients() {
    let trusted = |range: &str| TrustedProxies {
        ranges: vec![range.parse().unwrap()],
        header: ProxyHeader::XForwardedFor,
    };
    for (range, expected) in [("127.0.0.0/8", "198.51.100.7"), ("10.0.0.0/8", "127.0.0.1")] {
        let limits = Limits {
            connections_per_address_max: 1,
            ..Limits::default()
        };
        let trusted_proxies = trusted(range);
        let host = Host::with(Options {
            limits,
            trusted_proxies,
            ..Options::default()
        })
        .await;
        host.sell_pattern("111", 10);
        let forwarded = [("X-Forwarded-For", "203.0.113.5, 198.51.100.7")];
        assert_eq!(
            get_copy(host.address, &host.receipt("111"), &forwarded)
                .await
                .status,
            200
        );
        assert_eq!(host.outbox.rows()[0].client.address.to_string(), expected);
    }
}
