//! Versions that fail: gone back from by themselves, refused at the start, and nobody else's trouble.

use std::fs;

use colophon_tests::colophon::fail;
use colophon_tests::guest::{allowing_policy, naming, trapping_naming, trapping_policy};
use colophon_tests::tool::{skipped, target};

use super::{Shop, add_center, download_at, file_name, manifest, until, until_named};

#[test]
fn a_version_that_keeps_trapping_is_gone_back_from_and_its_question_kept() {
    let shop = Shop::open();
    let host = shop.house.serve(&[]);
    shop.publish(&naming("one"), &manifest("names", "1", "naming"));
    shop.publish(&trapping_naming(), &manifest("names", "2", "naming"));
    shop.plugin(&["promote", "names", "1"]);
    until_named(&host, &shop.house, &shop.receipt("t-0"), "one");
    shop.plugin(&["promote", "names", "2", "--without-shadow"]);
    // Naming never refuses a sale: while it traps, the host names files.
    until_named(&host, &shop.house, &shop.receipt("t-0"), "Emma");
    // One retailer's buyers alone bring no older version back, however many they are.
    let begun = std::time::Instant::now();
    let mut number = 0;
    while !shop
        .house
        .log()
        .contains("the buyers of one retailer alone")
    {
        number += 1;
        let answer = host.download(&shop.receipt(&format!("t-{number}")));
        assert_eq!(answer.status, 200);
        assert!(begun.elapsed() < super::PATIENCE, "{}", shop.house.log());
    }
    assert_eq!(shop.state("names", "2"), "active");
    let other = shop.house.add_retailer("other", &[]);
    let begun = std::time::Instant::now();
    while !file_name(&host.download(&shop.receipt("t-0"))).contains("one") {
        number += 1;
        let sold = format!("t-{number}");
        host.download(&shop.receipt(&sold));
        host.download(&shop.house.mint(&other, "b-1", &sold, &[]));
        assert!(begun.elapsed() < super::PATIENCE, "{}", shop.house.log());
    }
    let shown = shop.plugin(&["show", "names"]);
    assert_eq!(shown["active"], "1");
    assert_eq!(shop.state("names", "2"), "rejected");
    assert_eq!(shown["history"][0]["step"], "reject");
    let reason = shown["history"][0]["reason"].as_str().unwrap();
    assert!(reason.ends_with("trapped in file-name"), "{reason}");
    let kept = shop.plugin(&["vectors", "names"]);
    let [kept] = kept.as_array().unwrap().as_slice() else {
        panic!("it is kept once: {kept}")
    };
    assert_eq!(
        (&kept["role"], &kept["version"]),
        (&"naming".into(), &"2".into())
    );
    assert_eq!(kept["failure"], "trapped in file-name");
    let id = kept["input"]["ctx"]["request-id"].as_str().unwrap();
    assert!(
        !id.is_empty() && id.chars().all(|digit| digit == '0'),
        "{id}"
    );
    let number = kept["number"].to_string();

    let refused = fail(
        shop.house
            .colophon()
            .args(["plugin", "promote", "names", "2"]),
    );
    assert!(refused.contains("was rejected"), "{refused}");
    // The next version has to survive what this one did not.
    let again = manifest("names", "3", "naming");
    let refused = fail(&mut shop.publishing(&trapping_naming(), &again));
    assert!(refused.contains("failed on in service"), "{refused}");
    // An operator who drops the question has to prove the version otherwise.
    shop.plugin(&["vectors", "names", "--drop", &number, "--yes"]);
    assert_eq!(shop.plugin(&["vectors", "names"]), serde_json::json!([]));
    shop.publish(&naming("three"), &again);
    shop.plugin(&["promote", "names", "3"]);
    until_named(&host, &shop.house, &shop.receipt("t-9"), "three");
    assert!(host.stop());
    assert!(shop.has_told("plug-in-rolled-back"));
}

#[test]
fn a_policy_that_traps_with_nothing_before_it_refuses_and_touches_no_other_center() {
    let shop = Shop::open();
    let north = add_center(&shop, "north");
    shop.publish(&trapping_policy(), &manifest("rules", "1", "policy"));
    shop.plugin(&["promote", "rules"]);
    let host = shop.house.serve(&[]);
    for number in 0..8 {
        let refused = host.download(&shop.receipt(&format!("t-{number}")));
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (503, &"plug-in-failed".into())
        );
        assert!(refused.header("retry-after").is_some());
        let receipt = shop.house.mint(
            &north,
            "b-1",
            &format!("t-{number}"),
            &["--center", "north"],
        );
        assert_eq!(download_at(&host, "north", &receipt).status, 200);
    }
    // There is nothing to go back to, and without its policy the center would let everything pass.
    assert_eq!(shop.state("rules", "1"), "active");
    let ready = host.request("GET", "/readyz", &[], None).unwrap();
    assert_eq!(ready.status, 200);
    shop.publish(&allowing_policy(), &manifest("rules", "2", "policy"));
    shop.plugin(&["promote", "rules", "2", "--yes"]);
    until(&host, &shop.house, &shop.receipt("t-1"), |answer| {
        answer.status == 200
    });
}

