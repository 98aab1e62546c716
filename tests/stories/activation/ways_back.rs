//! Addresses that there are not, for people and for readers; and what a reader proposes.

use colophon_console::routes::{Kind, listed};
use colophon_tests::browser::Browser;
use colophon_tests::colophon::{Host, House};

use super::people::{Reader, post, sign_up};

const WRONG: [&str; 5] = [
    "/activation/",
    "/activation/singin",
    "/activation/me/",
    "/activation/ds",
    "/activation/me/devices/1?x=y",
];

const WRONG_FOR_READERS: [&str; 3] = [
    "/activation/token/",
    "/activation/activations/1",
    "/activation/device_authorization/x",
];

#[test]
fn a_wrong_address_has_a_way_back_for_people_and_a_code_for_readers() {
    let house = House::new();
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    for path in WRONG {
        for method in ["GET", "POST", "DELETE"] {
            let answer = browser.ask(method, path, None);
            assert_eq!(answer.status, 404, "{method} {path}");
            let html = String::from_utf8(answer.body).unwrap();
            assert!(html.contains("There is nothing here"), "{path}: {html}");
            assert!(html.contains("href=\"/activation\""), "{path}: {html}");
        }
    }
    for path in WRONG_FOR_READERS {
        let problem = post(&host, path, &[]).json();
        assert_eq!(problem["code"], "address-unknown", "{path}");
        let next = problem["next"].as_str().unwrap();
        assert!(next.contains("/activation/token"), "{next}");
    }
    // Beside it, everything is as it was.
    let beside = host.request("GET", "/activations", &[], None).unwrap();
    assert_eq!(beside.json()["code"], "address-unknown");
    assert!(!beside.json()["next"].to_string().contains("/activation/"));
}

#[test]
fn a_wrong_method_is_answered_in_the_words_of_who_asks() {
    let house = House::new();
    let host = house.serve(&[]);
    let ask = |method: &str, path: &str| host.request(method, path, &[], None).unwrap();
    let out = ask("GET", "/activation/sign-out");
    assert_eq!(out.status, 405);
    let html = String::from_utf8(out.body).unwrap();
    assert!(html.contains("href=\"/activation\""), "{html}");
    for listed in listed() {
        let answer = ask("DELETE", listed.path);
        assert_eq!(answer.status, 405, "{}", listed.path);
        let html = "text/html; charset=utf-8";
        let expected = match listed.kind {
            Kind::Page | Kind::Form => html,
            Kind::Reader => "application/problem+json",
        };
        assert_eq!(answer.header("content-type"), Some(expected));
        assert!(answer.header("allow").is_some(), "{}", listed.path);
    }
}

#[test]
fn a_host_without_an_address_says_so_at_wrong_ones_too() {
    let house = House::new();
    let host = house.serve_at("0.0.0.0:0", &["--set", "listen.admin=127.0.0.1:0"]);
    for path in WRONG {
        let answer = host.request("GET", path, &[], None).unwrap();
        assert_eq!(answer.status, 503, "{path}");
    }
    for path in WRONG_FOR_READERS {
        assert_eq!(post(&host, path, &[]).json()["code"], "activation-closed");
    }
}

/// Begins as a reader that has been told what the machine is called.
fn begin(host: &Host, device_name: &str) -> colophon_tests::colophon::Answer {
    let fields = [
        ("client_id", "colophon-reader"),
        ("reader_version", "1.2.3"),
        ("device_name", device_name),
    ];
    post(host, "/activation/device_authorization", &fields)
}

#[test]
fn what_the_reader_proposes_stands_in_the_field_and_the_person_decides() {
    let house = House::new();
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    sign_up(&mut browser, "ada");
    let begun = begin(&host, "Ada's <desk>");
    assert_eq!(begun.status, 200);
    let code = begun.json()["user_code"].as_str().unwrap().to_owned();
    let proposed = "value=\"Ada&#39;s &#60;desk&#62;\"";
    let page = browser.open(&format!("/activation/approve?user_code={code}"));
    page.expect(200, proposed);
    // Somebody who has emptied the field is not given the proposal back.
    let approve = |name: &str| {
        let fields = [
            ("user_code", code.as_str()),
            ("device_name", name),
            ("purpose", "new"),
            ("answer", "approve"),
        ];
        fields.map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let empty = approve("");
    let empty: Vec<(&str, &str)> = empty
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let page = browser.submit("/activation/approve", &empty);
    page.expect(422, "Give the device a name");
    assert!(!page.says(proposed));
    let named = approve("Kitchen desk");
    let named: Vec<(&str, &str)> = named
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    browser
        .submit("/activation/approve", &named)
        .expect(200, "Waiting for your reader");
    // Without a proposal the field is empty, and a name that cannot be shown is none.
    let code = Reader::begin(&host).user_code();
    let page = browser.open(&format!("/activation/approve?user_code={code}"));
    assert!(page.expect(200, "name=\"device_name\"").says("value=\"\""));
    let refused = begin(&host, "two\nlines");
    assert_eq!(refused.json()["error"], "invalid_request");
}
