//! Whoever keeps the host running, as systemd does: hands it its sockets, and is told how it stands.
//!
//! Sockets that somebody else holds outlive a host. The next one takes them over while this one
//! finishes what it has begun, and in between connections wait in the kernel instead of being
//! refused.

mod notices;
mod sockets;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio_util::sync::CancellationToken;

pub(super) use self::sockets::Sockets;

use self::notices::{Notice, Notices};

/// What the surroundings say of a supervisor; all of it is missing where there is none.
#[derive(Debug)]
pub(super) struct Supervisor {
    /// The sockets that it hands over.
    pub(super) sockets: Sockets,
    notices: Arc<Notices>,
    /// How often it wants to hear that the host is at work.
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// Reads what a supervisor has left for this process. To be called once and before there are
    /// threads, since it takes what it finds out of the environment.
    pub(super) fn meet() -> Result<Self> {
        let notices = Notices::to(std::env::var_os("NOTIFY_SOCKET")).context("NOTIFY_SOCKET")?;
        let process = std::process::id();
        let watchdog = notices::watchdog(
            std::env::var("WATCHDOG_USEC").ok().as_deref(),
            std::env::var("WATCHDOG_PID").ok().as_deref(),
            process,
        );
        Ok(Self {
            sockets: Sockets::take(process).context("LISTEN_FDS")?,
            notices: Arc::new(notices),
            watchdog,
        })
    }

    /// Says that the host serves, and from then on how it stands: that it is at work, if that is
    /// asked for, and that it is stopping.
    pub(super) fn host_serves(&self, stop: CancellationToken) {
        self.notices.give(Notice::Ready);
        let notices = Arc::clone(&self.notices);
        tokio::spawn(async move {
            stop.cancelled().await;
            notices.give(Notice::Stopping);
        });
        let Some(every) = self.watchdog else { return };
        let notices = Arc::clone(&self.notices);
        tokio::spawn(async move {
            let mut turns = tokio::time::interval(every);
            loop {
                turns.tick().await;
                notices.give(Notice::AtWork);
            }
        });
    }
}
