//! Records what the centers' own plug-ins decide, off the way of requests.
//!
//! A request hands a decision over and goes on: it is neither written down nor encrypted there. A task
//! does that on a thread of its own, and writes what has come together a few at a time; what finds no
//! room is dropped and counted, and no download waits or fails for it.

mod queue;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use colophon_core::capability::Name;
use colophon_core::decision::Keeping;
use colophon_core::id::DecisionId;
use colophon_core::ports::FieldCipher;
use colophon_core::rollout::PluginVersion;
use colophon_core::time::Clock as _;
use colophon_crypto::Randomness as _;
use colophon_keys::SystemRandom;
use colophon_plugin_host::{CONTRACT, Decided, Recorder};
use colophon_receipt::CenterId;
use colophon_store::decisions::{DecisionRow, SealedDecisions};
use colophon_store::plugins::VersionRecord;
use colophon_store::store::Store;
use metrics::{Counter, counter};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::queue::{LEAST, Queue, ROOM};
use super::loading::permitted;
use crate::house::{House, SystemClock};

/// So many are written between two breaks, and of so many bytes: twice as many in a second.
const ROUND_MAX: usize = 128;
const ROUND_BYTES_MAX: usize = 8 << 20;

/// As many are one write, for which the other writers of a file wait, a limited purchase's among them;
/// and of so many bytes.
const TOGETHER_MAX: usize = 16;
const TOGETHER_BYTES_MAX: usize = 512 << 10;

/// Before a write, so that several decisions are one.
const GATHER: Duration = Duration::from_millis(500);

/// How long a host that ends waits for the last ones.
const STOP_MAX: Duration = Duration::from_secs(10);

/// How often what is too old goes.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// Takes decisions of all versions.
#[derive(Clone)]
pub(crate) struct Recording {
    cipher: Arc<dyn FieldCipher>,
    queue: Queue,
}

/// The task that writes them.
pub(crate) struct DecisionWriter {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// A decision that waits to be written.
struct Waiting {
    by: Arc<DecidedBy>,
    decided: Decided,
    /// The room that it takes up.
    takes: usize,
}

/// The version that decides.
struct DecidedBy {
    center: CenterId,
    plugin: Name,
    version: PluginVersion,
    sha256: [u8; 32],
    digests: Digests,
    recorded: Counter,
    dropped: Counter,
}

/// What a version was given, as far as decisions depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digests {
    /// Of the grant.
    pub(crate) grant: [u8; 32],
    /// Of what is set for it.
    pub(crate) config: [u8; 32],
}

/// The digests of what a version was given. They are made under the master key: of a grant, parts
/// could be guessed.
pub(crate) fn digests(cipher: &dyn FieldCipher, manifest: &str, grant: &str) -> Digests {
    let permitted = permitted(manifest, grant);
    let config = permitted.ok().and_then(|(_, permitted)| permitted.config);
    let config = config.unwrap_or_default();
    let config: Vec<&[u8]> = config
        .iter()
        .flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()])
        .collect();
    Digests {
        grant: cipher.pseudonym("decision/grant", &[grant.as_bytes()]),
        config: cipher.pseudonym("decision/config", &config),
    }
}

impl Recording {
    /// Starts the writer, which also lets go what is older than anything is kept. There is nobody to
    /// hand decisions over to if none is kept.
    pub(crate) fn start(house: &House, keeping: Keeping) -> (Option<Self>, DecisionWriter) {
        let queue = Queue::with_room(ROOM);
        let stop = CancellationToken::new();
        let writer = Writer {
            store: Arc::clone(&house.store),
            keeping,
            queue: queue.clone(),
        };
        let task = tokio::spawn(writer.run(stop.clone()));
        let recording = Self {
            cipher: Arc::clone(&house.cipher),
            queue,
        };
        let recording = keeping.keeps_any().then_some(recording);
        (recording, DecisionWriter { stop, task })
    }

