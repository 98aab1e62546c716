//! Embeds what `colophon plugin new` writes: the templates, the contract and the kit for Rust.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Names of the lists, and the folders whose files they hold.
const FOLDERS: [(&str, &str); 6] = [
    ("SHARED", "sdk/plugin/templates/shared"),
    ("RUST", "sdk/plugin/templates/rust"),
    ("JAVASCRIPT", "sdk/plugin/templates/js"),
    ("PYTHON", "sdk/plugin/templates/py"),
    ("CONTRACT", "wit/1.0"),
    ("RUST_KIT", "sdk/plugin/src"),
];

fn main() -> io::Result<()> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    let mut lists = String::new();
    for (name, folder) in FOLDERS {
        let folder = workspace.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files = Vec::new();
        gather(&folder, &mut files)?;
        files.sort();
        lists.push_str(&list(name, &folder, &files));
    }
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    fs::write(out.join("templates.rs"), lists)
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn list(name: &str, folder: &Path, files: &[PathBuf]) -> String {
    let mut list = format!("pub(super) static {name}: &[(&str, &str)] = &[\n");
    for file in files {
        let place = file.strip_prefix(folder).unwrap_or(file);
        // Writing to a text cannot fail.
        let _ = writeln!(list, "({place:?}, include_str!({file:?})),");
    }
    list.push_str("];\n");
    list
}
