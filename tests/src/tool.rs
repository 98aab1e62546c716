//! Tools that some tests need and some machines lack.
//!
//! A test that lacks its means says so by name and passes nothing: it returns early after
//! [`skipped`] has printed which tool is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

pub use colophon_forge::skipped;

/// A program on the search path, if it is there.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// The workspace's root folder.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests package has a parent folder")
}

/// The folder that `cargo xtask setup` puts Python and Node packages into.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// The Python of the tests' own environment, if it has this module.
pub fn python_with(module: &str) -> Option<PathBuf> {
    let python = target().join("venv/bin/python");
    let has = Command::new(&python)
        .args(["-c", &format!("import {module}")])
        .output();
    has.is_ok_and(|out| out.status.success()).then_some(python)
}

/// EPUBs made by others, where their packages are installed.
pub fn foreign_epubs() -> Vec<PathBuf> {
    let folders = [
        "/usr/share/doc/debian-policy",
        "/usr/share/developers-reference",
        "/usr/share/doc/debmake-doc",
        "/usr/share/doc/live-manual/epub",
    ];
    let mut books: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "epub"))
        .collect();
    books.sort();
    books
}
