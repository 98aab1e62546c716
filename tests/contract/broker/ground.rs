//! Hosts without their pages: an outbox with its relay, a log writer, and a logging database that
//! may be away.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_nats::jetstream::stream::Config;
use async_trait::async_trait;
use colophon_core::event::NamedEvent;
use colophon_core::id::{EventId, NodeId};
use colophon_core::log::{EventDetails, EventMessage, LogRecord, ServerEvent, Severity};
use colophon_core::ports::{
    LogRows, NotLogged, Outbox as _, OutboxRows as _, Service, SetAside, Unavailable,
};
use colophon_core::time::Timestamp;
use colophon_crypto::Key32;
use colophon_keys::{AwsLc, Envelope, MasterKey, MasterKeys, StoredSigners, SystemRandom};
use colophon_pipeline::jetstream::{
    Access, Broker, BrokerSettings, Credentials, Relay, RelayPorts, StreamLimits, StreamWriter,
    StreamWriterPorts,
};
use colophon_pipeline::{DurableOutbox, OutboxLimits, OutboxPorts, Running};
use colophon_store::node::{NodeDatabase, NodeStore};
use colophon_store::secrets::Secrets;
use colophon_store::store::{Databases, Store};
use colophon_tests::nats::NatsServer;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// How hosts use this server, with times that suit a test.
pub(crate) fn settings(server: &NatsServer) -> BrokerSettings {
    entering(access(&server.address(), Credentials::Anonymous, None))
}

/// One server, with what is shown to it and the authority that is believed of it.
pub(crate) fn access(address: &str, shown: Credentials, authority: Option<&Path>) -> Access {
    let authority = authority.map(Path::to_owned);
    Access::new(vec![address.parse().unwrap()], shown, authority).unwrap()
}

/// How hosts use a broker that they enter in this way.
pub(crate) fn entering(access: Access) -> BrokerSettings {
    BrokerSettings {
        access,
        names: "colophon".parse().unwrap(),
        limits: StreamLimits {
            bytes_max: 64 << 20,
            age_max: Duration::from_secs(3600),
            replicas: 1,
        },
        confirm_after: Duration::from_millis(500),
        ack_wait: Duration::from_secs(2),
    }
}

fn cipher() -> Arc<Envelope> {
    let key = MasterKey::new(1.try_into().unwrap(), Key32::new([7; 32]));
    Arc::new(Envelope::new(Arc::new(AwsLc), MasterKeys::of(key)))
}

/// A logging database that may be away.
pub(crate) struct LoggingDatabase {
    pub(crate) store: Arc<Store>,
    pub(crate) away: AtomicBool,
    /// How often it stores what it is given and then says that it did not.
    pub(crate) answers_to_lose: AtomicUsize,
    /// How many records were handed in, those already there included.
    pub(crate) handed_in: AtomicUsize,
    /// How many records were handed in together at most.
    pub(crate) largest_batch: AtomicUsize,
    /// A node about which it never says what has arrived.
    pub(crate) silent_about: OnceLock<NodeId>,
    folder: TempDir,
}

