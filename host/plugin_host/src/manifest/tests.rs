//! Manifests and grants, most of them wrong.

use std::time::Duration;

use colophon_core::capability::{Name, SqlType};
use proptest::prelude::*;

use super::*;

const MANIFEST: &str = r#"
id = "acme-catalog"
version = "1.4.0"
api = "1.0"
roles = ["resolver", "naming"]
catalog = true
log = true
config = ["zone"]

[secrets.catalog-token]
address = "https://api.example/v1/books/"
field = "Authorization"
prefix = "Bearer "

[sql.statements.book_by_id]
text = "select root, path from books where id_type = $1 and id = $2"
params = ["text", "text"]
max_rows = 1
timeout_ms = 50

[http]
allow = ["https://api.example/v1/books/"]

[kv]
quota = "64KiB"

[limits]
memory = "128MiB"
time_ms = 500
"#;

const GRANT: &str = r#"
plugin = "acme-catalog"
catalog = true
log = true

[config]
zone = "EU"

[secrets.catalog-token]
file = "/etc/colophon/secrets/catalog-token"
address = "https://api.example/v1/"
field = "authorization"

[sql]
database = "postgres://reader:secret@db/mapping"
statements = ["book_by_id"]

[http]
allow = ["https://api.example/v1/", "https://inner.example/"]
private = { "https://inner.example/" = ["10.1.0.0/16"] }

[kv]
quota = "1MiB"

[limits]
memory = "256MiB"
time_ms = 1000
"#;

fn manifest(change: (&str, &str)) -> Result<Manifest, PaperRefused> {
    assert!(MANIFEST.contains(change.0), "{}", change.0);
    Manifest::parse(&MANIFEST.replacen(change.0, change.1, 1))
}

fn grant(change: (&str, &str)) -> Result<Grant, PaperRefused> {
    assert!(GRANT.contains(change.0), "{}", change.0);
    Grant::parse(&GRANT.replacen(change.0, change.1, 1))
}

/// An error with its causes, as an author reads it.
fn whole(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", whole(source)),
        None => error.to_string(),
    }
}

#[track_caller]
fn manifest_refused(change: (&str, &str), told: &str) {
    let refused = manifest(change).expect_err(change.1);
    let whole = whole(&refused);
    assert!(whole.contains(told), "{whole}");
}

#[track_caller]
fn grant_refused(change: (&str, &str), told: &str) {
    let refused = grant(change).expect_err(change.1);
    let whole = whole(&refused);
    assert!(whole.contains(told), "{whole}");
}

#[track_caller]
fn lacking(change: (&str, &str), line: &str) {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let refused = manifest.permitted(&grant(change).unwrap()).unwrap_err();
    assert_eq!(
        refused,
        NotPermitted::Lacking {
            line: line.to_owned()
        }
    );
}

#[test]
fn a_key_that_stands_in_a_table_is_told_where_it_belongs() {
    for line in ["log = true", "kv.quota = \"64KiB\"", "warm = true"] {
        let papers = [
            Manifest::parse(&format!("{MANIFEST}{line}\n")).map(drop),
            Grant::parse(&format!("plugin = \"a\"\n[limits]\n{line}\n")).map(drop),
        ];
        for refused in papers {
            let Err(PaperRefused::Misplaced { place, .. }) = refused else {
                panic!("{line}: {refused:?}")
            };
            assert!(line.starts_with(place.key));
            let table = &place.table;
            assert!(
                table.to_string().starts_with("[limits] in line "),
                "{table}"
            );
        }
    }
    let told = |text: &str, told: &str| {
        let refused = Grant::parse(text).expect_err(text).to_string();
        assert_eq!(refused, told);
    };
    told(
        "plugin = \"a\"\n[config]\nzone = \"EU\"\ncatalog = true\n",
        "catalog stands in [config] in line 2, and belongs to no table; put its line above [config] in \
         line 2",
    );
    let own_table = "make it a table of its own, [kv], or put its line above [http] in line 2";
    for below in ["kv.quota = \"1KiB\"", "[limits.kv]\nquota = \"1KiB\""] {
        let line = if below.starts_with('[') { 5 } else { 4 };
        let head = if line == 5 { "[limits.kv]" } else { "[limits]" };
        told(
            &format!("plugin = \"a\"\n[http]\nallow = []\n[limits]\n{below}\n"),
            &format!("kv stands in {head} in line {line}, and belongs to no table; {own_table}"),
        );
    }
    // What a table does know, or of its own kind is wrong, stands where it belongs.
    for text in [
        "plugin = \"a\"\n[secrets.log]\nfile = \"/a\"\n",
        "plugin = \"a\"\ncatalog = 1\n[limits]\n",
        "plugin = \"a\"\n[kv]\nquota = 1\n",
    ] {
        let refused = Grant::parse(text).expect_err(text);
        assert!(matches!(refused, PaperRefused::Malformed(_)), "{refused}");
    }
    let unknown = Manifest::parse(&format!("{MANIFEST}roll = 1\n"));
    assert!(matches!(unknown, Err(PaperRefused::Malformed(_))));
}

