//! What authors are told when a plug-in is not one, asks for too much, traps or never ends.

use std::fs;

use colophon_tests::author::missing;
use colophon_tests::tool::skipped;

use super::{Author, said};

/// A rule that does whatever the Book ID says.
const MISCHIEF: &str = r#"
pub(crate) fn path(_: &str, id: &str, _: &str) -> Option<String> {
    match id {
        "endless" => loop { core::hint::black_box(0); },
        "panic" => { let none: Option<u8> = core::hint::black_box(None); none.unwrap(); None }
        "memory" => {
            let mut all = alloc::vec::Vec::new();
            loop { all.push(core::hint::black_box(alloc::vec![1_u8; 1 << 20])); }
        }
        "outside" => Some("../../etc/passwd".into()),
        _ => None,
    }
}

pub(crate) fn self_test() -> Result<(), String> { Ok(()) }
"#;

const CASES: &str = r#"
[host]
config = { prefix = "978" }
[[case]]
name = "endless"
role = "resolver"
input = { book = { id-type = "ISBN", id = "endless" } }
answer = "not-mine"
[[case]]
name = "panic"
role = "resolver"
input = { book = { id-type = "ISBN", id = "panic" } }
answer = "not-mine"
[[case]]
name = "memory"
role = "resolver"
input = { book = { id-type = "ISBN", id = "memory" } }
answer = "not-mine"
[[case]]
name = "outside"
role = "resolver"
input = { book = { id-type = "ISBN", id = "outside" } }
answer = "not-mine"
[[case]]
name = "a stop can be expected"
role = "resolver"
input = { book = { id-type = "ISBN", id = "panic" } }
stopped = "trapped"
[[case]]
name = "not in the contract"
role = "resolver"
input = { book = { id-type = "ISBN", isbn = "1" } }
answer = "not-mine"
"#;

#[test]
fn what_went_wrong_in_a_call_is_told_with_what_to_do() {
    if let Some(missing) = missing("rust") {
        return skipped("what_went_wrong_in_a_call_is_told_with_what_to_do", missing);
    }
    let author = Author::new("rust", "mischief");
    let plugin = author.plugin();
    let rule = format!("use alloc::string::String;\n{MISCHIEF}");
    fs::write(plugin.join("src/shelf.rs"), rule).unwrap();
    fs::write(plugin.join("cases/shelf.toml"), CASES).unwrap();
    author.build();
    let (tested, passed) = author.json(&["test"]);
    assert!(!passed);
    let found = |name: &str| {
        let cases = tested["cases"].as_array().unwrap();
        cases.iter().find(|case| case["name"] == name).unwrap()
    };
    let case = |name: &str| {
        let case = found(name);
        (case["differences"].to_string(), case["next"].to_string())
    };
    let (said, next) = case("endless");
    assert!(
        said.contains("used up its fuel") || said.contains("in time"),
        "{said}"
    );
    assert!(next.contains("loop that does not end"), "{next}");
    let (said, next) = case("panic");
    assert!(said.contains("trapped in resolve"), "{said}");
    assert!(said.contains("core::option::unwrap_failed"), "{said}");
    assert!(next.contains("panic"), "{next}");
    let log = found("panic")["log"].to_string();
    assert!(log.contains("warning: panicked at src/shelf.rs:"), "{log}");
    assert!(log.contains("on a `None` value"), "{log}");
    let (said, next) = case("memory");
    assert!(said.contains("limit of memory"), "{said}");
    assert!(next.contains("lists the limits"), "{next}");
    let (said, _) = case("outside");
    assert!(
        said.contains("path leaves the content-store root"),
        "{said}"
    );
    let (said, _) = case("a stop can be expected");
    assert_eq!(said, "[]");
    let (said, _) = case("not in the contract");
    assert!(said.contains("isbn is none of id-type, id"), "{said}");
    is_built_from_something_else(&author);
    asks_for_what_the_manifest_does_not(&author);
    speaks_another_version(&author);
}

