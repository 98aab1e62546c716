//! A reader that is being activated.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::demo::host::Host;
use crate::demo::programs::member;
use crate::demo::said::Said;

/// A reader that shows a code and waits until somebody has approved it; ended when this is
/// dropped.
pub(crate) struct Activating {
    /// None once it was waited for.
    reader: Option<Child>,
    said: BufReader<ChildStdout>,
    page: String,
    code: String,
}

impl Activating {
    /// Starts it, and returns when it shows its code.
    pub(crate) fn begin(mut reader: Command, host: &Host) -> Result<Activating> {
        let service = format!("{}/activation", host.address());
        reader.args(["--json", "activate", "--no-browser", "--at", &service]);
        let mut reader = reader
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start a reader")?;
        let said = reader.stdout.take().context("a reader has no output")?;
        let mut activating = Activating {
            reader: Some(reader),
            said: BufReader::new(said),
            page: String::new(),
            code: String::new(),
        };
        activating
            .read_code(host)
            .context("a reader shows no code")?;
        Ok(activating)
    }

    fn read_code(&mut self, host: &Host) -> Result<()> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        let shown: Value = serde_json::from_str(&line).context(line)?;
        let page = member(&shown, "page_with_code")?;
        let path = page.strip_prefix(host.address());
        self.page = path.context("it sends people elsewhere")?.to_owned();
        self.code = member(&shown, "user_code")?;
        Ok(())
    }

    /// The page it asks its person to open, on the host.
    pub(crate) fn page(&self) -> &str {
        &self.page
    }

    /// The code it shows.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// Waits until it is activated, or refused.
    pub(crate) fn finish(mut self) -> Result<Said> {
        let reader = self.reader.take().context("a reader ends once")?;
        let mut rest = Vec::new();
        self.said.read_to_end(&mut rest)?;
        let mut ran = reader.wait_with_output().context("a reader does not end")?;
        ran.stdout = rest;
        Said::of(&ran)
    }
}

impl Drop for Activating {
    fn drop(&mut self) {
        if let Some(mut reader) = self.reader.take() {
            // Nobody waits for what it would say; if it has ended, both calls fail, which is fine.
            let _gone = reader.kill();
            let _reaped = reader.wait();
        }
    }
}
