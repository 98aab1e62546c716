//! The pages as Chromium shows them: with and without scripts, on a desk and on a phone, by
//! keyboard, and judged by axe.

use std::path::Path;
use std::process::Command;

use colophon_tests::colophon::{House, succeed};
use colophon_tests::tool::{on_path, skipped, target};
use serde_json::Value;

const SCRIPT: &str = include_str!("shown.mjs");

/// Pages in one way through all of them.
const PAGES: u64 = 19;

#[test]
fn a_browser_shows_every_page_to_everybody() {
    let name = "a_browser_shows_every_page_to_everybody";
    let folder = target().join("npm");
    for package in ["playwright-core", "axe-core"] {
        if !folder.join("node_modules").join(package).is_dir() {
            return skipped(name, &format!("the npm package {package} is not installed"));
        }
    }
    if on_path("node").is_none() || !Path::new("/usr/bin/chromium").is_file() {
        return skipped(name, "node or chromium is not installed");
    }
    let house = House::new();
    let host = house.serve(&[]);
    let photographs = target().join("pages");
    std::fs::create_dir_all(&photographs).unwrap();
    let script = folder.join("shown.mjs");
    std::fs::write(&script, SCRIPT).unwrap();
    let printed = succeed(
        Command::new("node")
            .arg(&script)
            .arg(format!("http://{}", host.address()))
            .arg(&photographs),
    );
    let found: Value = serde_json::from_str(printed.trim()).unwrap();
    assert_eq!(found["violations"], serde_json::json!([]), "{found:#}");
    assert_eq!(found["messages"], serde_json::json!([]), "{found:#}");
    assert_eq!(found["pages"], 3 * PAGES, "{found:#}");
    assert_eq!(found["judged"], 2 * PAGES, "{found:#}");
}
