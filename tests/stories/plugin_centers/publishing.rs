//! What is not published, and why.

use std::fs;

use colophon_tests::colophon::{fail, succeed};
use colophon_tests::guest::{naming, trapping_naming};

use super::{Shop, manifest};

#[test]
fn a_version_is_held_against_its_papers_before_anybody_depends_on_it() {
    let shop = Shop::open();
    let names = |version: &str| manifest("names", version, "naming");
    for (component, written, said) in [
        (
            naming("one"),
            names("1") + "log = true\n",
            "the grant lacks 'log = true'",
        ),
        (
            naming("one"),
            manifest("names", "1", "policy"),
            "plays the role of naming, which plugin.toml does not name",
        ),
        (
            b"\0asm rubbish".to_vec(),
            names("1"),
            "no host would take the plug-in",
        ),
        (naming("one"), names("1") + "rolls = 3\n", "unknown field"),
        (
            naming("one"),
            names("1").replace("\"1\"", "\"a b\""),
            "version",
        ),
    ] {
        let refused = fail(&mut shop.publishing(&component, &written));
        let printed = shop.publishing(&component, &written).output().unwrap();
        let all = refused + &String::from_utf8_lossy(&printed.stdout);
        assert!(all.contains(said), "{said}: {all}");
    }
    assert_eq!(shop.plugin(&["list"]), serde_json::json!([]));
    shop.publish(&naming("one"), &names("1"));
    let refused = fail(&mut shop.publishing(&naming("two"), &names("1")));
    assert!(refused.contains("is published already"), "{refused}");
    let refused = fail(
        shop.house
            .colophon()
            .args(["plugin", "promote", "names", "7"]),
    );
    assert!(refused.contains("there is no version 7"), "{refused}");
    let refused = fail(shop.house.colophon().args(["plugin", "rollback", "names"]));
    assert!(refused.contains("no version to go back to"), "{refused}");
    let refused = fail(shop.house.colophon().args(["plugin", "rollback", "nobody"]));
    assert!(refused.contains("has no plug-in nobody"), "{refused}");
}

#[test]
fn a_version_without_cases_or_with_a_failing_one_is_not_taken() {
    let shop = Shop::open();
    let folder = shop.write(&trapping_naming(), &manifest("names", "1", "naming"));
    let publish = || {
        let mut command = shop.house.colophon();
        command.args(["plugin", "publish"]).arg(&folder);
        command
    };
    let refused = fail(&mut publish());
    assert!(refused.contains("--without-cases"), "{refused}");
    fs::create_dir(folder.join("cases")).unwrap();
    let case = "[[case]]\nname = \"a\"\nrole = \"naming\"\ninput = { facts = {} }\n";
    fs::write(
        folder.join("cases/a.toml"),
        format!("{case}answer = \"one\"\n"),
    )
    .unwrap();
    let refused = fail(&mut publish());
    assert!(refused.contains("a case failed"), "{refused}");
    fs::write(
        folder.join("cases/a.toml"),
        format!("{case}stopped = \"trapped\"\n"),
    )
    .unwrap();
    succeed(&mut publish());
    // What was published can be had again, and tested as it was.
    let to = shop.house.path().join("fetched");
    let fetched = shop.plugin(&["fetch", "names", "1", "--to", to.to_str().unwrap()]);
    assert_eq!(fetched["cases"], 1);
    let component = fs::read(to.join("build/plugin.wasm")).unwrap();
    assert_eq!(component, trapping_naming());
    succeed(shop.house.colophon().args(["plugin", "test"]).arg(&to));
    let again = [
        "plugin",
        "fetch",
        "names",
        "1",
        "--to",
        to.to_str().unwrap(),
    ];
    let refused = fail(shop.house.colophon().args(again));
    assert!(refused.contains("holds something already"), "{refused}");

    // One that is asked is not removed, neither by itself nor with all others.
    shop.plugin(&["promote", "names"]);
    let remove = ["plugin", "remove", "names", "--yes"];
    let remove_one = ["plugin", "remove", "names", "1", "--yes"];
    for remove in [&remove[..], &remove_one] {
        let refused = fail(shop.house.colophon().args(remove));
        assert!(refused.contains("withdraw"), "{refused}");
    }
    shop.plugin(&["withdraw", "names", "--yes"]);
    succeed(shop.house.colophon().args(remove_one));
    let shown = shop.plugin(&["show", "names"]);
    assert_eq!(shown["versions"], serde_json::json!([]));
    assert_eq!(shown["history"][0]["step"], "remove");
    succeed(shop.house.colophon().args(remove));
    assert_eq!(shop.plugin(&["list"]), serde_json::json!([]));
}

