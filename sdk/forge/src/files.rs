//! Vectors in their files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use serde::Serialize;

/// The texts of vectors, by their paths in the folder of vectors.
pub type Files = BTreeMap<String, String>;

/// A vector called `name` with what is in its file.
///
/// # Panics
///
/// If the vector cannot be written as JSON.
#[must_use]
pub fn file_of(name: &str, vector: &impl Serialize) -> (String, String) {
    let mut json = serde_json::to_string_pretty(vector).expect("a vector in JSON");
    json.push('\n');
    (format!("{name}.json"), json)
}

/// The files of these vectors.
///
/// # Panics
///
/// If two vectors have one name.
#[must_use]
pub fn named(vectors: impl IntoIterator<Item = (String, String)>) -> Files {
    let mut files = Files::new();
    for (name, text) in vectors {
        let before = files.insert(name.clone(), text);
        assert!(before.is_none(), "two vectors are called {name}");
    }
    files
}

/// The vectors kept in a folder and the folders in it.
///
/// # Panics
///
/// If a file cannot be read.
#[must_use]
pub fn kept(folder: &Path) -> Files {
    let mut files = Files::new();
    for path in paths(folder).expect("the folder of the vectors") {
        let name = path.strip_prefix(folder).expect("a path in the folder");
        let name = name.to_string_lossy().replace('\\', "/");
        files.insert(name, fs::read_to_string(path).expect("a text"));
    }
    files
}

fn paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            paths.extend(self::paths(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// The names of the files that are not the same on both sides.
#[must_use]
pub fn differing<'f>(made: &'f Files, kept: &'f Files) -> Vec<&'f str> {
    let names: BTreeSet<&String> = made.keys().chain(kept.keys()).collect();
    let differs = |name: &&String| made.get(*name) != kept.get(*name);
    let differing = names.into_iter().filter(differs);
    differing.map(String::as_str).collect()
}

/// Replaces the vectors in the folder the program was given, or in the usual one.
///
/// # Errors
///
/// What the file system says.
pub fn write(usual_folder: &Path, made: &Files) -> io::Result<()> {
    let folder = env::args_os()
        .nth(1)
        .map_or_else(|| usual_folder.to_owned(), PathBuf::from);
    fs::create_dir_all(&folder)?;
    for path in paths(&folder)? {
        fs::remove_file(path)?;
    }
    for (name, text) in made {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        fs::write(path, text)?;
    }
    println!("{} vectors written to {}", made.len(), folder.display());
    Ok(())
}