/// A build is told that is older than its sources, and a version that is said in one place alone.
fn is_built_from_something_else(author: &Author) {
    let rule = author.plugin().join("src/shelf.rs");
    let was = fs::read_to_string(&rule).unwrap();
    fs::write(&rule, format!("{was}\n// Another rule.\n")).unwrap();
    for command in [&["check"][..], &["test"]] {
        let out = author.colophon(command);
        let text = said(&out);
        assert_eq!(out.status.code(), Some(1), "{text}");
        assert!(
            text.contains("src/shelf.rs has changed since it was built"),
            "{text}"
        );
        assert!(text.contains("colophon plugin build"), "{text}");
    }
    // Nor is it anything to sign.
    let signed = author.colophon(&["statement", "--elsewhere"]);
    assert_eq!(signed.status.code(), Some(1));
    assert!(signed.stdout.is_empty());
    let text = said(&signed);
    assert!(text.contains("nothing to sign yet"), "{text}");
    fs::write(&rule, was).unwrap();
    // What came beside the sources may belong to them, or not.
    let license = author.plugin().join("LICENSE");
    fs::write(&license, "").unwrap();
    let (checked, fits) = author.json(&["check"]);
    assert!(fits, "{checked:#}");
    let text = checked.to_string();
    assert!(
        text.contains("LICENSE was not there when it was built"),
        "{text}"
    );
    let signed = author.colophon(&["statement", "--elsewhere"]);
    assert!(signed.status.success());
    assert!(signed.stdout.starts_with(b"colophon plug-in version 1\n"));
    assert!(said(&signed).contains("LICENSE was not there"));
    fs::remove_file(license).unwrap();
    // Nor does anybody see by what version npm knows it.
    let package = author.plugin().join("package.json");
    fs::write(&package, r#"{ "name": "mischief", "version": "0.3.0" }"#).unwrap();
    let (checked, fits) = author.json(&["check"]);
    assert!(fits, "{checked:#}");
    let text = checked.to_string();
    assert!(
        text.contains("package.json says 0.3.0, and plugin.toml 0.1.0"),
        "{text}"
    );
    fs::remove_file(package).unwrap();
    author.change("plugin.toml", "version = \"0.1.0\"", "version = \"0.2.0\"");
    let (checked, fits) = author.json(&["check"]);
    assert!(fits, "{checked:#}");
    let findings = checked["findings"].as_array().unwrap().iter();
    let mut warnings = findings.filter(|finding| finding["state"] == "warning");
    let warning = warnings.next().unwrap();
    assert_eq!(warning["what"], "description");
    assert!(
        warning["next"].as_str().unwrap().contains("version 0.2.0"),
        "{warning}"
    );
    assert!(warnings.next().is_none());
    author.change("plugin.toml", "version = \"0.2.0\"", "version = \"0.1.0\"");
}

#[test]
fn an_export_that_is_misspelled_is_found_before_a_sale_is() {
    if let Some(missing) = missing("js") {
        return skipped(
            "an_export_that_is_misspelled_is_found_before_a_sale_is",
            missing,
        );
    }
    let author = Author::new("js", "misspelled");
    for (from, to) in [
        ("resolve: told", "reslove: told"),
        ("export const resolver", "export const resolvre"),
    ] {
        author.change("src/plugin.js", from, to);
        author.build();
        let (checked, fits) = author.json(&["check"]);
        assert!(!fits, "{to}: {checked:#}");
        let findings = checked["findings"].as_array().unwrap();
        let refused = findings
            .iter()
            .find(|finding| finding["fits"] == false)
            .unwrap();
        assert_eq!(refused["what"], "resolver", "{checked:#}");
        let next = refused["next"].as_str().unwrap();
        assert!(
            next.contains("exported under the contract's name"),
            "{next}"
        );
        author.change("src/plugin.js", to, from);
    }
    // What goes wrong in a self-test is told in its words.
    author.change(
        "src/plugin.js",
        "const problem = selfTest();",
        "const problem = nothing.at.all;",
    );
    author.build();
    let (checked, fits) = author.json(&["check"]);
    assert!(!fits);
    let text = checked.to_string();
    assert!(text.contains("nothing"), "{text}");
    assert!(text.contains("self-test failed"), "{text}");
}

fn asks_for_what_the_manifest_does_not(author: &Author) {
    author.change("plugin.toml", "log = true", "");
    let (checked, fits) = author.json(&["check"]);
    assert!(!fits);
    let text = checked.to_string();
    assert!(
        text.contains("add to plugin.toml, above its first [table] if it has one: log = true"),
        "{text}"
    );
    // Below the head of a table it is no key of the manifest, and that is said.
    let manifest = author.plugin().join("plugin.toml");
    let whole = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        format!("{whole}\n[http]\nallow = []\nlog = true\n"),
    )
    .unwrap();
    let (checked, fits) = author.json(&["check"]);
    assert!(!fits);
    let text = checked.to_string();
    assert!(text.contains("log stands in [http] in line"), "{text}");
    fs::write(&manifest, whole).unwrap();
    author.change("plugin.toml", "version = ", "log = true\nversion = ");
    author.change(
        "plugin.toml",
        "roles = [\"resolver\"]",
        "roles = [\"policy\"]",
    );
    let (checked, fits) = author.json(&["check"]);
    assert!(!fits);
    let text = checked.to_string();
    assert!(text.contains("add \\\"resolver\\\" to roles"), "{text}");
    author.change(
        "plugin.toml",
        "roles = [\"policy\"]",
        "roles = [\"resolver\"]",
    );
}

