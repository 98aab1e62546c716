//! What is not kept any more is said by the command that lets it go.

use colophon_tests::colophon::{fail, succeed};
use colophon_tests::guest::{allowing_policy, naming};
use serde_json::json;

use super::{Shop, manifest};

#[test]
fn a_version_that_goes_with_a_promotion_is_named() {
    let shop = Shop::open();
    for version in ["1", "2", "3", "4", "5", "6"] {
        shop.publish(&naming("one"), &manifest("names", version, "naming"));
        let promoted = shop.plugin(&["promote", "names", version]);
        assert_eq!(promoted["no_longer_kept"], json!([]), "{version}");
    }
    shop.publish(&naming("one"), &manifest("names", "7", "naming"));
    let mut command = shop.house.colophon();
    let said = succeed(command.args(["plugin", "promote", "names", "7"]));
    assert!(said.contains("No longer kept: 1."), "{said}");
    shop.publish(&naming("one"), &manifest("names", "8", "naming"));
    let promoted = shop.plugin(&["promote", "names", "8"]);
    assert_eq!(promoted["no_longer_kept"], json!(["2"]));
    // The active one retires, and the oldest of those before it goes.
    let withdrawn = shop.plugin(&["withdraw", "names", "--yes"]);
    assert_eq!(withdrawn["no_longer_kept"], json!(["3"]));
}

#[test]
fn what_goes_with_a_plug_in_is_said_before_and_after() {
    let shop = Shop::open();
    shop.publish(&allowing_policy(), &manifest("rules", "1", "policy"));
    shop.plugin(&["promote", "rules"]);
    let host = shop.house.serve(&[]);
    for number in 0..3 {
        let answer = host.download(&shop.receipt(&format!("t-{number}")));
        assert_eq!(answer.status, 200);
    }
    assert!(host.stop());
    shop.plugin(&["withdraw", "rules", "--yes"]);
    let mut command = shop.house.colophon();
    let asked = fail(command.args(["plugin", "remove", "rules"]));
    assert!(asked.contains("3 recorded decisions"), "{asked}");
    let removed = shop.plugin(&["remove", "rules", "--yes"]);
    let expected = json!({ "removed": "rules", "versions": 1, "questions": 0, "decisions": 3 });
    assert_eq!(removed, expected);
}
