//! One purchase makes one file, however and wherever it is downloaded.

use std::fs;

use colophon_tests::book::epub;
use colophon_tests::colophon::{Answer, House};

#[test]
fn whole_in_twenty_ranges_and_from_a_second_host_a_purchase_is_one_file() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Ranges", "Ada", 40)).unwrap();
    house.add_title(&file, "b-1", &["--level", "3", "--sign", "tool,provider"]);
    let secret = house.add_retailer("shop", &[]);
    let second = House::copy_of(&house);
    let receipt = house.mint(
        &secret,
        "b-1",
        "t-1",
        &["--user-name", "Bea", "--sold-at", "1790000000"],
    );
    let host = house.serve(&[]);
    let whole = host.download(&receipt);
    assert_eq!(whole.status, 200);
    let etag = whole.header("etag").unwrap().to_owned();

    let mut joined = Vec::new();
    let step = whole.body.len().div_ceil(20);
    for start in (0..whole.body.len()).step_by(step) {
        let end = (start + step).min(whole.body.len()) - 1;
        let range = format!("bytes={start}-{end}");
        let part = host.download_with(&receipt, &[("Range", &range), ("If-Range", &etag)]);
        assert_eq!(part.status, 206);
        let stated = format!("bytes {start}-{end}/{}", whole.body.len());
        assert_eq!(part.header("content-range"), Some(stated.as_str()));
        joined.extend(part.body);
    }
    assert!(joined == whole.body, "twenty ranges join to the whole");

    let other = second.serve(&[]);
    // A later receipt for the same sale, too.
    let later = second.mint(
        &secret,
        "b-1",
        "t-1",
        &["--user-name", "Bea", "--sold-at", "1790000000"],
    );
    for receipt in [&receipt, &later] {
        let copy: Answer = other.download(receipt);
        assert_eq!(copy.header("etag"), Some(etag.as_str()));
        assert!(copy.body == whole.body, "another host makes the same bytes");
    }
}

#[test]
fn an_expired_receipt_resumes_what_it_began_and_nothing_else() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Resume", "Ada", 4)).unwrap();
    house.add_title(&file, "b-1", &[]);
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    let sale = ["--sold-at", "1790000000"];
    let etag = {
        let answer = host.download(&house.mint(&secret, "b-1", "t-1", &sale));
        answer.header("etag").unwrap().to_owned()
    };
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let hour_ago = (now.as_secs() - 3600).to_string();
    let expired = [&sale[..], &["--issued-at", &hour_ago, "--lifetime", "60"]].concat();
    let expired = house.mint(&secret, "b-1", "t-1", &expired);
    let code = |answer: &Answer| answer.json()["code"].as_str().unwrap().to_owned();
    assert_eq!(code(&host.download(&expired)), "receipt-expired");
    let resumed = host.download_with(&expired, &[("Range", "bytes=10-"), ("If-Range", &etag)]);
    assert_eq!(resumed.status, 206);
    let guessed = format!("\"{}\"", "A".repeat(43));
    let other = host.download_with(&expired, &[("Range", "bytes=10-"), ("If-Range", &guessed)]);
    assert_eq!(code(&other), "receipt-expired");
}

#[test]
fn a_limited_purchase_is_counted_once_for_each_new_download() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Limited", "Ada", 4)).unwrap();
    house.add_title(&file, "b-1", &[]);
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    let receipt = house.mint(&secret, "b-1", "t-1", &["--max-downloads", "1"]);
    let first = host.download(&receipt);
    assert_eq!(first.status, 200);
    let etag = first.header("etag").unwrap();
    let resumed = host.download_with(&receipt, &[("Range", "bytes=10-"), ("If-Range", etag)]);
    assert_eq!(resumed.status, 206, "continuing is no new download");
    let again = host.download(&receipt);
    assert_eq!(again.status, 403);
    assert_eq!(again.json()["code"], "receipt-used-up");
}
