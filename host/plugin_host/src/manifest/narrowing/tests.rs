//! Grants and what was used of them.

use super::*;
use crate::used::tests::{decided, fetch, setting, statement, value};

const MANIFEST: &str = "id = \"acme\"\nversion = \"1\"\napi = \"1.0\"\nroles = [\"naming\"]\n";

const WIDE: &str = concat!(
    "plugin = \"acme\"\ncatalog = true\nlog = true\n[config]\nzone = \"EU\"\nother = \"x\"\n",
    "[secrets.token]\nfile = \"/t\"\naddress = \"https://a.example/\"\nfield = \"authorization\"\n",
    "[secrets.spare]\nfile = \"/s\"\naddress = \"https://b.example/\"\nfield = \"authorization\"\n",
    "[sql]\ndatabase = \"sqlite:///m.db\"\nstatements = [\"one\", \"two\"]\n",
    "[http]\nallow = [\"https://a.example/\", \"https://b.example/\"]\n",
    "[http.private]\n\"https://a.example/\" = [\"10.0.0.0/8\"]\n\"https://b.example/\" = [\"10.0.0.0/8\"]\n",
    "[kv]\nquota = \"1MiB\"\n[limits]\nmemory = \"128MiB\"\ntime_ms = 5000\nfuel = 20000\n",
    "[warm]\nrequests = 9\n",
);

fn manifest() -> Manifest {
    let asked = concat!(
        "catalog = true\nlog = true\nconfig = [\"zone\", \"other\"]\nwarm = true\n",
        "[secrets.token]\naddress = \"https://a.example/v1/\"\nfield = \"authorization\"\n",
        "[secrets.spare]\naddress = \"https://b.example/\"\nfield = \"authorization\"\n",
        "[sql.statements.one]\ntext = \"select 1\"\nparams = []\nmax_rows = 1\ntimeout_ms = 50\n",
        "[sql.statements.two]\ntext = \"select 2\"\nparams = []\nmax_rows = 1\ntimeout_ms = 50\n",
        "[http]\nallow = [\"https://a.example/v1/\", \"https://b.example/\"]\n",
        "[kv]\nquota = \"64KiB\"\n[limits]\ntime_ms = 500\n",
    );
    Manifest::parse(&format!("{MANIFEST}{asked}")).unwrap()
}

/// Reads a setting and a value, runs a statement, asks a service with a secret.
fn used(wide: &Grant, manifests: &[Manifest]) -> Used {
    let mut used = Used::of_addresses(wide.addresses(manifests));
    used.add(&decided(vec![
        setting("zone"),
        value("k"),
        statement("one"),
        fetch("https://a.example/v1/x", &["token"]),
    ]));
    used.add(&decided(Vec::new()));
    used
}

fn narrowed(unused: Unused) -> (Narrowed, Manifest) {
    let (wide, manifest) = (Grant::parse(WIDE).unwrap(), manifest());
    let manifests = [manifest];
    let used = used(&wide, &manifests);
    let narrowed = wide.narrowed(&manifests, &used, unused).unwrap();
    let [manifest] = manifests;
    (narrowed, manifest)
}

fn part(narrowed: &Narrowed, line: &str) -> (Option<u64>, Proposed) {
    let found = narrowed.parts.iter().find(|part| part.line == line);
    let found = found.unwrap_or_else(|| panic!("{line}: {:?}", narrowed.parts));
    (found.used, found.proposed.clone())
}

#[test]
fn what_was_used_is_all_that_stays_of_the_least_grant() {
    let (narrowed, manifest) = narrowed(Unused::Goes);
    let expected = concat!(
        "plugin = \"acme\"\nlog = true\n[config]\nzone = \"EU\"\n",
        "[secrets.token]\nfile = \"/t\"\naddress = \"https://a.example/v1/\"\nfield = \"authorization\"\n",
        "[sql]\ndatabase = \"sqlite:///m.db\"\nstatements = [\"one\"]\n",
        "[http]\nallow = [\"https://a.example/v1/\"]\n",
        "[http.private]\n\"https://a.example/v1/\" = [\"10.0.0.0/8\"]\n",
        "[kv]\nquota = \"64KiB\"\nwrite = false\n[limits]\ntime_ms = 500\nfuel = 20000\n",
        "[warm]\nrequests = 9\n",
    );
    assert_eq!(narrowed.grant, Grant::parse(expected).unwrap());
    for (line, used, proposed) in [
        ("catalog = true", Some(0), Proposed::Goes),
        ("log = true", None, Proposed::Stays),
        ("config.zone", Some(1), Proposed::Stays),
        ("config.other", Some(0), Proposed::Goes),
        ("sql.statements \"two\"", Some(0), Proposed::Goes),
        ("secrets.spare", Some(0), Proposed::Goes),
        ("kv.write = true", Some(0), Proposed::Goes),
        ("limits.memory", None, Proposed::Goes),
        ("limits.time_ms", None, Proposed::Narrower("500".to_owned())),
        ("limits.fuel", None, Proposed::Stays),
        (
            "http.allow \"https://a.example/\"",
            Some(1),
            Proposed::Narrower("\"https://a.example/v1/\"".to_owned()),
        ),
        ("http.allow \"https://b.example/\"", Some(0), Proposed::Goes),
    ] {
        assert_eq!(part(&narrowed, line), (used, proposed), "{line}");
    }
    // The version asks for more than it used.
    assert!(manifest.permitted(&narrowed.grant).is_err());
}

