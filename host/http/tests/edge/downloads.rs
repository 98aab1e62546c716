//! Whole downloads: what the client gets and what the log says of it.

use colophon_core::log::{ByteSpan, Outcome};

use crate::support::client::{Client, ask, download_target, form_request, get_copy, post, request};
use crate::support::content::Pattern;
use crate::support::host::{Host, Options, ROOM};
use crate::support::ports::Obliging;

const LENGTH: u64 = 300_000;

async fn host() -> Host {
    let host = Host::start().await;
    host.sell_as("111", "Moby Dick", Pattern::new(LENGTH).shared());
    host
}

#[tokio::test]
async fn a_receipt_becomes_a_file_and_a_row() {
    let host = host().await;
    let answer = get_copy(
        host.address,
        &host.receipt("111"),
        &[("User-Agent", "reader/1")],
    )
    .await;
    answer.check(
        200,
        &[
            ("content-length", "300000"),
            ("content-type", "application/epub+zip"),
            (
                "content-disposition",
                "attachment; filename=\"Moby Dick.epub\"",
            ),
            ("cache-control", "private, no-store"),
            ("accept-ranges", "bytes"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ],
    );
    assert_eq!(answer.header("content-range"), None);
    assert_eq!(answer.body, Pattern::whole(LENGTH));

    let rows = host.outbox.wait_for_rows(1).await;
    let [row] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert_eq!(row.outcome, Outcome::Completed);
    assert_eq!(
        row.event.to_string(),
        answer.header("x-request-id").unwrap()
    );
    assert_eq!(row.client.agent.as_deref(), Some("reader/1"));
    assert_eq!(row.client.address.to_string(), "127.0.0.1");
    let copy = row.copy.as_ref().unwrap();
    assert_eq!((copy.length, copy.sent), (LENGTH, LENGTH));
    assert_eq!(
        copy.asked,
        ByteSpan {
            start: 0,
            end: LENGTH
        }
    );
    assert_eq!(copy.file_name, "Moby Dick.epub");
    let tag: String = copy.etag.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(answer.header("etag").unwrap(), format!("\"{tag}\""));

    let values = host.settled().await;
    assert_eq!(
        (values.requests, values.successes, values.failed),
        (1, 1, 0)
    );
    assert_eq!(values.bytes_sent, LENGTH);
}

#[tokio::test]
async fn a_form_does_the_same() {
    let host = host().await;
    let receipt = host.receipt("111");
    let by_form = post(
        host.address,
        "/main/ds",
        &format!("action=download&value={receipt}"),
    )
    .await;
    let by_both = post(
        host.address,
        "/main/ds?action=download",
        &format!("value={receipt}"),
    )
    .await;
    let by_query = get_copy(host.address, &receipt, &[]).await;
    for answer in [&by_form, &by_both] {
        answer.check(200, &[("etag", by_query.header("etag").unwrap())]);
        assert_eq!(answer.body, by_query.body);
    }
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let host = host().await;
    let mut client = Client::connect(host.address).await;
    for _ in 0..3 {
        client
            .send(request(
                "GET",
                &download_target(&host.receipt("111")),
                &[],
                "",
            ))
            .await;
        assert_eq!(client.answer_to("GET").await.body.len(), LENGTH as usize);
        let form = format!("action=download&value={}", host.receipt("111"));
        client.send(form_request("/main/ds", &form, &[])).await;
        assert_eq!(client.answer_to("POST").await.status, 200);
    }
    assert!(!client.has_more());
    assert_eq!(host.outbox.rows().len(), 6);
}

#[tokio::test]
async fn a_head_says_the_same_and_counts_for_nothing() {
    let host = host().await;
    let target = download_target(&host.limited_receipt("111", 1));
    let head = ask(host.address, "HEAD", &target, &[]).await;
    let get = ask(host.address, "GET", &target, &[]).await;
    let own = |name: &str| !["date", "x-request-id"].contains(&name);
    let described = |headers: &[(String, String)]| {
        let kept = headers.iter().filter(|(name, _)| own(name));
        kept.cloned().collect::<std::collections::BTreeMap<_, _>>()
    };
    assert_eq!(head.status, 200);
    assert_eq!(described(&head.headers), described(&get.headers));
    assert_eq!(host.outbox.rows().len(), 1);
    host.outbox.room_for(ROOM - 1).await;
    assert_eq!(host.counters.values().requests, 1);
}

#[tokio::test]
async fn sizes_around_every_boundary_arrive_whole() {
    let host = Host::start().await;
    const HELD: u64 = 16 * 1024;
    const CHUNK: u64 = 1024 * 1024;
    let lengths = [
        1,
        2,
        HELD - 1,
        HELD,
        HELD + 1,
        2 * HELD,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        CHUNK + HELD,
        CHUNK + HELD + 1,
        3 * CHUNK + 17,
    ];
    for length in lengths {
        for pieces in [usize::MAX, 7_919] {
            host.sell("222", Pattern::new(length).in_pieces_of(pieces).shared());
            let answer = get_copy(host.address, &host.receipt("222"), &[]).await;
            assert_eq!(answer.status, 200);
            assert!(
                answer.body == Pattern::whole(length),
                "{length} in pieces of {pieces}"
            );
            let row = host.outbox.rows().pop().unwrap();
            assert_eq!(
                (row.outcome, row.copy.unwrap().sent),
                (Outcome::Completed, length)
            );
        }
    }
}

#[tokio::test]
async fn an_empty_file_is_logged_before_its_head() {
    let host = Host::start().await;
    host.sell_pattern("333", 0);
    let answer = get_copy(host.address, &host.receipt("333"), &[]).await;
    answer.check(200, &[("content-length", "0")]);
    assert_eq!(host.outbox.rows()[0].outcome, Outcome::Completed);
    assert_eq!(host.counters.values().successes, 1);
}

#[tokio::test]
async fn any_name_is_announced_without_harm() {
    let host = Host::start().await;
    let names = [
        (
            "日本の本",
            "filename*=UTF-8''%E6%97%A5%E6%9C%AC%E3%81%AE%E6%9C%AC.epub",
        ),
        (
            "a\r\nSet-Cookie: x=y",
            "filename=\"a Set-Cookie_ x=y.epub\"",
        ),
        (
            "a\"; filename=\"evil.exe",
            "filename=\"a_; filename=_evil.exe.epub\"",
        ),
        ("../../etc/passwd", "filename=\"_.._etc_passwd.epub\""),
        ("", "filename=\"title.epub\""),
        ("\u{202e}cod.exe", "filename=\"cod.exe.epub\""),
    ];
    for (title, expected) in names {
        host.sell_as("444", title, Pattern::new(10).shared());
        let answer = get_copy(host.address, &host.receipt("444"), &[]).await;
        let value = answer.header("content-disposition").unwrap();
        assert!(value.ends_with(expected), "{value}");
        assert_eq!(answer.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn without_room_in_the_log_nothing_is_sent() {
    let host = Host::with(Options {
        room: 1,
        error_urls: &[],
        ..Options::default()
    })
    .await;
    host.sell_pattern("111", 10);
    let receipt = host.receipt("111");
    assert_eq!(get_copy(host.address, &receipt, &[]).await.status, 200);
    let answer = get_copy(host.address, &receipt, &[]).await;
    answer.check_problem(503, "busy");
    assert_eq!(answer.header("retry-after"), Some("5"));
}

#[tokio::test]
async fn a_stored_file_other_than_the_resolver_expects_is_refused() {
    for (sha256, size, served) in [
        (Some([9; 32].to_vec()), Some(LENGTH), true),
        (Some([8; 32].to_vec()), Some(LENGTH), false),
        (None, Some(LENGTH - 1), false),
        (None, Some(u64::MAX), false),
    ] {
        let options = Options {
            error_urls: &[],
            plugins: Obliging {
                sha256,
                size,
                ..Obliging::default()
            },
            ..Options::default()
        };
        let host = Host::with(options).await;
        host.sell_as("111", "Moby Dick", Pattern::new(LENGTH).shared());
        let answer = get_copy(host.address, &host.receipt("111"), &[]).await;
        if served {
            assert_eq!(answer.status, 200);
        } else {
            assert_eq!(answer.status, 503);
            let problem = String::from_utf8_lossy(&answer.body);
            assert!(problem.contains("plug-in-failed"), "{problem}");
        }
    }
}
