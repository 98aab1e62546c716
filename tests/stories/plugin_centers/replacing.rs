//! One version takes another's place, and nobody who downloads meanwhile is refused.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use colophon_receipt::{RetailerSecret, SecretMode};
use colophon_tests::colophon::{fail, succeed};
use colophon_tests::guest::{denying_policy, naming, retailers};

use super::{Shop, add_center, download_at, file_name, manifest, second_host, until, until_named};

#[test]
fn a_center_is_served_by_its_own_plug_in_and_every_host_follows() {
    let shop = Shop::open();
    let host = shop.house.serve(&[]);
    let receipt = shop.receipt("t-1");
    until_named(&host, &shop.house, &receipt, "Emma");

    shop.publish(&naming("one"), &manifest("names", "1", "naming"));
    let listed = shop.plugin(&["list"]);
    assert_eq!(listed[0]["plugin"], "names");
    assert_eq!(listed[0]["active"], serde_json::Value::Null);
    // Published alone, it is asked by nobody.
    assert!(file_name(&host.download(&receipt)).contains("Emma"));
    let promoted = shop.plugin(&["promote", "names"]);
    assert_eq!(promoted["active"], "1");
    until_named(&host, &shop.house, &receipt, "one");

    let second = second_host(&shop.house);
    until_named(&second, &shop.house, &receipt, "one");
    shop.publish(&naming("two"), &manifest("names", "2", "naming"));
    shop.plugin(&["promote", "names", "2"]);
    until_named(&host, &shop.house, &receipt, "two");
    until_named(&second, &shop.house, &receipt, "two");

    let back = shop.plugin(&["rollback", "names"]);
    assert_eq!(back["active"], "1");
    until_named(&host, &shop.house, &receipt, "one");
    until_named(&second, &shop.house, &receipt, "one");
    shop.plugin(&["withdraw", "names", "--yes"]);
    until_named(&host, &shop.house, &receipt, "Emma");
    let back = shop.plugin(&["rollback", "names"]);
    assert_eq!(back["active"], "1");
    until_named(&second, &shop.house, &receipt, "one");

    let shown = shop.plugin(&["show", "names"]);
    let steps = shown["history"].as_array().unwrap().iter();
    let steps: Vec<_> = steps.map(|entry| entry["step"].as_str().unwrap()).collect();
    assert_eq!(
        steps,
        [
            "rollback", "withdraw", "rollback", "promote", "publish", "promote", "publish"
        ]
    );
    // Every member of the answer is there once: of two of one name, programs see either.
    let mut show = shop.house.colophon();
    let raw = succeed(show.args(["--json", "plugin", "show", "names"]));
    for member in ["plugin", "versions", "history", "vectors", "publishers"] {
        let written = format!("\n  \"{member}\":");
        assert_eq!(raw.matches(&written).count(), 1, "{member}: {raw}");
    }
    // After a restart it is the same.
    drop(second);
    assert!(host.stop());
    let host = shop.house.serve(&[]);
    assert!(file_name(&host.download(&receipt)).contains("one"));
    assert!(shop.has_told("plug-ins-loaded"));
}

#[test]
fn downloads_go_on_while_versions_take_turns() {
    let shop = Shop::open();
    let host = shop.house.serve(&[]);
    shop.publish(&naming("one"), &manifest("names", "1", "naming"));
    shop.publish(&naming("two"), &manifest("names", "2", "naming"));
    shop.plugin(&["promote", "names", "1"]);
    let receipts: Vec<String> = (0..3)
        .map(|number| shop.receipt(&format!("t-{number}")))
        .collect();
    until_named(&host, &shop.house, &receipts[0], "one");
    let stop = AtomicBool::new(false);
    let (host, stop) = (&host, &stop);
    std::thread::scope(|scope| {
        let downloading = receipts.iter().map(|receipt| {
            scope.spawn(move || {
                let (mut names, mut count) = (BTreeSet::new(), 0_u32);
                while !stop.load(SeqCst) {
                    let answer = host.download(receipt);
                    assert_eq!(answer.status, 200);
                    assert!(answer.complete);
                    names.insert(file_name(&answer));
                    count += 1;
                }
                (names, count)
            })
        });
        let downloading: Vec<_> = downloading.collect();
        for _ in 0..4 {
            shop.plugin(&["promote", "names", "2"]);
            until_named(host, &shop.house, &receipts[0], "two");
            shop.plugin(&["rollback", "names"]);
            until_named(host, &shop.house, &receipts[0], "one");
        }
        stop.store(true, SeqCst);
        for one in downloading {
            let (names, count) = one.join().unwrap();
            assert!(count > 10, "{count}");
            assert_eq!(names.len(), 2, "{names:?}");
        }
    });
}

