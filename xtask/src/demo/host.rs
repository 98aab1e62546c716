//! The running host.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::demo::programs::Programs;

/// A host that serves; ended when this is dropped.
pub(crate) struct Host {
    child: Child,
    address: String,
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
        let out = child.stdout.take().context("the host has no output")?;
        for line in BufReader::new(out).lines() {
            let line = line.context("cannot read what the host says")?;
            if let Some((_, address)) = line.split_once("serves ") {
                let address = address.trim_end_matches('/').to_owned();
                return Ok(Host { child, address });
            }
        }
        bail!(
            "the host did not start; see {}",
            data.join("host.log").display()
        )
    }

    /// `http://` and the address.
    pub(crate) fn address(&self) -> &str {
        &self.address
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
