//! Requests that two parsers could read differently get 400, and nothing after them is read.

use tokio::io::AsyncWriteExt;

use crate::support::client::{Client, download_target, form_request, request};
use crate::support::host::Host;

/// The request that must not be answered.
const SECOND: &str = "GET /livez HTTP/1.1\r\nHost: center.example\r\n\r\n";

fn cases() -> Vec<String> {
    let host = "Host: center.example\r\n";
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = "a=b\r\n0\r\n\r\n";
    let mut cases = Vec::new();
    // Two lengths, or a length and a coding.
    for framing in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunkedx\r\n",
        "Transfer-Encoding: Chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding:\tchunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: chunked;a=b\r\n",
        "Transfer-Encoding:\r\n",
        "Content-Length: 3\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 3\r\n",
        "Content-Length: 3, 3\r\n",
        "Content-Length: 3,5\r\n",
        "Content-Length: +3\r\n",
        "Content-Length: -3\r\n",
        "Content-Length: 0x3\r\n",
        "Content-Length: 3.0\r\n",
        "Content-Length: 3 3\r\n",
        "Content-Length: three\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n",
        // Names that are nearly those.
        "Transfer-Encoding : chunked\r\n",
        "Content-Length : 3\r\n",
        " Content-Length: 3\r\n",
        "Content-Length\r\n",
        "Content Length: 3\r\n",
        "Content-Length: 3\r\n\0: x\r\n",
        "Content-Length: 3\r\nX: a\0b\r\n",
        "Content-Length: 3\r\n: x\r\n",
        // Folded lines.
        "Content-Length: 3\r\n X: y\r\n",
        "X: y\r\n Transfer-Encoding: chunked\r\n",
        "X: y\r\n\tContent-Length: 3\r\n",
        // Line ends that are half there.
        "Content-Length: 3\nX: y\r\n",
        "Content-Length: 3\rX: y\r\n",
        "X: y\r\r\nContent-Length: 3\r\n",
        "X: y\n\nContent-Length: 3\r\n",
        "X: y\r\n\nContent-Length: 3\r\n",
        "X: a\rTransfer-Encoding: chunked\r\n",
    ] {
        for method in ["POST", "GET"] {
            let line = format!("{method} /main/ds HTTP/1.1\r\n");
            cases.push(format!("{line}{host}{form}{framing}\r\n{body}"));
            cases.push(format!("{line}{form}{framing}{host}\r\n{body}"));
        }
    }
    for head in [
        "GET /livez HTTP/1.1\nHost: center.example\n\n",
        "GET /livez HTTP/1.1\nHost: center.example\r\n\r\n",
        "GET /livez HTTP/1.1\rHost: center.example\r\r",
        "\nGET /livez HTTP/1.1\r\nHost: center.example\r\n\r\n",
        "\rGET /livez HTTP/1.1\r\nHost: center.example\r\n\r\n",
        "GET /livez\r\nHost: center.example\r\n\r\n",
        "GET /livez HTTP/0.9\r\nHost: center.example\r\n\r\n",
        "GET /livez HTTP/1.2\r\nHost: center.example\r\n\r\n",
        "GET /livez HTTP/11\r\nHost: center.example\r\n\r\n",
        "GET /livez http/1.1\r\nHost: center.example\r\n\r\n",
        "GET  /livez HTTP/1.1\r\nHost: center.example\r\n\r\n",
        "GET /livez  HTTP/1.1\r\nHost: center.example\r\n\r\n",
        "GET\t/livez HTTP/1.1\r\nHost: center.example\r\n\r\n",
        "GET /li vez HTTP/1.1\r\nHost: center.example\r\n\r\n",
        "GET /livez\0 HTTP/1.1\r\nHost: center.example\r\n\r\n",
        "G\0T /livez HTTP/1.1\r\nHost: center.example\r\n\r\n",
        "POST /main/ds HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        cases.push(head.to_owned());
    }
    let get = "GET /livez HTTP/1.1\r\n";
    cases.push(format!("{get}{host}X: y\n\r\n"));
    cases.push(format!("{get}{host}X: y\r\n\n"));
    cases.push(format!("{get}\r\n"));
    cases.push(format!("{get}{host}{host}\r\n"));
    cases.push(format!("{get}{host}Host: other.example\r\n\r\n"));
    cases
}

#[tokio::test]
async fn nothing_is_smuggled() {
    let host = Host::start().await;
    for case in cases() {
        let mut client = Client::connect(host.address).await;
        client.send(format!("{case}{SECOND}{SECOND}")).await;
        let answer = client.head().await;
        assert_eq!(answer.status, 400, "{case:?}");
        let rest = String::from_utf8(client.rest().await).unwrap();
        assert!(!rest.contains("HTTP/1.1"), "{case:?} let {rest} through");
    }
}

#[tokio::test]
async fn nor_in_pieces() {
    let host = Host::start().await;
    for case in cases() {
        for cut in [case.len() / 3, case.len() - 7] {
            let mut client = Client::connect(host.address).await;
            let (first, second) = case.split_at(cut);
            client.send(first).await;
            // Long enough for the runtime to look at its sockets.
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            // The connection may be closed already.
            let second = format!("{second}{SECOND}");
            let _ = client.stream.write_all(second.as_bytes()).await;
            let text = String::from_utf8(client.rest().await).unwrap();
            assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{case:?}: {text}");
            assert!(text.starts_with("HTTP/1.1 400"), "{case:?}: {text}");
        }
    }
}

#[tokio::test]
async fn a_line_end_in_a_form_ends_the_connection() {
    let host = Host::start().await;
    let mut client = Client::connect(host.address).await;
    client
        .send(form_request("/main/ds", "action=download\nvalue=x", &[]))
        .await;
    let answer = client.answer_to("POST").await;
    answer.check_problem(400, "request-illegal");
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn honest_requests_one_after_the_other_are_answered() {
    let host = Host::start().await;
    host.sell_pattern("111", 1_000);
    let form = format!("action=download&value={}", host.receipt("111"));
    let get = request("GET", &download_target(&host.receipt("111")), &[], "");
    let mut client = Client::connect(host.address).await;
    client
        .send(format!(
            "{SECOND}{}{get}{SECOND}",
            form_request("/main/ds", &form, &[])
        ))
        .await;
    assert_eq!(client.answer_to("GET").await.body, b"ok\n");
    assert_eq!(client.answer_to("POST").await.body.len(), 1_000);
    assert_eq!(client.answer_to("GET").await.body.len(), 1_000);
    assert_eq!(client.answer_to("GET").await.body, b"ok\n");
}

#[tokio::test]
async fn the_same_length_twice_is_one_length() {
    let host = Host::start().await;
    host.sell_pattern("111", 1_000);
    let form = format!("action=download&value={}", host.receipt("111"));
    let twice = [("Content-Length", form.len().to_string())];
    let twice: Vec<(&str, &str)> = twice.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let mut client = Client::connect(host.address).await;
    client
        .send(format!(
            "{}{SECOND}",
            form_request("/main/ds", &form, &twice)
        ))
        .await;
    assert_eq!(client.answer_to("POST").await.body.len(), 1_000);
    assert_eq!(client.answer_to("GET").await.body, b"ok\n");
}
