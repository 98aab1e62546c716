//! Where events go: standard error, as text or JSON lines.

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;

use crate::config::Log;

/// Sets up logging for a long-running host.
pub(crate) fn start(log: &Log) -> Result<()> {
    let filter = EnvFilter::try_new(&log.filter)
        .with_context(|| format!("log.filter = {:?} is not a filter such as info", log.filter))?;
    let colored = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colored)
        .with_writer(std::io::stderr);
    if log.json {
        lines.json().init();
    } else {
        lines.init();
    }
    Ok(())
}