#[test]
fn a_trial_meets_the_same_purchases_every_time() {
    let shop = Shop::open();
    let host = shop.house.serve(&[]);
    shop.publish(&naming("one"), &manifest("names", "1", "naming"));
    shop.publish(&naming("two"), &manifest("names", "2", "naming"));
    shop.plugin(&["promote", "names", "1"]);
    let tried = shop.plugin(&["promote", "names", "2", "--canary", "50"]);
    assert_eq!(tried["active"], "1");
    assert_eq!(
        (&tried["canary"], &tried["canary_percent"]),
        (&"2".into(), &50.into())
    );
    let second = second_host(&shop.house);
    let receipts: Vec<String> = (0..24)
        .map(|number| shop.receipt(&format!("t-{number}")))
        .collect();
    let meets = |host: &colophon_tests::colophon::Host| -> Vec<bool> {
        let names = receipts
            .iter()
            .map(|receipt| file_name(&host.download(receipt)));
        names.map(|name| name.contains("two")).collect()
    };
    // The first host may still be on its way; both meet the trial then, for the same purchases.
    let expected = meets(&second);
    let count = expected.iter().filter(|trial| **trial).count();
    assert!((4..=20).contains(&count), "{count} of 24");
    let tried = receipts.iter().zip(&expected).find(|(_, trial)| **trial);
    until_named(&host, &shop.house, tried.unwrap().0, "two");
    assert_eq!(meets(&host), expected);
    assert_eq!(meets(&second), expected);
    // Going back ends the trial and leaves the active version.
    shop.plugin(&["rollback", "names"]);
    until_named(&host, &shop.house, tried.unwrap().0, "one");
    assert_eq!(shop.state("names", "2"), "shelved");
    let refused = fail(shop.house.colophon().args(["plugin", "promote", "names"]));
    assert!(refused.contains("name it"), "{refused}");
    shop.plugin(&["promote", "names", "2"]);
    until_named(&host, &shop.house, tried.unwrap().0, "two");
}

#[test]
fn a_policy_of_one_center_binds_nobody_else_and_is_explained() {
    let shop = Shop::open();
    let north = add_center(&shop, "north");
    shop.publish(&denying_policy(), &manifest("rules", "1", "policy"));
    shop.plugin(&["promote", "rules"]);
    let host = shop.house.serve(&[]);
    let denied = host.download(&shop.receipt("t-1"));
    assert_eq!(denied.status, 403);
    assert_eq!(denied.json()["code"], "policy-denied");
    let receipt = shop
        .house
        .mint(&north, "b-1", "t-1", &["--center", "north"]);
    assert_eq!(download_at(&host, "north", &receipt).status, 200);
    // A command asks the same plug-ins as a host.
    let explained = shop
        .house
        .colophon()
        .args(["receipt", "explain", &shop.receipt("t-2")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(said.contains("policy-denied"), "{said}");
    shop.plugin(&["withdraw", "rules", "--yes"]);
    until(&host, &shop.house, &shop.receipt("t-3"), |answer| {
        answer.status == 200
    });
}

#[test]
fn a_plug_in_tells_whose_a_retailer_id_is_and_the_host_holds_the_key() {
    let shop = Shop::open();
    let secret = RetailerSecret::parse(&shop.secret).unwrap();
    let (_, _, key) = secret.into_parts();
    let alias = RetailerSecret::new(SecretMode::Live, "branch-7.1".parse().unwrap(), key);
    let receipt = shop.house.mint(&alias.to_text(), "b-1", "t-1", &[]);
    let host = shop.house.serve(&[]);
    assert_eq!(host.download(&receipt).json()["code"], "receipt-invalid");
    shop.publish(&retailers("shop"), &manifest("branches", "1", "retailers"));
    shop.plugin(&["promote", "branches"]);
    until(&host, &shop.house, &receipt, |answer| answer.status == 200);
    // Whatever a plug-in says, a receipt opens under the key of that record or not at all.
    let other = shop.house.add_retailer("other", &[]);
    let foreign = shop.house.mint(&other, "b-1", "t-2", &[]);
    assert_eq!(host.download(&foreign).json()["code"], "receipt-invalid");
    // A record that the center does not have is the plug-in's mistake, and a matter for later.
    shop.publish(
        &retailers("nobody"),
        &manifest("branches", "2", "retailers"),
    );
    shop.plugin(&["promote", "branches", "--yes"]);
    let refused = until(&host, &shop.house, &receipt, |answer| answer.status != 200);
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (503, &"plug-in-failed".into())
    );
}
