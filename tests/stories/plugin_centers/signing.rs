//! Publishers, and what is asked of what they have signed.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use colophon_tests::colophon::{Host, fail, succeed};
use colophon_tests::guest::naming;
use colophon_tests::tool::{on_path, skipped};
use serde_json::json;
use tempfile::TempDir;

use super::{PATIENCE, Shop, file_name, manifest, until};

/// Publishers' keys, as openssl makes them.
struct Keys {
    folder: TempDir,
}

impl Keys {
    fn of(names: &[&str]) -> Self {
        let keys = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for name in names {
            let (key, public) = (format!("{name}.pem"), format!("{name}.pub"));
            let kind = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
            keys.openssl(&[&["genpkey", "-out", &key], &kind[..]].concat());
            keys.openssl(&["pkey", "-in", &key, "-pubout", "-out", &public]);
        }
        keys
    }

    fn openssl(&self, arguments: &[&str]) {
        let mut command = Command::new("openssl");
        succeed(command.current_dir(self.folder.path()).args(arguments));
    }

    fn public(&self, name: &str) -> String {
        let file = self.folder.path().join(format!("{name}.pub"));
        file.to_str().unwrap().to_owned()
    }

    /// Has the statement of a folder's version written, for the center `main`.
    fn state(&self, shop: &Shop, folder: &Path) {
        let mut command = shop.house.colophon();
        let statement = succeed(command.args(["plugin", "statement"]).arg(folder));
        fs::write(self.folder.path().join("statement"), statement).unwrap();
    }

    /// Signs the statement that was written last, and says where the signature is.
    fn sign(&self, name: &str) -> String {
        let key = format!("{name}.pem");
        let out = ["-out", "signature", "statement"];
        self.openssl(&[&["dgst", "-sha256", "-sign", &key], &out[..]].concat());
        let signature = self.folder.path().join("signature");
        signature.to_str().unwrap().to_owned()
    }
}

#[test]
fn a_center_that_names_publishers_takes_and_loads_only_what_they_signed() {
    if on_path("openssl").is_none() {
        return skipped("publishers of plug-ins", "openssl is not installed");
    }
    let shop = Shop::open();
    let keys = Keys::of(&["ada", "eve"]);
    shop.plugin(&["publisher", "add", "ada", "--key", &keys.public("ada")]);
    let written = manifest("names", "1", "naming");
    let refused = fail(&mut shop.publishing(&naming("one"), &written));
    assert!(refused.contains("has no signature"), "{refused}");

    let folder = shop.write(&naming("one"), &written);
    // A component and a manifest are enough, wherever they lie.
    let apart = keys.folder.path().join("one.wasm");
    fs::write(&apart, naming("one")).unwrap();
    let stating = |center: &str| {
        let mut command = shop.house.colophon();
        command
            .args(["plugin", "statement", "--center", center, "--manifest"])
            .arg(folder.join("plugin.toml"))
            .arg(&apart);
        command
    };
    let refused = fail(&mut stating("mian"));
    assert!(
        refused.contains("there is no center mian here"),
        "{refused}"
    );
    assert!(refused.contains("--elsewhere"), "{refused}");
    let state = |center: &str| {
        let statement = succeed(stating(center).arg("--elsewhere"));
        fs::write(keys.folder.path().join("statement"), &statement).unwrap();
        statement
    };
    let beside = succeed(
        shop.house
            .colophon()
            .args(["plugin", "statement"])
            .arg(&folder),
    );
    assert_eq!(beside, state("main"));
    assert!(
        beside.starts_with(
            "colophon plug-in version 1\ncenter main\nplugin names\nversion 1\ncomponent "
        ),
        "{beside}"
    );
    let signed_by = |name: &str| {
        let signature = keys.sign(name);
        let mut command = shop.publishing(&naming("one"), &written);
        command.args(["--signature", &signature]);
        command
    };
    let refused = fail(&mut signed_by("eve"));
    assert!(refused.contains("is not that of ada"), "{refused}");
    // What ada has signed for another center is nothing to this one.
    state("north");
    let refused = fail(&mut signed_by("ada"));
    assert!(refused.contains("is not that of ada"), "{refused}");
    state("main");
    succeed(&mut signed_by("ada"));
    shop.plugin(&["promote", "names"]);
    let host = shop.house.serve(&[]);
    let receipt = shop.receipt("t-1");
    assert!(file_name(&host.download(&receipt)).contains("one"));
    assert!(host.stop());

    // Without her nobody would be asked for a signature, and nobody does that by oversight.
    let remove = ["plugin", "publisher", "remove", "ada", "--yes"];
    let refused = fail(shop.house.colophon().args(remove));
    assert!(refused.contains("--unsigned"), "{refused}");
    // Somebody who is not named is no question either.
    let unknown = ["plugin", "publisher", "remove", "adda", "--unsigned"];
    let refused = fail(shop.house.colophon().args(unknown));
    assert!(
        refused.contains("no publisher \"adda\"; there are: ada"),
        "{refused}"
    );
    let shown = shop.plugin(&["show", "names"]);
    assert_eq!(shown["publishers"], serde_json::json!(["ada"]));
    let removed = shop.plugin(&["publisher", "remove", "ada", "--unsigned"]);
    assert_eq!(removed["signatures_asked_for"], false);
    let listed = shop.plugin(&["list"]);
    assert_eq!(listed[0]["publishers"], serde_json::json!([]));
    // The right to publish is looked at by every host that loads the version.
    let other = keys.public("eve");
    let add = ["plugin", "publisher", "add", "eve", "--key", &other];
    let refused = fail(shop.house.colophon().args(add));
    assert!(refused.contains("names 1 would not be signed"), "{refused}");
    succeed(shop.house.colophon().args(add).arg("--yes"));
    let listed = shop.plugin(&["list"]);
    assert_eq!(listed[0]["active"], "1");
    assert_eq!(listed[0]["not_asked"], serde_json::json!(["1"]));
    for command in [&["plugin", "list"][..], &["plugin", "show", "names"]] {
        let said = succeed(shop.house.colophon().args(command));
        assert!(said.contains("not asked: unsigned"), "{said}");
        assert!(said.contains("refuse center main's downloads"), "{said}");
    }
    let host = shop.house.serve(&[]);
    assert_eq!(host.download(&receipt).status, 503);
    assert!(
        shop.house.log().contains("is not that of eve"),
        "{}",
        shop.house.log()
    );
}

