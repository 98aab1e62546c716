//! Authors of plug-ins: from a template by the words of its README, and what they are told when
//! something is wrong.

mod mistakes;
mod template;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use colophon_tests::colophon::binary;
use colophon_tests::tool::{on_path, target};
use serde_json::Value;

/// A plug-in's folder with the surroundings of an author who has installed everything.
pub(crate) struct Author {
    folder: tempfile::TempDir,
}

impl Author {
    /// Begins a plug-in called `shelf` from a template.
    fn new(language: &str) -> Self {
        let author = Self::alone();
        let begun = author
            .command(binary("colophon"))
            .current_dir(author.folder.path())
            .args(["plugin", "new", "--lang", language, "shelf"])
            .output()
            .unwrap();
        assert!(begun.status.success(), "{}", said(&begun));
        author
    }

    /// An author who brings a folder called `shelf`.
    pub(crate) fn alone() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn plugin(&self) -> PathBuf {
        self.folder.path().join("shelf")
    }

    /// A program as the author runs it: with `colophon` on the path, and packages from what `cargo
    /// xtask setup` has brought, so that nothing is asked of the network.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let ours = binary("colophon").parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        folders.push(ours);
        let kept = target().join("plugin-authors");
        let mut command = Command::new(program);
        command
            .env("PATH", std::env::join_paths(folders).unwrap())
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

    /// Runs `colophon plugin …` in the plug-in's folder.
    fn colophon(&self, arguments: &[&str]) -> Output {
        self.command(binary("colophon"))
            .current_dir(self.plugin())
            .arg("plugin")
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Runs it for a program: what it prints, and whether it said that all is well.
    pub(crate) fn json(&self, arguments: &[&str]) -> (Value, bool) {
        let mut with_json = vec!["--json"];
        with_json.extend(arguments);
        let out = self.colophon(&with_json);
        let printed = String::from_utf8_lossy(&out.stdout);
        let value: Option<Value> = serde_json::from_str(&printed).ok();
        assert!(value.is_some(), "no JSON: {printed}\n{}", said(&out));
        (value.unwrap(), out.status.success())
    }

    pub(crate) fn build(&self) {
        let out = self.colophon(&["build"]);
        assert!(out.status.success(), "{}", said(&out));
    }

    /// Changes a file of the plug-in, which must have had the text.
    fn change(&self, file: &str, from: &str, to: &str) {
        let file = self.plugin().join(file);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from} in {}", file.display());
        std::fs::write(&file, text.replace(from, to)).unwrap();
    }
}

fn said(out: &Output) -> String {
    let all = [out.stdout.as_slice(), out.stderr.as_slice()].concat();
    String::from_utf8_lossy(&all).into_owned()
}

/// What the machine lacks for a language, if anything.
pub(crate) fn missing(language: &str) -> Option<&'static str> {
    match language {
        "rust" => {
            let listed = Command::new("rustup")
                .args(["target", "list", "--installed"])
                .output();
            let there = listed.is_ok_and(|out| said(&out).contains("wasm32-wasip2"));
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
