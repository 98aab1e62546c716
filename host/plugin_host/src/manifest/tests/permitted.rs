//! What manifest and grant allow together.

use colophon_core::capability::{Name, SqlType};

use super::*;

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
