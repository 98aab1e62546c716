//! A contract that nobody has published: the newest one under another number, with a change.

use std::fs;
use std::path::{Path, PathBuf};

/// Where contracts lie.
pub(crate) fn contracts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

/// Every file below a folder, by its place in the folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(here) = folders.pop() {
        for entry in fs::read_dir(&here).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).expect("below").to_owned());
            }
        }
    }
    found
}

/// A next version: this one under another number, with a change.
pub(crate) fn next_version(file: &str, change: (&str, &str)) -> tempfile::TempDir {
    let next = tempfile::tempdir().expect("a folder");
    let published = contracts().join("1.0");
    for place in files(&published) {
        let text = fs::read_to_string(published.join(&place)).expect("WIT text");
        let mut text = text.replace("@1.0.0", "@1.1.0");
        if place == Path::new(file) {
            assert!(text.contains(change.0), "{file} has no {}", change.0);
            text = text.replacen(change.0, change.1, 1);
        }
        let to = next.path().join(place);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::write(to, text).expect("a file");
    }
    next
}

/// What a next version may add: an interface, imported by all worlds.
pub(crate) const GROWN: (&str, (&str, &str)) = (
    "world.wit",
    (
        "world host {\n",
        "interface weather {\n    sunny: func() -> bool;\n}\n\nworld host {\n    import weather;\n",
    ),
);
