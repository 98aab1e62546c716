//! What is cached follows what is changed.

use std::fs;

use colophon_tests::book::epub;
use colophon_tests::colophon::{Answer, Host, House};

/// Asks until the answer is as wanted. The host promises news within its lease of five seconds,
/// so ten seconds of asking are enough to tell late from never.
fn until(host: &Host, receipt: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let begun = std::time::Instant::now();
    loop {
        let answer = host.download(receipt);
        if wanted(&answer) {
            return answer;
        }
        assert!(
            begun.elapsed().as_secs() < 10,
            "the change did not arrive: {}",
            answer.status
        );
    }
}

#[test]
fn a_raised_level_a_withdrawal_and_a_revoked_key_reach_a_running_host() {
    let house = House::new();
    let source = epub("Changing", "Ada", 3);
    let file = house.path().join("book.epub");
    fs::write(&file, &source).unwrap();
    house.add_title(&file, "b-1", &["--level", "1"]);
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    let receipt = house.mint(&secret, "b-1", "t-1", &["--user-name", "Bea"]);
    assert!(
        host.download(&receipt).body == source,
        "delivered in the clear"
    );

    house.json(&["title", "update", "--book-id", "b-1", "--level", "3"]);
    let sealed = until(&host, &receipt, |answer| {
        answer.status == 200 && answer.body != source
    });
    assert_ne!(sealed.body, source);

    house.json(&["title", "update", "--book-id", "b-1", "--withdrawn"]);
    let gone = until(&host, &receipt, |answer| answer.status == 410);
    assert_eq!(gone.json()["code"], "title-withdrawn");

    house.json(&["title", "update", "--book-id", "b-1", "--ready"]);
    until(&host, &receipt, |answer| answer.status == 200);
    house.json(&["retailer", "revoke", "shop.1", "--yes"]);
    let revoked = until(&host, &receipt, |answer| answer.status != 200);
    assert_eq!(revoked.json()["code"], "receipt-invalid");
}

#[test]
fn a_title_added_after_it_was_asked_for_is_found() {
    let house = House::new();
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    let receipt = house.mint(&secret, "b-1", "t-1", &[]);
    assert_eq!(host.download(&receipt).json()["code"], "title-unknown");
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Late", "Ada", 3)).unwrap();
    house.add_title(&file, "b-1", &[]);
    until(&host, &receipt, |answer| answer.status == 200);
}

#[test]
fn a_lost_content_store_is_unavailable_and_recovers_without_a_restart() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Store", "Ada", 3)).unwrap();
    house.add_title(&file, "b-1", &[]);
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    let (content, away) = (house.path().join("content"), house.path().join("away"));
    fs::rename(&content, &away).unwrap();
    let receipt = house.mint(&secret, "b-1", "t-1", &[]);
    let lost = host.download(&receipt);
    assert_eq!(lost.status, 503);
    assert_eq!(lost.json()["code"], "content-unavailable");
    assert!(lost.header("retry-after").is_some());
    fs::rename(&away, &content).unwrap();
    assert_eq!(host.download(&receipt).status, 200);
}

#[test]
fn a_host_that_was_down_serves_nothing_of_before() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Before", "Ada", 3)).unwrap();
    house.add_title(&file, "b-1", &["--level", "1"]);
    house.add_title(&file, "b-2", &["--level", "1"]);
    let secret = house.add_retailer("shop", &[]);
    let revoked = house.add_retailer("other", &[]);
    let host = house.serve(&[]);
    let receipts = ["b-1", "b-2"].map(|book| house.mint(&secret, book, "t-1", &[]));
    let of_other = house.mint(&revoked, "b-1", "t-2", &[]);
    for receipt in receipts.iter().chain([&of_other]) {
        assert_eq!(host.download(receipt).status, 200);
    }
    host.kill();
    house.json(&["title", "update", "--book-id", "b-1", "--withdrawn"]);
    house.json(&["title", "update", "--book-id", "b-2", "--level", "2"]);
    house.json(&["retailer", "revoke", "other.1", "--yes"]);
    // The first answer of each has to be right.
    let host = house.serve(&[]);
    assert_eq!(
        host.download(&receipts[0]).json()["code"],
        "title-withdrawn"
    );
    assert_eq!(host.download(&of_other).json()["code"], "receipt-invalid");
    let sealed = host.download(&receipts[1]);
    assert_eq!(sealed.status, 200);
    assert_ne!(sealed.body, fs::read(&file).unwrap());
}

#[test]
fn a_host_without_news_asks_before_it_serves_what_it_has_cached() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("News", "Ada", 3)).unwrap();
    house.add_title(&file, "b-1", &["--level", "1"]);
    let secret = house.add_retailer("shop", &[]);
    // It hears of changes once, when it starts, and of none of those that come later.
    let deaf = [
        "--set",
        "cache.poll_ms=3600000",
        "--set",
        "cache.lease_ms=2000",
    ];
    let host = house.serve(&deaf);
    let leased = std::time::Instant::now();
    let receipt = house.mint(&secret, "b-1", "t-1", &[]);
    assert_eq!(host.download(&receipt).status, 200);
    house.json(&["title", "update", "--book-id", "b-1", "--withdrawn"]);
    while leased.elapsed().as_secs() < 2 {
        std::thread::yield_now();
    }
    // The first answer after the lease, from a cache that was told of nothing.
    assert_eq!(host.download(&receipt).json()["code"], "title-withdrawn");
}
