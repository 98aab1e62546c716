//! `colophon plugin test`: the plug-in's cases, each in a fresh instance in the sandbox.

mod case;
mod difference;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::PoisonError;

use anyhow::{Result, bail};
use colophon_core::plugin::PluginFailure;
use colophon_plugin_host::bench::{Bench, Trial};
use serde::Serialize;
use serde_json::{Value, json};

use self::case::Expected;
pub(super) use self::case::{Case, plainest_question};
use self::difference::differences;
use super::bench::{Plugin, sandbox};
use super::check::advice::failure_advice;
use super::check::{Tested, check, shown as shown_check};
use super::progress::Progress;
use super::script::{Lines, Script};
use crate::cli::PluginTestArgs;
use crate::output::{Output, cut};

/// Lines of a plug-in's own that are shown with a case that failed.
const LINES_SHOWN: usize = 20;

/// How all cases went.
#[derive(Serialize)]
pub(super) struct Report {
    component: PathBuf,
    passed: usize,
    failed: usize,
    cases: Vec<Tried>,
}

impl Report {
    pub(super) fn passed(&self) -> usize {
        self.passed
    }

    pub(super) fn failed(&self) -> usize {
        self.failed
    }
}

/// One case, as it went.
#[derive(Serialize)]
struct Tried {
    file: PathBuf,
    name: String,
    role: &'static str,
    passed: bool,
    /// What is not as expected.
    differences: Vec<String>,
    /// What to do about a call that was stopped.
    next: Option<&'static str>,
    /// What the plug-in wrote for the operator.
    log: Vec<String>,
    fuel: u64,
    memory_bytes: usize,
    host_calls: u32,
    microseconds: u64,
}

