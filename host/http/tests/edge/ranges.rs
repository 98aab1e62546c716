//! Parts of a copy, and conditions on it.

use colophon_core::code::Code;
use colophon_core::log::{ByteSpan, Outcome};

use crate::support::client::{Client, ask, download_target, form_request, get_copy, request};
use crate::support::content::Pattern;
use crate::support::host::{Host, Options, ROOM};

const LENGTH: u64 = 100_000;

async fn host() -> Host {
    let host = Host::start().await;
    host.sell_pattern("111", LENGTH);
    host
}

#[tokio::test]
async fn twenty_ranges_are_the_whole_and_one_download() {
    let host = host().await;
    let target = download_target(&host.limited_receipt("111", 1));
    let mut joined = Vec::new();
    let mut tag = String::new();
    for part in 0..20 {
        let range = format!("bytes={}-{}", part * 5_000, part * 5_000 + 4_999);
        let headers = [("Range", range.as_str()), ("If-Range", tag.as_str())];
        let sent = if part == 0 {
            &headers[..1]
        } else {
            &headers[..]
        };
        let answer = ask(host.address, "GET", &target, sent).await;
        let expected = format!("bytes {}-{}/100000", part * 5_000, part * 5_000 + 4_999);
        answer.check(
            206,
            &[("content-range", &expected), ("content-length", "5000")],
        );
        tag = answer.header("etag").unwrap().to_owned();
        joined.extend(answer.body);
    }
    assert!(joined == Pattern::whole(LENGTH));
    let uses = host.uses.so_far();
    // The first part was counted, and paid for the others.
    assert_eq!((uses.count, uses.resumable), (1, 2 * LENGTH - 19 * 5_000));
    let rows = host.outbox.wait_for_rows(20).await;
    for (part, row) in (0..).zip(&rows) {
        let asked = ByteSpan {
            start: part * 5_000,
            end: (part + 1) * 5_000,
        };
        let copy = row.copy.as_ref().unwrap();
        assert_eq!(
            (row.outcome, copy.asked, copy.sent),
            (Outcome::Completed, asked, 5_000)
        );
    }
    let values = host.counters.values();
    assert_eq!(
        (values.requests, values.resumed, values.successes),
        (1, 19, 1)
    );
}

#[tokio::test]
async fn a_used_up_or_expired_receipt_still_resumes() {
    let host = Host::with(Options {
        error_urls: &[],
        ..Options::default()
    })
    .await;
    host.sell_pattern("111", LENGTH);
    let receipt = host.limited_receipt("111", 1);
    let whole = get_copy(host.address, &receipt, &[]).await;
    let tag = whole.header("etag").unwrap();
    let resume = [("Range", "bytes=90000-"), ("If-Range", tag)];
    let from_start = [("Range", "bytes=0-"), ("If-Range", tag)];

    get_copy(host.address, &receipt, &[])
        .await
        .check_problem(403, "receipt-used-up");
    get_copy(host.address, &receipt, &from_start)
        .await
        .check_problem(403, "receipt-used-up");
    let again = get_copy(host.address, &receipt, &resume).await;
    again.check(206, &[("content-range", "bytes 90000-99999/100000")]);
    assert!(again.body == whole.body[90_000..]);

    host.clock.advance_s(3_600);
    get_copy(host.address, &receipt, &[])
        .await
        .check_problem(403, "receipt-expired");
    get_copy(host.address, &receipt, &from_start)
        .await
        .check_problem(403, "receipt-expired");
    assert_eq!(get_copy(host.address, &receipt, &resume).await.status, 206);
    let other = format!("\"{}\"", "0".repeat(64));
    let resume_other = [("Range", "bytes=90000-"), ("If-Range", other.as_str())];
    get_copy(host.address, &receipt, &resume_other)
        .await
        .check_problem(403, "receipt-expired");

    host.clock.advance_s(24 * 3_600);
    get_copy(host.address, &receipt, &resume)
        .await
        .check_problem(403, "receipt-expired");
}

#[tokio::test]
async fn a_use_pays_for_three_copies_worth_of_bytes_at_most() {
    let host = Host::with(Options {
        error_urls: &[],
        ..Options::default()
    })
    .await;
    host.sell_pattern("111", LENGTH);
    let receipt = host.limited_receipt("111", 2);
    let head = ask(host.address, "HEAD", &download_target(&receipt), &[]).await;
    let tag = head.header("etag").unwrap();
    let all_but_one = [("Range", "bytes=1-"), ("If-Range", tag)];
    let resume = async || get_copy(host.address, &receipt, &all_but_one).await;
    let used = || host.uses.so_far().count;

    assert_eq!((resume().await.status, used()), (206, 1), "counted");
    assert_eq!((resume().await.status, used()), (206, 1), "paid by that");
    assert_eq!((resume().await.status, used()), (206, 1), "and again");
    resume().await.check_problem(403, "receipt-used-up");
    assert_eq!(used(), 1, "what goes on with a download counts no other");
    let again = get_copy(host.address, &receipt, &[]).await;
    assert_eq!((again.status, used()), (200, 2));
    assert_eq!((resume().await.status, used()), (206, 2));
    assert_eq!((resume().await.status, used()), (206, 2));
    resume().await.check_problem(403, "receipt-used-up");
}

