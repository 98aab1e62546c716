//! Sealed titles, personalized on the way out and opened again.

use std::io::Cursor;

use colophon_crypto::Portable;
use colophon_title::{Level, OpenTitle, TrustRoots};

use crate::support::client::{Answer, ask, download_target, get_copy};
use crate::support::host::Host;

const LENGTH: u64 = 400_000;

async fn host(min_level: Level) -> Host {
    let host = Host::start().await;
    host.sell_sealed("111", LENGTH, min_level);
    host
}

fn receipt(host: &Host, transaction: &str) -> String {
    host.receipt_with("111", |claims| {
        claims.transaction = transaction.parse().unwrap();
        claims.user_name = Some("Ishmael".parse().unwrap());
    })
}

/// Opens a copy, down to its last byte, and gives its level and its owner.
fn opened(copy: &Answer) -> (Level, Option<String>) {
    let roots = TrustRoots::new();
    let mut title = OpenTitle::open(&Portable, Cursor::new(&copy.body), &roots).unwrap();
    title.verify(&mut |_| {}).unwrap();
    let owner = title.bookplate().map(|plate| plate.owner.clone());
    (title.level(), owner)
}

#[tokio::test]
async fn a_copy_opens_at_its_level_and_for_its_owner() {
    for (level, owner) in [
        (Level::SourceSealed, None),
        (Level::IndividuallySealed, Some("Ishmael".to_owned())),
    ] {
        let host = host(level).await;
        let copy = get_copy(host.address, &receipt(&host, "order-1"), &[]).await;
        copy.check(
            200,
            &[
                ("content-type", "application/vnd.colophon.title+zip"),
                (
                    "content-disposition",
                    "attachment; filename=\"A Leaflet.colophon\"",
                ),
                ("content-length", &copy.body.len().to_string()),
            ],
        );
        assert_eq!(opened(&copy), (level, owner));
    }
}

#[tokio::test]
async fn one_purchase_is_one_copy_from_every_host() {
    let hosts = [
        host(Level::IndividuallySealed).await,
        host(Level::IndividuallySealed).await,
    ];
    hosts[1].clock.advance_s(60);
    let mut copies = Vec::new();
    for host in &hosts {
        let receipt = host.receipt_with("111", |claims| {
            claims.user_name = Some("Ishmael".parse().unwrap());
            claims.sold_at = Some(colophon_receipt::UnixSeconds::new(1_799_999_000));
        });
        copies.push(get_copy(host.address, &receipt, &[]).await);
    }
    assert_eq!(copies[0].header("etag"), copies[1].header("etag"));
    assert!(copies[0].body == copies[1].body);
    let other = get_copy(hosts[0].address, &receipt(&hosts[0], "order-2"), &[]).await;
    assert_ne!(copies[0].header("etag"), other.header("etag"));
    assert!(copies[0].body != other.body);
}

#[tokio::test]
async fn ranges_from_two_hosts_join() {
    let hosts = [
        host(Level::IndividuallySealed).await,
        host(Level::IndividuallySealed).await,
    ];
    let receipt = receipt(&hosts[0], "order-1");
    let whole = get_copy(hosts[0].address, &receipt, &[]).await;
    let length = whole.body.len();
    let mut joined = Vec::new();
    for part in 0..20 {
        let (start, end) = (length * part / 20, length * (part + 1) / 20);
        let range = format!("bytes={start}-{}", end - 1);
        let headers = [
            ("Range", range.as_str()),
            ("If-Range", whole.header("etag").unwrap()),
        ];
        let host = &hosts[part % 2];
        let answer = ask(host.address, "GET", &download_target(&receipt), &headers).await;
        assert_eq!(answer.status, 206);
        joined.extend(answer.body);
    }
    assert!(joined == whole.body);
}
