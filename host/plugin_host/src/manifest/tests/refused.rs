//! Papers that are none.

use super::*;

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
fn a_paper_in_which_nothing_stands_is_told_so() {
    for empty in ["", "\n \n", "# grant.toml\n"] {
        let grant = Grant::parse(empty).expect_err("a grant");
        assert!(matches!(grant, PaperRefused::Empty), "{grant}");
        let manifest = Manifest::parse(empty).expect_err("a manifest");
        assert!(matches!(manifest, PaperRefused::Empty), "{manifest}");
    }
}