/// Nobody but the plug-in can mend that, and the retailer is not sent to compare Book IDs.
#[test]
fn a_place_without_a_title_is_the_fault_of_the_plug_in_that_named_it() {
    let component = target().join("plugins/path_template.wasm");
    let Ok(component) = fs::read(component) else {
        return skipped(
            "places without a title",
            "cargo xtask plugins has not built path_template",
        );
    };
    let shop = Shop::open();
    let grant = shop.house.path().join("grant.toml");
    let text = "plugin = \"path-template\"\n[config]\ntemplate = \"nowhere/{id}\"\n";
    fs::write(&grant, text).unwrap();
    shop.plugin(&["grant", grant.to_str().unwrap()]);
    let keys = "config = [\"template\"]\n";
    shop.publish(
        &component,
        &(manifest("path-template", "0.1.0", "resolver") + keys),
    );
    shop.plugin(&["promote", "path-template"]);
    let host = shop.house.serve(&[]);
    let refused = host.download(&shop.receipt("t-1"));
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (503, &"plug-in-failed".into())
    );
    assert!(host.stop());
    let told = shop
        .house
        .json(&["log", "events", "--center", "main", "--name", "COL4001"]);
    let told = told["events"][0]["details"].clone();
    let name = told["plugin.name"].as_str().unwrap();
    assert!(name.starts_with("path"), "{told}");
    assert!(
        told["reason"].as_str().unwrap().contains("main/nowhere/"),
        "{told}"
    );
}

/// A policy with a mapping database, which has to be there when it is loaded.
fn with_mapping(version: &str) -> String {
    let statement = "[sql.statements.one]\ntext = \"select 1\"\nparams = []\nmax_rows = 1\n";
    manifest("rules", version, "policy") + statement + "timeout_ms = 50\n"
}

#[test]
fn a_center_whose_plug_in_cannot_be_loaded_is_closed_and_opens_again_by_itself() {
    let shop = Shop::open();
    let north = add_center(&shop, "north");
    let mapping = shop.house.path().join("mapping.db");
    fs::write(&mapping, b"").unwrap();
    let grant = shop.house.path().join("grant.toml");
    let text = format!(
        "plugin = \"rules\"\n[sql]\ndatabase = \"sqlite://{}\"\nstatements = [\"one\"]\n",
        mapping.display()
    );
    fs::write(&grant, text).unwrap();
    shop.plugin(&["grant", grant.to_str().unwrap()]);
    shop.publish(&allowing_policy(), &with_mapping("1"));
    shop.plugin(&["promote", "rules"]);
    let host = shop.house.serve(&[]);
    let receipt = shop.receipt("t-1");
    assert_eq!(host.download(&receipt).status, 200);
    assert!(host.stop());

    let away = shop.house.path().join("away.db");
    fs::rename(&mapping, &away).unwrap();
    let host = shop.house.serve(&[]);
    let refused = host.download(&receipt);
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (503, &"plug-in-failed".into())
    );
    let receipt_of_north = shop
        .house
        .mint(&north, "b-1", "t-1", &["--center", "north"]);
    assert_eq!(download_at(&host, "north", &receipt_of_north).status, 200);
    fs::rename(&away, &mapping).unwrap();
    until(&host, &shop.house, &receipt, |answer| answer.status == 200);

    // Once it is open, a version that cannot be loaded leaves the one before it where it is.
    shop.publish(&allowing_policy(), &with_mapping("2"));
    fs::rename(&mapping, &away).unwrap();
    shop.plugin(&["promote", "rules", "2"]);
    let begun = std::time::Instant::now();
    while !shop
        .house
        .log()
        .contains("the version before it answers on")
    {
        assert_eq!(host.download(&receipt).status, 200);
        assert!(begun.elapsed() < super::PATIENCE, "{}", shop.house.log());
    }
    assert_eq!(host.download(&receipt).status, 200);
    assert!(host.stop());
    assert!(shop.has_told("plug-in-not-loaded"));
}

#[test]
fn a_component_changed_in_the_database_is_not_loaded() {
    let shop = Shop::open();
    shop.publish(&naming("one"), &manifest("names", "1", "naming"));
    shop.plugin(&["promote", "names"]);
    let database = shop.house.path().join("colophon.db");
    let changed = tokio::runtime::Runtime::new().unwrap().block_on(async {
        use sqlx::Connection as _;
        let address = format!("sqlite://{}", database.display());
        let mut connection = sqlx::SqliteConnection::connect(&address).await.unwrap();
        let update = sqlx::query("UPDATE plugin_components SET component = $1");
        let done = update.bind(naming("two")).execute(&mut connection).await;
        done.unwrap().rows_affected()
    });
    assert_eq!(changed, 1);
    let host = shop.house.serve(&[]);
    let refused = host.download(&shop.receipt("t-1"));
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (503, &"plug-in-failed".into())
    );
    assert!(
        shop.house.log().contains("the digest differs"),
        "{}",
        shop.house.log()
    );
    assert!(!file_name(&refused).contains("two"));
}