    /// Takes the decisions of one version.
    pub(super) fn of(
        &self,
        center: &CenterId,
        plugin: &Name,
        version: &VersionRecord,
    ) -> Arc<dyn Recorder> {
        let labels = || {
            [
                ("center", center.as_str().to_owned()),
                ("plugin", plugin.as_str().to_owned()),
            ]
        };
        let by = DecidedBy {
            center: center.clone(),
            plugin: plugin.clone(),
            version: version.version.clone(),
            sha256: version.sha256,
            digests: digests(self.cipher.as_ref(), &version.manifest, &version.grant),
            recorded: counter!("colophon_plugin_decisions_recorded_total", &labels()),
            dropped: counter!("colophon_plugin_decisions_dropped_total", &labels()),
        };
        Arc::new(VersionRecorder {
            by: Arc::new(by),
            queue: self.queue.clone(),
        })
    }
}

impl DecisionWriter {
    /// Writes what still waits, as far as the database takes it in time, and ends.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        if timeout(STOP_MAX, &mut self.task).await.is_err() {
            self.task.abort();
            tracing::warn!("the last decisions of plug-ins were not recorded in time");
        }
    }
}

struct VersionRecorder {
    by: Arc<DecidedBy>,
    queue: Queue,
}

impl Recorder for VersionRecorder {
    fn record(&self, decided: Decided) {
        let takes = decided.record.bytes_about().max(LEAST);
        self.queue.add(Waiting {
            by: Arc::clone(&self.by),
            decided,
            takes,
        });
    }
}

struct Writer {
    store: Arc<Store>,
    keeping: Keeping,
    queue: Queue,
}

/// Decisions of one plug-in, with whom they are counted for.
type Batch = (Arc<DecidedBy>, SealedDecisions);

impl Writer {
    async fn run(self, stop: CancellationToken) {
        let mut forget = interval(FORGET_EVERY);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = forget.tick() => self.forget_old().await,
                () = self.queue.arrived() => {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = sleep(GATHER) => {}
                    }
                    if !self.write_round().await {
                        self.queue.arrive();
                    }
                }
            }
        }
        // The recorders live on in the registry; nothing more is taken from them.
        self.queue.close();
        while !self.write_round().await {}
    }

    async fn forget_old(&self) {
        let oldest = self.keeping.oldest(SystemClock.now());
        if let Err(error) = self.store.forget_decisions_before(oldest).await {
            tracing::warn!(%error, "old decisions of plug-ins stay for another hour");
        }
    }

    /// Writes what waits, up to a number, and says whether that was all.
    async fn write_round(&self) -> bool {
        let (mut count, mut bytes) = (0, 0);
        while count < ROUND_MAX && bytes < ROUND_BYTES_MAX {
            let taken = self.queue.take(TOGETHER_MAX, TOGETHER_BYTES_MAX);
            if taken.is_empty() {
                return true;
            }
            count += taken.len();
            bytes += taken.iter().map(|one| one.takes).sum::<usize>();
            self.write(taken).await;
        }
        false
    }

    /// Writes decisions of one center.
    async fn write(&self, taken: Vec<Waiting>) {
        let (store, keeping) = (Arc::clone(&self.store), self.keeping);
        let all: Vec<Arc<DecidedBy>> = taken.iter().map(|one| Arc::clone(&one.by)).collect();
        let sealed = spawn_blocking(move || sealed(&store, keeping, &taken)).await;
        let batches = match sealed {
            Ok(batches) => batches,
            Err(error) => {
                tracing::warn!(%error, "decisions of plug-ins could not be written down");
                all.iter().for_each(|by| by.dropped.increment(1));
                return;
            }
        };
        for (by, batch) in batches {
            match self.store.keep_decisions(&batch, self.keeping).await {
                Ok(()) => by.recorded.increment(batch.count()),
                Err(error) => {
                    by.dropped.increment(batch.count());
                    tracing::warn!(
                        %error,
                        center.id = %by.center,
                        plugin.id = %by.plugin,
                        decisions = batch.count(),
                        "decisions of a plug-in were not recorded"
                    );
                }
            }
        }
    }
}