/// Waits until the host, which is ready in any case, says this of its plug-ins. An answer stands for a
/// moment.
fn until_told(host: &Host, plug_ins: bool) {
    let begun = Instant::now();
    loop {
        let ready = host.request("GET", "/readyz", &[], None).unwrap();
        assert_eq!(ready.status, 200, "other centers are served");
        let answer = ready.json();
        let mut services = answer["services"].as_array().unwrap().iter();
        let own = services.find(|one| one["service"] == "plug-ins").unwrap();
        if own["ready"] == plug_ins {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer}");
    }
}

/// Whoever's right is taken away, or was never there, decides nothing any more: on running hosts as on
/// those that start, and no command puts such a version into a place.
#[test]
fn what_nobody_who_may_publish_has_signed_is_asked_by_no_host() {
    if on_path("openssl").is_none() {
        return skipped("publishers of plug-ins", "openssl is not installed");
    }
    let shop = Shop::open();
    let keys = Keys::of(&["ada"]);
    let key = keys.public("ada");
    let add = ["publisher", "add", "ada", "--key", &key];
    let unsigned = |number: &str| manifest("names", number, "naming");
    shop.publish(&naming("one"), &unsigned("1"));
    shop.publish(&naming("two"), &unsigned("2"));
    shop.plugin(&["promote", "names", "1"]);
    let host = shop.house.serve(&[]);
    let receipt = shop.receipt("t-1");
    assert_eq!(host.download(&receipt).status, 200);
    until_told(&host, true);

    let mut command = shop.house.colophon();
    let refused = fail(command.arg("plugin").args(add));
    assert!(
        refused.contains("refuse center main's downloads"),
        "{refused}"
    );
    let added = shop.plugin(&[&add[..], &["--yes"]].concat());
    assert_eq!(added["no_longer_asked"], json!(["names 1"]));
    until(&host, &shop.house, &receipt, |answer| answer.status == 503);
    until_told(&host, false);
    assert!(shop.house.log().contains("COL4003"), "{}", shop.house.log());
    let doctor = shop.house.colophon().arg("doctor").output().unwrap();
    let doctor = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.contains("refuse the center's downloads"), "{doctor}");
    for step in [
        &["promote", "names", "2"][..],
        &["promote", "names", "2", "--canary", "5"],
    ] {
        let mut command = shop.house.colophon();
        let refused = fail(command.arg("plugin").args(step));
        assert!(refused.contains("no host would ask version 2"), "{refused}");
        assert!(refused.contains("--signature"), "{refused}");
    }
    // The way out is a version that she has signed.
    let folder = shop.write(&naming("three"), &unsigned("3"));
    keys.state(&shop, &folder);
    let signature = keys.sign("ada");
    let folder = folder.to_str().unwrap();
    shop.plugin(&[
        "publish",
        folder,
        "--without-cases",
        "--signature",
        &signature,
    ]);
    let mut command = shop.house.colophon();
    let told = succeed(command.args(["plugin", "promote", "names", "3"]));
    assert!(told.contains("There is no version to go back to"), "{told}");
    assert!(told.contains("plugin withdraw"), "{told}");
    until(&host, &shop.house, &receipt, |answer| {
        file_name(answer).contains("three")
    });
    until_told(&host, true);
    let refused = fail(shop.house.colophon().args(["plugin", "rollback", "names"]));
    assert!(refused.contains("no version to go back to"), "{refused}");
    // Without her they are asked again, and gone back to.
    let removed = shop.plugin(&["publisher", "remove", "ada", "--unsigned"]);
    assert_eq!(removed["no_longer_asked"], json!([]));
    shop.plugin(&["rollback", "names"]);
    until(&host, &shop.house, &receipt, |answer| {
        file_name(answer).contains("one")
    });
}
