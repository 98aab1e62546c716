//! `colophon serve`: runs the host until it is told to stop.

mod listening;
mod signals;
mod supervisor;
mod worker;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use colophon_console::closed::closed;
use colophon_core::activation::ports::LicenseRoots as _;
use colophon_core::download::Downloads;
use colophon_core::event::NamedEvent;
use colophon_core::ports::Readiness;
use colophon_http::client_address::{ProxyHeader, TrustedProxies};
use colophon_http::counters::Counters;
use colophon_http::edge::{Edge, Listeners, Stopped};
use colophon_http::limits::Limits;
use colophon_individual::Presence;
use colophon_pipeline::Running;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use self::supervisor::Supervisor;
use super::center_id;
use crate::cli::{Role, ServeArgs};
use crate::config::{Config, FILE_NAME};
use crate::event_log::EventQueue;
use crate::house::{
    ActivationWork, House, LostActivation, Maker, OrderTasks, OutboxHasRoom, Parts, SystemClock,
    WorkersHere, activation_issuer, announce as announce_node, complete_center, found, is_founded,
    migrate, pages, public_url,
};
use crate::logging;

/// How often the samples of histograms are gathered.
const GATHER_EVERY: Duration = Duration::from_secs(5);

pub(super) fn run(config: &Config, arguments: &ServeArgs) -> Result<ExitCode> {
    let supervisor = Supervisor::meet()?;
    let roles = &roles(config, &arguments.roles)?;
    let only_makes = roles.iter().all(|role| *role == Role::Repository);
    if only_makes && arguments.listen.is_some() {
        bail!(
            "a host that only makes repositories serves nobody: leave --listen out; /readyz and \
             /metrics are at listen.admin"
        );
    }
    let events = logging::start(&config.log)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = config.workers {
        runtime.worker_threads(workers.max(1));
    }
    // What comes from outside of the workers, as an answer of a database does, waits for no more
    // than the task that runs: among tasks that are always ready it would stand behind dozens.
    runtime.global_queue_interval(1);
    let runtime = runtime.enable_all().build()?;
    match only_makes {
        true => runtime.block_on(worker::serve(config, supervisor, events)),
        false => runtime.block_on(serve(config, roles, supervisor, events)),
    }
}

/// The roles of this host: those asked for, or all that it can have.
fn roles(config: &Config, asked: &[Role]) -> Result<Vec<Role>> {
    let has_broker = config.nats.is_some();
    if asked.contains(&Role::Fulfillment) && !has_broker {
        bail!(
            "the role fulfillment brings log rows from NATS, and nats.url is not set; without it \
             each host writes its own log rows"
        );
    }
    if !asked.is_empty() {
        return Ok(asked.to_vec());
    }
    let mut roles = vec![Role::Download, Role::Activation, Role::Repository];
    roles.extend(has_broker.then_some(Role::Fulfillment));
    Ok(roles)
}