#[tokio::test]
async fn what_is_not_sent_can_be_resumed_again() {
    const LARGE: u64 = 128 << 20;
    let host = Host::start().await;
    host.sell_pattern("222", LARGE);
    let target = download_target(&host.limited_receipt("222", 1));
    let begun = ask(host.address, "GET", &target, &[("Range", "bytes=0-9")]).await;
    let tag = begun.header("etag").unwrap();
    for received in [10, LARGE / 4, LARGE / 2] {
        let range = format!("bytes={received}-");
        let rest = [("Range", range.as_str()), ("If-Range", tag)];
        let mut client = Client::connect(host.address).await;
        client.send(request("GET", &target, &rest, "")).await;
        assert_eq!(client.head().await.status, 206);
        drop(client);
        // The bytes come back when the host sees that the client is gone.
        while host.uses.so_far().resumable < LARGE + LARGE / 2 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(host.uses.so_far().count, 1);
}

#[tokio::test]
async fn an_answer_without_bytes_uses_nothing_up() {
    let host = host().await;
    let receipt = host.limited_receipt("111", 1);
    let head = ask(host.address, "HEAD", &download_target(&receipt), &[]).await;
    let tag = head.header("etag").unwrap();
    for (headers, status) in [
        ([("If-None-Match", tag)], 304),
        ([("If-Match", "\"x\"")], 412),
        ([("Range", "bytes=100000-")], 416),
    ] {
        assert_eq!(
            get_copy(host.address, &receipt, &headers).await.status,
            status
        );
    }
    assert!(host.uses.0.lock().unwrap().is_empty());
    let rows = host.outbox.rows();
    let outcomes: Vec<_> = rows.iter().map(|row| row.outcome).collect();
    let expected = [
        Outcome::Completed,
        Outcome::Refused(Code::ConditionFailed),
        Outcome::Refused(Code::RangeUnsatisfiable),
    ];
    assert_eq!(outcomes, expected);
    for row in rows {
        let copy = row.copy.unwrap();
        assert_eq!((copy.length, copy.sent), (LENGTH, 0));
        assert_eq!(copy.asked, ByteSpan { start: 0, end: 0 });
    }
    let unmatched = [("If-Match", "\"x\"")];
    ask(host.address, "HEAD", &download_target(&receipt), &unmatched).await;
    assert_eq!(host.outbox.rows().len(), 4, "a refusal leaves a row");
    let backwards = [("Range", "bytes=9-1"), ("If-Range", tag)];
    assert_eq!(
        get_copy(host.address, &receipt, &backwards).await.status,
        200
    );
    assert_eq!(
        get_copy(host.address, &receipt, &backwards).await.status,
        303
    );
}

#[tokio::test]
async fn a_posted_receipt_resumes_too() {
    let host = host().await;
    let form = format!("action=download&value={}", host.receipt("111"));
    let mut client = Client::connect(host.address).await;
    client
        .send(form_request("/main/ds", &form, &[("Range", "bytes=10-19")]))
        .await;
    let answer = client.answer_to("POST").await;
    answer.check(206, &[("content-range", "bytes 10-19/100000")]);
    assert!(answer.body == Pattern::whole(LENGTH)[10..20]);
}

/// (status, `Content-Range`, rows in the log) for one GET with these header fields; `TAG` is the
/// copy's own.
async fn outcome(host: &Host, headers: &[(&str, &str)]) -> (u16, Option<String>, usize) {
    let receipt = host.receipt("111");
    let tag = ask(host.address, "HEAD", &download_target(&receipt), &[]).await;
    let tag = tag.header("etag").unwrap();
    let filled: Vec<(&str, String)> = headers
        .iter()
        .map(|(name, value)| (*name, value.replace("TAG", tag)))
        .collect();
    let filled: Vec<(&str, &str)> = filled
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let before = host.outbox.rows().len();
    let answer = get_copy(host.address, &receipt, &filled).await;
    assert_eq!(answer.header("etag"), Some(tag));
    assert_eq!(answer.header("accept-ranges"), Some("bytes"));
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    let range = answer.header("content-range").map(str::to_owned);
    (answer.status, range, host.outbox.rows().len() - before)
}

#[tokio::test]
async fn parts_and_conditions() {
    let host = host().await;
    let none = None;
    let range = |text: &str| Some(text.to_owned());
    let cases: &[(&[(&str, &str)], _)] = &[
        (
            &[("Range", "bytes=-100")],
            (206, range("bytes 99900-99999/100000"), 1),
        ),
        (
            &[("Range", "bytes=99999-")],
            (206, range("bytes 99999-99999/100000"), 1),
        ),
        (
            &[("Range", "bytes=50000-999999")],
            (206, range("bytes 50000-99999/100000"), 1),
        ),
        (
            &[("Range", "bytes=100000-")],
            (416, range("bytes */100000"), 1),
        ),
        (&[("Range", "bytes=-0")], (416, range("bytes */100000"), 1)),
        (&[("Range", "bytes=0-1,5-6")], (200, none.clone(), 1)),
        (&[("Range", "lines=0-1")], (200, none.clone(), 1)),
        (
            &[("Range", "bytes=0-9"), ("If-Range", "\"x\"")],
            (200, none.clone(), 1),
        ),
        (
            &[("Range", "bytes=0-9"), ("If-Range", "TAG")],
            (206, range("bytes 0-9/100000"), 1),
        ),
        (&[("If-None-Match", "TAG")], (304, none.clone(), 1)),
        (&[("If-None-Match", "\"x\"")], (200, none.clone(), 1)),
        (&[("If-Match", "TAG")], (200, none.clone(), 1)),
        (&[("If-Match", "\"x\"")], (412, none.clone(), 1)),
    ];
    for (headers, expected) in cases {
        assert_eq!(outcome(&host, headers).await, *expected, "{headers:?}");
    }
    // Headers alone left no row and gave their room in the log back.
    let rows = host.outbox.rows().len() as u32;
    host.outbox.room_for(ROOM - rows).await;
}
