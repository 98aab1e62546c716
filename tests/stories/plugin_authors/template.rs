//! A newcomer takes a template and does what its README says, word for word.

use colophon_tests::author::missing;
use colophon_tests::tool::skipped;

use super::{Author, said};

/// The commands of the README's blocks, in their order.
fn commands(readme: &str) -> Vec<&str> {
    let mut blocks = readme.split("\n```sh\n").skip(1);
    let mut commands = Vec::new();
    for block in &mut blocks {
        let (block, _) = block.split_once("\n```").unwrap();
        commands.extend(block.lines());
    }
    commands
}

fn follow_the_readme(language: &str, test: &str) {
    if let Some(missing) = missing(language) {
        return skipped(test, missing);
    }
    let author = Author::new(language, "shelf");
    let readme = std::fs::read_to_string(author.plugin().join("README.md")).unwrap();
    let commands = commands(&readme);
    for needed in [
        "colophon plugin build",
        "colophon plugin check",
        "colophon plugin test",
    ] {
        assert!(commands.contains(&needed), "{needed} in {commands:?}");
    }
    for line in commands {
        let out = author
            .command("bash")
            .current_dir(author.plugin())
            .args(["-euc", line])
            .output()
            .unwrap();
        assert!(out.status.success(), "{line}\n{}", said(&out));
    }
    what_the_commands_say(&author);
    a_case_that_fails_shows_where(&author);
}

fn what_the_commands_say(author: &Author) {
    let (checked, fits) = author.json(&["check"]);
    assert!(fits, "{checked}");
    let findings = checked["findings"].as_array().unwrap();
    let imports = findings
        .iter()
        .find(|found| found["what"] == "imports")
        .unwrap();
    assert_eq!(
        imports["found"],
        "colophon:host/config@1.0.0, colophon:host/log@1.0.0"
    );
    let (tested, passed) = author.json(&["test"]);
    assert!(passed, "{tested}");
    assert_eq!(tested["passed"], 7);
    for case in tested["cases"].as_array().unwrap() {
        assert!(case["fuel"].as_u64().unwrap() > 0, "{case}");
        assert!(case["memory_bytes"].as_u64().unwrap() > 0, "{case}");
    }
    let foreign = tested["cases"][3]["log"].as_array().unwrap();
    assert_eq!(foreign[0], "debug: not one of ours");
}

fn a_case_that_fails_shows_where(author: &Author) {
    author.change(
        "cases/shelf.toml",
        "path = \"isbn/978316/",
        "path = \"elsewhere/",
    );
    let out = author.colophon(&["test", "--only", "hyphens"]);
    assert_eq!(out.status.code(), Some(1));
    let text = said(&out);
    let place = "answer.found.path: expected \"elsewhere/9783161484100\", found \
                 \"isbn/978316/9783161484100\"";
    assert!(text.contains(place), "{text}");
    assert!(text.contains("0 passed, 1 failed"), "{text}");
}

#[test]
fn a_newcomer_makes_a_plugin_in_rust() {
    follow_the_readme("rust", "a_newcomer_makes_a_plugin_in_rust");
}

#[test]
fn a_newcomer_makes_a_plugin_in_javascript() {
    follow_the_readme("js", "a_newcomer_makes_a_plugin_in_javascript");
}

#[test]
fn a_newcomer_makes_a_plugin_in_python() {
    follow_the_readme("py", "a_newcomer_makes_a_plugin_in_python");
}