#[test]
fn what_both_say_is_permitted() {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let permitted = manifest.permitted(&Grant::parse(GRANT).unwrap()).unwrap();
    assert_eq!(permitted.plugin.as_str(), "acme-catalog");
    assert!(permitted.catalog && permitted.log);
    assert_eq!(permitted.limits.memory_bytes, 128 << 20);
    assert_eq!(permitted.limits.deadline, Duration::from_millis(500));
    assert_eq!(permitted.limits.fuel, Limits::default().fuel);
    let zone = permitted.config.unwrap();
    assert_eq!(zone.get("zone").map(String::as_str), Some("EU"));
    let kv = permitted.kv.unwrap();
    assert_eq!((kv.quota_bytes, kv.write), (64 << 10, true));
    let sql = permitted.sql.unwrap();
    assert_eq!(sql.database.expose(), "postgres://reader:secret@db/mapping");
    let statement = sql.statements.get("book_by_id").unwrap();
    assert_eq!(statement.parameters, [SqlType::Text, SqlType::Text]);
    assert_eq!(
        (statement.rows_max, statement.time_max),
        (1, Duration::from_millis(50))
    );
    let http = permitted.http.unwrap();
    assert_eq!(http.allow.len(), 1);
    assert_eq!(http.allow[0].to_string(), "https://api.example/v1/books/");
    let secret = &http.secrets[&Name::parse("catalog-token").unwrap()];
    assert_eq!(
        secret.bound.address.to_string(),
        "https://api.example/v1/books/"
    );
    assert_eq!(secret.bound.field.as_str(), "authorization");
    assert_eq!(secret.bound.prefix, "Bearer ");
    assert_eq!(http.private.len(), 1);
    assert_eq!(
        http.private[0].address.to_string(),
        "https://inner.example/"
    );
}

#[test]
fn nothing_is_granted_that_is_not_asked_for() {
    let bare = "id = \"acme-catalog\"\nversion = \"1\"\napi = \"1.0\"\nroles = [\"naming\"]";
    let manifest = Manifest::parse(bare).unwrap();
    let generous = GRANT
        .replace("zone = \"EU\"", "")
        .replace("\"book_by_id\"", "");
    let permitted = manifest
        .permitted(&Grant::parse(&generous).unwrap())
        .unwrap();
    assert!(!permitted.catalog && !permitted.log);
    assert_eq!(permitted.limits, Limits::default());
    let Permitted {
        config,
        kv,
        sql,
        http,
        ..
    } = permitted;
    assert_eq!((config, kv), (None, None));
    assert_eq!((sql, http), (None, None));
}

