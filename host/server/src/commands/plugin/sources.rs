//! The files that a plug-in is built from: which of them are the author's, and whether the component
//! that lies there was built from them as they are now.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};

use anyhow::{Context as _, Result};
use colophon_crypto::Engine as _;
use colophon_keys::AwsLc;
use serde::{Deserialize, Serialize};

use super::folder;

/// What tools write; none of it is the author's.
const MADE: [&str; 8] = [
    "build",
    "target",
    "node_modules",
    ".venv",
    ".git",
    "__pycache__",
    "package-lock.json",
    "Cargo.lock",
];

/// The author's own, and no part of a component.
const ASIDE: [&str; 4] = ["cases", "test", "tests", "plugin.toml"];

/// Where it is noted what a component was built from.
const NOTE: &str = "build/plugin.sources.json";

/// More than a note has.
const NOTE_BYTES_MAX: u64 = 4 << 20;

/// A larger file is told by its length alone.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// More than anybody writes by hand.
const FILES_MAX: usize = 10_000;
const DEPTH_MAX: usize = 32;

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

/// Whether a file or folder of this name is written by a tool.
pub(super) fn is_made(name: &std::ffi::OsStr) -> bool {
    MADE.iter().any(|made| name == *made)
}

impl Sources {
    /// Looks at the files of a folder as they are now.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let mut found = BTreeMap::new();
        let mut folders = vec![(folder.to_owned(), 0)];
        while let Some((place, depth)) = folders.pop() {
            let entries = fs::read_dir(&place)
                .with_context(|| format!("cannot read the folder {}", place.display()))?;
            for entry in entries {
                let entry = entry?;
                let (path, kind) = (entry.path(), entry.file_type()?);
                let name = path.strip_prefix(folder).unwrap_or(&path);
                if !is_source(name) || found.len() >= FILES_MAX {
                    continue;
                }
                // A link to a folder is not followed: it could lead back here.
                if !kind.is_dir() {
                    found.insert(name.display().to_string(), told(folder, &path));
                } else if depth < DEPTH_MAX {
                    folders.push((path, depth + 1));
                }
            }
        }
        Ok(Self(found))
    }

    /// Notes that the component was built from these.
    pub(super) fn note(self, folder: &Path, component: &[u8]) -> Result<()> {
        let note = Note {
            component: hex(&AwsLc.digest(&[component])),
            sources: self,
        };
        let place = folder.join(NOTE);
        folder::make_room(folder, &place)?;
        fs::write(&place, serde_json::to_vec(&note)?)
            .with_context(|| format!("cannot write {}", place.display()))
    }

    /// The first file of these that is another now, or gone. A file that has come since is no sign:
    /// a component takes it up only if one of the others names it.
    fn differing(&self, now: &Self) -> Option<String> {
        let mut then = self.0.iter();
        let changed = then.find(|(name, told)| now.0.get(*name) != Some(told));
        changed.map(|(name, _)| name.clone())
    }
}

/// A file that is other than it was when the component was built; none if nothing is known of that.
pub(super) fn changed_since(folder: &Path, component: &[u8]) -> Option<String> {
    let note = folder::read(Some(folder), &folder.join(NOTE), NOTE_BYTES_MAX).ok()?;
    let note: Note = serde_json::from_slice(&note).ok()?;
    if note.component != hex(&AwsLc.digest(&[component])) {
        return None;
    }
    note.sources.differing(&Sources::of(folder).ok()?)
}

/// Whether a build may take up a file or folder, by its place in the plug-in's folder.
fn is_source(name: &Path) -> bool {
    let mut parts = name.components();
    let first = parts.next();
    let aside = |part: Component<'_>| ASIDE.iter().any(|aside| part.as_os_str() == *aside);
    let made = name.file_name().is_some_and(is_made);
    let hidden = name.file_name().is_some_and(|file| {
        let file = file.to_string_lossy();
        // Editors keep files of their own there; cargo has its settings in such a folder.
        file.starts_with('.') && file != ".cargo" || file.ends_with('~')
    });
    let is_text = name.extension().is_some_and(|kind| kind == "md");
    !made && !hidden && !is_text && !first.is_some_and(aside)
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

fn hex(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
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
        Sources::of(folder).unwrap().note(folder, b"wasm").unwrap();
        assert_eq!(changed_since(folder, b"wasm"), None);
        for (place, text) in [
            ("cases/new.toml", ""),
            ("test/a.js", ""),
            ("plugin.toml", "id = \"a\""),
            ("README.md", "words"),
            ("target/release/thing", "made"),
            ("src/.lib.rs.swp", "an editor's"),
        ] {
            write(folder, place, text);
            assert_eq!(changed_since(folder, b"wasm"), None, "{place}");
        }
        let changed = |name: &str| Some(name.to_owned());
        write(folder, "src/lib.rs", "two");
        assert_eq!(changed_since(folder, b"wasm"), changed("src/lib.rs"));
        // Another component was built by somebody else, who knows what from.
        assert_eq!(changed_since(folder, b"other"), None);
        write(folder, "src/lib.rs", "one");
        assert_eq!(changed_since(folder, b"wasm"), None);
        write(folder, "notes.txt", "");
        assert_eq!(changed_since(folder, b"wasm"), None, "nothing takes it up");
        fs::remove_file(folder.join("Cargo.toml")).unwrap();
        assert_eq!(changed_since(folder, b"wasm"), changed("Cargo.toml"));
    }

    #[test]
    fn a_note_that_is_none_says_nothing() {
        let folder = folder_with(&[("src/lib.rs", "one"), (NOTE, "rubbish")]);
        assert_eq!(changed_since(folder.path(), b"wasm"), None);
    }
}
