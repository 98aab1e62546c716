//! A host that listens to the network and was not told its address.

use colophon_console::routes::{Kind, listed};
use colophon_tests::book::epub;
use colophon_tests::browser::Browser;
use colophon_tests::colophon::{House, succeed};

use super::people::{Reader, approve, post, sign_up};

/// A host that listens to the network without knowing its address serves downloads, and hands out
/// no address that nobody could use.
#[test]
fn a_host_without_an_address_refuses_to_activate() {
    let house = House::new();
    let settings = "[listen]\nadmin = \"127.0.0.1:0\"\naddress = \"0.0.0.0:8480\"\n";
    std::fs::write(house.path().join("colophon.toml"), settings).unwrap();
    let file = house.path().join("book.epub");
    std::fs::write(&file, epub("Open", "Ada", 1)).unwrap();
    house.add_title(&file, "b-1", &[]);
    let receipt = house.mint(
        &house.add_retailer("shop", &[]),
        "b-1",
        "t-1",
        &["--user-name", "Ada"],
    );
    let host = house.serve_at("0.0.0.0:0", &[]);
    assert!(house.log().contains("set activation.public_url"));
    assert_eq!(host.download(&receipt).status, 200);
    for listed in listed() {
        let path = listed.path;
        let answer = match listed.kind {
            Kind::Page => host.request("GET", path, &[], None).unwrap(),
            Kind::Form | Kind::Reader => post(&host, path, &[]),
        };
        assert_eq!(answer.status, 503, "{path}");
        match listed.kind {
            Kind::Page | Kind::Form => {
                let html = String::from_utf8(answer.body).unwrap();
                assert!(html.contains("has to set activation.public_url"), "{html}");
            }
            Kind::Reader => assert_eq!(answer.json()["code"], "activation-closed", "{path}"),
        }
    }
    assert!(host.stop());
    let told = succeed(house.colophon().arg("doctor"));
    assert!(told.contains("none: activation is refused"), "{told}");

    // Where somebody has activated a reader, it is a fault; with an address, it is none.
    let host = house.serve(&[]);
    let mut ada = Browser::new(&host);
    sign_up(&mut ada, "ada");
    let reader = Reader::begin(&host);
    approve(&mut ada, &reader.user_code(), "Desk");
    assert_eq!(reader.activate(&reader.token(), "abcdef").status, 200);
    assert!(host.stop());
    let doctor = house.colophon().arg("doctor").output().unwrap();
    let told = String::from_utf8(doctor.stdout).unwrap();
    assert!(!doctor.status.success());
    assert!(told.contains("none: activation is refused"), "{told}");
    let settings = format!("{settings}[activation]\npublic_url = \"https://books.example\"\n");
    std::fs::write(house.path().join("colophon.toml"), settings).unwrap();
    let told = succeed(house.colophon().arg("doctor"));
    assert!(told.contains("https://books.example"), "{told}");
    let host = house.serve_at("0.0.0.0:0", &[]);
    let address = &Reader::begin(&host).begun["verification_uri"];
    assert_eq!(address, "https://books.example/activation");
}
