//! What a plug-in may use, held against what it has used.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use colophon_tests::colophon::{fail, succeed};
use colophon_tests::guest::{asking_naming, naming};
use serde_json::{Value, json};

use super::{Shop, file_name, manifest};

const GRANT: &str = concat!(
    "plugin = \"names\"\ncatalog = true\nlog = true\n[config]\nzone = \"Canaryzone\"\n",
    "spare = \"Canaryspare\"\n[http]\nallow = [\"https://api.example/\"]\n",
    "[kv]\nquota = \"1MiB\"\n[limits]\nmemory = \"128MiB\"\n",
);

/// Asks for more than the component uses: the catalog, a second value, and to change what it keeps.
fn asking() -> String {
    let asked = "catalog = true\nconfig = [\"zone\", \"spare\"]\n[kv]\nquota = \"64KiB\"\n";
    manifest("names", "1", "naming") + asked
}

fn proposed<'a>(proposal: &'a Value, granted: &str) -> (&'a Value, &'a Value) {
    let mut parts = proposal["parts"].as_array().unwrap().iter();
    let part = parts.find(|part| part["granted"] == granted);
    assert!(part.is_some(), "{granted}: {proposal}");
    let part = part.unwrap();
    (&part["used"], &part["proposed"])
}

#[test]
fn a_grant_is_proposed_that_allows_what_was_used() {
    let shop = Shop::open();
    let place = |name: &str| shop.house.path().join(name).to_str().unwrap().to_owned();
    let wide = place("wide.toml");
    fs::write(&wide, GRANT).unwrap();
    shop.plugin(&["grant", &wide]);
    shop.publish(&asking_naming("one"), &asking());
    let mut command = shop.house.colophon();
    let refused = fail(command.args(["plugin", "propose", "names"]));
    assert!(
        refused.contains("no version of names is asked"),
        "{refused}"
    );
    shop.plugin(&["promote", "names"]);
    let mut command = shop.house.colophon();
    let refused = fail(command.args(["plugin", "propose", "names"]));
    assert!(refused.contains("no decision of names"), "{refused}");
    let host = shop.house.serve(&[]);
    for sale in ["t-1", "t-2"] {
        assert!(file_name(&host.download(&shop.receipt(sale))).contains("one"));
    }
    assert!(host.stop());

    // The version stays in use: what its manifest asks for stays with it.
    let now = place("now.toml");
    let proposal = shop.plugin(&["propose", "names", "--out", &now]);
    assert_eq!(proposal["decisions"], 2);
    let [stays, asked, goes] =
        ["stays", "stays, as a manifest asks for it", "goes"].map(Value::from);
    let (none, never, both) = (Value::Null, json!(0), json!(2));
    for (granted, used, becomes) in [
        ("config.zone", &both, &stays),
        ("config.spare", &never, &goes),
        ("catalog = true", &never, &asked),
        ("log = true", &none, &goes),
        ("http.allow \"https://api.example/\"", &never, &goes),
        ("[kv]", &both, &stays),
        ("kv.write = true", &never, &asked),
        ("limits.memory", &none, &goes),
    ] {
        assert_eq!(proposed(&proposal, granted), (used, becomes), "{granted}");
    }
    assert_eq!(proposal["fitting"], json!(["1"]));
    // Values are in the file alone, which nobody else reads.
    assert!(!proposal.to_string().contains("Canaryzone"));
    let mode = fs::metadata(&now).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let written = fs::read_to_string(&now).unwrap();
    assert!(written.contains("Canaryzone") && !written.contains("Canaryspare"));
    // Nothing has changed until it is granted, as it is.
    let again = shop.plugin(&["propose", "names"]);
    assert_eq!(again["parts"], proposal["parts"]);
    let granted = shop.plugin(&["grant", &now]);
    assert_eq!(granted["in_force_for"], json!(["1"]));

    // The next version asks for no more than was used.
    let next = place("next.toml");
    let proposal = shop.plugin(&["propose", "names", "--next", "--out", &next]);
    assert_eq!(proposed(&proposal, "catalog = true"), (&never, &goes));
    assert_eq!(proposed(&proposal, "kv.write = true"), (&never, &goes));
    assert_eq!(proposal["fitting"], json!([]));
    let mut command = shop.house.colophon();
    let refused = fail(command.args(["plugin", "grant", &next]));
    assert!(refused.contains("--next"), "{refused}");
    let granted = shop.plugin(&["grant", "--next", &next]);
    assert_eq!(granted["keeping_earlier"][0]["version"], "1");
    let least = "config = [\"zone\"]\n[kv]\nquota = \"64KiB\"\nwrite = false\n";
    let least = manifest("names", "2", "naming") + least;
    shop.publish(&asking_naming("two"), &least);
    // While it is on trial there are two grants in use, and none is narrowed for both.
    shop.plugin(&["promote", "names", "2", "--canary", "10"]);
    let mut command = shop.house.colophon();
    let refused = fail(command.args(["plugin", "propose", "names"]));
    assert!(refused.contains("different grants"), "{refused}");
    shop.plugin(&["promote", "names", "2"]);
    let host = shop.house.serve(&[]);
    assert!(file_name(&host.download(&shop.receipt("t-3"))).contains("two"));
    assert!(host.stop());
    // Of the version in use alone; those of the one before are passed over.
    let proposal = shop.plugin(&["propose", "names"]);
    assert_eq!(
        (&proposal["decisions"], &proposal["passed_over"]),
        (&json!(1), &both)
    );
    let mut command = shop.house.colophon();
    let said = succeed(command.args(["plugin", "propose", "names"]));
    assert!(said.contains("Records do not tell"), "{said}");
    // What is there already is not overwritten.
    let mut command = shop.house.colophon();
    let refused = fail(command.args(["plugin", "propose", "names", "--out", &next]));
    assert!(refused.contains("is there already"), "{refused}");
}

