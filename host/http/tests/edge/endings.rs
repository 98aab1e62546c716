//! How a download ends: with a durable row before its last byte, or broken.

use std::time::Duration;

use colophon_core::log::Outcome;
use colophon_http::limits::Limits;

use crate::support::client::{Client, download_target, request};
use crate::support::content::Pattern;
use crate::support::host::Host;
use crate::support::ports::Durability;

const LENGTH: usize = 200_000;
const HELD: usize = 16 * 1024;

/// More than the sockets between two processes hold.
const LARGE: u64 = 64 << 20;

async fn begin(host: &Host, book_id: &str) -> Client {
    let mut client = Client::connect(host.address).await;
    client
        .send(request(
            "GET",
            &download_target(&host.receipt(book_id)),
            &[],
            "",
        ))
        .await;
    client
}

#[tokio::test]
async fn the_last_piece_waits_for_the_log() {
    let host = Host::start().await;
    host.sell_pattern("111", LENGTH as u64);
    host.outbox.set(Durability::Later);
    let mut client = begin(&host, "111").await;
    client
        .head()
        .await
        .check(200, &[("content-length", "200000")]);
    let mut body = client.exactly(LENGTH - HELD).await;

    let row = host.outbox.wait_for_rows(1).await.remove(0);
    assert_eq!(
        (row.outcome, row.copy.unwrap().sent),
        (Outcome::Completed, LENGTH as u64)
    );
    assert!(!client.has_more());
    assert!(
        client.stream.try_read(&mut [0; 1]).is_err(),
        "a byte came before the row was durable"
    );
    assert_eq!(host.counters.values().successes, 0);

    host.outbox.set(Durability::AtOnce);
    body.extend(client.exactly(HELD).await);
    assert!(body == Pattern::whole(LENGTH as u64));
    assert_eq!(host.counters.values().successes, 1);
}

#[tokio::test]
async fn a_body_of_one_piece_waits_too() {
    let host = Host::start().await;
    host.sell_pattern("111", 10);
    host.outbox.set(Durability::Later);
    let mut client = begin(&host, "111").await;
    client.head().await.check(200, &[("content-length", "10")]);
    host.outbox.wait_for_rows(1).await;
    assert!(client.stream.try_read(&mut [0; 1]).is_err());
    host.outbox.set(Durability::AtOnce);
    assert_eq!(client.exactly(10).await, Pattern::whole(10));
}

#[tokio::test]
async fn a_row_that_cannot_be_written_cuts_the_connection() {
    let host = Host::start().await;
    host.sell_pattern("111", LENGTH as u64);
    host.outbox.set(Durability::Later);
    let mut client = begin(&host, "111").await;
    client
        .head()
        .await
        .check(200, &[("content-length", "200000")]);
    client.exactly(LENGTH - HELD).await;
    host.outbox.set(Durability::Never);
    assert_eq!(client.rest().await, b"");
    let values = host.settled().await;
    assert_eq!((values.successes, values.broken), (0, 1));
}

#[tokio::test]
async fn nor_does_a_small_file_leave_without_its_row() {
    let host = Host::start().await;
    host.outbox.set(Durability::Never);
    for (book_id, length) in [("111", 1), ("222", 10), ("333", HELD), ("444", HELD + 1)] {
        host.sell_pattern(book_id, length as u64);
        let answer = begin(&host, book_id).await.rest().await;
        let whole = Pattern::whole(length as u64);
        assert!(!answer.ends_with(&whole), "{length}");
    }
    assert_eq!(host.settled().await.broken, 4);
}

#[tokio::test]
async fn an_empty_file_whose_row_cannot_be_written_is_a_problem() {
    let host = Host::start().await;
    host.outbox.set(Durability::Never);
    host.sell_pattern("111", 0);
    begin(&host, "111")
        .await
        .answer_to("GET")
        .await
        .check_problem(503, "unavailable");
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_a_broken_row() {
    let host = Host::start().await;
    host.sell_pattern("111", LARGE);
    let mut client = begin(&host, "111").await;
    client.head().await;
    client.exactly(100_000).await;
    drop(client);
    let row = host.outbox.wait_for_rows(1).await.remove(0);
    let sent = row.copy.unwrap().sent;
    assert_eq!(row.outcome, Outcome::Broken);
    assert!((100_000..LARGE).contains(&sent), "{sent}");
    let values = host.settled().await;
    assert_eq!((values.requests, values.broken), (1, 1));
}

#[tokio::test]
async fn one_that_goes_away_while_the_last_piece_waits_is_no_success() {
    let host = Host::start().await;
    host.sell_pattern("111", LENGTH as u64);
    host.outbox.set(Durability::Later);
    let mut client = begin(&host, "111").await;
    client.head().await;
    client.exactly(LENGTH - HELD).await;
    host.outbox.wait_for_rows(1).await;
    drop(client);
    let values = host.settled().await;
    assert_eq!((values.successes, values.broken), (0, 1));
}

async fn takes_nothing(limits: Limits) {
    let host = Host::with_limits(limits).await;
    host.sell_pattern("111", LARGE);
    let mut client = begin(&host, "111").await;
    let row = host.outbox.wait_for_rows(1).await.remove(0);
    assert_eq!(row.outcome, Outcome::Broken);
    assert!(row.copy.unwrap().sent < LARGE);
    assert!(client.rest().await.len() < LARGE as usize);
}

#[tokio::test]
async fn one_that_takes_nothing_is_cut() {
    takes_nothing(Limits {
        write_stall: Duration::from_millis(200),
        ..Limits::default()
    })
    .await;
}

#[tokio::test]
async fn one_that_makes_no_room_is_cut() {
    takes_nothing(Limits {
        write_crawl: Duration::from_millis(200),
        ..Limits::default()
    })
    .await;
}

#[tokio::test]
async fn content_that_cannot_be_read_on_breaks_the_download() {
    let host = Host::start().await;
    host.sell("111", Pattern::new(3 << 20).failing_at(2 << 20).shared());
    let mut client = begin(&host, "111").await;
    client
        .head()
        .await
        .check(200, &[("content-length", "3145728")]);
    assert!(client.rest().await.len() <= 2 << 20);
    let row = host.outbox.wait_for_rows(1).await.remove(0);
    assert_eq!(
        (row.outcome, row.copy.unwrap().sent),
        (Outcome::Broken, 2 << 20)
    );
}
