//! What a reader says when it has done something, or refuses.

use std::process::Output;

use anyhow::{Context, Result};
use serde_json::Value;

/// The exit code of a reader that would have to be activated, or activated for somebody else.
pub(crate) const NEEDS_ACTIVATION: i32 = 4;

/// The exit code of a reader that could not be activated.
pub(crate) const NOT_ACTIVATED: i32 = 7;

/// The exit code of a reader whose license does not permit what was asked for.
pub(crate) const NOT_PERMITTED: i32 = 8;

/// How a command of the reader ended.
pub(crate) enum Said {
    /// It was done; this is what came of it.
    Done(Value),
    /// It was refused.
    Refused(Refusal),
}

/// A refusal in the reader's own words.
pub(crate) struct Refusal {
    code: Option<i32>,
    /// Why, and what to do next.
    pub(crate) words: String,
}

impl Said {
    /// What a reader that was told `--json` has said in the end.
    pub(crate) fn of(ran: &Output) -> Result<Said> {
        if ran.status.success() {
            let said = serde_json::from_slice(&ran.stdout);
            return said
                .map(Said::Done)
                .context("the reader does not answer in JSON");
        }
        Ok(Said::Refused(Refusal {
            code: ran.status.code(),
            words: words(&String::from_utf8_lossy(&ran.stderr)),
        }))
    }
}

impl Refusal {
    /// Whether it is the one expected: this exit code, and all of these words.
    pub(crate) fn tells(&self, code: i32, words: &[&str]) -> bool {
        self.code == Some(code) && words.iter().all(|word| self.words.contains(word))
    }
}

/// A complaint without the path it begins with, which says nothing to whoever reads a table.
fn words(complaint: &str) -> String {
    let lines = complaint.lines().filter_map(|line| {
        let cause = line.strip_prefix("error: ");
        let cause = cause.map(|cause| match cause.split_once(".epub: ") {
            Some((_, words)) => words,
            None => cause,
        });
        cause.or_else(|| line.strip_prefix(" next: "))
    });
    lines.collect::<Vec<_>>().join("\n→ ")
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_complaint_is_told_without_its_path() {
        let complaint = "note: one\nerror: /a/b: c.epub: it is locked: more\n next: wait\n";
        assert_eq!(words(complaint), "it is locked: more\n→ wait");
        assert_eq!(words("error: no network\n"), "no network");
    }
}