#[test]
fn a_plug_in_that_asks_nothing_needs_nothing() {
    let shop = Shop::open();
    shop.publish(&naming("one"), &manifest("names", "1", "naming"));
    shop.plugin(&["promote", "names"]);
    let host = shop.house.serve(&[]);
    assert_eq!(host.download(&shop.receipt("t-1")).status, 200);
    assert!(host.stop());
    let proposal = shop.plugin(&["propose", "names"]);
    assert_eq!(proposal["parts"], json!([]));
    assert_eq!(proposal["fitting"], json!(["1"]));
}

#[test]
fn a_misspelled_name_gets_no_grant_of_its_own() {
    let shop = Shop::open();
    let file = shop.house.path().join("grant.toml");
    let path = file.to_str().unwrap();
    let granting = |plugin: &str| {
        fs::write(&file, format!("plugin = \"{plugin}\"\nlog = true\n")).unwrap();
        let mut command = shop.house.colophon();
        command.args(["plugin", "grant", path]);
        command
    };
    // The first grant comes before the first version.
    let said = succeed(&mut granting("names"));
    assert!(said.contains("no version of it yet"), "{said}");
    assert!(said.contains("id = \"names\""), "{said}");
    let refused = fail(&mut granting("nams"));
    assert!(refused.contains("one called names"), "{refused}");
    let list = || shop.plugin(&["list"]).as_array().unwrap().len();
    assert_eq!(list(), 1);
    // Nor does whoever has misspelled the first grant look for the fault elsewhere.
    let asking = manifest("nams", "1", "naming") + "log = true\n";
    let refused = fail(&mut shop.publishing(&naming("one"), &asking));
    assert!(refused.contains("but names has a grant"), "{refused}");
    succeed(&mut granting("territories"));
    succeed(granting("nams").arg("--new"));
    assert_eq!(list(), 3);
}

/// The slip may have been in the first grant, and the right one is not to be called a second one.
#[test]
fn a_misspelled_first_grant_is_taken_away_as_the_message_says() {
    let shop = Shop::open();
    let file = shop.house.path().join("grant.toml");
    let path = file.to_str().unwrap();
    let granting = |plugin: &str| {
        fs::write(&file, format!("plugin = \"{plugin}\"\nlog = true\n")).unwrap();
        let mut command = shop.house.colophon();
        command.args(["plugin", "grant", path]);
        command
    };
    succeed(&mut granting("acme-shlef"));
    let refused = fail(&mut granting("acme-shelf"));
    let remove = "colophon plugin remove --center main acme-shlef";
    assert!(refused.contains(remove), "{refused}");
    let mut command = shop.house.colophon();
    command.args(remove.split(' ').skip(1)).arg("--yes");
    succeed(&mut command);
    succeed(&mut granting("acme-shelf"));
    let asking = manifest("acme-shelf", "1", "naming") + "log = true\n";
    succeed(&mut shop.publishing(&naming("one"), &asking));
    // What has versions is no slip.
    let refused = fail(&mut granting("acme-shelv"));
    assert!(!refused.contains("plugin remove"), "{refused}");
}
