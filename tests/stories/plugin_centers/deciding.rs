//! Decisions in service: recorded, made once more, and asked of the next version.

use std::fs;

use colophon_tests::colophon::{fail, succeed};
use colophon_tests::guest::{allowing_policy, denying_policy, naming, trapping_policy};
use serde_json::{Value, json};

use super::{Shop, manifest};

/// Three downloads under a policy that allows them, by a host that has ended since: what it recorded
/// is written by then.
fn three_allowed(shop: &Shop) -> Vec<Value> {
    shop.publish(&allowing_policy(), &manifest("rules", "1", "policy"));
    shop.plugin(&["promote", "rules"]);
    let mut command = shop.house.colophon();
    let none = succeed(command.args(["plugin", "decisions", "rules"]));
    assert!(none.contains("a second or so after each"), "{none}");
    let host = shop.house.serve(&[]);
    for number in 0..3 {
        let answer = host.download(&shop.receipt(&format!("t-{number}")));
        assert_eq!(answer.status, 200);
    }
    let metrics = host.request("GET", "/metrics", &[], None).unwrap();
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(metrics.contains("colophon_plugin_decisions_dropped_total"));
    assert!(host.stop());
    let decisions = shop.plugin(&["decisions", "rules"]);
    let decisions = decisions.as_array().unwrap().clone();
    assert_eq!(decisions.len(), 3, "{decisions:?}");
    decisions
}

