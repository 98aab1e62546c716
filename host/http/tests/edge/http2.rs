//! HTTP/2 without TLS, by prior knowledge.

use std::time::Duration;

use bytes::Bytes;
use colophon_core::log::Outcome;
use colophon_http::limits::Limits;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::support::client::{Client, download_target};
use crate::support::content::Pattern;
use crate::support::host::{Host, Options};

type Sender = SendRequest<Empty<Bytes>>;

async fn connect(host: &Host, window: u32) -> Sender {
    let stream = TcpStream::connect(host.address).await.unwrap();
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(window)
        .initial_connection_window_size(1 << 24)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

async fn get(sender: &mut Sender, target: &str, range: Option<&str>) -> Response<Incoming> {
    let mut request = Request::get(format!("http://center.example{target}"));
    if let Some(range) = range {
        request = request.header("range", range);
    }
    sender
        .send_request(request.body(Empty::new()).unwrap())
        .await
        .unwrap()
}

async fn body(response: Response<Incoming>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn many_downloads_on_one_connection() {
    const LENGTH: u64 = 3 << 20;
    let host = Host::start().await;
    host.sell_pattern("111", LENGTH);
    let sender = connect(&host, 1 << 16).await;
    let whole = Pattern::whole(LENGTH);
    let downloads = (0..5).map(|_| {
        let (mut sender, target) = (sender.clone(), download_target(&host.receipt("111")));
        tokio::spawn(async move {
            let response = get(&mut sender, &target, None).await;
            assert_eq!(
                (response.status(), response.version()),
                (200.try_into().unwrap(), Version::HTTP_2)
            );
            assert_eq!(response.headers()["content-length"], LENGTH.to_string());
            body(response).await
        })
    });
    for download in downloads.collect::<Vec<_>>() {
        assert!(download.await.unwrap() == whole);
    }
    let rows = host.outbox.wait_for_rows(5).await;
    assert!(rows.iter().all(|row| row.outcome == Outcome::Completed));
}

#[tokio::test]
async fn ranges_problems_and_pages() {
    let host = Host::with(Options {
        error_urls: &[],
        ..Options::default()
    })
    .await;
    host.sell_pattern("111", 1_000);
    let mut sender = connect(&host, 1 << 16).await;
    let part = get(
        &mut sender,
        &download_target(&host.receipt("111")),
        Some("bytes=10-19"),
    )
    .await;
    assert_eq!(part.status(), 206);
    assert!(body(part).await == Pattern::whole(1_000)[10..20]);
    let unknown = get(&mut sender, &download_target(&host.receipt("999")), None).await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(
        unknown.headers()["content-type"],
        "application/problem+json"
    );
    assert_eq!(body(get(&mut sender, "/livez", None).await).await, "ok\n");
}

#[tokio::test]
async fn a_dropped_stream_is_a_broken_download() {
    let host = Host::start().await;
    host.sell_pattern("111", 32 << 20);
    let mut sender = connect(&host, 1 << 16).await;
    let mut response = get(&mut sender, &download_target(&host.receipt("111")), None).await;
    response.body_mut().frame().await.unwrap().unwrap();
    drop(response);
    let row = host.outbox.wait_for_rows(1).await.remove(0);
    assert_eq!(row.outcome, Outcome::Broken);
    // The connection goes on.
    assert_eq!(body(get(&mut sender, "/livez", None).await).await, "ok\n");
}

#[tokio::test]
async fn a_stream_whose_window_stays_shut_is_cut() {
    let limits = Limits {
        write_stall: Duration::from_millis(200),
        ..Limits::default()
    };
    let host = Host::with_limits(limits).await;
    host.sell_pattern("111", 32 << 20);
    let mut sender = connect(&host, 1 << 16).await;
    // The answer is never read, so its window is never opened again.
    let stalled = get(&mut sender, &download_target(&host.receipt("111")), None).await;
    let row = host.outbox.wait_for_rows(1).await.remove(0);
    assert_eq!(row.outcome, Outcome::Broken);
    assert!(stalled.into_body().collect().await.is_err());
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let limits = Limits {
        idle: Duration::from_millis(100),
        head: Duration::from_millis(100),
        ..Limits::default()
    };
    let host = Host::with_limits(limits).await;
    // The preface, and then nothing: no settings, no request.
    let mut client = Client::connect(host.address).await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    client.rest().await;
    let mut sender = connect(&host, 1 << 16).await;
    assert_eq!(body(get(&mut sender, "/livez", None).await).await, "ok\n");
    while !sender.is_closed() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn too_large_a_head_is_refused() {
    let host = Host::start().await;
    let mut sender = connect(&host, 1 << 16).await;
    let request = Request::get("http://center.example/livez").header("x", "y".repeat(20_000));
    let answer = sender
        .send_request(request.body(Empty::new()).unwrap())
        .await;
    assert!(answer.is_err() || answer.unwrap().status() == 431);
}
