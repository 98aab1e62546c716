//! Everything a serving host is made of, put together and taken apart again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use colophon_core::download::Downloads;
use colophon_core::event::NamedEvent;
use colophon_core::forms::GoodForms;
use colophon_core::id::NodeId;
use colophon_core::ports::{Outbox, Readiness};
use colophon_core::principal::Registrations;
use colophon_core::time::Clock as _;
use colophon_keys::TrustFolder;
use colophon_origin::{CacheSettings, CachedOrigin, memory};
use colophon_outbound::registration::RegistrationServer;
use colophon_pipeline::{
    AgentSettings, AnnouncerPorts, CacheUpdateAgent, DurableOutbox, Followed, OutboxLimits,
    OutboxPorts, Running,
};
use colophon_plugin_host::Registry;
use colophon_receipt::CenterId;
use colophon_store::cached::{CacheSizes, CachedRecords};
use colophon_store::node::{NodeDatabase, NodeStore};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use super::log_rows::{self, LogRows};
use super::plugins::{
    Booking, ChainWatch, CostWriter, DecisionWriter, Recording, START_PATIENCE, chains,
};
use super::readiness::{BroughtBy, PluginsAnswer, Services};
use super::{House, SystemClock};
use crate::config::Config;
use crate::event_log::{EventQueue, Recorder};

/// Times a stopping host waits for what it has begun.
const FLUSH: Duration = Duration::from_secs(20);

/// A house with its pipeline running, ready to serve downloads.
pub(crate) struct Parts {
    pub(crate) downloads: Arc<Downloads>,
    /// Whether this host offers them; one without the role has them ready and says nothing of it.
    pub(crate) offers_downloads: bool,
    pub(crate) services: Arc<Services>,
    pub(crate) plugins: Arc<Registry>,
    pub(crate) outbox: Arc<DurableOutbox>,
    /// Who is believed on this host, as it is now.
    pub(crate) trust: Arc<TrustFolder>,
    node: Arc<NodeStore>,
    recorder: Recorder,
    log_rows: LogRows,
    cache_agent: Running,
    followed: watch::Receiver<Followed>,
    chain_watch: ChainWatch,
    decision_writer: DecisionWriter,
    cost_writer: CostWriter,
    trust_watch: AbortHandle,
}

impl Parts {
    /// Puts the house's parts together and starts the pipeline. `events` are recorded from the
    /// moment the outbox is open; nothing after that can fail. `brings` says whether this host has
    /// the role of bringing rows from the broker to the logging database.
    pub(crate) async fn start(
        house: &House,
        config: &Config,
        events: EventQueue,
        brings: bool,
    ) -> Result<Self> {
        let records = Arc::new(CachedRecords::new(
            house.store.clone(),
            house.store.clone(),
            Arc::new(SystemClock),
            CacheSizes::default(),
        ));
        let origin = Arc::new(origin(house, config)?);
        let (booking, cost_writer) = Booking::start(house, config.plugins.costs_days);
        let chains = chains(house, config, records.clone(), booking).await?;
        let (recording, decision_writer) = Recording::start(house, config.plugins.decisions);
        let chains = Arc::new(chains.recorded_by(recording));
        let plugins = chains.registry();
        let answer = Arc::new(PluginsAnswer {
            registry: Arc::clone(&plugins),
        });
        let (chain_watch, caches) =
            ChainWatch::start(chains, records.clone(), START_PATIENCE).await?;
        let broker = log_rows::connect(config).await?;
        let node = Arc::new(open_node(config).await?);
        let back = node.bring_back().await.context("the outbox")?;
        if back > 0 {
            tracing::info!(rows = back, "log rows that were set aside are tried again");
        }
        let outbox = Arc::new(open_outbox(house, config, &node).await?);
        let recorder = events.record_in(outbox.clone());
        let log_rows = match broker {
            None => LogRows::write(house, &node, &outbox),
            Some(broker) => LogRows::relay(house, &node, &outbox, broker, brings),
        };
        let (cache_agent, followed) = CacheUpdateAgent::start(
            house.store.clone(),
            caches,
            Arc::new(SystemClock),
            Arc::new(Notify::new()),
            AgentSettings {
                poll_every: config.cache.poll,
                lease: config.cache.lease,
                ..AgentSettings::default()
            },
        );
        let trust = Arc::new(house.trust()?);
        let trust_watch = watch_trust(&trust, config.trust.poll);
        let downloads = Arc::new(Downloads {
            centers: records.clone(),
            catalog: records,
            plugins: plugins.clone(),
            origin: origin.clone(),
            uses: house.store.clone(),
            trust: trust.clone(),
            forms: GoodForms::default(),
            principals: house.store.clone(),
            registrations: registrations(config)?,
            outbox: outbox.clone(),
            engine: house.engine.clone(),
        });
        let mut answering: Vec<Arc<dyn Readiness>> =
            vec![house.store.clone(), node.clone(), answer];
        answering.extend(log_rows.readiness());
        let services = Arc::new(Services {
            answering,
            content: origin,
            log_rows: match config.nats {
                Some(_) if !brings => BroughtBy::Others,
                Some(_) | None => BroughtBy::Itself,
            },
        });
        Ok(Self {
            downloads,
            offers_downloads: true,
            services,
            plugins,
            outbox,
            trust,
            node,
            recorder,
            log_rows,
            cache_agent,
            followed,
            chain_watch,
            decision_writer,
            cost_writer,
            trust_watch,
        })
    }

    /// This node's identity.
    pub(super) fn node(&self) -> NodeId {
        self.node.id()
    }

