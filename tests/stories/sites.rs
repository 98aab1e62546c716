//! Retail, fulfillment and activation as three sites of different owners, which share receipts and
//! certificates and nothing else.

use std::fs;

use colophon_tests::book::epub;
use colophon_tests::colophon::{Host, House, request, succeed};
use colophon_tests::device::Device;
use colophon_tests::person::Person;

use crate::level_five::persona;

const BOOK_ID: &str = "9780000000033";

/// One site believes the other's authority. The certificate is all that it is handed.
fn believe(site: &House, other: &House, name: &str) {
    let root = fs::read(other.path().join("trust/roots.pem")).unwrap();
    fs::write(site.path().join("trust").join(name), root).unwrap();
}

fn answers(host: &Host, path: &str) -> u16 {
    let answer = request(host.address(), "GET", path, &[], None);
    answer.unwrap().status
}

#[test]
fn a_book_is_sold_delivered_and_opened_by_three_sites() {
    // Each with keys, databases and a folder of its own.
    let (fulfillment, activation, retail) = (House::new(), House::new(), House::empty());
    believe(&fulfillment, &activation, "activation.pem");
    believe(&activation, &fulfillment, "fulfillment.pem");
    let file = fulfillment.path().join("book.epub");
    fs::write(&file, epub("Three Waters", "Ada Writer", 3)).unwrap();
    fulfillment.add_title(&file, BOOK_ID, &["--level", "5"]);
    let secret = fulfillment.add_retailer("shop", &[]);

    let download = fulfillment.serve(&["--roles", "download"]);
    let activates = activation.serve(&["--roles", "activation,repository"]);
    assert_eq!(answers(&download, "/activation"), 404);
    assert_eq!(answers(&activates, "/main/ds"), 404);

    // The buyer's reader is activated at one site, for what another will license.
    let desk = Device::new("desk", &activation);
    let root = fulfillment.path().join("trust/roots.pem");
    succeed(desk.reader().args(["trust", "add"]).arg(root));
    let mut ada = Person::sign_up(&activates, "ada");
    desk.activate(&activates, &mut ada);
    let form = desk.certificate(&download);

    // The shop has the secret and nothing of either site.
    let persona = persona(&desk);
    let sale = ["--user-name", "Ada Lovelace", "--persona", &persona];
    let receipt = retail.mint(&secret, BOOK_ID, "order-1", &sale);
    assert_eq!(fs::read_dir(retail.path()).unwrap().count(), 0);

    let answer = download.download_licensed(&receipt, &form);
    let told = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 200, "{:?} {told}", answer.headers);
    let copy = desk.path("Three Waters.epub");
    fs::write(&copy, &answer.body).unwrap();
    assert!(download.stop() && activates.stop());
    let page = desk.open(&copy);
    assert!(page.contains("belongs to Ada Lovelace"), "{page}");
    let report = fulfillment.json(&["log", "report"]);
    assert_eq!(report["downloads"]["completed"], 1);
}

#[test]
fn a_certificate_of_a_service_that_the_center_does_not_know_is_refused() {
    let (fulfillment, activation) = (House::new(), House::new());
    believe(&activation, &fulfillment, "fulfillment.pem");
    let file = fulfillment.path().join("book.epub");
    fs::write(&file, epub("Far Waters", "Ada Writer", 3)).unwrap();
    fulfillment.add_title(&file, BOOK_ID, &["--level", "5"]);
    let secret = fulfillment.add_retailer("shop", &[]);
    let download = fulfillment.serve(&["--roles", "download"]);
    let activates = activation.serve(&["--roles", "activation,repository"]);
    let desk = Device::new("desk", &activation);
    let root = fulfillment.path().join("trust/roots.pem");
    succeed(desk.reader().args(["trust", "add"]).arg(root));
    let mut ada = Person::sign_up(&activates, "ada");
    desk.activate(&activates, &mut ada);
    let form = desk.certificate(&download);
    let persona = persona(&desk);
    let sale = ["--user-name", "Ada Lovelace", "--persona", &persona];
    let receipt = fulfillment.mint(&secret, BOOK_ID, "order-1", &sale);
    let refused = download.download_licensed(&receipt, &form);
    assert_eq!(refused.json()["code"], "certificate-refused");
}
