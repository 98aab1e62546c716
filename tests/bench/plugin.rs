//! What a plug-in call costs. The measuring program lies with the plug-in host, whose insides it
//! needs; `cargo xtask bench` builds it. The worked examples in JavaScript and Python are built here,
//! from their sources, where their tools are.

use std::path::{Path, PathBuf};
use std::process::Command;

use colophon_tests::author::{self, copy_example, missing};
use colophon_tests::colophon::{binary, succeed};
use colophon_tests::tool::skipped;
use serde_json::Value;

use crate::figure::{Figure, Target};

/// What the program measured.
pub(crate) struct Measured(Value);

impl Measured {
    /// Runs the program.
    pub(crate) fn by(arguments: &[&str]) -> Result<Self, String> {
        let bench = std::env::current_exe().map_err(|error| error.to_string())?;
        let program = bench.with_file_name("examples").join("call_cost");
        if !program.is_file() {
            return Err(format!(
                "{} is not built (cargo xtask bench builds it)",
                program.display()
            ));
        }
        let printed = succeed(Command::new(program).arg("--json").args(arguments));
        let found = serde_json::from_str(printed.trim());
        let found = found.map_err(|error| format!("{error} in {printed}"))?;
        Ok(Self(found))
    }

    pub(crate) fn value(&self, name: &str) -> Result<f64, String> {
        let value = self.0[name].as_f64();
        value.ok_or_else(|| format!("no {name} in {}", self.0))
    }

    /// A figure in µs beside that of a native function.
    fn beside(&self, name: &str, measured: &str, native: &str, target: Target) -> Row {
        Ok(Figure {
            name: name.to_owned(),
            ours: self.value(measured)?,
            peer: Some((
                "the same answers by a native function".to_owned(),
                self.value(native)?,
            )),
            unit: "µs",
            target,
        })
    }

    /// What a figure is more than that of a native function, in µs.
    fn beyond(&self, name: &str, measured: &str, native: &str, target: Target) -> Row {
        Ok(Figure {
            name: name.to_owned(),
            ours: self.value(measured)? - self.value(native)?,
            peer: None,
            unit: "µs",
            target,
        })
    }
}

type Row = Result<Figure, String>;

pub(crate) fn measure() -> Result<Vec<Figure>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let terms = built("terms", "js", folder.path());
    let names = built("edition_names", "py", folder.path());
    let mut arguments = Vec::new();
    for (option, component) in [("--terms", &terms), ("--edition-names", &names)] {
        if let Some(component) = component {
            arguments.extend([option, component.to_str().ok_or("a folder without a name")?]);
        }
    }
    let found = Measured::by(&arguments)?;
    let mut rows = rust(&found)?;
    rows.push(loading(&found)?);
    if terms.is_some() {
        rows.extend(interpreted(
            &found,
            "JavaScript",
            "javascript",
            "native_terms_p50_us",
        )?);
    }
    if names.is_some() {
        rows.extend(interpreted(
            &found,
            "Python",
            "python",
            "native_name_p50_us",
        )?);
    }
    Ok(rows)
}

fn rust(found: &Measured) -> Result<Vec<Figure>, String> {
    let resolver = "native_function_p50_us";
    let policy = "native_policy_p50_us";
    let rows = [
        found.beside(
            "fresh call of one role, p50",
            "fresh_call_p50_us",
            resolver,
            Target::AtMost(25.0),
        ),
        found.beside(
            "fresh call of one role, p99",
            "fresh_call_p99_us",
            resolver,
            Target::AtMost(100.0),
        ),
        found.beside(
            "all three roles of a request, p50",
            "all_three_roles_p50_us",
            resolver,
            Target::AtMost(60.0),
        ),
        found.beyond(
            "call of a running instance beyond a native function, p50",
            "running_policy_call_p50_us",
            policy,
            Target::AtMost(1.0),
        ),
        found.beyond(
            "the same call by the engine alone, without limits or accounts, p50",
            "engine_policy_call_p50_us",
            policy,
            Target::None,
        ),
        found.beyond(
            "request in a used instance beyond a native function, p50",
            "warm_policy_request_p50_us",
            policy,
            Target::AtMost(1.0),
        ),
        found.beside(
            "the same with one host call, p50",
            "warm_request_p50_us",
            resolver,
            Target::None,
        ),
        found.beside(
            "the same with one host call, p99",
            "warm_request_p99_us",
            resolver,
            Target::None,
        ),
    ];
    rows.into_iter().collect()
}

fn loading(found: &Measured) -> Row {
    Ok(Figure {
        name: format!(
            "load of a compiled plug-in of {:.1} MiB, p50 per MiB",
            found.value("load_large_mib")?
        ),
        ours: found.value("load_large_ms_per_mib")?,
        peer: Some((
            "its bytes read and digested".to_owned(),
            found.value("read_large_ms_per_mib")?,
        )),
        unit: "ms",
        target: Target::AtMost(5.0),
    })
}

fn interpreted(
    found: &Measured,
    language: &str,
    rows: &str,
    native: &str,
) -> Result<Vec<Figure>, String> {
    let row = |what: &str, percentile: &str, target| {
        let name = format!("request in a {what} instance of {language}, {percentile}");
        let short = if what == "used" { "warm" } else { what };
        found.beside(
            &name,
            &format!("{rows}_{short}_{percentile}_us"),
            native,
            target,
        )
    };
    let rows = [
        row("used", "p50", Target::AtMost(200.0)),
        row("used", "p99", Target::None),
        row("fresh", "p50", Target::AtMost(5000.0)),
    ];
    rows.into_iter().collect()
}

/// An example's component, built from its source; none where its tools are missing.
fn built(name: &str, language: &str, folder: &Path) -> Option<PathBuf> {
    if let Some(missing) = missing(language) {
        skipped(&format!("the rows of the example {name}"), missing);
        return None;
    }
    let place = folder.join(name);
    copy_example(name, &place);
    succeed(
        author::command(binary("colophon"))
            .current_dir(&place)
            .args(["plugin", "build"]),
    );
    Some(place.join("build/plugin.wasm"))
}
