//! What a serving host does when it is signalled.

use std::sync::Arc;

use anyhow::Result;
use colophon_http::tls::Tls;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// SIGTERM and SIGINT stop the host gracefully; SIGHUP reads the certificate files again.
pub(super) fn watch(stop: CancellationToken, tls: Option<Arc<Tls>>) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hang_up.recv() => reload(tls.as_deref()),
            }
        }
        stop.cancel();
    });
    Ok(())
}

fn reload(tls: Option<&Tls>) {
    let Some(tls) = tls else { return };
    match tls.reload() {
        Ok(()) => tracing::info!("certificate files were read again"),
        Err(error) => {
            tracing::error!(%error, "certificate files were not taken; the old ones hold")
        }
    }
}
