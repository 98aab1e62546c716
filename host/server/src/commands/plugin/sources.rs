//! The files that a plug-in is built from: which of them are the author's, and whether the component
//! that lies there was built from them as they are now.

mod made;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path};

use anyhow::{Context as _, Result};
use colophon_crypto::Engine as _;
use colophon_keys::AwsLc;
use serde::{Deserialize, Serialize};

pub(super) use self::made::is_made;
use super::folder::{self, FILES_MAX};
use crate::output::hex;

/// The author's own, and no part of a component.
const ASIDE: [&str; 5] = ["cases", "test", "tests", "plugin.toml", "grant.toml"];

/// Where it is noted what a component was built from.
const NOTE: &str = "build/plugin.sources.json";

/// More than a note has.
const NOTE_BYTES_MAX: u64 = 4 << 20;

/// A larger file is hardly a part of a component, which has 32 MiB at most, and is not told.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The files of a folder that a component is built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sources {
    files: BTreeMap<String, Told>,
    /// Why not all of them are known, where the folder cannot be looked through; then none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Told {
    Digest(String),
    /// Nothing, and why.
    Not {
        problem: String,
    },
}

/// What a component was built from.
#[derive(Serialize, Deserialize)]
struct Note {
    /// The digest of the component: another one was not built by the command that noted this.
    component: String,
    sources: Sources,
}

/// Why a component may not be what its sources make now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stale {
    /// This file is another now, or gone.
    Changed(String),
    /// This file was not there: the component has nothing of it, but what is built anew may.
    New(String),
    /// Not everything can be told that it was built from, or that lies there now, for this reason.
    Unknown(String),
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(name) => write!(f, "{name} has changed since it was built"),
            Self::New(name) => write!(f, "{name} was not there when it was built"),
            Self::Unknown(why) => write!(
                f,
                "whether it was built from what lies there now is not known: {why}"
            ),
        }
    }
}

impl Sources {
    /// Looks at the files of a folder as they are now.
    pub(super) fn of(folder: &Path) -> Self {
        match folder::files(folder, FILES_MAX, is_source, is_source) {
            Ok(files) => {
                let told = files.into_iter().map(|file| {
                    let name = file.strip_prefix(folder).unwrap_or(&file);
                    (name.display().to_string(), Told::of(folder, &file))
                });
                Self {
                    files: told.collect(),
                    problem: None,
                }
            }
            Err(error) => Self {
                files: BTreeMap::new(),
                problem: Some(format!("{error:#}")),
            },
        }
    }

    /// What is other now: first what has certainly changed, then what has come since, then what is not
    /// known.
    fn differing(&self, now: &Self) -> Option<Stale> {
        if let Some(problem) = self.problem.as_ref().or(now.problem.as_ref()) {
            return Some(Stale::Unknown(problem.clone()));
        }
        let mut then = self.files.iter();
        let changed =
            then.find(|(name, told)| now.files.get(*name).is_none_or(|now| told.is_other(now)));
        if let Some((name, _)) = changed {
            return Some(Stale::Changed(name.clone()));
        }
        let mut names = now.files.keys();
        if let Some(new) = names.find(|name| !self.files.contains_key(*name)) {
            return Some(Stale::New(new.clone()));
        }
        let mut all = self.files.values().chain(now.files.values());
        all.find_map(Told::problem)
            .map(|problem| Stale::Unknown(problem.to_owned()))
    }
}

impl Told {
    /// A file, by its digest.
    fn of(folder: &Path, file: &Path) -> Self {
        match folder::read(Some(folder), file, FILE_BYTES_MAX) {
            Ok(bytes) => Self::Digest(hex(&AwsLc.digest(&[&bytes]))),
            Err(error) => Self::Not {
                problem: format!("{error:#}"),
            },
        }
    }

    /// Whether two states of a file are certainly not the same.
    fn is_other(&self, now: &Self) -> bool {
        match (self, now) {
            (Self::Digest(then), Self::Digest(now)) => then != now,
            (Self::Not { .. }, _) | (_, Self::Not { .. }) => false,
        }
    }

    fn problem(&self) -> Option<&str> {
        match self {
            Self::Digest(_) => None,
            Self::Not { problem } => Some(problem),
        }
    }
}

/// Notes that the component was built from these.
pub(super) fn note(sources: Sources, folder: &Path, component: &[u8]) -> Result<()> {
    let place = folder.join(NOTE);
    folder::make_room(folder, &place)?;
    let note = Note {
        component: hex(&AwsLc.digest(&[component])),
        sources,
    };
    fs::write(&place, serde_json::to_vec(&note)?)
        .with_context(|| format!("cannot write {}", place.display()))
}

/// What is other than it was when the component was built. None if nothing is, and if nobody has noted
/// what this component was built from: it was built by something else.
pub(super) fn changed_since(folder: &Path, component: &[u8]) -> Option<Stale> {
    let place = folder.join(NOTE);
    let is_there = fs::symlink_metadata(&place);
    if is_there.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return None;
    }
    let note = match folder::read(Some(folder), &place, NOTE_BYTES_MAX) {
        Ok(note) => note,
        Err(error) => return Some(Stale::Unknown(format!("{error:#}"))),
    };
    let Ok(note) = serde_json::from_slice::<Note>(&note) else {
        return Some(Stale::Unknown(format!(
            "{} is not as `colophon plugin build` writes it",
            place.display()
        )));
    };
    if note.component != hex(&AwsLc.digest(&[component])) {
        return None;
    }
    note.sources.differing(&Sources::of(folder))
}

