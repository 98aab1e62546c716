//! What tools write into a plug-in's folder. It is nobody's source: no component is stale by it, and
//! nothing is built anew for it.
//!
//! There is one rule. Something is a tool's by its name, wherever it lies: below the plug-in's folder
//! there may be others with tools of their own. Only `build` and `target` may be the author's as well: in
//! a folder `src` they are modules.

use std::ffi::OsStr;
use std::path::{Component, Path};

/// What tools call so, and nobody else does.
const MADE: [&str; 7] = [
    ".git",
    ".venv",
    "Cargo.lock",
    "__pycache__",
    "node_modules",
    "package-lock.json",
    "venv",
];

/// What tools call so, and an author may.
const MADE_OUTSIDE_OF_SOURCES: [&str; 2] = ["build", "target"];

/// Whether a file or folder is written by a tool, or lies in what is, by its place in the plug-in's
/// folder.
pub(in super::super) fn is_made(place: &Path) -> bool {
    let mut in_sources = false;
    place.components().any(|part| {
        let Component::Normal(name) = part else {
            return false;
        };
        let is_one = |made: &[&str]| made.iter().any(|made| name == OsStr::new(made));
        let is_made = is_one(&MADE) || !in_sources && is_one(&MADE_OUTSIDE_OF_SOURCES);
        in_sources |= name == "src";
        is_made
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_write_is_told_by_its_name_wherever_it_lies() {
        for made in [
            "build/plugin.wasm",
            "target",
            "rules/target/release/thing",
            "rules/build/thing.wasm",
            "rules/venv/bin/python",
            "rules/.venv",
            "src/__pycache__/rule.pyc",
            "rules/node_modules/thing",
            "rules/package-lock.json",
        ] {
            assert!(is_made(Path::new(made)), "{made}");
        }
        for own in [
            "src/build/mod.rs",
            "rules/src/target/mod.rs",
            "src/target.rs",
            "build.rs",
            "rules/building/a.js",
            "package.json",
        ] {
            assert!(!is_made(Path::new(own)), "{own}");
        }
    }
}
