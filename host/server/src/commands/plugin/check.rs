//! `colophon plugin check`: what a host would say of a plug-in, and what to do about it.

pub(super) mod advice;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use colophon_plugin_host::bench::{Asked, Bench, Candidate};
use colophon_plugin_host::manifest::Manifest;
use colophon_plugin_host::{Granted, LoadRefused, Sandbox};
use serde::Serialize;

use super::bench::{Plugin, Taken, sandbox};
use super::manifest;
use super::progress::{Progress, compiling};
use super::script::Script;
use crate::output::{Output, table};

/// The least time for a call here. An author's machine may be busy with the author's other work; what
/// a call costs is held against the plug-in by its fuel, which is the same everywhere.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was found out about a plug-in.
#[derive(Serialize)]
pub(super) struct Report {
    component: std::path::PathBuf,
    bytes: usize,
    sha256: String,
    fits: bool,
    findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Serialize)]
struct Finding {
    what: &'static str,
    fits: bool,
    found: String,
    next: Option<String>,
}

pub(super) async fn run(place: &Path, output: Output) -> Result<ExitCode> {
    let plugin = Plugin::at(place)?;
    let progress = Progress::begin();
    let (report, _) = check(&sandbox()?, &plugin, &plugin.taken()?, &progress).await?;
    drop(progress);
    output.print(&report, shown)?;
    Ok(report.code())
}

impl Report {
    pub(super) fn code(&self) -> ExitCode {
        if self.fits {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn new(plugin: &Plugin, wasm: &[u8]) -> Self {
        Self {
            component: plugin.component.clone(),
            bytes: wasm.len(),
            sha256: String::new(),
            fits: true,
            findings: Vec::new(),
        }
    }

    fn good(&mut self, what: &'static str, found: String) {
        self.findings.push(Finding {
            what,
            fits: true,
            found,
            next: None,
        });
    }

    fn bad(&mut self, what: &'static str, found: String, next: Option<String>) {
        self.fits = false;
        self.findings.push(Finding {
            what,
            fits: false,
            found,
            next,
        });
    }

    fn refused(&mut self, what: &'static str, refused: &LoadRefused) {
        let found = colophon_core::causes::causes(refused);
        self.bad(what, found, Some(advice::next(refused)));
    }
}

/// A plug-in that a host would take.
pub(super) struct Tested {
    pub(super) bench: Bench,
    pub(super) manifest: Option<Arc<Manifest>>,
}

/// Looks at everything; the bench is there if the plug-in runs at all. No file is read here, so that
/// what is looked at is what is then run or published.
pub(super) async fn check(
    sandbox: &Arc<Sandbox>,
    plugin: &Plugin,
    Taken { wasm, manifest }: &Taken,
    progress: &Progress,
) -> Result<(Report, Option<Tested>)> {
    let mut report = Report::new(plugin, wasm);
    let manifest = match manifest {
        Some(Ok(manifest)) => {
            report.good(
                "manifest",
                format!("{} {}", manifest.id.as_str(), manifest.version),
            );
            Some(Arc::clone(manifest))
        }
        Some(Err(problem)) => {
            report.bad("manifest", problem.clone(), None);
            None
        }
        None => {
            report.good("manifest", "none beside the component".to_owned());
            None
        }
    };
    let name = manifest.as_deref().map(|manifest| manifest.id.as_str());
    let file = || plugin.component.to_string_lossy();
    let name = name.map_or_else(file, Into::into);
    progress.step(compiling(&name, wasm.len()));
    let begun = Instant::now();
    let candidate = match Candidate::compile(sandbox, wasm).await {
        Ok(candidate) => candidate,
        Err(refused) => {
            report.refused("component", &refused);
            return Ok((report, None));
        }
    };
    report.sha256 = candidate
        .sha256()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    report.good(
        "component",
        format!(
            "{} KiB, compiled in {} ms",
            wasm.len().div_ceil(1024),
            begun.elapsed().as_millis()
        ),
    );
    imports(&mut report, &candidate, manifest.as_deref());
    exports(&mut report, &candidate);
    if !report.fits {
        return Ok((report, None));
    }
    progress.step("starting it and asking its self-test");
    let begun = Instant::now();
    // What the manifest asks for is taken to be granted, its own limits with it.
    let mut granted = manifest
        .as_deref()
        .map(Granted::unconnected)
        .unwrap_or_default();
    granted.limits.deadline = granted.limits.deadline.max(PATIENCE);
    let script = Script::unavailable();
    let started = candidate
        .bench(sandbox, granted.limits, Box::new(script))
        .await;
    let bench = match started {
        Ok(bench) => bench,
        Err(refused) => {
            let tested = matches!(refused, LoadRefused::SelfTest { .. });
            report.refused(if tested { "self-test" } else { "start" }, &refused);
            return Ok((report, None));
        }
    };
    let described = bench.description();
    let title = format!(
        "{} {}, made with {}",
        described.name, described.version, described.sdk
    );
    report.good("description", title);
    let roles = bench.roles();
    let other = manifest.as_deref();
    let other = other.and_then(|manifest| manifest::other_roles(manifest, roles));
    let roles = roles.iter().map(|role| role.as_str()).collect::<Vec<_>>();
    match other {
        None => report.good("roles", roles.join(", ")),
        Some(other) => report.bad("roles", other, None),
    }
    let elapsed = begun.elapsed().as_millis();
    report.good("self-test", format!("passed, {elapsed} ms with the start"));
    // Last the very step that a host takes; it holds the types of imports as well.
    if manifest.is_some()
        && let Err(refused) = sandbox.load(wasm, granted).await
    {
        report.refused("host", &refused);
    }
    let tested = report.fits.then_some(Tested { bench, manifest });
    Ok((report, tested))
}

fn imports(report: &mut Report, candidate: &Candidate, manifest: Option<&Manifest>) {
    let mut granted = Vec::new();
    for import in candidate.imports() {
        match import {
            Asked::Types(_) => {}
            Asked::Unknown(name) => {
                let next = advice::import_advice(&name);
                report.bad(
                    "imports",
                    format!("{name}: no host offers this"),
                    Some(next),
                );
            }
            Asked::Capability(capability) => {
                if manifest.is_some_and(|manifest| !manifest::asks_for(manifest, capability)) {
                    let next = format!("add to plugin.toml: {}", capability.manifest_line());
                    let found = format!(
                        "{}: the manifest does not ask for it",
                        capability.interface()
                    );
                    report.bad("imports", found, Some(next));
                } else {
                    granted.push(capability.interface());
                }
            }
        }
    }
    let found = match granted.as_slice() {
        [] => "nothing".to_owned(),
        granted => granted.join(", "),
    };
    report.good("imports", found);
}

/// Interfaces under the contract's name that hosts would pass over.
fn exports(report: &mut Report, candidate: &Candidate) {
    if let Err(refused) = candidate.check_exports() {
        report.refused("exports", &refused);
    }
}

/// The table for people; what has to be done stands below it, where lines may be long.
pub(super) fn shown(report: &Report) -> String {
    let rows = report.findings.iter().map(|finding| {
        let state = if finding.fits { "ok" } else { "REFUSED" };
        vec![
            state.to_owned(),
            finding.what.to_owned(),
            finding.found.clone(),
        ]
    });
    let mut text = table(&["", "checked", "found"], rows);
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