pub(super) async fn run(arguments: &PluginTestArgs, output: Output) -> Result<ExitCode> {
    let plugin = Plugin::at(&arguments.plugin)?;
    let cases = cases_of(&plugin, &arguments.cases, arguments.only.as_deref())?;
    let sandbox = sandbox()?;
    let progress = Progress::begin();
    let (checked, tested) = check(&sandbox, &plugin, &plugin.taken()?, &progress).await?;
    drop(progress);
    let Some(tested) = tested else {
        output.print(&checked, shown_check)?;
        bail!("no host would take the plug-in, so no case was run");
    };
    let report = prove(&tested, plugin.component, cases).await;
    output.print(&report, shown)?;
    Ok(if report.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The cases that were asked for; none at all would be a test that cannot fail.
pub(super) fn cases_of(
    plugin: &Plugin,
    named: &[PathBuf],
    only: Option<&str>,
) -> Result<Vec<Case>> {
    let own = plugin.folder.as_ref().map(|folder| folder.join("cases"));
    let mut cases = match (named, own, &plugin.folder) {
        ([], Some(own), Some(folder)) if own.is_dir() => case::read(&[own], Some(folder))?,
        ([], ..) => bail!(
            "there is no folder with cases; write cases/first.toml beside plugin.toml, or name files with \
             --cases"
        ),
        (named, ..) => case::read(named, None)?,
    };
    if let Some(only) = only {
        cases.retain(|case| case.name.contains(only));
    }
    if cases.is_empty() {
        bail!("no case was found, so nothing is proven; look at --cases and --only");
    }
    Ok(cases)
}

/// Asks every case, each in an instance of its own.
pub(super) async fn prove(plugin: &Tested, component: PathBuf, cases: Vec<Case>) -> Report {
    let mut tried = Vec::new();
    for case in cases {
        tried.push(try_one(plugin, case).await);
    }
    let passed = tried.iter().filter(|tried| tried.passed).count();
    Report {
        component,
        passed,
        failed: tried.len() - passed,
        cases: tried,
    }
}

async fn try_one(Tested { bench, manifest }: &Tested, case: Case) -> Tried {
    let mut tried = Tried {
        file: case.file,
        name: case.name,
        role: case.role.as_str(),
        passed: false,
        differences: Vec::new(),
        next: None,
        log: Vec::new(),
        fuel: 0,
        memory_bytes: 0,
        host_calls: 0,
        microseconds: 0,
    };
    let manifest = manifest.as_ref();
    let unasked = manifest.map(|manifest| case.host.settings_not_asked_for(manifest));
    if let Some(problem) = unasked.and_then(|keys| never_told(&keys)) {
        tried.differences.push(problem);
        return tried;
    }
    let lines = Lines::default();
    let script = Script::new(case.host, manifest.cloned(), &lines);
    let asked = bench.ask(case.role, &case.input, Box::new(script)).await;
    tried
        .log
        .clone_from(&lines.lock().unwrap_or_else(PoisonError::into_inner));
    match asked {
        Err(refused) => tried.differences.push(refused.to_string()),
        Ok(trial) => {
            tried.differences = held(bench, case.role, &case.expected, &trial);
            tried.next = stopped(&trial)
                .filter(|_| !tried.differences.is_empty())
                .map(failure_advice);
            tried.fuel = trial.fuel;
            tried.memory_bytes = trial.memory_bytes;
            tried.host_calls = trial.host_calls;
            tried.microseconds = u64::try_from(trial.elapsed.as_micros()).unwrap_or(u64::MAX);
        }
    }
    tried.passed = tried.differences.is_empty();
    tried
}

/// That a case sets something that no host would tell the plug-in: it would show nothing.
fn never_told(keys: &[&str]) -> Option<String> {
    let first = keys.first()?;
    Some(format!(
        "host.config sets {}, which plugin.toml does not ask for, so that no host tells it the plug-in: \
         write config = [\"{first}\"] there, with what it has already, or mend the name",
        keys.join(", ")
    ))
}

/// What ended the call, or made its answer useless.
fn stopped(trial: &Trial) -> Option<&PluginFailure> {
    trial.outcome.as_ref().err().or(trial.refused.as_ref())
}

/// Holds what came against what was expected; nothing if they agree.
fn held(
    bench: &Bench,
    role: colophon_plugin_host::Role,
    expected: &Expected,
    trial: &Trial,
) -> Vec<String> {
    match (expected, stopped(trial), &trial.outcome) {
        (Expected::Stopped(stop), Some(failure), _) if *stop == failure.kind() => Vec::new(),
        (Expected::Stopped(stop), Some(failure), _) => {
            vec![format!(
                "expected to be stopped as {stop}, was stopped as {}: {failure}",
                failure.kind()
            )]
        }
        (Expected::Stopped(stop), None, Ok(given)) => {
            vec![format!("expected to be stopped as {stop}, found {given}")]
        }
        (_, Some(failure), Ok(given)) => {
            vec![format!("a host refuses the answer {given}: {failure}")]
        }
        (_, _, Err(failure)) => vec![failure.to_string()],
        (Expected::Failure(wanted), None, Ok(given)) => failure_of_kind(wanted, given),
        (Expected::Given(answer), None, Ok(given)) => match bench.complete(role, answer) {
            Ok(complete) => differences(&complete, given),
            Err(refused) => vec![format!(
                "what the case expects is not in the contract: {refused}"
            )],
        },
    }
}

fn failure_of_kind(wanted: &str, given: &Value) -> Vec<String> {
    let failure = given.get("err").and_then(Value::as_object);
    match failure.and_then(|failure| failure.keys().next()) {
        Some(found) if found == wanted => Vec::new(),
        _ => vec![format!(
            "expected the failure {}, found {given}",
            json!(wanted)
        )],
    }
}

pub(super) fn shown(report: &Report) -> String {
    let mut text = String::new();
    for tried in &report.cases {
        let state = if tried.passed { "ok    " } else { "FAILED" };
        text.push_str(&format!(
            "{state}  {}  ({}, {} µs, fuel {}, {} KiB, host calls {})\n",
            tried.name,
            tried.role,
            tried.microseconds,
            tried.fuel,
            tried.memory_bytes.div_ceil(1024),
            tried.host_calls
        ));
        if tried.passed {
            continue;
        }
        text.push_str(&format!("        in {}\n", place(&tried.file)));
        for difference in &tried.differences {
            text.push_str(&format!("        {}\n", cut(difference)));
        }
        let skipped = tried.log.len().saturating_sub(LINES_SHOWN);
        for line in tried.log.iter().skip(skipped) {
            text.push_str(&format!("        log: {line}\n"));
        }
        if let Some(next) = tried.next {
            text.push_str(&format!("        Next: {next}\n"));
        }
        let differences = tried.differences.iter();
        for long in differences.filter(|difference| cut(difference) != **difference) {
            text.push_str(&format!("        in full: {long}\n"));
        }
    }
    text.push_str(&format!(
        "\n{} passed, {} failed\n",
        report.passed, report.failed
    ));
    text
}

fn place(file: &Path) -> std::path::Display<'_> {
    file.display()
}
