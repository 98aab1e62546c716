//! Grants, and what both papers allow, held against others.

use super::super::Manifest;
use super::*;

const GRANT: &str = concat!(
    "plugin = \"acme\"\ncatalog = true\nlog = true\n[config]\nzone = \"EU\"\n",
    "[secrets.token]\nfile = \"/t\"\naddress = \"https://a.example/v1/\"\nfield = \"authorization\"\n",
    "[sql]\ndatabase = \"sqlite:///m.db\"\nstatements = [\"one\"]\n",
    "[http]\nallow = [\"https://a.example/v1/\"]\n",
    "[http.private]\n\"https://a.example/v1/\" = [\"10.0.0.0/8\"]\n",
    "[kv]\nquota = \"64KiB\"\nwrite = false\n[limits]\ntime_ms = 500\n",
);

#[test]
fn a_grant_that_allows_no_more_is_within() {
    let wide = Grant::parse(GRANT).unwrap();
    wide.within(&wide).unwrap();
    let nothing = Grant::parse("plugin = \"acme\"\n[limits]\ntime_ms = 500\n").unwrap();
    nothing.within(&wide).unwrap();
    let below = GRANT.replace("/v1/\"", "/v1/books/\"");
    Grant::parse(&below).unwrap().within(&wide).unwrap();
}

#[test]
fn every_line_that_allows_more_is_named() {
    let wide = Grant::parse(GRANT).unwrap();
    let without = |line: &str| GRANT.replace(line, "");
    for (narrow, line) in [
        (without("catalog = true\n"), "catalog = true"),
        (GRANT.replace("\nlog = true\n", "\n"), "log = true"),
        (GRANT.replace("\"EU\"", "\"US\""), "config.zone"),
        (GRANT.replace("\"/t\"", "\"/u\""), "secrets.token"),
        (
            GRANT.replace("\"authorization\"", "\"x-key\""),
            "secrets.token",
        ),
        (GRANT.replace("\"one\"", "\"two\""), "[sql]"),
        (
            GRANT.replace("10.0.0.0/8", "10.1.0.0/16"),
            "http.private \"https://a.example/v1/\"",
        ),
        (GRANT.replace("64KiB", "1KiB"), "[kv]"),
        (
            GRANT.replace("time_ms = 500", "time_ms = 500\nfuel = 10000"),
            "limits.fuel",
        ),
    ] {
        let narrow = Grant::parse(&narrow).unwrap();
        assert_eq!(wide.within(&narrow).unwrap_err().line, line);
    }
    // Where nothing is said of a limit, the usual one holds.
    let usual = Grant::parse(&without("[limits]\ntime_ms = 500\n")).unwrap();
    assert_eq!(wide.within(&usual).unwrap_err().line, "limits.time_ms");
    let secret = "address = \"https://a.example/v1/\"\nfield";
    let elsewhere = "address = \"https://a.example/v1/x/\"\nfield";
    let narrow = Grant::parse(&GRANT.replace(secret, elsewhere)).unwrap();
    assert_eq!(wide.within(&narrow).unwrap_err().line, "secrets.token");
    let more = GRANT.replace("allow = [", "allow = [\"https://b.example/\", ");
    let more = Grant::parse(&more).unwrap();
    let line = "http.allow \"https://b.example/\"";
    assert_eq!(more.within(&wide).unwrap_err().line, line);
}

const ASKING: &str = r#"
    id = "acme"
    version = "1"
    api = "1.0"
    roles = ["policy"]
    config = ["zone"]
    warm = true
    [http]
    allow = ["https://api.example/v1/"]
    [secrets.token]
    address = "https://api.example/v1/"
    field = "authorization"
    [sql.statements.one]
    text = "select 1"
    params = []
    max_rows = 1
    timeout_ms = 50
    [kv]
    quota = "64KiB"
"#;

const GRANTED: &str = r#"
    plugin = "acme"
    [config]
    zone = "EU"
    [sql]
    database = "sqlite:///one.db"
    statements = ["one"]
    [http]
    allow = ["https://api.example/"]
    [http.private]
    "https://api.example/" = ["10.1.0.0/16", "10.2.0.0/16"]
    [secrets.token]
    file = "/etc/token"
    address = "https://api.example/v1/"
    field = "authorization"
    [kv]
    quota = "64KiB"
    [limits]
    fuel = 50000000
    [warm]
    requests = 500
"#;

fn permitted(grant: &str) -> Permitted {
    let manifest = Manifest::parse(ASKING).unwrap();
    manifest.permitted(&Grant::parse(grant).unwrap()).unwrap()
}

#[test]
fn a_grant_is_within_itself_and_within_a_wider_one() {
    let now = permitted(GRANTED);
    assert!(now.within(&now).is_ok());
    for (line, wider) in [
        ("\"10.1.0.0/16\", ", "\"10.1.0.0/16\", \"10.3.0.0/16\", "),
        ("fuel = 50000000", "fuel = 60000000"),
        ("requests = 500", "requests = 501"),
        ("\"64KiB\"", "\"1MiB\""),
        // Another value of a setting gives no more and no less.
        ("zone = \"EU\"", "zone = \"US\""),
    ] {
        assert!(GRANTED.contains(line), "{line}");
        let wider = permitted(&GRANTED.replace(line, wider));
        assert!(now.within(&wider).is_ok(), "{line}");
    }
}

#[test]
fn whatever_is_taken_away_is_noticed() {
    let before = permitted(GRANTED);
    let private = "http.private \"https://api.example/\"";
    for (line, narrower, named) in [
        ("zone = \"EU\"", "", "config.zone"),
        ("\"10.1.0.0/16\", ", "", private),
        ("[\"10.1.0.0/16\", \"10.2.0.0/16\"]", "[]", private),
        (
            "\"https://api.example/\" =",
            "\"https://api.example/v1/\" =",
            private,
        ),
        ("sqlite:///one.db", "sqlite:///two.db", "[sql]"),
        ("/etc/token", "/etc/other", "secrets.token"),
        ("fuel = 50000000", "fuel = 40000000", "limits.fuel"),
        ("requests = 500", "requests = 499", "[warm]"),
        ("requests = 500", "requests = 500\nidle_s = 9", "[warm]"),
        ("[warm]\n    requests = 500\n", "", "[warm]"),
    ] {
        assert!(GRANTED.contains(line), "{line}");
        let now = permitted(&GRANTED.replace(line, narrower));
        assert_eq!(before.within(&now).unwrap_err().line, named, "{line}");
    }
}