#[test]
fn what_the_grant_lacks_is_named_by_its_line() {
    lacking(("catalog = true", ""), "catalog = true");
    lacking(("\nlog = true", "\nlog = false"), "log = true");
    // A secret goes where both papers say, and to nothing beside it.
    let secret = "secrets.catalog-token = { file = \"/FILE\", \
         address = \"https://api.example/v1/books/\", field = \"authorization\" }";
    let whole = "[secrets.catalog-token]\nfile = \"/etc/colophon/secrets/catalog-token\"\n\
         address = \"https://api.example/v1/\"\nfield = \"authorization\"\n";
    lacking((whole, ""), secret);
    lacking(
        ("[\"book_by_id\"]", "[]"),
        "\"book_by_id\" in sql.statements",
    );
    for elsewhere in ["https://api.example/v1/other/", "http://api.example/v1/"] {
        let grant = GRANT.replace("https://api.example/v1/", elsewhere);
        let refused = Manifest::parse(MANIFEST)
            .unwrap()
            .permitted(&Grant::parse(&grant).unwrap())
            .unwrap_err();
        let line = "\"https://api.example/v1/books/\" in http.allow".to_owned();
        assert_eq!(refused, NotPermitted::Lacking { line });
    }
    lacking(("[kv]\nquota = \"1MiB\"", ""), "kv.quota = \"64KiB\"");
    lacking(("memory = \"256MiB\"", ""), "limits.memory = \"128MiB\"");
}

#[test]
fn what_the_grant_says_otherwise_is_named_with_both_lines() {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    for (change, granted, asked) in [
        (
            (
                "address = \"https://api.example/v1/\"",
                "address = \"https://api.example/v1/other/\"",
            ),
            "secrets.catalog-token.address = \"https://api.example/v1/other/\"",
            "secrets.catalog-token.address = \"https://api.example/v1/books/\"",
        ),
        (
            ("field = \"authorization\"", "field = \"x-key\""),
            "secrets.catalog-token.field = \"x-key\"",
            "secrets.catalog-token.field = \"authorization\"",
        ),
        (
            ("quota = \"1MiB\"", "quota = \"63KiB\""),
            "kv.quota = \"63KiB\"",
            "kv.quota = \"64KiB\"",
        ),
        (
            ("quota = \"1MiB\"", "quota = \"1MiB\"\nwrite = false"),
            "kv.write = false",
            "kv.write = true",
        ),
        (
            ("memory = \"256MiB\"", "memory = \"1MiB\""),
            "limits.memory = \"1MiB\"",
            "limits.memory = \"128MiB\"",
        ),
        (
            ("time_ms = 1000", "time_ms = 499"),
            "limits.time_ms = 499",
            "limits.time_ms = 500",
        ),
    ] {
        let refused = manifest.permitted(&grant(change).unwrap()).unwrap_err();
        let (granted, asked) = (granted.to_owned(), asked.to_owned());
        assert_eq!(refused, NotPermitted::Otherwise { granted, asked });
    }
}

#[test]
fn a_grant_for_something_else_is_a_slip_of_the_pen() {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let refused = |change| {
        manifest
            .permitted(&grant(change).unwrap())
            .unwrap_err()
            .to_string()
    };
    assert!(refused(("acme-catalog", "acme-naming")).contains("'acme-naming'"));
    assert!(refused(("zone = ", "zones = ")).contains("config.zones"));
    assert!(refused(("[secrets.catalog-token]", "[secrets.token]")).contains("secrets.token"));
    assert!(refused(("\"book_by_id\"", "\"book_by_id\", \"books\"")).contains("\"books\""));
}

#[test]
fn a_statement_runs_no_longer_than_somebody_waits() {
    let patient = manifest(("timeout_ms = 50", "timeout_ms = 9000")).unwrap();
    let permitted = patient.permitted(&Grant::parse(GRANT).unwrap()).unwrap();
    let sql = permitted.sql.unwrap();
    let statement = sql.statements.get("book_by_id").unwrap();
    assert_eq!(statement.time_max, Limits::default().host_call_timeout);
}

