//! The sixth device, and what everybody learns about it.

use colophon_tests::browser::Browser;
use colophon_tests::colophon::House;

use super::people::{Reader, approve, sign_up};

#[test]
fn the_sixth_device_waits_for_the_next_grant() {
    let house = House::new();
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    sign_up(&mut browser, "ada");
    let machines = ["aaaaaa", "bbbbbb", "cccccc", "dddddd", "eeeeee"];
    for machine in machines {
        let reader = Reader::begin(&host);
        approve(&mut browser, &reader.user_code(), machine);
        let package = reader.activate(&reader.token(), machine);
        assert_eq!(package.status, 200, "{machine}: {}", package.json());
    }
    let sixth = Reader::begin(&host);
    let progress = approve(&mut browser, &sixth.user_code(), "One too many").location;
    let token = sixth.token();
    for _ in 0..2 {
        let refused = sixth.activate(&token, "ffffff");
        assert_eq!(refused.status, 403);
        assert_eq!(
            refused.header("content-type"),
            Some("application/problem+json")
        );
        let problem = refused.json();
        assert_eq!(problem["code"], "activation-limit");
        assert_eq!(problem["used"], 5);
        assert!(
            problem["next_grant"].as_str().unwrap().ends_with('Z'),
            "{problem}"
        );
    }
    browser
        .open(&progress)
        .expect(200, "No activation is left right now")
        .expect(200, "The next one is granted on")
        .expect(200, "all 5 activations");
    browser
        .open("/activation/me")
        .expect(200, "5 of 5 activations used");

    // A device that was activated before is activated again all the same.
    let again = Reader::begin(&host);
    approve(&mut browser, &again.user_code(), "Renewed");
    assert_eq!(again.activate(&again.token(), "aaaaaa").status, 200);
    browser
        .open("/activation/me")
        .expect(200, "5 of 5 activations used");
}
