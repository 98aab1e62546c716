//! The real programs, built and run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace::{built, cargo, output, step};

/// Where the built programs lie.
pub(crate) struct Programs {
    colophon: PathBuf,
    reader: PathBuf,
}

impl Programs {
    /// Builds the host and the reader.
    pub(crate) fn build() -> Result<Programs> {
        // The whole workspace, as the tests build it, so that nothing is compiled twice.
        step(
            "build",
            cargo().args(["build", "--quiet", "--workspace", "--bins"]),
        )?;
        Programs::built()
    }

    /// The host and the reader as they were built last.
    pub(crate) fn built() -> Result<Programs> {
        let folder = built("debug")?;
        Ok(Programs {
            colophon: folder.join("colophon"),
            reader: folder.join("colophon-reader"),
        })
    }

    /// The host's command on a data folder.
    pub(crate) fn colophon(&self, data: &Path) -> Command {
        let mut command = Command::new(&self.colophon);
        command.arg("--data").arg(data);
        command
    }

    /// The reader's program; each machine runs it with folders of its own.
    pub(crate) fn reader(&self) -> &Path {
        &self.reader
    }
}

/// Runs a command that answers in JSON.
pub(crate) fn json(command: &mut Command) -> Result<Value> {
    let text = output(command.arg("--json"))?;
    serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))
}

/// A text in an answer.
pub(crate) fn member(answer: &Value, name: &str) -> Result<String> {
    let text = answer.get(name).and_then(Value::as_str);
    let text = text.with_context(|| format!("{name} is missing in {answer}"))?;
    Ok(text.to_owned())
}