#[test]
fn an_operator_may_tighten_what_is_usual() {
    let asks_nothing = manifest(("memory = \"128MiB\"\ntime_ms = 500", "")).unwrap();
    let tight = grant((
        "memory = \"256MiB\"\ntime_ms = 1000",
        "memory = \"1MiB\"\nfuel = 10000",
    ));
    let permitted = asks_nothing.permitted(&tight.unwrap()).unwrap();
    assert_eq!(
        (permitted.limits.memory_bytes, permitted.limits.fuel),
        (1 << 20, 10_000)
    );
    // Generosity alone changes nothing for who asks for nothing.
    let permitted = asks_nothing
        .permitted(&Grant::parse(GRANT).unwrap())
        .unwrap();
    assert_eq!(permitted.limits, Limits::default());
}

#[test]
fn manifests_that_are_none_say_where() {
    manifest_refused(("id = ", "ids = "), "unknown field `ids`");
    manifest_refused(("id = \"acme-catalog\"", ""), "missing field `id`");
    manifest_refused(("acme-catalog", "Acme"), "id: \"Acme\" is no name");
    manifest_refused(("acme-catalog", "../x"), "is no name");
    manifest_refused(("1.4.0", ""), "version: ");
    manifest_refused(("1.4.0", "1 4"), "version: ");
    manifest_refused(("api = \"1.0\"", "api = \"2.0\""), "write \"1.0\"");
    manifest_refused(("api = \"1.0\"", "api = 1.0"), "expected a string");
    manifest_refused(
        ("\"naming\"", "\"nameing\""),
        "no role; there are resolver, policy, naming",
    );
    manifest_refused(
        ("\"naming\"", "\"resolver\""),
        "roles: \"resolver\" stands there twice",
    );
    manifest_refused(
        ("[\"resolver\", \"naming\"]", "[]"),
        "roles: name at least one",
    );
    manifest_refused(("catalog = true", "catalog = 1"), "expected a boolean");
    manifest_refused(
        ("[\"zone\"]", "[\"zone\", \"zone\"]"),
        "config: \"zone\" stands there twice",
    );
    manifest_refused(("[\"zone\"]", "[\"Z\"]"), "config: \"Z\" is no name");
    manifest_refused(
        ("allow = [\"https://api.example/v1/books/\"]", "allow = []"),
        "secrets.catalog-token.address: ",
    );
    manifest_refused(
        (
            "address = \"https://api.example/v1/books/\"",
            "address = \"https://api.example/v1/\"",
        ),
        "secrets.catalog-token.address: ",
    );
    manifest_refused(
        ("field = \"Authorization\"", "field = \"Host\""),
        "secrets.catalog-token.field: \"Host\"",
    );
    manifest_refused(("field = \"Authorization\"\n", ""), "missing field `field`");
    manifest_refused(
        ("prefix = \"Bearer \"", "prefix = \"a\\nb\""),
        "secrets.catalog-token.prefix: ",
    );
    manifest_refused(
        ("and id = $2", "and id = $1"),
        "book_by_id.params: 2 types, where the statement has 1",
    );
    manifest_refused(("and id = $2", "and id = $3"), "without a gap");
    manifest_refused(("and id = $2", "and id = $name"), "without a gap");
    let allow = "allow = [\"https://api.example/v1/books/\"]";
    for (address, told) in [
        ("https://*.example/", "http.allow: "),
        ("https://a@b.example/", "no user"),
        ("https://api.example/v1?x", "http.allow: "),
    ] {
        manifest_refused((allow, &format!("allow = [\"{address}\"]")), told);
    }
    manifest_refused(("[http]", "[https]"), "unknown field `https`");
    manifest_refused(("book_by_id]", "book-by-ID]"), "is no name");
    manifest_refused(
        ("select root", "delete root"),
        "sql.statements.book_by_id.text: ",
    );
    manifest_refused(("$2\"", "$2;\""), "without a semicolon");
    manifest_refused(
        ("[\"text\", \"text\"]", "[\"text\", \"varchar\"]"),
        "book_by_id.params: \"varchar\"",
    );
    manifest_refused(
        ("max_rows = 1", "max_rows = 0"),
        "max_rows: 0 is not within 1 and 1000",
    );
    manifest_refused(("max_rows = 1", "max_rows = 1001"), "max_rows: 1001");
    manifest_refused(("max_rows = 1", "max_rows = -1"), "max_rows");
    manifest_refused(("max_rows = 1\n", ""), "missing field `max_rows`");
    manifest_refused(
        ("timeout_ms = 50", "timeout_ms = 20000"),
        "timeout_ms: 20000",
    );
    manifest_refused(
        ("timeout_ms = 50", "timeout = 50"),
        "unknown field `timeout`",
    );
    manifest_refused(("\"64KiB\"", "\"64KB\""), "kv.quota: \"64KB\" is no size");
    manifest_refused(("\"64KiB\"", "65536"), "expected a string");
    manifest_refused(("\"64KiB\"", "\"0KiB\""), "not within 1B and 64MiB");
    manifest_refused(("\"64KiB\"", "\"65MiB\""), "not within");
    manifest_refused(("\"64KiB\"", "\"18446744073709551615MiB\""), "kv.quota");
    manifest_refused(("\"64KiB\"", "\"+1KiB\""), "kv.quota");
    manifest_refused(("[kv]\nquota = \"64KiB\"", "[kv]"), "missing field `quota`");
    manifest_refused(("\"128MiB\"", "\"257MiB\""), "limits.memory");
    manifest_refused(("time_ms = 500", "time_ms = 10001"), "limits.time_ms");
    manifest_refused(("time_ms = 500", "fuel = 1"), "limits.fuel");
    manifest_refused(("time_ms = 500", "host_calls = 1025"), "limits.host_calls");
    manifest_refused(
        ("time_ms = 500", "deadline = 1"),
        "unknown field `deadline`",
    );
    manifest_refused(("[limits]", "[limits]\n[limits]"), "duplicate");
}

