//! What the operator of an activation service sees and sets.

use std::time::{Duration, Instant};

use colophon_tests::colophon::{Host, House, fail, succeed};

/// Longer than a few key pairs take on a busy machine.
const KEYS_MADE_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn a_serving_host_keeps_key_pairs_waiting() {
    let house = House::new();
    house.json(&["activation", "settings", "--keys-min", "2"]);
    let report = house.json(&["activation", "report"]);
    assert_eq!(report["total"]["keys_waiting"], 0);
    let host = house.serve(&[]);
    let begun = Instant::now();
    // The pool is filled to half as many more.
    while house.json(&["activation", "report"])["total"]["keys_waiting"] != 3 {
        assert!(begun.elapsed() < KEYS_MADE_WITHIN, "{}", house.log());
    }
    assert!(host.stop());
    let report = house.json(&["activation", "report"]);
    assert_eq!(report["total"]["keys_waiting"], 3);
    let healthy = succeed(house.colophon().arg("doctor"));
    assert!(healthy.contains("the activation database"), "{healthy}");
    assert!(healthy.contains("3 key pairs wait"), "{healthy}");
}

#[test]
fn a_host_without_the_role_makes_no_keys() {
    let house = House::new();
    let host = house.serve(&["--roles", "download"]);
    assert!(host.stop());
    let report = house.json(&["activation", "report"]);
    assert_eq!(report["total"]["keys_waiting"], 0);
}

/// The services that a host says it stands on.
fn services(host: &Host) -> String {
    let ready = host.request("GET", "/readyz", &[], None).unwrap();
    String::from_utf8(ready.body).unwrap()
}

#[test]
fn a_host_that_only_activates_has_no_download_address() {
    let house = House::new();
    let secret = house.add_retailer("shop", &[]);
    let receipt = house.mint(&secret, "b-1", "order-1", &[]);
    let host = house.serve(&["--roles", "activation"]);
    assert!(services(&host).contains("activation-database"));
    let answer = host.download(&receipt);
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.json()["type"].as_str().unwrap().rsplit('/').next(),
        Some("address-unknown")
    );
    assert!(host.stop());
    let host = house.serve(&["--roles", "download"]);
    assert!(!services(&host).contains("activation-database"));
    assert_eq!(host.download(&receipt).status, 404);
    assert!(
        !host.download(&receipt).json()["type"]
            .to_string()
            .contains("address-unknown")
    );
    assert!(host.stop());
}

#[test]
fn settings_are_changed_one_by_one_and_refused_as_a_whole() {
    let house = House::new();
    let set = |more: &[&str]| {
        let mut arguments = vec!["activation", "settings"];
        arguments.extend_from_slice(more);
        house.json(&arguments)
    };
    let first = set(&[]);
    assert_eq!(
        [
            &first["initial"],
            &first["period_days"],
            &first["total"],
            &first["free_repeats"]
        ],
        [5, 90, 10, 3]
    );
    set(&["--total", "20", "--support", "help@center.example"]);
    let after = set(&[
        "--gift-link",
        "https://center.example/gift",
        "--support",
        "",
    ]);
    assert_eq!(after["total"], 20);
    assert!(after["support"].is_null());
    assert_eq!(after["gift_link"], "https://center.example/gift");
    for wrong in [
        ["--total", "4"],
        ["--initial", "0"],
        ["--period-days", "0"],
        ["--gift-link", "http://center.example/gift"],
        ["--support", "two\nlines"],
    ] {
        fail(
            house
                .colophon()
                .args(["activation", "settings"])
                .args(wrong),
        );
    }
    assert_eq!(set(&[]), after);
}

#[test]
fn a_copy_is_reported_on_without_keys_and_stays_as_it_is() {
    let house = House::new();
    let copy = house.path().join("copy.db");
    std::fs::copy(house.path().join("activation.db"), &copy).unwrap();
    let before = std::fs::read(&copy).unwrap();
    let elsewhere = House::empty();
    let url = format!("sqlite://{}", copy.display());
    for (by, first_days) in [("day", 3), ("week", 3), ("month", 3)] {
        let report = elsewhere.json(&[
            "activation",
            "report",
            "--by",
            by,
            "--periods",
            "3",
            "--database",
            &url,
        ]);
        assert_eq!(report["periods"].as_array().unwrap().len(), first_days);
        assert_eq!(report["total"]["personas"], 0);
        assert!(report["total"]["average_per_persona"].is_null());
    }
    assert_eq!(std::fs::read(&copy).unwrap(), before);
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    let missing = format!("{url}.missing");
    fail(
        elsewhere
            .colophon()
            .args(["activation", "report", "--database", &missing]),
    );
    assert!(!copy.with_extension("db.missing").exists());
}

#[test]
fn whom_nobody_knows_is_named() {
    let house = House::new();
    for arguments in [
        vec!["show", "nobody@people.example"],
        vec!["release", "nobody@people.example", "00"],
        vec!["revoke", "nobody@people.example", "--yes"],
        vec!["erase", "nobody@people.example", "--yes"],
    ] {
        let said = fail(house.colophon().arg("activation").args(&arguments));
        assert!(
            said.contains("there is no persona nobody@people.example"),
            "{said}"
        );
    }
    let revoked = house.json(&["activation", "revoked"]);
    assert_eq!(revoked["certificates"].as_array().unwrap().len(), 0);
    assert!(house.path().join("trust/activation.crl").exists());
}
