//! What plug-ins cost, booked by version and retailer, and agreeing with what each call took.

use colophon_receipt::{RetailerSecret, SecretMode};
use colophon_tests::colophon::{fail, succeed};
use colophon_tests::guest::{naming, retailers, trapping_naming};
use serde_json::{Value, json};

use super::{Shop, file_name, manifest};

/// The rows of a report, of one plug-in or of the built-in one.
fn rows(shop: &Shop, plugin: Option<&str>, by: &str) -> Vec<Value> {
    let report = shop.plugin(&["costs", "--by", by]);
    let rows = report["rows"].as_array().unwrap().iter();
    let own = rows.filter(|row| row["plugin"] == json!(plugin));
    own.cloned().collect()
}

/// Calls, failures and fuel.
fn figures(row: &Value) -> [u64; 3] {
    ["calls", "failures", "fuel"].map(|name| row[name].as_u64().unwrap())
}

/// The same of all recorded decisions that are wanted.
fn recorded(shop: &Shop, plugin: &str, wanted: impl Fn(&Value) -> bool) -> [u64; 3] {
    let decisions = shop.plugin(&["decisions", plugin, "--last", "1000"]);
    let decisions = decisions.as_array().unwrap().iter();
    decisions
        .filter(|one| wanted(one))
        .fold([0; 3], |[calls, failures, fuel], one| {
            let failed = u64::from(one["outcome"] == "trapped");
            let took = one["fuel"].as_u64().unwrap();
            [calls + 1, failures + failed, fuel + took]
        })
}

#[test]
fn what_calls_cost_is_booked_by_version_and_retailer() {
    let shop = Shop::open();
    let other = shop.house.add_retailer("other", &[]);
    let bought_at_other = |sale: &str| shop.house.mint(&other, "b-1", sale, &[]);
    shop.publish(&naming("one"), &manifest("names", "1", "naming"));
    shop.publish(&trapping_naming(), &manifest("names", "2", "naming"));
    shop.plugin(&["promote", "names", "1"]);
    let host = shop.house.serve(&[]);
    for sale in ["t-1", "t-2", "t-3"] {
        assert!(file_name(&host.download(&shop.receipt(sale))).contains("one"));
    }
    assert_eq!(host.download(&bought_at_other("t-4")).status, 200);
    let metrics = host.request("GET", "/metrics", &[], None).unwrap();
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    let memory = memory_most(&metrics);
    assert!(memory.is_some_and(|most| most > 0.0), "{metrics}");
    let turns = "colophon_plugin_centers_taking_turns ";
    assert!(
        metrics.lines().any(|line| line.starts_with(turns)),
        "{metrics}"
    );
    // Booked when the host ends, if not before.
    assert!(host.stop());
    shop.plugin(&["promote", "names", "2", "--without-shadow"]);
    let first = rows(&shop, Some("names"), "version");
    assert_eq!(first.len(), 1, "{first:?}");

    let host = shop.house.serve(&[]);
    for receipt in [shop.receipt("t-5"), bought_at_other("t-6")] {
        assert!(file_name(&host.download(&receipt)).contains("Emma"));
    }
    assert!(host.stop());
    let by_version = rows(&shop, Some("names"), "version");
    assert_eq!(by_version[0]["version"], "1");
    assert_eq!(figures(&by_version[0]), figures(&first[0]));
    for (row, calls, failures) in [(&by_version[0], 4, 0), (&by_version[1], 2, 2)] {
        let version = &row["version"];
        let decided = recorded(&shop, "names", |one| one["version"] == *version);
        assert_eq!(figures(row), decided, "{version}");
        assert_eq!((decided[0], decided[1]), (calls, failures), "{version}");
        assert!(row["memory_bytes_max"].as_u64() >= Some(64 << 10), "{row}");
        assert_eq!(row["sha256"].as_str().unwrap().len(), 64);
    }
    let by_retailer = rows(&shop, Some("names"), "retailer");
    assert_eq!(by_retailer.len(), 2, "{by_retailer:?}");
    for row in &by_retailer {
        let decided = recorded(&shop, "names", |one| one["retailer"] == row["retailer"]);
        assert_eq!(figures(row), decided, "{row}");
        assert_eq!(row["booked_as"], "retailer");
    }
    // The built-in plug-in answers what the center's own does not, and what that fails at.
    let built_in = rows(&shop, None, "role");
    let calls = built_in
        .iter()
        .map(|row| (row["role"].as_str(), row["calls"].as_u64()));
    let calls: Vec<_> = calls.collect();
    let expected = [("naming", 2), ("policy", 6), ("resolver", 6)];
    let expected = expected.map(|(role, calls)| (Some(role), Some(calls)));
    assert_eq!(calls, expected);
    let resolving = built_in.iter().find(|row| row["role"] == "resolver");
    assert_eq!(resolving.unwrap()["host_calls"], 6, "it looks titles up");
    assert!(resolving.unwrap()["host_bytes"].as_u64() > Some(100));

    let report = shop.plugin(&["costs", "--by", "day"]);
    let shares = report["rows"].as_array().unwrap().iter().map(percent);
    assert!((shares.sum::<f64>() - 100.0).abs() < 0.001);
    let alone = shop.plugin(&["costs", "names"]);
    assert_eq!(alone["total"]["calls"], 6);
    let long_ago = ["costs", "--from", "2020-01-01", "--until", "2020-01-31"];
    assert_eq!(shop.plugin(&long_ago)["rows"], json!([]));
    let backwards = [
        "plugin",
        "costs",
        "--from",
        "2020-02-01",
        "--until",
        "2020-01-31",
    ];
    fail(shop.house.colophon().args(backwards));
    let mut command = shop.house.colophon();
    let told = succeed(command.args(["plugin", "costs", "--by", "retailer"]));
    assert!(
        told.contains("(built-in)") && told.contains("all"),
        "{told}"
    );

    // What was spent stays booked when the plug-in is gone, for as long as costs are kept.
    shop.plugin(&["withdraw", "names", "--yes"]);
    shop.plugin(&["remove", "names", "--yes"]);
    assert_eq!(rows(&shop, Some("names"), "version"), by_version);
    // A host that keeps none books none, and leaves what others have booked.
    let booked = shop.plugin(&["costs"])["rows"].clone();
    let host = shop.house.serve(&["--set", "plugins.costs_days=0"]);
    assert_eq!(host.download(&shop.receipt("t-7")).status, 200);
    assert!(host.stop());
    assert_eq!(shop.plugin(&["costs"])["rows"], booked);
    let january = shop.plugin(&["costs", "--until", "2027-01-30"]);
    assert_eq!(january["from"], "2027-01-01", "30 days");
}

