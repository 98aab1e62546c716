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

    /// The reader's program.
    pub(crate) fn reader_path(&self) -> &Path {
        &self.reader
    }

    /// The reader's command with a library and settings in a folder of its own.
    pub(crate) fn reader(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.reader);
        command.arg("--library").arg(folder.join("library"));
        command.arg("--config").arg(folder.join("settings"));
        command
    }
}

/// Runs a command that answers in JSON.
pub(crate) fn json(command: &mut Command) -> Result<Value> {
    let text = output(command.arg("--json"))?;
    serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))
}
