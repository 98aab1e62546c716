//! A host that does nothing but make secure repositories: no public address, no other database.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use colophon_core::event::NamedEvent;
use colophon_http::edge::Listeners;
use colophon_individual::Presence;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio_util::sync::CancellationToken;

use super::supervisor::Supervisor;
use super::{edge, gather_samples, listening, signals, tell_start_failed};
use crate::config::Config;
use crate::event_log::EventQueue;
use crate::house::{OrderTasks, WorkerServices, WorkersHere, Workplace};

/// Makes repositories until it is told to stop. Its named events are told on standard error alone:
/// the way to the log begins at a node's own database, and this host has none.
pub(super) async fn serve(
    config: &Config,
    supervisor: Supervisor,
    _events: EventQueue,
) -> Result<ExitCode> {
    let worked = work(config, supervisor).await;
    match &worked {
        Ok(()) => tracing::info!(
            event.code = NamedEvent::Stopped.code(),
            event.name = NamedEvent::Stopped.slug(),
        ),
        Err(error) => tell_start_failed(error),
    }
    worked.map(|()| ExitCode::SUCCESS)
}

async fn work(config: &Config, mut supervisor: Supervisor) -> Result<()> {
    let metrics = PrometheusBuilder::new().install_recorder()?;
    gather_samples(metrics.clone());
    let place = Workplace::open(config).await?;
    let here = WorkersHere::new(&place.engine, &config.repository, Presence::Always)?;
    let handed = std::mem::take(&mut supervisor.sockets);
    let listeners = listening::administration(&config.listen, handed).await?;
    let services = Arc::new(WorkerServices {
        store: Arc::clone(&place.activation),
    });
    let edge = edge(config, None, services, move || metrics.render())?;
    let stop = CancellationToken::new();
    // Whoever reads that the host works may stop it from then on.
    signals::watch(stop.clone(), None)?;
    announce(&listeners)?;
    let orders = OrderTasks::start(&place.activation, Some(&here));
    if listeners.administration.is_empty() {
        supervisor.host_serves(stop.clone());
        stop.cancelled().await;
    } else {
        let serving = edge.start(listeners, None, stop.clone())?;
        supervisor.host_serves(stop);
        serving.until_stopped().await;
    }
    orders.stop().await;
    place.activation.close().await;
    Ok(())
}

/// Says on standard output what the host does, for people and for programs that start it.
fn announce(listeners: &Listeners) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "Colophon makes repositories")?;
    for listener in &listeners.administration {
        let address = listener.local_addr()?;
        writeln!(out, "Administration at http://{address}/metrics")?;
    }
    tracing::info!(
        event.code = NamedEvent::Started.code(),
        event.name = NamedEvent::Started.slug(),
    );
    Ok(out.flush()?)
}
