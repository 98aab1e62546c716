//! A call of the host fails, and the author has not thought of it: a failure, and no trap.

use std::fs;

use colophon_tests::author::missing;
use colophon_tests::tool::skipped;

use super::Author;

const CASES: &str = r#"
[host]
config = { prefix = "978316" }
[[case]]
name = "a service that is away"
role = "resolver"
input = { book = { id-type = "ISBN", id = "9783161484100" } }
host.catalog = { error = { unavailable = "down" } }
failure = "unavailable"
[[case]]
name = "a question that the service does not take"
role = "resolver"
input = { book = { id-type = "ISBN", id = "9783161484100" } }
host.catalog = { error = { invalid = "no book" } }
failure = "internal"
[[case]]
name = "a rule that makes a mistake"
role = "resolver"
input = { book = { id-type = "MISTAKE", id = "9783161484100" } }
failure = "internal"
"#;

/// A template's plug-in that asks the catalog before it looks at its setting. `changes` are to the
/// file that answers the host.
fn asks_the_catalog(language: &str, name: &'static str, file: &str, changes: [(&str, &str); 2]) {
    let author = Author::new(language, name);
    author.change(
        "wit/plugin.wit",
        "    import colophon:host/config@1.0.0;",
        "    import colophon:host/catalog@1.0.0;\n    import colophon:host/config@1.0.0;",
    );
    author.change("plugin.toml", "log = true", "log = true\ncatalog = true");
    for (from, to) in changes {
        author.change(file, from, to);
    }
    fs::write(author.plugin().join("cases/failing_host.toml"), CASES).unwrap();
    author.build();
    let (tested, passed) = author.json(&["test"]);
    assert!(passed, "{tested:#}");
    assert_eq!(tested["passed"], 10, "{tested:#}");
}

#[test]
fn a_host_that_fails_a_plugin_in_javascript_is_no_trap() {
    if let Some(missing) = missing("js") {
        return skipped(
            "a_host_that_fails_a_plugin_in_javascript_is_no_trap",
            missing,
        );
    }
    asks_the_catalog(
        "js",
        "failing-js",
        "src/plugin.js",
        [
            (
                "import config from",
                "import catalog from \"colophon:host/catalog@1.0.0\";\nimport config from",
            ),
            (
                "const prefix = config.get",
                "catalog.find(book);\n    if (book.idType === \"MISTAKE\") return \"not-mine\";\n    \
                 const prefix = config.get",
            ),
        ],
    );
}

#[test]
fn a_host_that_fails_a_plugin_in_python_is_no_trap() {
    if let Some(missing) = missing("py") {
        return skipped("a_host_that_fails_a_plugin_in_python_is_no_trap", missing);
    }
    asks_the_catalog(
        "py",
        "failing-py",
        "src/app.py",
        [
            ("import config, log", "import catalog, config, log"),
            (
                "prefix = config.get(\"prefix\")",
                "catalog.find(book)\n        if book.id_type == \"MISTAKE\":\n            1 / 0\n        \
                 prefix = config.get(\"prefix\")",
            ),
        ],
    );
}
