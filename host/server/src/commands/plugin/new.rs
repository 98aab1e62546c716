//! `colophon plugin new`: a plug-in to begin from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use colophon_core::capability::Name;
use serde::Serialize;

use super::sources::is_made;
use crate::cli::{Language, PluginNewArgs};
use crate::output::Output;

/// What is written, embedded by the build script: places and texts.
mod embedded {
    include!(concat!(env!("OUT_DIR"), "/templates.rs"));
}

/// What an author may ask for, and how an operator answers.
const MANIFEST: &str = include_str!("../../../../../sdk/plugin/MANIFEST.md");

/// What stands for the plug-in's name in the templates.
const PLACEHOLDER: &str = "my-plugin";

#[derive(Serialize)]
struct Written {
    name: String,
    folder: PathBuf,
    files: usize,
}

pub(super) fn run(arguments: &PluginNewArgs, output: Output) -> Result<ExitCode> {
    let name = name(&arguments.name)?;
    let folder = match &arguments.dir {
        Some(folder) => folder.clone(),
        None => PathBuf::from(name),
    };
    refuse_occupied(&folder)?;
    let files = files(arguments.lang);
    for (place, text) in &files {
        let place = folder.join(place);
        write(&place, &text.replace(PLACEHOLDER, name))
            .with_context(|| format!("cannot write {}", place.display()))?;
    }
    let written = Written {
        name: name.to_owned(),
        files: files.len(),
        folder,
    };
    output.print(&written, |written| {
        let folder = written.folder.display();
        format!(
            "{folder} holds the plug-in {}; its README.md says how to go on:\n\n  \
             cd {folder}\n  colophon plugin build\n  colophon plugin check\n  colophon plugin test\n",
            written.name
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A name that a manifest takes; cargo and npm take every such name but some that mean something to
/// them.
fn name(text: &str) -> Result<&str> {
    Name::parse(text).with_context(|| format!("{text:?} is no name for a plug-in"))?;
    if matches!(
        text,
        "test" | "core" | "std" | "alloc" | "proc-macro" | "colophon-plugin"
    ) {
        bail!("{text:?} is taken: the language's tool has something else of this name");
    }
    if is_made(Path::new(text)) {
        bail!(
            "{text:?} is what a build tool calls a folder of its own: one of that name is passed over \
             wherever sources are looked for"
        );
    }
    Ok(text)
}

/// Nothing that is there is ever written over.
fn refuse_occupied(folder: &Path) -> Result<()> {
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            Some(_) => bail!(
                "{} is not empty; name a folder that is not there yet",
                folder.display()
            ),
            None => Ok(()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            Err(error).with_context(|| format!("cannot use {} as a folder", folder.display()))
        }
    }
}

/// All files of a template: what languages share, its own, and the contract where its tool looks for
/// it.
fn files(language: Language) -> Vec<(PathBuf, &'static str)> {
    let mut files = Vec::new();
    let mut put = |below: &str, list: &'static [(&str, &str)]| {
        let placed = list
            .iter()
            .map(|(place, text)| (placed(below, place), *text));
        files.extend(placed);
    };
    put("", embedded::SHARED);
    match language {
        Language::Rust => {
            put("", embedded::RUST);
            // The kit looks for the contract two folders up, here as at home.
            put("vendor/colophon-plugin/src", embedded::RUST_KIT);
            put("vendor/colophon-plugin", &[("MANIFEST.md", MANIFEST)]);
            put("wit/1.0", embedded::CONTRACT);
        }
        Language::Js | Language::Py => {
            let own = match language {
                Language::Js => embedded::JAVASCRIPT,
                Language::Rust | Language::Py => embedded::PYTHON,
            };
            put("", own);
            put("", &[("MANIFEST.md", MANIFEST)]);
            // The worlds that the contract comes with are for hosts and kits; here the plug-in has
            // one of its own.
            let packages = embedded::CONTRACT.iter();
            let packages = packages.filter(|(place, _)| place.starts_with("deps/"));
            files.extend(packages.map(|(place, text)| (placed("wit", place), *text)));
        }
    }
    files
}

/// Where a file goes. What begins with a point would be at work in the templates' folder already.
fn placed(below: &str, place: &str) -> PathBuf {
    let place = match place {
        "gitignore" => ".gitignore",
        other => other,
    };
    Path::new(below).join(place)
}

fn write(place: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(place, text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::ValueEnum as _;
    use colophon_plugin_host::manifest::{Grant, Manifest};

    use super::*;

    #[test]
    fn names_that_some_tool_would_refuse_are_refused() {
        let longest = "a".repeat(64);
        for good in ["a", "acme-catalog", "isbn13", "acme_shelf", &longest] {
            assert_eq!(name(good).unwrap(), good);
        }
        for bad in [
            "",
            "-a",
            "1st",
            "Acme",
            "a b",
            "ä",
            "../a",
            "test",
            "node_modules",
            "build",
            "target",
            "venv",
            &"a".repeat(65),
        ] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_template_has_what_a_newcomer_needs_and_no_file_twice() {
        for language in Language::value_variants() {
            let files = files(*language);
            let places: BTreeSet<_> = files.iter().map(|(place, _)| place.clone()).collect();
            assert_eq!(places.len(), files.len(), "{language:?}");
            for needed in [
                "README.md",
                "plugin.toml",
                "grant.toml",
                "cases/shelf.toml",
                ".gitignore",
            ] {
                assert!(places.contains(Path::new(needed)), "{language:?} {needed}");
            }
            let manifest = places.iter().any(|place| place.ends_with("MANIFEST.md"));
            assert!(manifest, "{language:?}");
            for (place, text) in &files {
                assert!(place.is_relative(), "{}", place.display());
                assert!(!text.is_empty(), "{}", place.display());
            }
        }
    }

    #[test]
    fn the_grant_of_a_template_gives_what_its_manifest_asks_for() {
        let files = files(Language::Rust);
        let text = |place: &str| {
            let found = files.iter().find(|(path, _)| path == Path::new(place));
            found.unwrap().1.replace(PLACEHOLDER, "acme_shelf")
        };
        let manifest = Manifest::parse(&text("plugin.toml")).unwrap();
        let grant = Grant::parse(&text("grant.toml")).unwrap();
        let permitted = manifest.permitted(&grant).unwrap();
        let set = permitted.config.unwrap();
        assert!(manifest.config.iter().all(|name| set.contains_key(name)));
        assert_eq!(grant.unasked(&[manifest]), [""; 0]);
    }

    /// An example has its own copy, since a folder is built from what lies in it.
    #[test]
    fn examples_turn_mistakes_into_failures_as_the_templates_do() {
        let examples = [
            (
                Language::Js,
                "src/told.js",
                include_str!("../../../../../plugins/terms/src/told.js"),
            ),
            (
                Language::Py,
                "src/told.py",
                include_str!("../../../../../plugins/edition_names/src/told.py"),
            ),
        ];
        for (language, place, example) in examples {
            let files = files(language);
            let found = files.iter().find(|(path, _)| path == Path::new(place));
            let (_, template) = found.unwrap();
            assert!(
                *template == example,
                "{place} differs: copy one to the other"
            );
        }
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refuse_occupied(folder.path()).is_ok());
        assert!(refuse_occupied(&folder.path().join("not-there")).is_ok());
        fs::write(folder.path().join("precious"), "").unwrap();
        assert!(refuse_occupied(folder.path()).is_err());
        assert!(refuse_occupied(&folder.path().join("precious")).is_err());
    }
}
