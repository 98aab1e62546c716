//! A language's tool at work. What it says is shown as it says it, on standard error: standard output
//! is for results.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// What components in Rust are built for.
pub(super) const RUST_TARGET: &str = "wasm32-wasip2";

/// One run of a tool.
pub(super) struct Tool {
    name: String,
    command: Command,
}

impl Tool {
    /// A program from the search path, or, with a `/` in its name, from the plug-in's folder.
    pub(super) fn new(program: &str, folder: &Path) -> Self {
        let mut command = match folder.join(program).canonicalize() {
            // A link into a shared installation has to be called by its own name.
            Ok(_) if program.contains('/') => Command::new(absolute(folder).join(program)),
            _ => Command::new(program),
        };
        command.current_dir(folder).stdin(Stdio::null());
        Self {
            name: program.to_owned(),
            command,
        }
    }

    pub(super) fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of its surroundings to a place in the plug-in's folder, where it runs.
    pub(super) fn with(mut self, variable: &str, place: &str) -> Self {
        self.command.env(variable, place);
        self
    }

    /// Runs it and shows all that it says. `advice` is for who does not have it.
    pub(super) fn shown(mut self, advice: &str) -> Result<()> {
        self.command.stdout(Stdio::from(std::io::stderr()));
        self.run(advice).map(drop)
    }

    /// Runs it, shows what it says on standard error, and returns what it says on standard output.
    pub(super) fn said(mut self, advice: &str) -> Result<String> {
        self.command.stdout(Stdio::piped());
        self.run(advice)
    }

    fn run(mut self, advice: &str) -> Result<String> {
        self.command.stderr(Stdio::inherit());
        let started = self.command.spawn();
        let running = match started {
            Ok(running) => running,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("{} is not here: {advice}", self.name)
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot start {}", self.name));
            }
        };
        let ended = running
            .wait_with_output()
            .with_context(|| format!("cannot read from {}", self.name))?;
        if !ended.status.success() {
            bail!("{} did not succeed; what it says stands above", self.name);
        }
        Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
    }
}

fn absolute(folder: &Path) -> std::path::PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}
