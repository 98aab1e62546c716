//! The worked examples in `plugins/`, each from its source through its cases.

use std::path::PathBuf;

use colophon_tests::author::{copy_example, missing};
use colophon_tests::colophon::succeed;
use colophon_tests::tool::{skipped, target};

use crate::plugin_authors::Author;

/// A copy of an example's folder, as somebody has it who took it from here.
fn copy(name: &'static str) -> (Author, PathBuf) {
    let author = Author::alone(name);
    let place = author.plugin();
    copy_example(name, &place);
    (author, place)
}

fn passes_its_cases(author: &Author, cases: u64) {
    let (tested, passed) = author.json(&["test"]);
    assert!(passed, "{tested:#}");
    assert_eq!(tested["passed"], cases, "{tested:#}");
}

fn in_rust(name: &'static str, cases: u64) {
    let component = target().join("plugins").join(format!("{name}.wasm"));
    if !component.is_file() {
        return skipped(
            &format!("the example {name}"),
            "cargo xtask plugins has not built it",
        );
    }
    let (author, place) = copy(name);
    std::fs::create_dir(place.join("build")).unwrap();
    std::fs::copy(component, place.join("build/plugin.wasm")).unwrap();
    passes_its_cases(&author, cases);
}

fn from_source(name: &'static str, language: &str, unit_tests: &[&str], cases: u64) {
    if let Some(missing) = missing(language) {
        return skipped(&format!("the example {name}"), missing);
    }
    let (author, place) = copy(name);
    author.build();
    if let [program, arguments @ ..] = unit_tests {
        succeed(author.command(program).current_dir(place).args(arguments));
    }
    passes_its_cases(&author, cases);
}

#[test]
fn isbns_and_dois_are_found_in_any_spelling() {
    in_rust("isbn", 8);
}

#[test]
fn files_are_named_in_a_centers_style() {
    in_rust("file_style", 2);
}

#[test]
fn paths_are_made_by_a_template() {
    in_rust("path_template", 6);
}

#[test]
fn terms_in_javascript_keep_their_cases() {
    from_source("terms", "js", &["npm", "test"], 7);
}

#[test]
fn edition_names_in_python_keep_their_cases() {
    let unit_tests = ["python3", "-m", "unittest", "discover", "test"];
    from_source("edition_names", "py", &unit_tests, 4);
}