/// What a command prints that says by its exit code that something differs.
fn differing(shop: &Shop, arguments: &[&str]) -> Value {
    let mut command = shop.house.colophon();
    let output = command.arg("--json").args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_decision_is_the_same_when_it_is_made_once_more() {
    let shop = Shop::open();
    for decision in three_allowed(&shop) {
        assert_eq!(
            (&decision["role"], &decision["outcome"]),
            (&"policy".into(), &"allow".into())
        );
        let replayed = shop.plugin(&["replay", decision["decision"].as_str().unwrap()]);
        assert_eq!(replayed["same"], true, "{replayed}");
        assert_eq!(replayed["fuel"], replayed["fuel_recorded"]);
        assert_eq!(replayed["granted_otherwise_now"], false);
        let request = decision["request"].as_str().unwrap();
        let of_request = shop.plugin(&["decisions", "rules", "--request", request]);
        assert_eq!(of_request.as_array().unwrap().len(), 1);
    }
    let nobody = "0".repeat(32);
    let refused = fail(shop.house.colophon().args(["plugin", "replay", &nobody]));
    assert!(refused.contains("has no decision"), "{refused}");
    // One id is easily taken for another.
    let latest = shop.plugin(&["decisions", "rules", "--last", "1"]);
    let request = latest[0]["request"].as_str().unwrap();
    let refused = fail(shop.house.colophon().args(["plugin", "replay", request]));
    let listing = format!("decisions --center main rules --request {request}");
    assert!(refused.contains(&listing), "{refused}");
    let strange = ["plugin", "decisions", "rules", "--request", "zzz"];
    let refused = fail(shop.house.colophon().args(strange));
    assert!(
        refused.contains("\"zzz\" is no id of a request"),
        "{refused}"
    );
}

#[test]
fn a_retailer_checks_what_the_center_says_of_a_decision() {
    let shop = Shop::open();
    let decisions = three_allowed(&shop);
    let id = decisions[0]["decision"].as_str().unwrap();
    let place = |name: &str| shop.house.path().join(name).to_str().unwrap().to_owned();
    let (receipt, key) = (place("decision.jws"), place("provider.pem"));
    shop.plugin(&["receipt", id, "--out", &receipt]);
    let mut command = shop.house.colophon();
    let certificate =
        succeed(command.args(["center", "signer", "certificate", "--role", "provider"]));
    fs::write(&key, certificate).unwrap();
    let verified = shop.plugin(&["verify", &receipt, "--key", &key]);
    assert_eq!(verified["decision"], id);
    assert_eq!(
        (&verified["outcome"], &verified["retailer"]),
        (&"allow".into(), &"shop".into())
    );
    assert_eq!(verified["transaction"], "t-2", "the latest is listed first");

    let text = fs::read_to_string(&receipt).unwrap();
    let forged = place("forged.jws");
    fs::write(&forged, text.replacen('.', ".e", 1)).unwrap();
    let mut command = shop.house.colophon();
    let refused = fail(command.args(["plugin", "verify", &forged, "--key", &key]));
    assert!(refused.contains("is not good"), "{refused}");
    // What is there already is not overwritten.
    let mut command = shop.house.colophon();
    let refused = fail(command.args(["plugin", "receipt", id, "--out", &receipt]));
    assert!(refused.contains("is there already"), "{refused}");
}

#[test]
fn the_next_version_is_asked_which_sales_it_would_change() {
    let shop = Shop::open();
    three_allowed(&shop);
    shop.publish(&denying_policy(), &manifest("rules", "2", "policy"));
    let report = differing(&shop, &["plugin", "shadow", "rules"]);
    assert_eq!(
        (&report["version"], &report["asked"]),
        (&"2".into(), &3.into())
    );
    assert_eq!(report["different"]["allow-to-deny"], 3, "{report}");
    let first = &report["changed"][0];
    assert_eq!(first["candidate"], "deny: closed");
    let sale = ["retailer", "transaction", "book_id"].map(|name| first[name].as_str());
    assert_eq!(sale, [Some("shop"), Some("t-2"), Some("b-1")], "{first}");
    assert_eq!(report["sales_changed"], 3);
    let mut command = shop.house.colophon();
    let output = command
        .args(["plugin", "shadow", "rules"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        told.contains("3 sales would have gone another way"),
        "{told}"
    );
    assert!(told.contains("t-2"), "{told}");
    for version in [&["1"][..], &["--version", "1"]] {
        let asked = [&["shadow", "rules"], version, &["--last", "2"]].concat();
        let same = shop.plugin(&asked);
        assert_eq!((&same["asked"], &same["same"]), (&2.into(), &2.into()));
    }
    // To decide otherwise is what a new version is for; which sales go another way is told, and nobody
    // is denied anything by oversight, nor in a trial.
    let promote = ["plugin", "promote", "rules", "2"];
    for trial in [&[][..], &["--canary", "10"]] {
        let refused = fail(shop.house.colophon().args(promote).args(trial));
        assert!(refused.contains("would deny 3 recorded sales"), "{refused}");
        assert!(refused.contains("--yes"), "{refused}");
    }
    assert_eq!(shop.state("rules", "2"), "published");
    let promoted = shop.house.colophon().args(promote).arg("--yes").output();
    let promoted = promoted.unwrap();
    assert!(promoted.status.success(), "{promoted:?}");
    assert_eq!(shop.state("rules", "2"), "active");
    let told = String::from_utf8_lossy(&promoted.stderr).into_owned();
    assert!(
        told.contains("3 sales would have gone another way"),
        "{told}"
    );
    for sale in ["t-0", "t-1", "t-2"] {
        let mut lines = told.lines().filter(|line| line.contains(sale));
        let line = lines.next().unwrap_or_default();
        assert!(
            line.contains("allow-to-deny") && line.contains("b-1"),
            "{told}"
        );
    }
}

/// What only names a file is told no transaction; the log knows it.
#[test]
fn a_sale_whose_file_would_be_called_otherwise_is_told_by_its_transaction() {
    let shop = Shop::open();
    shop.publish(&naming("emma.epub"), &manifest("names", "1", "naming"));
    shop.plugin(&["promote", "names"]);
    let host = shop.house.serve(&[]);
    assert_eq!(host.download(&shop.receipt("t-1")).status, 200);
    assert!(host.stop());
    shop.publish(&naming("austen.epub"), &manifest("names", "2", "naming"));
    let report = differing(&shop, &["plugin", "shadow", "names"]);
    let first = &report["changed"][0];
    assert_eq!(
        (&first["change"], &first["transaction"], &first["book_id"]),
        (&"file-name".into(), &"t-1".into(), &"b-1".into())
    );
}

/// A version may play a role that nobody played before it.
#[test]
fn a_role_without_recorded_questions_is_named_before_it_decides() {
    let shop = Shop::open();
    shop.publish(&naming("emma.epub"), &manifest("rules", "1", "naming"));
    shop.plugin(&["promote", "rules"]);
    let host = shop.house.serve(&[]);
    assert_eq!(host.download(&shop.receipt("t-1")).status, 200);
    assert!(host.stop());
    shop.publish(&denying_policy(), &manifest("rules", "2", "policy"));
    let report = differing(&shop, &["plugin", "shadow", "rules"]);
    assert_eq!(report["roles_without_questions"], json!(["policy"]));
    let shadow = shop
        .house
        .colophon()
        .args(["plugin", "shadow", "rules"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&shadow.stdout).into_owned();
    let unknown = "No recorded question for policy: nothing is known of what it will answer.";
    assert!(told.contains(unknown), "{told}");

    let promote = ["plugin", "promote", "rules", "2"];
    let refused = fail(shop.house.colophon().args(promote));
    assert!(refused.contains(unknown), "{refused}");
    assert!(
        refused.contains("nobody knows whom it will deny") && refused.contains("--yes"),
        "{refused}"
    );
    assert_eq!(shop.state("rules", "2"), "published");
    // A trial is how to learn it.
    let tried = shop.plugin(&["promote", "rules", "2", "--canary", "10"]);
    assert_eq!(tried["roles_without_questions"], json!(["policy"]));
    let promoted = shop.plugin(&["promote", "rules", "2", "--yes"]);
    assert_eq!(promoted["active"], "2");
}

#[test]
fn nothing_is_lost_by_a_first_version_that_was_asked_nothing() {
    let shop = Shop::open();
    shop.publish(&allowing_policy(), &manifest("rules", "1", "policy"));
    let promote = ["plugin", "promote", "rules"];
    let output = shop.house.colophon().args(promote).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("No recorded question for policy"), "{told}");
    // The next one takes its place, and may deny what it allowed.
    shop.publish(&denying_policy(), &manifest("rules", "2", "policy"));
    let refused = fail(shop.house.colophon().args(promote));
    assert!(
        refused.contains("nobody knows whom it will deny"),
        "{refused}"
    );
}

#[test]
fn a_version_that_newly_fails_is_not_promoted_unless_it_is_insisted_on() {
    let shop = Shop::open();
    three_allowed(&shop);
    shop.publish(&trapping_policy(), &manifest("rules", "2", "policy"));
    for arguments in [&["--canary", "10"][..], &[]] {
        let mut command = shop.house.colophon();
        command
            .args(["plugin", "promote", "rules", "2"])
            .args(arguments);
        let refused = fail(&mut command);
        assert!(refused.contains("fails on 3 of 3"), "{refused}");
    }
    assert_eq!(shop.state("rules", "1"), "active");
    assert_eq!(shop.state("rules", "2"), "published");
    shop.plugin(&["promote", "rules", "2", "--without-shadow"]);
    assert_eq!(shop.state("rules", "2"), "active");
}

/// A plug-in that only names files is told nothing of the buyer, and its decisions go all the same.
#[test]
fn a_buyer_who_is_erased_takes_what_was_decided_for_them() {
    let shop = Shop::open();
    shop.publish(&naming("emma.epub"), &manifest("names", "1", "naming"));
    shop.plugin(&["promote", "names"]);
    let host = shop.house.serve(&[]);
    for (transaction, customer) in [("t-1", "ada"), ("t-2", "bob"), ("t-3", "ada")] {
        let customer = &["--customer-id", customer];
        let receipt = shop.house.mint(&shop.secret, "b-1", transaction, customer);
        assert_eq!(host.download(&receipt).status, 200);
    }
    assert!(host.stop());
    let recorded = || {
        let decisions = shop.plugin(&["decisions", "names"]);
        decisions.as_array().unwrap().len()
    };
    assert_eq!(recorded(), 3);
    let ada = ["log", "erase", "--retailer", "shop", "--customer-id", "ada"];
    let refused = fail(shop.house.colophon().args(ada));
    assert!(
        refused.contains("2 rows of the log, 2 decisions of plug-ins"),
        "{refused}"
    );
    assert!(refused.contains("--yes"), "{refused}");
    // A retailer that is not there is no question.
    let mistyped = ["log", "erase", "--retailer", "shp", "--customer", "ada"];
    let refused = fail(shop.house.colophon().args(mistyped));
    assert!(refused.contains("no retailer shp"), "{refused}");
    assert_eq!(recorded(), 3);
    let sure = [&ada[..], &["--yes"]].concat();
    let erased = shop.house.json(&sure);
    assert_eq!(
        (&erased["logged"], &erased["rows"], &erased["decisions"]),
        (&true.into(), &2.into(), &2.into())
    );
    assert_eq!(recorded(), 1);
    let rows = shop.house.json(&["log", "export"]);
    let known = rows["rows"].as_array().unwrap().iter();
    let known: Vec<&Value> = known.map(|row| &row["customer_id"]).collect();
    assert_eq!(known, [&Value::Null, &"bob".into(), &Value::Null]);
    let again = shop.house.colophon().args(&sure).output().unwrap();
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    assert_eq!(again.status.code(), Some(4), "{said}");
    assert!(said.contains("nothing is known"), "{said}");
}

/// The log keeps a buyer under one thing alone, and an operator may know another.
#[test]
fn a_buyer_who_is_kept_under_something_else_is_not_half_erased() {
    let shop = Shop::open();
    shop.publish(&allowing_policy(), &manifest("rules", "1", "policy"));
    shop.plugin(&["promote", "rules"]);
    let host = shop.house.serve(&[]);
    for (transaction, who) in [
        (
            "t-1",
            ["--customer-id", "c-7", "--user-name", "Ada Lovelace"],
        ),
        // Somebody's name is another one's id.
        (
            "t-2",
            ["--customer-id", "Ada Lovelace", "--user-name", "Eve"],
        ),
    ] {
        let receipt = shop.house.mint(&shop.secret, "b-1", transaction, &who);
        assert_eq!(host.download(&receipt).status, 200);
    }
    assert!(host.stop());
    let recorded = || {
        let decisions = shop.plugin(&["decisions", "rules"]);
        decisions.as_array().unwrap().len()
    };
    assert_eq!(recorded(), 2);
    let erase = ["log", "erase", "--yes", "--retailer", "shop"];
    // Both ways of naming the wrong thing end in the same code.
    for (name, said) in [
        ("Ada Lovelace", "--customer-id \"c-7\" (1 rows)"),
        ("c-7", "nothing is known"),
    ] {
        let mut command = shop.house.colophon();
        let output = command.args(erase).args(["--name", name]).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{name}: {output:?}");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains("Nothing was erased"), "{told}");
        assert!(told.contains(said), "{told}");
    }
    let mut command = shop.house.colophon();
    let output = command.arg("--json").args(erase);
    let output = output.args(["--name", "Ada Lovelace"]).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let elsewhere = json!([{ "customer": "c-7", "rows": 1 }]);
    assert_eq!(answer["kept_elsewhere"], elsewhere, "{answer}");
    assert_eq!(recorded(), 2);
    let erased = shop
        .house
        .json(&[&erase[..], &["--customer-id", "Ada Lovelace"]].concat());
    assert_eq!(
        (&erased["rows"], &erased["decisions"]),
        (&1.into(), &1.into())
    );
    assert_eq!(recorded(), 1, "the other one's stays");
    let erased = shop
        .house
        .json(&[&erase[..], &["--customer", "c-7"]].concat());
    assert_eq!(
        (&erased["rows"], &erased["decisions"]),
        (&1.into(), &1.into())
    );
    assert_eq!(recorded(), 0);
}