impl LoggingDatabase {
    pub(crate) async fn new() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let address = |name: &str| sqlite(&folder.path().join(name)).parse().unwrap();
        let databases = Databases::open(&address("colophon.db"), &address("log.db")).await;
        let databases = databases.unwrap();
        databases.migrate(Timestamp::from_unix_ms(1)).await.unwrap();
        let secrets = Secrets::new(
            cipher(),
            Arc::new(AwsLc),
            Box::new(SystemRandom),
            Arc::new(StoredSigners),
        );
        Arc::new(Self {
            store: Arc::new(databases.into_store(secrets).await.unwrap()),
            away: AtomicBool::new(false),
            answers_to_lose: AtomicUsize::new(0),
            handed_in: AtomicUsize::new(0),
            largest_batch: AtomicUsize::new(0),
            silent_about: OnceLock::new(),
            folder,
        })
    }

    /// How many rows are there.
    pub(crate) async fn rows(&self) -> u64 {
        self.store.count_records().await.unwrap().events
    }

    /// Runs a statement of an operator's.
    pub(crate) async fn run(&self, sql: &'static str) {
        let address = sqlite(&self.folder.path().join("log.db"));
        let mut connection = SqliteConnection::connect(&address).await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }

    fn answer(&self) -> Result<(), Unavailable> {
        match self.away.load(Ordering::Relaxed) {
            true => Err(Unavailable::new(Service::LoggingDatabase, "away")),
            false => Ok(()),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

#[async_trait]
impl LogRows for LoggingDatabase {
    async fn append(&self, node: NodeId, records: &[(i64, LogRecord)]) -> Result<(), NotLogged> {
        self.answer()?;
        self.handed_in.fetch_add(records.len(), Ordering::Relaxed);
        self.largest_batch
            .fetch_max(records.len(), Ordering::Relaxed);
        self.store.append(node, records).await?;
        let lose = |left: usize| left.checked_sub(1);
        let lost = self
            .answers_to_lose
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, lose);
        match lost {
            Ok(_) => Err(Unavailable::new(Service::LoggingDatabase, "answer lost").into()),
            Err(_) => Ok(()),
        }
    }

    async fn arrived(
        &self,
        node: NodeId,
        sequences: std::ops::RangeInclusive<i64>,
    ) -> Result<Vec<(i64, EventId)>, Unavailable> {
        self.answer()?;
        if self.silent_about.get() == Some(&node) {
            std::future::pending::<()>().await;
        }
        self.store.arrived(node, sequences).await
    }
}

/// A host that log rows come from.
pub(crate) struct Source {
    pub(crate) node: Arc<NodeStore>,
    pub(crate) outbox: DurableOutbox,
    _folder: TempDir,
}

impl Source {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = sqlite(&folder.path().join("node.db")).parse().unwrap();
        let database = NodeDatabase::open(&address).await.unwrap();
        database.migrate(Timestamp::from_unix_ms(1)).await.unwrap();
        let node = Arc::new(database.into_store().await.unwrap());
        let ports = OutboxPorts {
            rows: node.clone(),
            cipher: cipher(),
            disk: Arc::new(|| Ok(u64::MAX)),
        };
        let outbox = DurableOutbox::open(ports, OutboxLimits::default()).await;
        Self {
            node,
            outbox: outbox.unwrap(),
            _folder: folder,
        }
    }

    /// Makes rows durable, as downloads do that end at the same time.
    pub(crate) async fn submit(&self, count: usize) {
        let commits: Vec<_> = (0..count)
            .map(|_| self.outbox.admit().unwrap().submit(record()))
            .collect();
        for commit in commits {
            commit.await.unwrap();
        }
    }

    /// Makes one row durable that has a payload of at least so many bytes.
    pub(crate) async fn submit_one_of(&self, bytes: usize) {
        let commit = self.outbox.admit().unwrap().submit(record_of(bytes));
        commit.await.unwrap();
    }

    /// Rows that were set aside for this reason.
    pub(crate) async fn set_aside(&self, reason: SetAside) -> u64 {
        self.node.count_set_aside(reason).await.unwrap()
    }

    pub(crate) async fn waiting(&self) -> u64 {
        self.node.waiting().await.unwrap().0
    }

    pub(crate) fn relay(&self, broker: &Arc<Broker>) -> Running {
        let ports = RelayPorts {
            node: self.node.id(),
            rows: self.node.clone(),
            cipher: cipher(),
            backlog: self.outbox.backlog(),
            broker: Arc::clone(broker),
        };
        Relay::start(ports, Box::new(SystemRandom))
    }
}

pub(crate) fn writer(broker: &Arc<Broker>, log: &Arc<LoggingDatabase>) -> Running {
    let ports = StreamWriterPorts {
        log: log.clone(),
        cipher: cipher(),
        broker: Arc::clone(broker),
    };
    StreamWriter::start(ports, Box::new(SystemRandom))
}

pub(crate) async fn connect(settings: &BrokerSettings) -> Arc<Broker> {
    Broker::connect(settings).await.unwrap()
}

/// A row of its own.
pub(crate) fn record() -> LogRecord {
    telling(EventDetails::default())
}

/// One with a payload of at least this many bytes.
pub(crate) fn record_of(bytes: usize) -> LogRecord {
    let mut details = EventDetails::default();
    details.add("request.form", &"x".repeat(bytes));
    telling(details)
}

fn telling(details: EventDetails) -> LogRecord {
    let mut event = [0; 16];
    colophon_crypto::Randomness::fill(&mut SystemRandom, &mut event);
    LogRecord::Event(ServerEvent {
        event: EventId::from_bytes(event),
        at: Timestamp::from_unix_ms(1),
        name: NamedEvent::RequestIllegal,
        severity: Severity::Warning,
        center: None,
        message: EventMessage::cut("an illegal request was refused"),
        details,
    })
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn eventually(
    what: &'static str,
    mut holds: impl AsyncFnMut() -> bool,
) -> impl Future<Output = ()> {
    let begun = Instant::now();
    async move {
        while !holds().await {
            assert!(begun.elapsed() < PATIENCE, "it never came to this: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Waits until all of a source's rows have arrived, each once, and left its outbox.
pub(crate) async fn all_arrived(source: &Source, log: &LoggingDatabase, count: usize) {
    eventually("the outbox is empty", async || source.waiting().await == 0).await;
    assert_eq!(log.rows().await, count as u64);
}

/// A stream of rows that soon takes one again that it was given before.
pub(crate) fn forgetful() -> Config {
    Config {
        name: "COLOPHON_LOG".to_owned(),
        subjects: vec!["colophon.log.rows.*".to_owned()],
        duplicate_window: Duration::from_millis(100),
        ..Config::default()
    }
}

/// How many messages lie in the stream of rows, if there is one.
pub(crate) async fn held(stranger: &async_nats::jetstream::Context) -> u64 {
    let stream = stranger.get_stream("COLOPHON_LOG").await;
    stream.map_or(0, |stream| stream.cached_info().state.messages)
}

/// The broker, seen by somebody else's program.
pub(crate) async fn stranger(server: &NatsServer) -> async_nats::jetstream::Context {
    async_nats::jetstream::new(async_nats::connect(server.address()).await.unwrap())
}

fn sqlite(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}