    /// What this host says of itself is found here.
    pub(super) fn announcer_ports(&self, house: &House) -> AnnouncerPorts {
        AnnouncerPorts {
            registry: house.store.clone(),
            followed: self.followed.clone(),
            clock: Arc::new(SystemClock),
            backlog: self.outbox.backlog(),
        }
    }

    /// Ends the pipeline in the order in which rows flow through it. Rows that do not arrive in
    /// time stay in the outbox for the next run.
    pub(crate) async fn stop(self) {
        self.trust_watch.abort();
        self.cache_agent.stop().await;
        self.chain_watch.stop().await;
        self.decision_writer.stop().await;
        self.cost_writer.stop().await;
        let flushed = tokio::time::timeout(FLUSH, async {
            self.recorder.stop().await;
            self.outbox.stop().await;
            self.log_rows.stop().await;
        });
        if flushed.await.is_err() {
            tracing::warn!("rows are left in the outbox; the next run carries them on");
        }
        self.node.close().await;
    }
}

/// The download flow straight on the databases and the content store, for commands that ask once
/// at one center and deliver nothing. Its plug-ins are those that a host asks.
pub(super) async fn downloads_for_commands(
    house: &House,
    config: &Config,
    center: &CenterId,
) -> Result<Downloads> {
    let chains = chains(house, config, house.store.clone(), None).await?;
    chains.follow(center).await?;
    Ok(Downloads {
        centers: house.store.clone(),
        catalog: house.store.clone(),
        plugins: chains.registry(),
        origin: Arc::new(origin(house, config)?),
        uses: house.store.clone(),
        trust: Arc::new(house.trust()?),
        forms: GoodForms::default(),
        principals: house.store.clone(),
        registrations: registrations(config)?,
        outbox: Arc::new(NoOutbox),
        engine: house.engine.clone(),
    })
}

/// Where activation certificates are fetched from that nobody supplied, if a setting says so.
fn registrations(config: &Config) -> Result<Option<Arc<dyn Registrations>>> {
    let Some(url) = &config.registration.url else {
        return Ok(None);
    };
    let authority = config.registration.authority.as_deref();
    let server = RegistrationServer::new(url, authority).context("registration.url")?;
    Ok(Some(Arc::new(server)))
}

/// Reads trusted roots and revocation lists again whenever they change.
fn watch_trust(trust: &Arc<TrustFolder>, every: Duration) -> AbortHandle {
    let trust = Arc::clone(trust);
    let watching = tokio::spawn(async move {
        let mut turns = tokio::time::interval(every);
        let mut failed = false;
        loop {
            turns.tick().await;
            let folder = Arc::clone(&trust);
            let refreshed = tokio::task::spawn_blocking(move || folder.refresh()).await;
            let Ok(refreshed) = refreshed else { continue };
            match refreshed {
                Ok(false) => failed = false,
                Ok(true) => {
                    failed = false;
                    tracing::info!(
                        event.code = NamedEvent::TrustChanged.code(),
                        event.name = NamedEvent::TrustChanged.slug(),
                        "trusted roots and revocation lists were read again"
                    );
                }
                // Told once, not at every turn.
                Err(error) if !failed => {
                    failed = true;
                    tracing::error!(
                        event.code = NamedEvent::TrustChanged.code(),
                        event.name = NamedEvent::TrustChanged.slug(),
                        reason = format!("{:#}", anyhow::Error::new(error)),
                        "trusted roots or revocation lists cannot be read; the old ones hold"
                    );
                }
                Err(_) => {}
            }
        }
    });
    watching.abort_handle()
}

/// Commands deliver nothing, so nothing is admitted.
struct NoOutbox;

impl Outbox for NoOutbox {
    fn admit(&self) -> Option<Box<dyn colophon_core::ports::Admission>> {
        None
    }

    fn admit_refusal(&self) -> Option<Box<dyn colophon_core::ports::Admission>> {
        None
    }
}

pub(crate) async fn open_node(config: &Config) -> Result<NodeStore> {
    let address = config.database.node.parse().context("database.node")?;
    let database = NodeDatabase::open(&address).await?;
    database.migrate(SystemClock.now()).await?;
    Ok(database.into_store().await?)
}

/// The same as it is, for commands that only look: a host of an earlier release may be at work on it.
pub(crate) async fn look_into_node(config: &Config) -> Result<NodeStore> {
    let address = config.database.node.parse().context("database.node")?;
    Ok(NodeDatabase::open(&address).await?.into_store().await?)
}

async fn open_outbox(
    house: &House,
    config: &Config,
    node: &Arc<NodeStore>,
) -> Result<DurableOutbox> {
    let file = config
        .database
        .node
        .trim_start_matches("sqlite://")
        .to_owned();
    let ports = OutboxPorts {
        rows: node.clone(),
        cipher: house.cipher.clone(),
        disk: Arc::new(move || free_disk_bytes(Path::new(&file))),
    };
    let limits = OutboxLimits {
        rows_max: config.outbox.rows_max,
        disk_bytes_spared: config.outbox.free_bytes_min,
        ..OutboxLimits::default()
    };
    Ok(DurableOutbox::open(ports, limits).await?)
}

/// Space that this user may still fill on the disk of `file`.
pub(crate) fn free_disk_bytes(file: &Path) -> std::io::Result<u64> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let disk = rustix::fs::statvfs(folder.unwrap_or(Path::new(".")))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn origin(house: &House, config: &Config) -> Result<CachedOrigin> {
    let bytes = match config.cache.bytes {
        Some(bytes) => bytes,
        None => {
            memory::default_cache_bytes(memory::free_bytes().context("cannot read free memory")?)
        }
    };
    let settings = CacheSettings::with_bytes(bytes);
    Ok(CachedOrigin::new(
        house.content.clone(),
        house.engine.clone(),
        &settings,
    ))
}