#[test]
fn counts_are_capped() {
    let names = |count: usize| {
        let all = (0..count).map(|n| format!("\"k{n}\"")).collect::<Vec<_>>();
        format!("[{}]", all.join(","))
    };
    assert!(manifest(("[\"zone\"]", &names(64))).is_ok());
    manifest_refused(
        ("[\"zone\"]", &names(65)),
        "config: 65 entries, more than 64",
    );
    let types = |count: usize| format!("[{}]", vec!["\"text\""; count].join(","));
    manifest_refused(
        ("[\"text\", \"text\"]", &types(32)),
        "32 types, where the statement has 2",
    );
    manifest_refused(
        ("[\"text\", \"text\"]", &types(33)),
        "33 entries, more than 32",
    );
    let long = format!("#{}\n{MANIFEST}", "x".repeat(64 << 10));
    assert!(matches!(
        Manifest::parse(&long),
        Err(PaperRefused::TooLarge { .. })
    ));
}

#[test]
fn grants_that_are_none_say_where() {
    grant_refused(("plugin = ", "plug-in = "), "unknown field `plug-in`");
    grant_refused(("plugin = \"acme-catalog\"", ""), "missing field `plugin`");
    grant_refused(("zone = \"EU\"", "zone = 1"), "expected a string");
    grant_refused(
        ("zone = \"EU\"", "Zone = \"EU\""),
        "config: \"Zone\" is no name",
    );
    let long = format!("zone = \"{}\"", "x".repeat(4097));
    grant_refused(("zone = \"EU\"", &long), "config.zone: ");
    grant_refused(
        ("/etc/colophon", "colophon"),
        "secrets.catalog-token.file: name the file",
    );
    grant_refused(
        (
            "address = \"https://api.example/v1/\"",
            "address = \"https://api.example/\"",
        ),
        "secrets.catalog-token.address: no entry",
    );
    grant_refused(
        (
            "{ \"https://inner.example/\"",
            "{ \"https://other.example/\"",
        ),
        "http.private.\"https://other.example/\": no entry",
    );
    grant_refused(
        (
            "private = { \"https://inner.example/\" = [\"10.1.0.0/16\"] }",
            "private = [\"10.1.0.0/16\"]",
        ),
        "expected a map",
    );
    grant_refused(
        ("\"postgres://reader:secret@db/mapping\"", "\"\""),
        "sql.database: ",
    );
    grant_refused(
        ("statements = [\"book_by_id\"]", ""),
        "missing field `statements`",
    );
    grant_refused(
        ("10.1.0.0/16", "10.1.0.1/16"),
        "http.private.\"https://inner.example/\": \"10.1.0.1/16\"",
    );
    grant_refused(("10.1.0.0/16", "localhost"), "http.private.");
    grant_refused(("1MiB", "1GiB"), "kv.quota: ");
    grant_refused(("[limits]", "[limit]"), "unknown field `limit`");
}

