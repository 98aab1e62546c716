//! `colophon serve`: runs the host until it is told to stop.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use colophon_console::closed::closed;
use colophon_core::activation::ports::LicenseRoots as _;
use colophon_core::event::NamedEvent;
use colophon_http::client_address::{ProxyHeader, TrustedProxies};
use colophon_http::counters::Counters;
use colophon_http::edge::{Edge, Listeners, Stopped};
use colophon_http::limits::Limits;
use colophon_http::tls::Tls;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::center_id;
use crate::cli::{Role, ServeArgs};
use crate::config::{Config, FILE_NAME, Listen};
use crate::event_log::EventQueue;
use crate::house::{
    ActivationWork, House, LostActivation, Parts, SystemClock, activation_issuer, complete_center,
    found, is_founded, migrate, pages, public_url,
};
use crate::logging;

/// Where `/metrics` and `/readyz` are when the host listens to the world and nothing else is said.
const ADMINISTRATION_PORT: u16 = 8481;

pub(super) fn run(config: &Config, arguments: &ServeArgs) -> Result<ExitCode> {
    let events = logging::start(&config.log)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = config.workers {
        runtime.worker_threads(workers.max(1));
    }
    let runtime = runtime.enable_all().build()?;
    runtime.block_on(serve(config, &arguments.roles, events))
}

async fn serve(config: &Config, roles: &[Role], events: EventQueue) -> Result<ExitCode> {
    let Opened {
        house,
        parts,
        activation,
        metrics,
    } = match open(config, roles, events).await {
        Ok(opened) => opened,
        Err(error) => {
            tell_start_failed(&error);
            return Err(error);
        }
    };
    let served = answer(config, &house, &parts, activation.is_some(), metrics).await;
    // Told before the pipeline ends, so that its end is in the log too.
    match &served {
        Ok(stopped) => tracing::info!(
            event.code = NamedEvent::Stopped.code(),
            event.name = NamedEvent::Stopped.slug(),
            downloads.drained = stopped.downloads_drained,
            downloads.cut = stopped.downloads_cut,
        ),
        Err(error) => tell_start_failed(error),
    }
    let failed = parts.outbox.has_failed();
    if let Some(activation) = activation {
        activation.stop().await;
    }
    parts.stop().await;
    house.close().await;
    served?;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// A host with its pipeline running, before anybody can reach it.
struct Opened {
    house: House,
    parts: Parts,
    activation: Option<ActivationWork>,
    metrics: PrometheusHandle,
}

async fn open(config: &Config, roles: &[Role], events: EventQueue) -> Result<Opened> {
    if !is_founded(config)? {
        refuse_strange_folder(&config.data)?;
        found(config, &center_id("main")?).await?;
        eprintln!(
            "Made the data folder {} with the center main.",
            config.data.display()
        );
    }
    migrate(config, LostActivation::Refused).await?;
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let house = House::open(config).await?;
    complete_centers(&house).await?;
    let activates = roles.contains(&Role::Activation);
    if activates {
        // Before anybody asks, so that what is wrong with it is said at the start.
        activation_issuer(&house).await?;
    }
    let mut parts = Parts::start(&house, config, events).await?;
    parts.offers_downloads = roles.contains(&Role::Download);
    if activates {
        // Readers are activated for licenses under these.
        if let Err(invalid) = parts.trust.pinned() {
            let reason = invalid.to_string();
            tracing::warn!(reason, "trust.folder: no reader can be activated");
        }
        parts.services = Arc::new(parts.services.with(house.activation.clone()));
    }
    let activation = activates.then(|| ActivationWork::start(&house));
    Ok(Opened {
        house,
        parts,
        activation,
        metrics,
    })
}

/// Centers made by an earlier version get the keys that they lack. Where the platform authority's
/// key is elsewhere they go without, and what needs the keys is refused.
async fn complete_centers(house: &House) -> Result<()> {
    for center in house.store.list_centers().await? {
        if let Err(error) = complete_center(house, &center.id).await {
            let reason = format!("{error:#}");
            tracing::warn!(center = %center.id, reason, "a center lacks keys");
        }
    }
    Ok(())
}

/// Answers requests until the host is told to stop and its downloads have drained.
async fn answer(
    config: &Config,
    house: &House,
    parts: &Parts,
    activates: bool,
    metrics: PrometheusHandle,
) -> Result<Stopped> {
    let listeners = listeners(&config.listen).await?;
    let tls = tls(&config.listen)?;
    let mut edge = edge(config, parts, metrics)?;
    let mut activation_address = None;
    if activates && let Some(first) = listeners.public.first() {
        let listens = first.local_addr()?;
        edge.pages = match public_url(config, listens)? {
            Some(public_url) => {
                activation_address = Some(format!("{public_url}/activation"));
                let trust = parts.trust.clone();
                pages(house, trust, config, public_url).await?.router()?
            }
            None => {
                tell_activation_closed(listens);
                closed(&config.activation.service)
            }
        };
    }
    let stop = CancellationToken::new();
    // Whoever reads that the host serves may stop it from then on.
    watch_signals(stop.clone(), tls.clone())?;
    announce(house, parts, &listeners, tls.is_some()).await?;
    if let Some(address) = activation_address {
        writeln!(std::io::stdout(), "Devices are activated at {address}")?;
    }
    watch_outbox(stop.clone(), parts);
    Ok(edge.serve(listeners, tls, stop).await?)
}

/// A folder with other things in it was probably named by mistake, and keys made there would be
/// strewn among them. Settings may be there before anything else, and so may what a file system
/// brings along, and empty folders: mounts, or what a start made that did not get far.
fn refuse_strange_folder(data: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(data) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", data.display())),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let known = [FILE_NAME, "lost+found"].iter().any(|known| name == *known);
        let is_empty =
            || std::fs::read_dir(entry.path()).is_ok_and(|mut inside| inside.next().is_none());
        if !known && !is_empty() {
            anyhow::bail!(
                "{0} holds no Colophon data but other things, such as {1:?}; give the data folder \
                 with --data, choose an empty one, or run `colophon --data {0} init` to make it here",
                data.display(),
                name
            );
        }
    }
    Ok(())
}

