//! A host that stops finishes what it has begun.

use std::time::{Duration, Instant};

use colophon_core::log::Outcome;
use colophon_http::edge::Stopped;
use colophon_http::limits::Limits;
use tokio::net::TcpStream;

use crate::support::client::{Client, download_target, request};
use crate::support::content::Pattern;
use crate::support::host::Host;

const LARGE: u64 = 32 << 20;

async fn begin(host: &Host) -> Client {
    let mut client = Client::connect(host.address).await;
    client
        .send(request(
            "GET",
            &download_target(&host.receipt("111")),
            &[],
            "",
        ))
        .await;
    client.head().await.check(200, &[]);
    client
}

#[tokio::test]
async fn downloads_under_way_come_to_their_end() {
    let host = Host::with_limits(Limits {
        newcomers: Duration::from_millis(150),
        ..Limits::default()
    })
    .await;
    host.sell_pattern("111", LARGE);
    let address = host.address;
    let mut client = begin(&host).await;
    let mut idle = Client::connect(address).await;
    idle.send(request("GET", "/livez", &[], "")).await;
    idle.answer_to("GET").await;
    let mut silent = Client::connect(address).await;

    let outbox = host.outbox.clone();
    let stopped = tokio::spawn(host.stopped());
    // Connections without a request are closed: one that had some at once, one that had none yet
    // when it has had time for it.
    assert_eq!((idle.rest().await, silent.rest().await), (vec![], vec![]));
    while TcpStream::connect(address).await.is_ok() {}
    let body = client.exactly(LARGE as usize).await;
    assert!(body == Pattern::whole(LARGE));
    assert_eq!(client.rest().await, b"");
    assert_eq!(
        stopped.await.unwrap(),
        Stopped {
            downloads_drained: 1,
            downloads_cut: 0
        }
    );
    assert_eq!(outbox.rows()[0].outcome, Outcome::Completed);
}

/// Its request may be on the way, so dropping it would fail a request.
#[tokio::test]
async fn who_was_accepted_and_has_not_asked_yet_is_answered() {
    let host = Host::start().await;
    host.sell_pattern("111", 1_000);
    let mut accepted = Client::connect(host.address).await;
    while host.counters.values().connections == 0 {
        tokio::task::yield_now().await;
    }
    host.stop.cancel();
    let target = download_target(&host.receipt("111"));
    let stopped = tokio::spawn(host.stopped());
    accepted.send(request("GET", &target, &[], "")).await;
    let answer = accepted.answer_to("GET").await;
    answer.check(200, &[]);
    assert_eq!(answer.body, Pattern::whole(1_000));
    assert_eq!(accepted.rest().await, b"");
    stopped.await.unwrap();
}

#[tokio::test]
async fn many_idle_connections_hold_nothing_up() {
    const IDLE: usize = 300;
    let limits = Limits {
        connections_per_address_max: IDLE,
        ..Limits::default()
    };
    let drain = limits.drain;
    let host = Host::with_limits(limits).await;
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        let mut client = Client::connect(host.address).await;
        client.send(request("GET", "/livez", &[], "")).await;
        assert_eq!(client.answer_to("GET").await.status, 200);
        idle.push(client);
    }
    let begun = Instant::now();
    host.stopped().await;
    assert!(begun.elapsed() < drain);
    for mut client in idle {
        assert_eq!(client.rest().await, b"");
    }
}

#[tokio::test]
async fn but_not_for_ever() {
    let limits = Limits {
        drain: Duration::from_millis(150),
        ..Limits::default()
    };
    let host = Host::with_limits(limits).await;
    host.sell_pattern("111", LARGE);
    let mut client = begin(&host).await;
    let outbox = host.outbox.clone();
    let stopped = host.stopped().await;
    assert_eq!(
        stopped,
        Stopped {
            downloads_drained: 0,
            downloads_cut: 1
        }
    );
    assert_eq!(outbox.rows()[0].outcome, Outcome::Broken);
    assert!(client.rest().await.len() < LARGE as usize);
}

#[tokio::test]
async fn a_host_that_does_nothing_stops_at_once() {
    let host = Host::start().await;
    assert_eq!(
        host.stopped().await,
        Stopped {
            downloads_drained: 0,
            downloads_cut: 0
        }
    );
}
