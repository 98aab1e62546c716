//! `colophon plugin build`: runs the tool of the plug-in's language.

mod tool;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use self::tool::Tool;
use super::bench::COMPONENT_BYTES_MAX;
use super::component;
use super::folder::{copy, make_room, read};
use super::sources::{self, Sources};
use crate::cli::Language;
use crate::output::Output;

/// The longest list of packages that is read, and the longest lock file: those of large projects have
/// tens of megabytes.
const LIST_BYTES_MAX: u64 = 128 << 20;

/// Which packages npm installs, each with its digest.
const LOCK: &str = "package-lock.json";

/// The same as it was when they were installed.
const NOTED_LOCK: &str = "node_modules/.colophon-lock";

/// What was built.
#[derive(Serialize)]
pub(super) struct Built {
    pub(super) component: PathBuf,
    bytes: u64,
    language: &'static str,
    milliseconds: u64,
}

pub(super) fn run(folder: &Path, output: Output) -> Result<ExitCode> {
    let built = build(folder)?;
    output.print(&built, |built| {
        format!(
            "{} has {} KiB; it took {}.{} s",
            built.component.display(),
            built.bytes.div_ceil(1024),
            built.milliseconds / 1000,
            built.milliseconds % 1000 / 100,
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Builds the plug-in in a folder.
pub(super) fn build(folder: &Path) -> Result<Built> {
    let begun = Instant::now();
    let language = language(folder)?;
    let place = component(folder);
    make_room(folder, &place)?;
    // Before the tool reads them: what is changed meanwhile may not be in the component.
    let sources = Sources::of(folder);
    match language {
        Language::Rust => rust(folder, &place)?,
        Language::Js => javascript(folder)?,
        Language::Py => python(folder)?,
    }
    let built = fs::metadata(&place).with_context(|| {
        format!(
            "the build ended well and left no component at {}",
            place.display()
        )
    })?;
    let component = read(Some(folder), &place, COMPONENT_BYTES_MAX)?;
    sources::note(sources, folder, &component)?;
    Ok(Built {
        component: place,
        bytes: built.len(),
        language: match language {
            Language::Rust => "rust",
            Language::Js => "js",
            Language::Py => "py",
        },
        milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// What a folder is written in, by the file that its language's tool reads.
fn language(folder: &Path) -> Result<Language> {
    let marks = [
        ("Cargo.toml", Language::Rust),
        ("package.json", Language::Js),
        ("requirements.txt", Language::Py),
    ];
    let mut found = marks.iter().filter(|(mark, _)| folder.join(mark).is_file());
    match (found.next(), found.next()) {
        (Some((_, language)), None) => Ok(*language),
        (Some((one, _)), Some((other, _))) => bail!(
            "{} has {one} and {other}, and so two languages; give each plug-in a folder of its own",
            folder.display()
        ),
        (None, _) if !folder.is_dir() => bail!(
            "{} is no folder that is there; name a plug-in's folder, or begin one with `colophon plugin \
             new`",
            folder.display()
        ),
        (None, _) => bail!(
            "{} holds no plug-in: none of Cargo.toml, package.json and requirements.txt is there; go \
             to a plug-in's folder, or begin one with `colophon plugin new`",
            folder.display()
        ),
    }
}

fn rust(folder: &Path, place: &Path) -> Result<()> {
    let target = Tool::new("rustc", folder)
        .args(["--print", "target-libdir", "--target", tool::RUST_TARGET])
        .said("install Rust from https://rustup.rs")?;
    if !Path::new(target.trim()).is_dir() {
        bail!(
            "Rust has no library for {target} here: run `rustup target add {target}` and build again",
            target = tool::RUST_TARGET
        );
    }
    // A crate that is a library at home, for its tests, and a component here.
    let messages = Tool::new("cargo", folder)
        .args(["rustc", "--release", "--lib", "--crate-type", "cdylib"])
        .args(["--target", tool::RUST_TARGET])
        .args(["--message-format", "json-render-diagnostics"])
        .said("install Rust from https://rustup.rs")?;
    let made = artifact(&messages).context("cargo built no component")?;
    fs::copy(&made, place)
        .map(drop)
        .with_context(|| format!("cannot copy {made} to {}", place.display()))
}

/// The last component that cargo says it has made.
fn artifact(messages: &str) -> Option<String> {
    let lines = messages.lines().rev();
    let mut messages =
        lines.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    messages.find_map(|message| {
        let files = message.get("filenames")?.as_array()?;
        let mut files = files.iter().filter_map(serde_json::Value::as_str);
        files
            .find(|file| file.ends_with(".wasm"))
            .map(str::to_owned)
    })
}

fn javascript(folder: &Path) -> Result<()> {
    const LIST: &str = "package.json";
    const ADVICE: &str = "install Node.js 20 or newer, with npm, from https://nodejs.org";
    const UNINSTALLED: &str = "the packages that package.json names are not installed; see that npm reaches \
        its registry (`npm ping`) and that the versions are there, and build again";
    const UNBUILT: &str = "the script `build` of package.json has made no component; mend what it names, or \
        put that script right (`colophon plugin new --lang js` writes one)";
    let npm = |arguments: &[&str], next: &'static str| {
        Tool::new("npm", folder)
            .args(arguments.iter().copied())
            .args(["--no-audit", "--no-fund", "--no-update-notifier"])
            .shown(ADVICE)
            .context(next)
    };
    if changed(folder, LIST, "node_modules/.colophon")? || other_lock(folder)? {
        let before = lock(folder)?;
        // Of what package.json names it takes the very packages that the lock file says, and brings the
        // lock file up to the rest. `npm ci` would refuse whatever is to be brought up, and lock files of
        // `npm install` too, where a package names parts for other machines that were never published.
        npm(&["install"], UNINSTALLED)?;
        if before.is_some() && lock(folder)? != before {
            eprintln!("{LOCK} did not say all that {LIST} asks for: npm has brought it up to date");
        }
        note(folder, LIST, "node_modules/.colophon")?;
        if lock(folder)?.is_some() {
            note(folder, LOCK, NOTED_LOCK)?;
        }
    }
    npm(&["run", "build"], UNBUILT)
}

/// The lock file, where there is one.
fn lock(folder: &Path) -> Result<Option<Vec<u8>>> {
    let place = folder.join(LOCK);
    let is_there = place.is_file();
    let read = is_there.then(|| read(Some(folder), &place, LIST_BYTES_MAX));
    read.transpose()
}

/// Whether the lock file says something else than when packages were installed: somebody else has
/// brought it up to date.
fn other_lock(folder: &Path) -> Result<bool> {
    match lock(folder)? {
        Some(_) => changed(folder, LOCK, NOTED_LOCK),
        None => Ok(false),
    }
}

fn python(folder: &Path) -> Result<()> {
    const ADVICE: &str = "install Python 3.10 or newer with its module venv";
    let stamp = ".venv/.colophon";
    if changed(folder, "requirements.txt", stamp)? {
        Tool::new("python3", folder)
            .args(["-m", "venv", ".venv"])
            .shown(ADVICE)?;
        Tool::new(".venv/bin/python", folder)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(["--requirement", "requirements.txt"])
            .shown(ADVICE)?;
        note(folder, "requirements.txt", stamp)?;
    }
    // It puts the modules of this environment into the component. Without one named it would take those
    // of the author's machine, and of whatever environment is active there.
    Tool::new(".venv/bin/componentize-py", folder)
        .with("VIRTUAL_ENV", ".venv")
        .args([
            "--wit-path",
            "wit",
            "--world",
            "plugin",
            "componentize",
            "app",
        ])
        .args([
            "--python-path",
            "src",
            "--stub-wasi",
            "--output",
            "build/plugin.wasm",
        ])
        .shown("requirements.txt has to name componentize-py")
}

/// Whether packages are to be installed: nothing notes that they were, for this very list.
fn changed(folder: &Path, list: &str, stamp: &str) -> Result<bool> {
    let wanted = read(Some(folder), &folder.join(list), LIST_BYTES_MAX)?;
    let present = read(Some(folder), &folder.join(stamp), LIST_BYTES_MAX);
    Ok(present.map_or(true, |present| present != wanted))
}

fn note(folder: &Path, list: &str, stamp: &str) -> Result<()> {
    copy(
        folder,
        &folder.join(list),
        &folder.join(stamp),
        LIST_BYTES_MAX,
    )
}