/// The plug-in's one series: versions are in `plugin costs`.
fn memory_most(metrics: &str) -> Option<f64> {
    let mut lines = metrics.lines();
    let line = lines.find(|line| line.starts_with("colophon_center_plugin_memory_max_bytes{"))?;
    assert!(!line.contains("version="), "{line}");
    line.rsplit(' ').next()?.parse().ok()
}

fn percent(row: &Value) -> f64 {
    row["fuel_percent"].as_f64().unwrap()
}

#[test]
fn a_retailer_is_booked_by_its_name_only_once_a_receipt_has_opened() {
    let shop = Shop::open();
    shop.publish(&retailers("shop"), &manifest("branches", "1", "retailers"));
    shop.plugin(&["promote", "branches"]);
    let host = shop.house.serve(&[]);
    assert_eq!(host.download(&shop.receipt("t-1")).status, 200);
    // These open under the record that the plug-in tells, but not under a key of the name they claim.
    for number in 0..5 {
        let (_, _, key) = RetailerSecret::parse(&shop.secret).unwrap().into_parts();
        let name = format!("branch-{number}.1").parse().unwrap();
        let alias = RetailerSecret::new(SecretMode::Live, name, key);
        let receipt = shop.house.mint(&alias.to_text(), "b-1", "t-2", &[]);
        assert_eq!(host.download(&receipt).status, 200);
    }
    assert!(host.stop());
    let booked = rows(&shop, Some("branches"), "retailer");
    let booked = booked
        .iter()
        .map(|row| (row["booked_as"].as_str().unwrap(), row["calls"].as_u64()));
    let booked: Vec<_> = booked.collect();
    assert_eq!(booked, [("claimed", Some(5)), ("retailer", Some(1))]);
    // Once it has opened, it is known whose it is.
    let built_in = rows(&shop, None, "retailer");
    assert_eq!(built_in.len(), 1, "{built_in:?}");
    assert_eq!(built_in[0]["retailer"], "shop");
}
