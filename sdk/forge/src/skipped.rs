//! Tests that lack their means.

use std::fs::OpenOptions;
use std::io::Write as _;

/// Says that a test was skipped, and for want of what; the test then returns early and has passed
/// nothing. The line is printed to standard error, so that a test runner's failure output and
/// `--no-capture` both show it, and is gathered by `cargo xtask test` from the file named in
/// `COLOPHON_SKIPPED`.
///
/// # Panics
///
/// If that file cannot be written: nobody would hear of the test that was not run.
#[expect(
    clippy::disallowed_methods,
    reason = "the surroundings of a test run are where its runner says what it wants"
)]
pub fn skipped(test: &str, missing: &str) {
    let line = format!("skipped: {test}: {missing}");
    eprintln!("{line}");
    if let Some(path) = std::env::var_os("COLOPHON_SKIPPED") {
        let file = OpenOptions::new().append(true).create(true).open(path);
        // In one piece: tests of many processes write here.
        file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
            .expect("the file of skipped tests");
    }
}
