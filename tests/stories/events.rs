//! What has happened to a host, in the log long after its standard error is gone.

use std::collections::BTreeSet;
use std::net::TcpListener;

use colophon_tests::colophon::{House, fail, succeed};

fn events(house: &House, more: &[&str]) -> Vec<serde_json::Value> {
    let printed = house.json(&[&["log", "events"], more].concat());
    printed["events"].as_array().unwrap().clone()
}

fn names(events: &[serde_json::Value]) -> Vec<&str> {
    let names = events.iter().map(|event| event["name"].as_str());
    names.map(Option::unwrap_or_default).collect()
}

#[test]
fn a_day_of_a_host_can_be_read_in_the_log() {
    let house = House::new();
    let secret = house.add_retailer("shop", &[]);
    let receipt = house.mint(&secret, "b-1", "t-1", &[]);
    // An operator who wants to read nothing on standard error still has the events.
    let host = house.serve(&["--set", "log.filter=off"]);
    let form = format!("action=upload&value={receipt}&Certificate=canary&note=hello");
    let answer = host.request("POST", "/main/ds", &[], Some(&form)).unwrap();
    assert_eq!(answer.status, 400);
    let id = answer.header("x-request-id").unwrap();
    // A refusal that is nobody's fault is in the download log alone.
    assert_eq!(host.download(&receipt).status, 404);
    assert!(host.stop());
    assert_eq!(house.log(), "");

    let all = events(&house, &[]);
    assert_eq!(names(&all), ["started", "request-illegal", "stopped"]);
    let nodes: BTreeSet<String> = all.iter().map(|event| event["node"].to_string()).collect();
    assert_eq!(nodes.len(), 1);
    let illegal = &all[1];
    assert_eq!(illegal["code"], "COL3001");
    assert_eq!(illegal["severity"], "warning");
    assert_eq!(illegal["details"]["request.id"], id);
    assert_eq!(illegal["details"]["client.address"], "127.0.0.1");
    let told = illegal["details"]["request.form"].as_str().unwrap();
    let redacted = format!("value=({} bytes, kid shop.1)", receipt.len());
    assert_eq!(
        told,
        format!("action=upload&{redacted}&Certificate=(6 bytes)&note=hello")
    );
    let printed = serde_json::to_string(&all).unwrap();
    for hidden in [receipt.as_str(), "canary", secret.as_str()] {
        assert!(!printed.contains(hidden), "{hidden} in {printed}");
    }

    for name in ["request-illegal", "COL3001", "col3001"] {
        assert_eq!(events(&house, &["--name", name]).len(), 1, "{name}");
    }
    assert_eq!(events(&house, &["--center", "main"]).len(), 0);
    assert_eq!(events(&house, &["--days", "0"]).len(), 0);
    let typo = ["log", "events", "--name", "request-ilegal"];
    let said = fail(house.colophon().args(typo));
    assert!(said.contains("did you mean request-illegal?"), "{said}");
    let said = fail(house.colophon().args(["log", "events", "--center", "nope"]));
    assert!(said.contains("there is no center nope"), "{said}");

    let table = succeed(house.colophon().args(["log", "events"]));
    assert!(
        table.contains("COL3001") && table.contains("the action is neither download nor verify"),
        "{table}"
    );
}

#[test]
fn a_host_that_could_not_listen_says_so_in_the_log() {
    let house = House::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = fail(house.colophon().args(["serve", "--listen", &address]));
    assert_eq!(said.matches("COL1003").count(), 1, "{said}");
    let all = events(&house, &[]);
    assert_eq!(names(&all), ["start-failed"]);
    let reason = all[0]["details"]["reason"].as_str().unwrap();
    assert!(reason.contains("choose another listen.address"), "{reason}");
}
