//! Where events go: to standard error as text or JSON lines, and the named ones to the log as well.

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::config::Log;
use crate::event_log::{self, EventQueue};

/// Sets up logging for a long-running host, and returns the named events for it to record.
pub(crate) fn start(log: &Log) -> Result<EventQueue> {
    let filter = EnvFilter::try_new(&log.filter)
        .with_context(|| format!("log.filter = {:?} is not a filter such as info", log.filter))?;
    let colored = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(colored)
        .with_writer(std::io::stderr);
    let lines = if log.json {
        lines.json().boxed()
    } else {
        lines.boxed()
    };
    let (events, queue) = event_log::open();
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(events)
        .init();
    Ok(queue)
}
