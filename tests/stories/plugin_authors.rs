//! Authors of plug-ins: from a template by the words of its README, and what they are told when
//! something is wrong.

mod failing_host;
mod mistakes;
mod packages;
mod template;

use std::path::PathBuf;
use std::process::{Command, Output};

use colophon_tests::author;
use colophon_tests::colophon::binary;
use serde_json::Value;

/// A plug-in's folder with the surroundings of an author who has installed everything.
pub(crate) struct Author {
    folder: tempfile::TempDir,
    /// What the plug-in is called. Each test has its own: builds share a folder.
    name: &'static str,
}

impl Author {
    /// Begins a plug-in from a template.
    fn new(language: &str, name: &'static str) -> Self {
        let author = Self::alone(name);
        let begun = author
            .command(binary("colophon"))
            .current_dir(author.folder.path())
            .args(["plugin", "new", "--lang", language, name])
            .output()
            .unwrap();
        assert!(begun.status.success(), "{}", said(&begun));
        author
    }

    /// An author who brings a folder of this name.
    pub(crate) fn alone(name: &'static str) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            name,
        }
    }

    pub(crate) fn plugin(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    /// A program as the author runs it.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        author::command(program)
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
