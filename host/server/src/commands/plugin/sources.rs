//! The files that a plug-in is built from: which of them are the author's, and whether the component
//! that lies there was built from them as they are now.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path};

use anyhow::{Context as _, Result};
use colophon_crypto::Engine as _;
use colophon_keys::AwsLc;
use serde::{Deserialize, Serialize};

use super::folder::{self, FILES_MAX};
use crate::output::hex;

/// What tools write into a plug-in's folder; none of it is the author's.
const MADE_AT_TOP: [&str; 5] = ["build", "target", "node_modules", ".venv", "venv"];

/// What they write into any of its folders.
const MADE_ANYWHERE: [&str; 5] = [
    ".git",
    "__pycache__",
    "node_modules",
    "package-lock.json",
    "Cargo.lock",
];

/// The author's own, and no part of a component.
const ASIDE: [&str; 5] = ["cases", "test", "tests", "plugin.toml", "grant.toml"];

/// Where it is noted what a component was built from.
const NOTE: &str = "build/plugin.sources.json";

/// More than a note has.
const NOTE_BYTES_MAX: u64 = 4 << 20;

/// A larger file is told by its length alone.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The files of a folder that a component is built from, each with its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sources(BTreeMap<String, String>);

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
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(name) => write!(f, "{name} has changed since it was built"),
            Self::New(name) => write!(f, "{name} was not there when it was built"),
        }
    }
}

/// Whether a file or folder is written by a tool, by its place in the plug-in's folder.
pub(super) fn is_made(place: &Path) -> bool {
    let is_one = |made: &[&str], name: &OsStr| made.iter().any(|made| name == *made);
    place.file_name().is_some_and(|name| {
        let is_at_top = place.components().count() == 1;
        is_one(&MADE_ANYWHERE, name) || is_at_top && is_one(&MADE_AT_TOP, name)
    })
}

impl Sources {
    /// Looks at the files of a folder as they are now. None if they cannot all be told, and so
    /// nothing is known of them: there are too many, or some cannot be looked at.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let files = folder::files(folder, FILES_MAX, is_source, is_source).ok()?;
        let told = files.into_iter().map(|file| {
            let name = file.strip_prefix(folder).unwrap_or(&file);
            (name.display().to_string(), told(folder, &file))
        });
        Some(Self(told.collect()))
    }

    /// The first file of these that is another now, or gone, or else the first that has come since.
    fn differing(&self, now: &Self) -> Option<Stale> {
        let mut then = self.0.iter();
        let changed = then.find(|(name, told)| now.0.get(*name) != Some(told));
        let changed = changed.map(|(name, _)| Stale::Changed(name.clone()));
        changed.or_else(|| {
            let new = now.0.keys().find(|name| !self.0.contains_key(*name));
            new.map(|name| Stale::New(name.clone()))
        })
    }
}

/// Notes that the component was built from these, or that nothing is known of that.
pub(super) fn note(sources: Option<Sources>, folder: &Path, component: &[u8]) -> Result<()> {
    let place = folder.join(NOTE);
    folder::make_room(folder, &place)?;
    let unwritable = || format!("cannot write {}", place.display());
    let Some(sources) = sources else {
        return match fs::remove_file(&place) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(unwritable)
            }
            Ok(()) | Err(_) => Ok(()),
        };
    };
    let note = Note {
        component: hex(&AwsLc.digest(&[component])),
        sources,
    };
    fs::write(&place, serde_json::to_vec(&note)?).with_context(unwritable)
}

/// What is other than it was when the component was built; none if nothing is known of that.
pub(super) fn changed_since(folder: &Path, component: &[u8]) -> Option<Stale> {
    let note = folder::read(Some(folder), &folder.join(NOTE), NOTE_BYTES_MAX).ok()?;
    let note: Note = serde_json::from_slice(&note).ok()?;
    if note.component != hex(&AwsLc.digest(&[component])) {
        return None;
    }
    note.sources.differing(&Sources::of(folder)?)
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

/// A file, by its digest. One that cannot be read is not what a build has read.
fn told(folder: &Path, file: &Path) -> String {
    match folder::read(Some(folder), file, FILE_BYTES_MAX) {
        Ok(bytes) => hex(&AwsLc.digest(&[&bytes])),
        Err(_) => {
            let length = fs::symlink_metadata(file).map_or(0, |found| found.len());
            format!("{length} bytes")
        }
    }
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
        // Only at the top are these a tool's.
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

    #[test]
    fn of_more_files_than_are_told_nothing_is_known() {
        let folder = folder_with(&[("src/lib.rs", "one")]);
        let folder = folder.path();
        note(Sources::of(folder), folder, b"wasm").unwrap();
        fs::create_dir(folder.join("many")).unwrap();
        for number in 0..FILES_MAX {
            fs::write(folder.join(format!("many/{number}")), "").unwrap();
        }
        write(folder, "src/lib.rs", "two");
        assert_eq!(changed_since(folder, b"wasm"), None);
        note(Sources::of(folder), folder, b"wasm").unwrap();
        assert!(!folder.join(NOTE).exists());
    }

    #[test]
    fn a_note_that_is_none_says_nothing() {
        let folder = folder_with(&[("src/lib.rs", "one"), (NOTE, "rubbish")]);
        assert_eq!(changed_since(folder.path(), b"wasm"), None);
    }
}