/// Decisions of one center as they are kept, each plug-in's for themselves. It takes its time.
fn sealed(store: &Store, keeping: Keeping, taken: &[Waiting]) -> Vec<Batch> {
    let mut of_plugin: BTreeMap<&Name, (&Arc<DecidedBy>, Vec<DecisionRow>)> = BTreeMap::new();
    for waiting in taken {
        let by = &waiting.by;
        if let Some(row) = waiting.row(keeping) {
            let (_, rows) = of_plugin.entry(&by.plugin).or_insert((by, Vec::new()));
            rows.push(row);
        }
    }
    let batches = of_plugin.into_values().map(|(by, rows)| {
        let sealed = store.seal_decisions(&by.center, &by.plugin, rows);
        (Arc::clone(by), sealed)
    });
    batches.collect()
}

impl Waiting {
    /// The decision as it is kept; none if it is not one of those.
    fn row(&self, keeping: Keeping) -> Option<DecisionRow> {
        let Self { by, decided, .. } = self;
        let Decided { context, record } = decided;
        let mut random = [0; 10];
        SystemRandom.fill(&mut random);
        let id = DecisionId::made_at(context.now, random);
        let sampled = keeping.samples(id);
        if !sampled && keeping.last == 0 {
            return None;
        }
        Some(DecisionRow {
            id,
            plugin: by.plugin.clone(),
            version: by.version.clone(),
            at: context.now,
            request: context.request_id.clone(),
            retailer: context.retailer.clone(),
            role: record.role().as_str().to_owned(),
            outcome: record.outcome().kind().to_owned(),
            fuel: record.fuel(),
            sampled,
            contract: CONTRACT.to_owned(),
            sha256: by.sha256,
            grant_digest: by.digests.grant,
            config_digest: by.digests.config,
            record: record.to_bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use colophon_core::plugin::CallContext;
    use colophon_core::time::Timestamp;
    use colophon_plugin_host::Record;

    use super::*;

    const NAMED: &str = concat!(
        r#"{"format":2,"limits":{"deadline_ms":200,"host_call_ms":150,"fuel":1,"memory_bytes":1,"#,
        r#""table_elements":1,"host_calls":1,"handover_bytes":1},"reused":false,"before":[],"decision":{"input":"#,
        r#"{"naming":{"context":{"request_id":"r","now_ms":1,"center":"main","retailer":"shop","#,
        r#""territory":null,"extra":[]},"facts":[]}},"calls":[],"output":{"naming":{"Ok":"n"}},"#,
        r#""failure":null,"fuel":7,"lacks":null}}"#,
    );

    pub(super) fn decided() -> Decided {
        Decided {
            context: CallContext {
                request_id: "r".to_owned(),
                now: Timestamp::from_unix_ms(1),
                center: "main".parse().unwrap(),
                retailer: "shop".parse().unwrap(),
                purchase: None,
            },
            record: Record::parse(NAMED.as_bytes()).unwrap(),
        }
    }

    pub(super) fn by(center: &str, dropped: Counter) -> DecidedBy {
        DecidedBy {
            center: center.parse().unwrap(),
            plugin: Name::parse("acme").unwrap(),
            version: "1".parse().unwrap(),
            sha256: [1; 32],
            digests: Digests {
                grant: [2; 32],
                config: [3; 32],
            },
            recorded: Counter::noop(),
            dropped,
        }
    }

    #[test]
    fn small_decisions_take_up_room_too() {
        let queue = Queue::with_room(2 * LEAST);
        let recorder = VersionRecorder {
            by: Arc::new(by("main", Counter::noop())),
            queue: queue.clone(),
        };
        for _ in 0..3 {
            recorder.record(decided());
        }
        assert_eq!(queue.take(99, usize::MAX).len(), 2);
    }

    #[test]
    fn what_chance_does_not_keep_is_not_written() {
        let waiting = Waiting {
            by: Arc::new(by("main", Counter::noop())),
            decided: decided(),
            takes: 1,
        };
        let keeping = |last, sampled_per_mille| Keeping {
            last,
            sampled_per_mille,
            days: 1,
        };
        let sampled = |keeping| waiting.row(keeping).map(|row| row.sampled);
        assert_eq!(sampled(keeping(0, 0)), None);
        assert_eq!(sampled(keeping(1, 0)), Some(false));
        assert_eq!(sampled(keeping(0, 1000)), Some(true));
    }
}
