//! Pages that are made elsewhere, behind this edge.

use axum::Extension;
use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use colophon_core::arrival::Arrival;
use colophon_http::limits::Limits;

use crate::support::client::{Client, ask};
use crate::support::host::{Host, Options};

/// One page that says who asks, and one that gives back what was posted.
fn pages() -> Router {
    let who = |Extension(arrival): Extension<Arrival>| async move {
        format!("{} {}", arrival.client.address, arrival.event)
    };
    let echo = |body: Bytes| async move { body };
    Router::new()
        .route("/pages/who", get(who))
        .route("/pages/echo", post(echo))
}

async fn host() -> Host {
    Host::with(Options {
        limits: Limits {
            body_bytes_max: 100,
            ..Limits::default()
        },
        pages: pages(),
        ..Options::default()
    })
    .await
}

async fn send(host: &Host, head: &str, body: &str) -> crate::support::client::Answer {
    let mut client = Client::connect(host.address).await;
    let length = body.len();
    let head = format!("{head}\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}");
    client.send(head).await;
    client.answer_to("POST").await
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const JSON: &str = "Content-Type: application/json";

#[tokio::test]
async fn a_page_learns_who_asks() {
    let host = host().await;
    let answer = ask(host.address, "GET", "/pages/who", &[]).await;
    let id = answer.header("x-request-id").unwrap().to_owned();
    assert_eq!(
        String::from_utf8(answer.body).unwrap(),
        format!("127.0.0.1 {id}")
    );
}

#[tokio::test]
async fn forms_and_json_are_handed_in_whole() {
    let host = host().await;
    for (kind, body) in [(FORM, "a=b"), (JSON, "{ }")] {
        let answer = send(&host, &format!("POST /pages/echo HTTP/1.1\r\n{kind}"), body).await;
        assert_eq!(
            (answer.status, answer.body),
            (200, body.as_bytes().to_vec())
        );
    }
}

#[tokio::test]
async fn other_bodies_do_not_reach_a_page() {
    let host = host().await;
    let echo = "POST /pages/echo HTTP/1.1";
    let long = "a".repeat(101);
    send(&host, &format!("{echo}\r\n{FORM}"), &long)
        .await
        .check_problem(413, "request-too-large");
    for (head, body) in [
        (format!("{echo}\r\nContent-Type: text/plain"), "a=b"),
        (format!("{echo}\r\n{FORM}"), "a=\0"),
        (format!("{echo}\r\n{JSON}"), "{\n}"),
        (echo.to_owned(), "a=b"),
    ] {
        let answer = send(&host, &head, body).await;
        answer.check_problem(400, "request-illegal");
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

#[tokio::test]
async fn a_page_is_asked_as_it_wants_to_be() {
    let host = host().await;
    ask(host.address, "GET", "/pages/echo", &[])
        .await
        .check_problem(405, "method-not-allowed");
    ask(host.address, "GET", "/pages/none", &[])
        .await
        .check_problem(404, "address-unknown");
}
