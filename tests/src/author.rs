//! The surroundings of somebody who writes plug-ins and has installed everything for it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::colophon::{binary, succeed};
use crate::tool::{on_path, target, workspace};

/// A program as an author runs it: with `colophon` on the path, and packages from what `cargo xtask
/// setup` has brought, so that nothing is asked of the network.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let colophon = binary("colophon");
    let ours = colophon.parent().expect("a program lies in a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push(ours.to_owned());
    let kept = target().join("plugin-authors");
    let mut command = Command::new(program);
    command
        .env("PATH", std::env::join_paths(folders).expect("a path"))
        .env("CARGO_TARGET_DIR", kept.join("cargo"))
        .env("CARGO_NET_OFFLINE", "true")
        .env("XDG_CACHE_HOME", kept.join("cache"))
        .env("npm_config_cache", target().join("npm/cache"))
        .env("npm_config_prefer_offline", "true")
        .env("PIP_NO_INDEX", "1")
        .env("PIP_FIND_LINKS", target().join("wheels"))
        .env_remove("VIRTUAL_ENV");
    command
}

/// What the machine lacks for a language, if anything.
pub fn missing(language: &str) -> Option<&'static str> {
    match language {
        "rust" => {
            let listed = Command::new("rustup")
                .args(["target", "list", "--installed"])
                .output();
            let lists = |out: Vec<u8>| String::from_utf8_lossy(&out).contains("wasm32-wasip2");
            let there = listed.is_ok_and(|out| lists(out.stdout));
            (!there).then_some("rustup has no target wasm32-wasip2")
        }
        "js" => {
            let package = target().join("npm/node_modules/componentize-qjs");
            let there = package.is_dir() && on_path("npm").is_some();
            (!there).then_some("the npm package componentize-qjs is not installed")
        }
        _ => {
            let there = has_wheel(&target().join("wheels")) && on_path("python3").is_some();
            (!there).then_some("the Python package componentize-py is not there")
        }
    }
}

fn has_wheel(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.any(|name| name.starts_with("componentize_py-"))
}

/// Copies the folder of an example to a place that is not there yet, as somebody has it who took it
/// from here: what a developer has built there is left behind.
pub fn copy_example(name: &str, place: &Path) {
    let example = workspace().join("plugins").join(name);
    std::fs::create_dir(place).expect("a new folder");
    for part in std::fs::read_dir(example).expect("an example") {
        let part = part.expect("a part of it");
        let made = ["build", "node_modules", ".venv", "package-lock.json"];
        if !made.iter().any(|made| part.file_name() == *made) {
            succeed(Command::new("cp").arg("-rL").arg(part.path()).arg(place));
        }
    }
}