fn tell_start_failed(error: &anyhow::Error) {
    tracing::error!(
        event.code = NamedEvent::StartFailed.code(),
        event.name = NamedEvent::StartFailed.slug(),
        reason = format!("{error:#}"),
    );
}

fn tell_activation_closed(listens: SocketAddr) {
    tracing::warn!(
        %listens,
        "activation is refused: set activation.public_url to the address people reach this host \
         at; downloads are not affected"
    );
}

fn edge(config: &Config, parts: &Parts, metrics: PrometheusHandle) -> Result<Edge> {
    let counters = Arc::new(Counters::new());
    let published = Arc::clone(&counters);
    let ranges = config
        .listen
        .trusted_proxies
        .iter()
        .map(|text| text.parse());
    let ranges = ranges
        .collect::<Result<_, _>>()
        .context("listen.trusted_proxies")?;
    Ok(Edge {
        downloads: Arc::clone(&parts.downloads),
        offers_downloads: parts.offers_downloads,
        readiness: parts.services.clone(),
        metrics_render: Arc::new(move || {
            published.publish();
            metrics.render()
        }),
        clock: Arc::new(SystemClock),
        limits: Limits {
            connections_max: config.listen.connections_max,
            connections_per_address_max: config.listen.connections_per_address_max,
            downloads_max: config.listen.downloads_max,
            drain: config.listen.drain,
            ..Limits::default()
        },
        trusted_proxies: TrustedProxies {
            ranges,
            header: ProxyHeader::default(),
        },
        counters,
        pages: Default::default(),
    })
}

async fn listeners(listen: &Listen) -> Result<Listeners> {
    let mut listeners = Listeners::default();
    listeners
        .public
        .push(bind("listen.address", listen.address).await?);
    // On a public address these two would tell strangers how business goes.
    let private = (!listen.address.ip().is_loopback())
        .then(|| SocketAddr::from(([127, 0, 0, 1], ADMINISTRATION_PORT)));
    if let Some(admin) = listen.admin.or(private) {
        listeners
            .administration
            .push(bind("listen.admin", admin).await?);
    }
    Ok(listeners)
}

async fn bind(setting: &str, address: SocketAddr) -> Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| {
        format!("cannot listen on {address}; choose another {setting} or stop what listens there")
    })
}

fn tls(listen: &Listen) -> Result<Option<Arc<Tls>>> {
    let Some(files) = &listen.tls else {
        return Ok(None);
    };
    let tls = Tls::from_files(&files.certificate, &files.key);
    Ok(Some(Arc::new(
        tls.context("listen.tls_certificate, listen.tls_key")?,
    )))
}

/// Says on standard output where the host listens, for people and for programs that start it.
async fn announce(house: &House, parts: &Parts, listeners: &Listeners, tls: bool) -> Result<()> {
    let scheme = if tls { "https" } else { "http" };
    let centers = match parts.offers_downloads {
        true => house.store.list_centers().await?,
        false => Vec::new(),
    };
    let mut out = std::io::stdout().lock();
    for listener in &listeners.public {
        let address = listener.local_addr()?;
        writeln!(out, "Colophon serves {scheme}://{address}/")?;
        for center in &centers {
            writeln!(
                out,
                "  downloads of {0}: {scheme}://{address}/{0}/ds",
                center.id
            )?;
        }
        tracing::info!(
            event.code = NamedEvent::Started.code(),
            event.name = NamedEvent::Started.slug(),
            %address,
        );
    }
    for listener in &listeners.administration {
        writeln!(
            out,
            "Administration at http://{}/metrics",
            listener.local_addr()?
        )?;
    }
    Ok(out.flush()?)
}

/// SIGTERM and SIGINT stop the host gracefully; SIGHUP reads the certificate files again.
fn watch_signals(stop: CancellationToken, tls: Option<Arc<Tls>>) -> Result<()> {
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

/// A host whose outbox has failed can promise nothing any more: it ends, so that a restart
/// recovers what is on the disk.
fn watch_outbox(stop: CancellationToken, parts: &Parts) {
    let outbox = Arc::clone(&parts.outbox);
    tokio::spawn(async move {
        outbox.failed().await;
        stop.cancel();
    });
}
