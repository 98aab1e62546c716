//! The running host.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::demo::programs::Programs;

/// A host that serves; ended when this is dropped.
pub(crate) struct Host {
    child: Child,
    address: String,
    administration: String,
    /// Kept open, so that the host never writes into a closed pipe.
    _said: BufReader<ChildStdout>,
}

impl Host {
    /// Starts it on a free port of this machine and returns when it serves.
    pub(crate) fn start(programs: &Programs, data: &Path) -> Result<Host> {
        let log = std::fs::File::create(data.join("host.log")).context("cannot write host.log")?;
        let mut serve = programs.colophon(data);
        serve.args(["serve", "--listen", "127.0.0.1:0"]);
        let mut child = serve
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("cannot start the host")?;
        let said = child.stdout.take().context("the host has no output")?;
        let mut said = BufReader::new(said);
        let mut line = String::new();
        let mut address = String::new();
        while said.read_line(&mut line).context("the host is not heard")? > 0 {
            if let Some((_, public)) = line.trim_end().split_once("serves ") {
                address = public.trim_end_matches('/').to_owned();
            }
            if let Some((_, private)) = line.trim_end().split_once("Administration at ") {
                return Ok(Host {
                    child,
                    address,
                    administration: private.trim_end_matches("/metrics").to_owned(),
                    _said: said,
                });
            }
            line.clear();
        }
        let log = std::fs::read_to_string(data.join("host.log")).unwrap_or_default();
        bail!("the host did not start: {}", log.trim())
    }

    /// `http://` and the address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// `http://` and the address at which it tells how it stands.
    pub(crate) fn administration(&self) -> &str {
        &self.administration
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.context("the host has no process id")?, Signal::TERM)?;
        let status = self.child.wait().context("cannot wait for the host")?;
        if !status.success() {
            bail!("the host did not stop cleanly ({status})");
        }
        Ok(())
    }

    /// Waits until somebody stops it.
    pub(crate) fn wait(mut self) -> Result<()> {
        self.child
            .wait()
            .map(|_| ())
            .context("cannot wait for the host")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // After a clean stop there is nothing to end; both calls then fail, which is fine.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
