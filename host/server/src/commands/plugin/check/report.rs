//! What was found out about a plug-in, for people and for programs.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::PoisonError;

use colophon_plugin_host::LoadRefused;
use serde::Serialize;

use super::super::bench::Plugin;
use super::super::script::Lines;
use super::advice;
use crate::output::{cut, hex, table};

/// The last lines of a plug-in's own that are shown.
const LINES_SHOWN: usize = 20;

/// What was found out about a plug-in.
#[derive(Serialize)]
pub(in super::super) struct Report {
    component: PathBuf,
    bytes: usize,
    sha256: String,
    pub(super) fits: bool,
    findings: Vec<Finding>,
    /// The last lines that the plug-in wrote before something failed.
    log: Vec<String>,
}

/// How something is that was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// A host takes it, and its author should look at it.
    Warning,
    Refused,
}

/// One thing that was looked at.
#[derive(Serialize)]
struct Finding {
    what: &'static str,
    fits: bool,
    state: State,
    found: String,
    next: Option<String>,
}

impl Report {
    pub(super) fn new(plugin: &Plugin, wasm: &[u8]) -> Self {
        Self {
            component: plugin.component.clone(),
            bytes: wasm.len(),
            sha256: String::new(),
            fits: true,
            findings: Vec::new(),
            log: Vec::new(),
        }
    }

    pub(in super::super) fn code(&self) -> ExitCode {
        if self.fits {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// What a host would take as it is, and its author should look at.
    pub(in super::super) fn warnings(&self) -> impl Iterator<Item = String> {
        let warnings = self.findings.iter();
        let warnings = warnings.filter(|finding| finding.state == State::Warning);
        warnings.map(|finding| match &finding.next {
            Some(next) => format!("{}: {}; {next}", finding.what, finding.found),
            None => format!("{}: {}", finding.what, finding.found),
        })
    }

    /// Notes the component's digest.
    pub(super) fn is_of(&mut self, sha256: &[u8; 32]) {
        self.sha256 = hex(sha256);
    }

    pub(super) fn good(&mut self, what: &'static str, found: String) {
        self.find(what, State::Ok, found, None);
    }

    pub(super) fn warn(&mut self, what: &'static str, found: String, next: String) {
        self.find(what, State::Warning, found, Some(next));
    }

    pub(super) fn bad(&mut self, what: &'static str, found: String, next: Option<String>) {
        self.find(what, State::Refused, found, next);
    }

    pub(super) fn refused(&mut self, what: &'static str, refused: &LoadRefused) {
        let found = colophon_core::causes::causes(refused);
        self.bad(what, found, Some(advice::next(refused)));
    }

    /// Keeps what the plug-in has written before it failed.
    pub(super) fn written(&mut self, lines: &Lines) {
        let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        let first = lines.len().saturating_sub(LINES_SHOWN);
        self.log.extend(lines.iter().skip(first).cloned());
    }

    fn find(&mut self, what: &'static str, state: State, found: String, next: Option<String>) {
        let fits = state != State::Refused;
        self.fits &= fits;
        self.findings.push(Finding {
            what,
            fits,
            state,
            found,
            next,
        });
    }
}

/// The table for people; what has to be done stands below it, where lines may be long.
pub(in super::super) fn shown(report: &Report) -> String {
    let rows = report.findings.iter().map(|finding| {
        let state = match finding.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Refused => "REFUSED",
        };
        vec![
            state.to_owned(),
            finding.what.to_owned(),
            cut(&finding.found).into_owned(),
        ]
    });
    let mut text = table(&["", "checked", "found"], rows);
    let findings = report.findings.iter();
    for long in findings.filter(|finding| cut(&finding.found) != finding.found) {
        text.push_str(&format!("\n\n{}, in full: {}", long.what, long.found));
    }
    if !report.log.is_empty() {
        text.push_str("\n\nIt wrote:");
        for line in &report.log {
            text.push_str("\n  ");
            text.push_str(line);
        }
    }
    for next in report
        .findings
        .iter()
        .filter_map(|finding| finding.next.as_ref())
    {
        text.push_str("\n\nNext: ");
        text.push_str(next);
    }
    if report.fits {
        text.push_str("\n\nA host takes this plug-in.");
    }
    text
}