async fn serve(
    config: &Config,
    roles: &[Role],
    supervisor: Supervisor,
    events: EventQueue,
) -> Result<ExitCode> {
    let Opened {
        house,
        parts,
        activation,
        orders,
        maker,
        metrics,
    } = match open(config, roles, events).await {
        Ok(opened) => opened,
        Err(error) => {
            tell_start_failed(&error);
            return Err(error);
        }
    };
    let answered = answer(config, roles, supervisor, &house, &parts, maker, metrics).await;
    let (served, announcer) = match answered {
        Ok(Served { stopped, announcer }) => (Ok(stopped), Some(announcer)),
        Err(error) => (Err(error), None),
    };
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
    if let Some(orders) = orders {
        orders.stop().await;
    }
    parts.stop().await;
    if let Some(announcer) = announcer {
        // That this host ends is the last thing to be said, when nothing is left to do.
        announcer.stop().await;
    }
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
    orders: Option<OrderTasks>,
    /// Who makes the repositories, on a host that activates readers.
    maker: Option<Maker>,
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
    let brings = roles.contains(&Role::Fulfillment);
    let mut parts = Parts::start(&house, config, events, brings).await?;
    if roles.contains(&Role::Download) {
        let has_room = Arc::new(OutboxHasRoom(Arc::clone(&parts.outbox)));
        parts.services = Arc::new(parts.services.with(has_room));
    } else {
        parts.offers_downloads = false;
    }
    if activates {
        // Readers are activated for licenses under these.
        if let Err(invalid) = parts.trust.pinned() {
            let reason = invalid.to_string();
            tracing::warn!(reason, "trust.folder: no reader can be activated");
        }
    }
    let presence = match activates {
        true => Presence::WhileReliedOn,
        false => Presence::Always,
    };
    let here = roles.contains(&Role::Repository);
    let here = here.then(|| WorkersHere::new(&house.engine, &config.repository, presence));
    let here = here.transpose()?;
    let has_orders = activates || here.is_some();
    if has_orders {
        parts.services = Arc::new(parts.services.with(house.activation.clone()));
    }
    if has_orders && here.is_none() {
        let services = parts.services.with_workers_of(&house.activation);
        parts.services = Arc::new(services);
    }
    let maker = activates.then(|| Maker::of(here.as_ref(), &house.activation));
    let activation = activates.then(|| ActivationWork::start(&house));
    let orders = has_orders.then(|| OrderTasks::start(&house.activation, here.as_ref()));
    Ok(Opened {
        house,
        parts,
        activation,
        orders,
        maker,
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

/// A host that has served.
struct Served {
    stopped: Stopped,
    /// Says until its end that the host is there.
    announcer: Running,
}

/// Answers requests until the host is told to stop and its downloads have drained.
async fn answer(
    config: &Config,
    roles: &[Role],
    mut supervisor: Supervisor,
    house: &House,
    parts: &Parts,
    maker: Option<Maker>,
    rendered: PrometheusHandle,
) -> Result<Served> {
    let handed = std::mem::take(&mut supervisor.sockets);
    let listeners = listening::listeners(&config.listen, handed).await?;
    let tls = listening::tls(&config.listen)?;
    let samples = rendered.clone();
    let downloads = parts.offers_downloads.then(|| Arc::clone(&parts.downloads));
    let plugins = Arc::clone(&parts.plugins);
    let render = move || {
        let centers = plugins.centers_taking_turns();
        metrics::gauge!("colophon_plugin_centers_taking_turns").set(centers as f64);
        rendered.render()
    };
    let mut edge = edge(config, downloads, parts.services.clone(), render)?;
    let mut activation_address = None;
    let made_elsewhere = maker.as_ref().is_some_and(|maker| maker.is_elsewhere);
    if let Some(maker) = maker
        && let Some(first) = listeners.public.first()
    {
        let listens = first.local_addr()?;
        edge.pages = match public_url(config, listens)? {
            Some(public_url) => {
                activation_address = Some(format!("{public_url}/activation"));
                let trust = parts.trust.clone();
                let console = pages(house, trust, maker.worker, config, public_url).await?;
                console.router()?
            }
            None => {
                tell_activation_closed(listens);
                closed(&config.activation.service)
            }
        };
    }
    let stop = CancellationToken::new();
    // Whoever reads that the host serves may stop it from then on.
    signals::watch(stop.clone(), tls.clone())?;
    announce(house, parts, &listeners, tls.is_some()).await?;
    let listens = listeners.public.first();
    let listens = listens.map(|listener| listener.local_addr()).transpose()?;
    let announcer = announce_node(house, config, parts, roles, listens, stop.clone());
    if let Some(address) = activation_address {
        writeln!(std::io::stdout(), "Devices are activated at {address}")?;
    }
    if made_elsewhere {
        writeln!(
            std::io::stdout(),
            "Repositories are made by other hosts, with --roles repository"
        )?;
    }
    watch_outbox(stop.clone(), parts);
    gather_samples(samples);
    let serving = edge.start(listeners, tls, stop.clone())?;
    supervisor.host_serves(stop);
    let stopped = serving.until_stopped().await;
    Ok(Served { stopped, announcer })
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

fn edge(
    config: &Config,
    downloads: Option<Arc<Downloads>>,
    readiness: Arc<dyn Readiness>,
    render: impl Fn() -> String + Send + Sync + 'static,
) -> Result<Edge> {
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
        downloads,
        readiness,
        metrics_render: Arc::new(move || {
            published.publish();
            render()
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

/// A host whose outbox has failed can promise nothing any more: it ends, so that a restart
/// recovers what is on the disk.
fn watch_outbox(stop: CancellationToken, parts: &Parts) {
    let outbox = Arc::clone(&parts.outbox);
    tokio::spawn(async move {
        outbox.failed().await;
        stop.cancel();
    });
}

/// Histograms keep every sample until they are gathered, and where nobody asks for `/metrics`
/// nobody else does it.
fn gather_samples(metrics: PrometheusHandle) {
    tokio::spawn(async move {
        let mut turns = tokio::time::interval(GATHER_EVERY);
        loop {
            turns.tick().await;
            metrics.run_upkeep();
        }
    });
}