#[test]
fn what_a_manifest_asks_for_stays_where_the_version_is_to_fit() {
    let (narrowed, manifest) = narrowed(Unused::StaysIfAsked);
    manifest.permitted(&narrowed.grant).unwrap();
    for line in [
        "catalog = true",
        "sql.statements \"two\"",
        "secrets.spare",
        "kv.write = true",
        "http.allow \"https://b.example/\"",
    ] {
        let expected = (Some(0), Proposed::StaysAsAsked);
        assert_eq!(part(&narrowed, line), expected, "{line}");
    }
    // A value may be missing, and the networks of a service that nobody asked.
    assert_eq!(part(&narrowed, "config.other"), (Some(0), Proposed::Goes));
    let line = "http.private \"https://b.example/\"";
    assert_eq!(part(&narrowed, line), (Some(0), Proposed::Goes));
    let written = narrowed.grant.to_text().unwrap();
    assert_eq!(Grant::parse(&written).unwrap(), narrowed.grant);
}

#[test]
fn a_secret_that_two_versions_send_elsewhere_keeps_its_wider_place() {
    let wide = Grant::parse(WIDE).unwrap();
    let first = manifest();
    let text = concat!(
        "[secrets.token]\naddress = \"https://a.example/v2/\"\nfield = \"authorization\"\n",
        "[http]\nallow = [\"https://a.example/v2/\"]\n",
    );
    let second = Manifest::parse(&format!("{MANIFEST}{text}")).unwrap();
    let manifests = [first, second];
    let used = used(&wide, &manifests);
    let narrowed = wide.narrowed(&manifests, &used, Unused::Goes).unwrap();
    let written = narrowed.grant.to_text().unwrap();
    let read = Grant::parse(&written).unwrap();
    let (_, token) = read.secrets.iter().next().unwrap();
    assert_eq!(token.address.to_string(), "https://a.example/");
}

#[test]
fn a_version_that_asks_for_more_than_is_granted_widens_nothing() {
    let wide = Grant::parse(WIDE).unwrap();
    for (address, field) in [
        ("https://c.example/", "authorization"),
        ("https://a.example/v1/", "x-api-key"),
    ] {
        let text = format!(
            "[secrets.token]\naddress = \"{address}\"\nfield = \"{field}\"\n\
             [http]\nallow = [\"{address}\"]\n"
        );
        let trial = Manifest::parse(&format!("{MANIFEST}{text}")).unwrap();
        let manifests = [trial];
        let mut used = Used::of_addresses(wide.addresses(&manifests));
        used.add(&decided(vec![fetch(address, &["token"])]));
        for unused in [Unused::Goes, Unused::StaysIfAsked] {
            let narrowed = wide.narrowed(&manifests, &used, unused).unwrap();
            let [(_, token)] = narrowed.grant.secrets.iter().collect::<Vec<_>>()[..] else {
                panic!("{:?}", narrowed.grant.secrets);
            };
            assert_eq!(token.address.to_string(), "https://a.example/");
            let written = narrowed.grant.to_text().unwrap();
            assert_eq!(Grant::parse(&written).unwrap(), narrowed.grant);
            assert!(manifests[0].permitted(&narrowed.grant).is_err());
        }
    }
}

#[test]
fn networks_of_ones_own_are_told_as_they_are_proposed() {
    let text = concat!(
        "plugin = \"acme\"\n[http]\nallow = [\"https://a.example/\"]\n[http.private]\n",
        "\"https://a.example/\" = [\"10.0.0.0/8\"]\n",
        "\"https://a.example/v1/\" = [\"192.168.0.0/16\"]\n",
    );
    let wide = Grant::parse(text).unwrap();
    let asked = "[http]\nallow = [\"https://a.example/v1/x/\"]\n";
    let manifests = [Manifest::parse(&format!("{MANIFEST}{asked}")).unwrap()];
    let mut used = Used::of_addresses(wide.addresses(&manifests));
    used.add(&decided(vec![fetch("https://a.example/v1/x/1", &[])]));
    let narrowed = wide.narrowed(&manifests, &used, Unused::Goes).unwrap();
    let place = "\"https://a.example/v1/x/\"".to_owned();
    for line in ["https://a.example/", "https://a.example/v1/"] {
        let line = format!("http.private \"{line}\"");
        let expected = (Some(1), Proposed::Narrower(place.clone()));
        assert_eq!(part(&narrowed, &line), expected, "{line}");
    }
    let [own] = narrowed.grant.private.as_slice() else {
        panic!("{:?}", narrowed.grant.private);
    };
    assert_eq!(own.networks.len(), 2);
    let written = narrowed.grant.to_text().unwrap();
    assert_eq!(Grant::parse(&written).unwrap(), narrowed.grant);
}