/// Whether a build may take up a file or folder, by its place in the plug-in's folder.
fn is_source(name: &Path) -> bool {
    let mut parts = name.components();
    let first = parts.next();
    let aside = |part: Component<'_>| ASIDE.iter().any(|aside| part.as_os_str() == *aside);
    let hidden = name.file_name().is_some_and(|file| {
        let file = file.to_string_lossy();
        // Editors keep files of their own there; cargo has its settings in such a folder.
        file.starts_with('.') && file != ".cargo" || file.ends_with('~')
    });
    let is_text = name.extension().is_some_and(|kind| kind == "md");
    !is_made(name) && !hidden && !is_text && !first.is_some_and(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (place, text) in files {
            write(folder.path(), place, text);
        }
        folder
    }

    fn write(folder: &Path, place: &str, text: &str) {
        let place = folder.join(place);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    #[test]
    fn a_component_is_held_against_the_files_it_was_built_from() {
        let files = [("src/lib.rs", "one"), ("Cargo.toml", "[package]")];
        let folder = folder_with(&files);
        let folder = folder.path();
        assert_eq!(changed_since(folder, b"wasm"), None, "nothing is noted");
        note(Sources::of(folder), folder, b"wasm").unwrap();
        assert_eq!(changed_since(folder, b"wasm"), None);
        for (place, text) in [
            ("cases/new.toml", ""),
            ("test/a.js", ""),
            ("plugin.toml", "id = \"a\""),
            ("grant.toml", "plugin = \"a\""),
            ("README.md", "words"),
            ("target/release/thing", "made"),
            ("venv/lib/thing", "made"),
            ("rules/node_modules/thing", "made"),
            ("src/.lib.rs.swp", "an editor's"),
        ] {
            write(folder, place, text);
            assert_eq!(changed_since(folder, b"wasm"), None, "{place}");
        }
        let changed = |name: &str| Some(Stale::Changed(name.to_owned()));
        let new = |name: &str| Some(Stale::New(name.to_owned()));
        write(folder, "src/lib.rs", "two");
        assert_eq!(changed_since(folder, b"wasm"), changed("src/lib.rs"));
        // Another component was built by somebody else, who knows what from.
        assert_eq!(changed_since(folder, b"other"), None);
        write(folder, "src/lib.rs", "one");
        assert_eq!(changed_since(folder, b"wasm"), None);
        // A module of the author's may be called like what a tool makes.
        for place in ["src/build/mod.rs", "src/target.rs"] {
            write(folder, place, "");
            assert_eq!(changed_since(folder, b"wasm"), new(place));
            fs::remove_file(folder.join(place)).unwrap();
        }
        write(folder, "LICENSE", "");
        assert_eq!(changed_since(folder, b"wasm"), new("LICENSE"));
        fs::remove_file(folder.join("Cargo.toml")).unwrap();
        assert_eq!(changed_since(folder, b"wasm"), changed("Cargo.toml"));
    }

    /// Why nothing certain is known.
    fn unknown(stale: Option<Stale>) -> String {
        match stale {
            Some(Stale::Unknown(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_folder_of_more_files_than_are_told_is_not_passed_over_in_silence() {
        let folder = folder_with(&[("src/lib.rs", "one")]);
        let folder = folder.path();
        note(Sources::of(folder), folder, b"wasm").unwrap();
        fs::create_dir(folder.join("many")).unwrap();
        for number in 0..FILES_MAX {
            fs::write(folder.join(format!("many/{number}")), "").unwrap();
        }
        write(folder, "src/lib.rs", "two");
        let since = || changed_since(folder, b"wasm");
        assert!(unknown(since()).contains("more than 10000 files"));
        // Nor where it was so when it was built.
        note(Sources::of(folder), folder, b"wasm").unwrap();
        assert!(unknown(since()).contains("more than 10000 files"));
        fs::remove_dir_all(folder.join("many")).unwrap();
        assert!(unknown(since()).contains("more than 10000 files"));
        note(Sources::of(folder), folder, b"wasm").unwrap();
        assert_eq!(since(), None);
    }

    #[test]
    fn of_a_file_that_cannot_be_read_nothing_is_said() {
        let folder = folder_with(&[("src/lib.rs", "one"), ("src/rules.txt", "rules")]);
        let folder = folder.path();
        let since = || changed_since(folder, b"wasm");
        note(Sources::of(folder), folder, b"wasm").unwrap();
        let rules = folder.join("src/rules.txt");
        fs::remove_file(&rules).unwrap();
        std::os::unix::fs::symlink("/nowhere", &rules).unwrap();
        assert!(unknown(since()).contains("src/rules.txt"));
        note(Sources::of(folder), folder, b"wasm").unwrap();
        assert!(unknown(since()).contains("src/rules.txt"));
        // What is certain goes before.
        write(folder, "src/lib.rs", "two");
        assert_eq!(since(), Some(Stale::Changed("src/lib.rs".to_owned())));
        write(folder, "src/lib.rs", "one");
        // It may be what the component was built from, or not.
        fs::remove_file(&rules).unwrap();
        write(folder, "src/rules.txt", "rules");
        assert!(unknown(since()).contains("src/rules.txt"));
        fs::remove_file(&rules).unwrap();
        assert_eq!(since(), Some(Stale::Changed("src/rules.txt".to_owned())));
    }

    #[test]
    fn a_note_that_is_none_says_so() {
        let folder = folder_with(&[("src/lib.rs", "one"), (NOTE, "rubbish")]);
        assert!(unknown(changed_since(folder.path(), b"wasm")).contains(NOTE));
    }
}
