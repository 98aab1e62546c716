//! What the edge tells its operator, and what it keeps to itself.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use colophon_http::limits::Limits;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::client::{Client, ask, download_target, get_copy, post, request};
use crate::support::host::{Host, Options};
use crate::support::ports::{Durability, Health};

/// Everything that was told, as JSON lines.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Told {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The fields of all events with this code.
    fn events(&self, code: &str) -> Vec<serde_json::Value> {
        let lines = self.text();
        let events = lines.lines().map(serde_json::from_str::<serde_json::Value>);
        let fields = events.map(|event| event.unwrap()["fields"].clone());
        fields
            .filter(|fields| fields["event.code"] == code)
            .collect()
    }
}

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Told {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Listens to this thread, on which the host of a test runs as well.
fn listen() -> (Told, tracing::subscriber::DefaultGuard) {
    let told = Told::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(told.clone())
        .finish();
    (told, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn an_illegal_request_is_told_in_full_but_for_its_secrets() {
    let (told, _listening) = listen();
    let host = Host::start().await;
    let receipt = host.receipt("111");
    let form = format!("action=upload&value={receipt}&Certificate=secret&note=a%0Ab");
    let answer = post(host.address, "/main/ds?x=y", &form).await;
    let events = told.events("COL3001");
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    let form = event["request.form"].as_str().unwrap();
    let redacted = format!("value=({} bytes, kid shop.1)", receipt.len());
    assert_eq!(
        form,
        format!("action=upload&{redacted}&Certificate=(6 bytes)&note=a\\nb")
    );
    assert!(
        event["request.head"]
            .as_str()
            .unwrap()
            .starts_with("POST /main/ds?x=y HTTP/1.1; ")
    );
    assert_eq!(event["event.name"], "request-illegal");
    assert_eq!(event["client.address"], "127.0.0.1");
    assert_eq!(event["request.id"], answer.header("x-request-id").unwrap());
    assert_eq!(event["reason"], "the action is neither download nor verify");
}

#[tokio::test]
async fn a_refused_receipt_is_told_with_the_reason_the_stranger_does_not_get() {
    let (told, _listening) = listen();
    let host = Host::with(Options {
        error_urls: &[],
        ..Options::default()
    })
    .await;
    let mut receipt = host.receipt("111");
    receipt.truncate(receipt.rfind('.').unwrap());
    receipt.push_str(".AAAAAAAAAAAAAAAAAAAAAA");
    get_copy(host.address, &receipt, &[])
        .await
        .check_problem(403, "receipt-invalid");
    let events = told.events("COL3001");
    assert_eq!(events.len(), 1);
    assert!(
        events[0]["reason"]
            .as_str()
            .unwrap()
            .starts_with("the receipt does not open: ")
    );
}

#[tokio::test]
async fn a_broken_download_is_told_with_how_far_it_came() {
    let (told, _listening) = listen();
    let host = Host::start().await;
    host.sell_pattern("111", 1_000);
    host.outbox.set(Durability::Never);
    let mut client = Client::connect(host.address).await;
    let target = download_target(&host.receipt("111"));
    client.send(request("GET", &target, &[], "")).await;
    client.rest().await;
    let events = told.events("COL3003");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["download.sent_bytes"], 0);
    assert_eq!(events[0]["reason"], "host");
}

#[tokio::test]
async fn a_download_that_a_client_does_not_take_is_told_as_too_slow() {
    let (told, _listening) = listen();
    for limits in [
        Limits {
            write_stall: Duration::from_millis(200),
            ..Limits::default()
        },
        Limits {
            write_crawl: Duration::from_millis(200),
            ..Limits::default()
        },
    ] {
        let host = Host::with_limits(limits).await;
        host.sell_pattern("111", 64 << 20);
        let mut client = Client::connect(host.address).await;
        let target = download_target(&host.receipt("111"));
        client.send(request("GET", &target, &[], "")).await;
        host.outbox.wait_for_rows(1).await;
    }
    let events = told.events("COL3003");
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event["reason"] == "too-slow"));
}

#[tokio::test]
async fn no_receipt_and_no_name_is_ever_told() {
    let (told, _listening) = listen();
    let host = Host::start().await;
    host.sell_pattern("111", 1_000);
    let named = |book_id| {
        host.receipt_with(book_id, |claims| {
            claims.user_name = Some("Canary Bird".parse().unwrap());
            claims.customer_id = Some("canary-17".parse().unwrap());
        })
    };
    let (good, unknown) = (named("111"), named("999"));
    let referer = format!("https://center.example{}", download_target(&good));
    for receipt in [&good, &unknown, &format!("{good}x")] {
        get_copy(host.address, receipt, &[("Referer", &referer)]).await;
        ask(host.address, "HEAD", &download_target(receipt), &[]).await;
        post(
            host.address,
            "/main/ds",
            &format!("action=download&value={receipt}"),
        )
        .await;
        post(
            host.address,
            "/main/ds",
            &format!("action=x&VALUE={receipt}&y={receipt}"),
        )
        .await;
        ask(
            host.address,
            "GET",
            &format!("/main/ds?action=verify&value={receipt}"),
            &[],
        )
        .await;
        ask(
            host.address,
            "GET",
            &format!("/other/ds?action=download&value={receipt}"),
            &[],
        )
        .await;
    }
    let text = told.text();
    assert!(text.contains("COL3001"));
    for secret in [good.as_str(), unknown.as_str(), "Canary", "canary-17"] {
        // hyper's and mio's own words are none of the edge's.
        let ours = text.lines().filter(|line| line.contains("colophon"));
        assert!(
            !ours.clone().any(|line| line.contains(secret)),
            "{secret} was told"
        );
    }
}

#[tokio::test]
async fn whatever_a_request_holds_stays_on_one_line() {
    let (told, _listening) = listen();
    let host = Host::start().await;
    let agents = [
        "a\tb",
        "\"}{\"",
        "\\n",
        "ü\u{202e}x",
        "%0d%0a",
        "${jndi:ldap://x}",
    ];
    for agent in agents {
        ask(
            host.address,
            "GET",
            "/main/ds?a=%0a%00%1b",
            &[("User-Agent", agent)],
        )
        .await;
    }
    let events = told.events("COL3001");
    assert_eq!(events.len(), agents.len());
    for event in events {
        let head = event["request.head"].as_str().unwrap();
        assert!(!head.chars().any(char::is_control), "{head}");
    }
}

/// Somebody asks every second, and whoever reads the log is to learn why nothing is ready.
#[tokio::test]
async fn a_service_that_hangs_when_it_is_looked_at_is_told() {
    let (told, _listening) = listen();
    let limits = Limits {
        ready: Duration::from_millis(100),
        ..Limits::default()
    };
    let host = Host::with_limits(limits).await;
    *host.checkup.0.lock().unwrap() = Health::Hanging;
    for _ in 0..2 {
        let answer = ask(host.administration, "GET", "/readyz", &[]).await;
        assert_eq!(answer.status, 503);
    }
    assert_eq!(told.text().matches("takes too long").count(), 1);
}
