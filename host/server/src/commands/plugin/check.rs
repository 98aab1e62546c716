//! `colophon plugin check`: what a host would say of a plug-in, and what to do about it.

pub(super) mod advice;
mod asking;
mod report;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use colophon_plugin_host::bench::{Asked, Bench, Candidate};
use colophon_plugin_host::manifest::Manifest;
use colophon_plugin_host::{Granted, LoadRefused, Sandbox};

pub(super) use self::report::{Report, shown};
use super::bench::{Plugin, Taken, sandbox};
use super::manifest;
use super::progress::{Progress, compiling};
use super::script::{Lines, Script};
use super::sources::Stale;
use super::test::cases_of;
use crate::output::Output;

/// The least time for a call here. An author's machine may be busy with the author's other work; what
/// a call costs is held against the plug-in by its fuel, which is the same everywhere.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(place: &Path, output: Output) -> Result<ExitCode> {
    let plugin = Plugin::at(place)?;
    // What is wrong with cases is for `test` to say.
    let cases = cases_of(&plugin, &[], None).unwrap_or_default();
    let progress = Progress::begin();
    let (mut report, tested) = check(&sandbox()?, &plugin, &plugin.taken()?, &progress).await?;
    if let Some(tested) = &tested {
        progress.step("asking each role");
        asking::ask_all(&mut report, tested, cases).await;
    }
    drop(progress);
    output.print(&report, shown)?;
    Ok(report.code())
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
    taken: &Taken,
    progress: &Progress,
) -> Result<(Report, Option<Tested>)> {
    let Taken { wasm, manifest, .. } = taken;
    let mut report = Report::new(plugin, wasm);
    match &taken.stale {
        Some(stale @ Stale::Changed(_)) => {
            let next = format!("build it from what is there now: {}", plugin.building());
            report.bad("build", stale.to_string(), Some(next));
        }
        Some(stale @ Stale::New(_)) => {
            let next = format!(
                "if it belongs to the plug-in, build again: {}",
                plugin.building()
            );
            report.warn("build", stale.to_string(), next);
        }
        Some(stale @ Stale::Unknown(_)) => {
            let next = format!(
                "if you have changed anything since, build again: {}",
                plugin.building()
            );
            report.warn("build", stale.to_string(), next);
        }
        None => {}
    }
    if let (Some(Ok(manifest)), Some(packaged)) = (manifest, &taken.package_version)
        && manifest.version != *packaged
    {
        let found = format!(
            "package.json says {packaged}, and plugin.toml {}",
            manifest.version
        );
        let next = "say the same in both: centers publish by plugin.toml's".to_owned();
        report.warn("version", found, next);
    }
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
    report.is_of(candidate.sha256());
    report.good(
        "component",
        format!(
            "{} KiB, compiled in {} ms",
            wasm.len().div_ceil(1024),
            begun.elapsed().as_millis()
        ),
    );
    imports(&mut report, &candidate, manifest.as_deref(), taken);
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
    let lines = Lines::default();
    let script = Script::unavailable(&lines);
    let started = candidate
        .bench(sandbox, granted.limits, Box::new(script))
        .await;
    let bench = match started {
        Ok(bench) => bench,
        Err(refused) => {
            let tested = matches!(refused, LoadRefused::SelfTest { .. });
            report.refused(if tested { "self-test" } else { "start" }, &refused);
            report.written(&lines);
            return Ok((report, None));
        }
    };
    let described = bench.description();
    let title = format!(
        "{} {}, made with {}",
        described.name, described.version, described.sdk
    );
    match manifest.as_deref() {
        Some(manifest) if manifest.version != described.version => report.warn(
            "description",
            title,
            format!(
                "plugin.toml says version {}, by which centers publish it: say the same in both, and \
                 build again",
                manifest.version
            ),
        ),
        Some(_) | None => report.good("description", title),
    }
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

fn imports(report: &mut Report, candidate: &Candidate, manifest: Option<&Manifest>, taken: &Taken) {
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
                    let first_table = taken.first_table.as_deref();
                    let next = manifest::to_add(capability.manifest_line(), first_table);
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