/// Whoever is told that a version is not taken is told which of the two papers to change.
#[test]
fn what_does_not_agree_is_mended_where_it_is_wrong() {
    let shop = Shop::open();
    let file = shop.house.path().join("grant.toml");
    let asking = |more: &str| manifest("names", "1", "naming") + more;
    let refused = |written: &str| fail(&mut shop.publishing(&naming("one"), written));
    let nothing_yet = refused(&asking("log = true\n"));
    assert!(
        nothing_yet.contains("grants names nothing yet"),
        "{nothing_yet}"
    );
    let granted = "plugin = \"names\"\n[config]\nzone = \"EU\"\n[kv]\nquota = \"1KiB\"\n";
    fs::write(&file, granted).unwrap();
    shop.plugin(&["grant", file.to_str().unwrap()]);
    let zone = "config = [\"zone\"]\n";
    for (written, said, advice) in [
        (
            asking(""),
            "the grant has config.zone",
            "Take it out of the grant",
        ),
        (
            asking(&format!("log = true\n{zone}")),
            "the grant lacks 'log = true'",
            "Add the line to its grant",
        ),
        (
            asking(&format!("{zone}[kv]\nquota = \"2KiB\"\n")),
            "the grant says 'kv.quota = \"1KiB\"', and the manifest asks for 'kv.quota = \"2KiB\"'",
            "Change the line in the grant",
        ),
    ] {
        let refused = refused(&written);
        assert!(
            refused.contains(said) && refused.contains(advice),
            "{refused}"
        );
    }
}

#[test]
fn a_grant_that_the_active_version_does_not_fit_is_only_for_the_next() {
    let shop = Shop::open();
    let listed = |granted: &serde_json::Value, what: &str| -> Vec<String> {
        let rows = granted[what].as_array().unwrap().iter();
        rows.map(|row| row["version"].as_str().unwrap().to_owned())
            .collect()
    };
    let written = manifest("names", "1", "naming") + "config = [\"style\"]\n";
    shop.publish(&naming("one"), &written);
    shop.plugin(&["promote", "names"]);
    let file = shop.house.path().join("grant.toml");
    let path = file.to_str().unwrap();
    fs::write(&file, "plugin = \"names\"\n[config]\nstyle = \"short\"\n").unwrap();
    let granted = shop.plugin(&["grant", path]);
    assert_eq!(granted["in_force_for"], serde_json::json!(["1"]));
    fs::write(&file, "plugin = \"names\"\n[config]\nother = \"x\"\n").unwrap();
    let refused = fail(shop.house.colophon().args(["plugin", "grant", path]));
    assert!(refused.contains("the grant has config.other"), "{refused}");
    assert!(refused.contains("--next"), "{refused}");
    let granted = shop.plugin(&["grant", path, "--next"]);
    assert_eq!(granted["in_force_for"], serde_json::json!([]));
    assert_eq!(listed(&granted, "keeping_earlier"), ["1"]);
    // The next version fits it, and takes the place of one that cannot come back.
    let next = manifest("names", "2", "naming") + "config = [\"other\"]\n";
    shop.publish(&naming("two"), &next);
    shop.plugin(&["promote", "names"]);
    let shown = shop.plugin(&["show", "names"]);
    assert_eq!(shown["previous"], serde_json::Value::Null);
    let unfit = shown["versions"][0]["unfit"].as_str().unwrap();
    assert!(unfit.contains("the grant has config.other"), "{unfit}");
    for back in [
        &["plugin", "rollback", "names"][..],
        &["plugin", "promote", "names", "1"],
        &["plugin", "promote", "names", "1", "--canary", "5"],
    ] {
        let refused = fail(shop.house.colophon().args(back));
        assert!(
            refused.contains("no version to go back to") || refused.contains("does not fit"),
            "{refused}"
        );
    }
    // Under what it was granted before, it is gone back to again.
    fs::write(&file, "plugin = \"names\"\n[config]\nstyle = \"short\"\n").unwrap();
    let granted = shop.plugin(&["grant", path, "--next"]);
    assert_eq!(granted["in_force_for"], serde_json::json!(["1"]));
    assert_eq!(listed(&granted, "keeping_earlier"), ["2"]);
    let back = shop.plugin(&["rollback", "names"]);
    assert_eq!(back["active"], "1");
    fs::write(&file, "plugin = \"names\"\nrubbish = 1\n").unwrap();
    let refused = fail(shop.house.colophon().args(["plugin", "grant", path]));
    assert!(refused.contains("rubbish"), "{refused}");
}

/// A setting that the plug-in is never told shows nothing, whatever the case expects.
#[test]
fn a_case_that_sets_what_the_manifest_does_not_ask_for_is_refused() {
    let shop = Shop::open();
    let folder = shop.write(&naming("one"), &manifest("names", "1", "naming"));
    fs::create_dir(folder.join("cases")).unwrap();
    let case =
        "[[case]]\nname = 'in a zone'\nrole = 'naming'\ninput = { facts = {} }\nanswer = 'one'\n";
    let written = |host: &str| {
        fs::write(folder.join("cases/zone.toml"), format!("{case}{host}")).unwrap();
    };
    for command in ["publish", "test"] {
        written("host = { config = { zone = 'EU' } }\n");
        let mut testing = shop.house.colophon();
        let output = testing.args(["plugin", command]).arg(&folder).output();
        let output = output.unwrap();
        assert!(!output.status.success(), "{command}: {output:?}");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains("host.config sets zone"), "{command}: {told}");
        assert!(told.contains("config = [\"zone\"]"), "{command}: {told}");
    }
    written("");
    let mut publishing = shop.house.colophon();
    succeed(publishing.args(["plugin", "publish"]).arg(&folder));
}