#[test]
fn a_password_is_not_shown() {
    let grant = Grant::parse(GRANT).unwrap();
    let shown = format!("{grant:?}");
    assert!(!shown.contains("secret@"), "{shown}");
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let shown = format!("{:?}", manifest.permitted(&grant).unwrap());
    assert!(!shown.contains("secret@"), "{shown}");
}

#[test]
fn a_component_plays_the_roles_that_its_manifest_says() {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    assert!(
        manifest
            .agrees_with([Role::Resolver, Role::Naming].into_iter())
            .is_ok()
    );
    let exported = [Role::Resolver, Role::Policy];
    let refused = manifest
        .agrees_with(exported.into_iter())
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("roles = [\"resolver\", \"policy\"]"),
        "{refused}"
    );
    assert!(manifest.agrees_with([Role::Resolver].into_iter()).is_err());
}

proptest! {
    /// Whatever stands in a paper, reading it ends in a value or a refusal.
    #[test]
    fn reading_never_fails_otherwise(text in "\\PC{0,200}", at in 0..MANIFEST.len(), cut in 0..40_usize) {
        let _ = Manifest::parse(&text);
        let _ = Grant::parse(&text);
        let end = (at + cut).min(MANIFEST.len());
        let damaged = [&MANIFEST[..at], &text, &MANIFEST[end..]].concat();
        let _ = Manifest::parse(&damaged);
    }

    /// What is permitted is never more than the operator grants, nor other than the author asks.
    #[test]
    fn limits_stay_below_both(
        asked in (proptest::option::of(1_u64..256), proptest::option::of(10_u64..10_000)),
        granted in (proptest::option::of(1_u64..256), proptest::option::of(10_u64..10_000)),
    ) {
        let limits = |(memory, time): (Option<u64>, Option<u64>)| SomeLimits {
            memory_bytes: memory.map(|mib| usize::try_from(mib << 20).unwrap()),
            time_ms: time,
            ..SomeLimits::default()
        };
        let manifest = Manifest { limits: limits(asked), ..Manifest::parse(MANIFEST).unwrap() };
        let grant = Grant { limits: limits(granted), ..Grant::parse(GRANT).unwrap() };
        let usual = Limits::default();
        let most = (
            grant.limits.memory_bytes.unwrap_or(usual.memory_bytes),
            grant.limits.time_ms.map_or(usual.deadline, Duration::from_millis),
        );
        match manifest.permitted(&grant) {
            Ok(permitted) => {
                let given = (permitted.limits.memory_bytes, permitted.limits.deadline);
                prop_assert!(given.0 <= most.0 && given.1 <= most.1);
                if let Some(bytes) = manifest.limits.memory_bytes {
                    prop_assert_eq!(given.0, bytes);
                }
                if let Some(ms) = manifest.limits.time_ms {
                    prop_assert_eq!(given.1, Duration::from_millis(ms));
                }
            }
            Err(_) => {
                let over = manifest.limits.memory_bytes.is_some_and(|bytes| bytes > most.0)
                    || manifest.limits.time_ms.is_some_and(|ms| Duration::from_millis(ms) > most.1);
                prop_assert!(over);
            }
        }
    }
}