/// The same component, made for a contract that is not there yet.
fn speaks_another_version(author: &Author) {
    let component = author.plugin().join("build/plugin.wasm");
    let mut wasm = fs::read(&component).unwrap();
    let places: Vec<_> = (0..wasm.len() - 6)
        .filter(|at| &wasm[*at..at + 6] == b"@1.0.0")
        .collect();
    for at in places {
        wasm[at + 1] = b'9';
    }
    fs::write(&component, wasm).unwrap();
    let out = author.colophon(&["check"]);
    assert_eq!(out.status.code(), Some(1));
    let text = said(&out);
    assert!(text.contains("colophon:host/config@9.0.0"), "{text}");
    assert!(
        text.contains("this host knows colophon:meta/plugin@1.0.0"),
        "{text}"
    );
    assert!(
        text.contains("this host offers version 1.0 of the contract"),
        "{text}"
    );
}

#[test]
fn what_is_no_plugin_is_told_so() {
    let author = Author::alone("nothing");
    fs::create_dir_all(author.plugin().join("build")).unwrap();
    let refused = |arguments: &[&str], wanted: &str| {
        let out = author.colophon(arguments);
        let text = said(&out);
        assert_eq!(out.status.code(), Some(1), "{text}");
        assert!(text.contains(wanted), "{arguments:?}: {text}");
    };
    refused(&["build"], "begin one with `colophon plugin new`");
    refused(&["check"], "build the plug-in first");
    refused(&["test"], "build the plug-in first");
    refused(
        &["new", "--lang", "rust", "Not A Name"],
        "is no name for a plug-in",
    );
    fs::write(
        author.plugin().join("build/plugin.wasm"),
        b"\0asm\x01\0\0\0",
    )
    .unwrap();
    refused(&["check"], "not a component that this host can compile");
    refused(&["test"], "there is no folder with cases");
    fs::write(
        author.plugin().join("plugin.toml"),
        "id = 'a'\nversion = '1'\napi = '7.0'\nroles = []",
    )
    .unwrap();
    refused(&["check"], "1.0");
    fs::create_dir_all(author.plugin().join("cases")).unwrap();
    refused(&["test"], "no case was found, so nothing is proven");
}
