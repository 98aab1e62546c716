//! Records what the centers' own plug-ins decide, off the way of requests.
//!
//! A request hands a decision over and goes on. A task writes what has come together, a limited number
//! at a time; what finds no room is dropped and counted, and no download waits or fails for it.

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
use colophon_store::decisions::DecisionRow;
use colophon_store::plugins::VersionRecord;
use colophon_store::store::Store;
use metrics::{Counter, counter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::loading::permitted;
use crate::house::{House, SystemClock};

/// Decisions that may wait to be written.
const WAITING_MAX: usize = 1024;

/// The bytes that these may have together.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// As many are written at once; twice as many in a second.
const TOGETHER_MAX: usize = 128;

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

/// Where decisions wait.
#[derive(Clone)]
struct Queue {
    waiting: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
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
    _room: OwnedSemaphorePermit,
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
        let (waiting, taken) = mpsc::channel(WAITING_MAX);
        let stop = CancellationToken::new();
        let writer = Writer {
            store: Arc::clone(&house.store),
            keeping,
            taken,
        };
        let task = tokio::spawn(writer.run(stop.clone()));
        let recording = Self {
            cipher: Arc::clone(&house.cipher),
            queue: Queue {
                waiting,
                room: Arc::new(Semaphore::new(WAITING_BYTES_MAX)),
            },
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
        let bytes = u32::try_from(decided.record.bytes_about()).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.queue.room).try_acquire_many_owned(bytes);
        let handed_over = room.is_ok_and(|room| {
            let waiting = Waiting {
                by: Arc::clone(&self.by),
                decided,
                _room: room,
            };
            self.queue.waiting.try_send(waiting).is_ok()
        });
        if !handed_over {
            self.by.dropped.increment(1);
        }
    }
}

struct Writer {
    store: Arc<Store>,
    keeping: Keeping,
    taken: mpsc::Receiver<Waiting>,
}

impl Writer {
    async fn run(mut self, stop: CancellationToken) {
        let mut forget = interval(FORGET_EVERY);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = forget.tick() => self.forget_old().await,
                Some(first) = self.taken.recv() => {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = sleep(GATHER) => {}
                    }
                    self.write_with(first).await;
                }
            }
        }
        // The recorders live on in the registry; nothing more is taken from them.
        self.taken.close();
        while let Some(first) = self.taken.recv().await {
            self.write_with(first).await;
        }
    }

    async fn forget_old(&self) {
        let oldest = self.keeping.oldest(SystemClock.now());
        if let Err(error) = self.store.forget_decisions_before(oldest).await {
            tracing::warn!(%error, "old decisions of plug-ins stay for another hour");
        }
    }

    /// Writes a decision with those that wait behind it.
    async fn write_with(&mut self, first: Waiting) {
        let mut batch: BTreeMap<(CenterId, Name), (Arc<DecidedBy>, Vec<DecisionRow>)> =
            BTreeMap::new();
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(waiting) = next {
            taken += 1;
            if let Some(row) = self.row(&waiting) {
                let by = &waiting.by;
                let place = (by.center.clone(), by.plugin.clone());
                let (_, rows) = batch
                    .entry(place)
                    .or_insert_with(|| (Arc::clone(by), Vec::new()));
                rows.push(row);
            }
            next = match taken < TOGETHER_MAX {
                true => self.taken.try_recv().ok(),
                false => None,
            };
        }
        for ((center, plugin), (by, rows)) in batch {
            let count = rows.len() as u64;
            let kept = self
                .store
                .keep_decisions(&center, &plugin, &rows, self.keeping)
                .await;
            match kept {
                Ok(()) => by.recorded.increment(count),
                Err(error) => {
                    by.dropped.increment(count);
                    tracing::warn!(
                        %error,
                        center.id = %center,
                        plugin.id = %plugin,
                        decisions = count,
                        "decisions of a plug-in were not recorded"
                    );
                }
            }
        }
    }

    /// The decision as it is kept; none if it is not one of those.
    fn row(&self, waiting: &Waiting) -> Option<DecisionRow> {
        let Waiting { by, decided, .. } = waiting;
        let Decided { context, record } = decided;
        let mut random = [0; 10];
        SystemRandom.fill(&mut random);
        let id = DecisionId::made_at(context.now, random);
        let sampled = self.keeping.samples(id);
        if !sampled && self.keeping.last == 0 {
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
    use std::sync::atomic::{AtomicU64, Ordering};

    use colophon_core::plugin::CallContext;
    use colophon_core::time::Timestamp;
    use colophon_plugin_host::Record;

    use super::*;

    const NAMED: &str = concat!(
        r#"{"format":1,"limits":{"deadline_ms":200,"host_call_ms":150,"fuel":1,"memory_bytes":1,"#,
        r#""table_elements":1,"host_calls":1,"handover_bytes":1},"reused":false,"before":[],"decision":{"input":"#,
        r#"{"naming":{"context":{"request_id":"r","now_ms":1,"center":"main","retailer":"shop","#,
        r#""territory":null,"extra":[]},"facts":[]}},"calls":[],"output":"{\"Ok\":\"n\"}","#,
        r#""failure":null,"fuel":7,"lacks":null}}"#,
    );

    fn decided() -> Decided {
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

    /// A recorder whose decisions nobody writes.
    fn unwritten(
        places: usize,
        bytes: usize,
    ) -> (VersionRecorder, mpsc::Receiver<Waiting>, Arc<AtomicU64>) {
        let (waiting, taken) = mpsc::channel(places);
        let dropped = Arc::new(AtomicU64::new(0));
        let by = DecidedBy {
            center: "main".parse().unwrap(),
            plugin: Name::parse("acme").unwrap(),
            version: "1".parse().unwrap(),
            sha256: [1; 32],
            digests: Digests {
                grant: [2; 32],
                config: [3; 32],
            },
            recorded: Counter::noop(),
            dropped: Counter::from_arc(Arc::clone(&dropped)),
        };
        let queue = Queue {
            waiting,
            room: Arc::new(Semaphore::new(bytes)),
        };
        let by = Arc::new(by);
        (VersionRecorder { by, queue }, taken, dropped)
    }

    fn arrived(mut taken: mpsc::Receiver<Waiting>) -> usize {
        std::iter::from_fn(|| taken.try_recv().ok()).count()
    }

    #[test]
    fn what_finds_no_place_is_dropped_and_counted() {
        let (recorder, taken, dropped) = unwritten(2, 1 << 20);
        for _ in 0..5 {
            recorder.record(decided());
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
        assert_eq!(arrived(taken), 2);
    }

    #[test]
    fn what_has_too_many_bytes_for_the_room_is_dropped_and_counted() {
        let one = decided().record.bytes_about();
        let (recorder, taken, dropped) = unwritten(100, 3 * one);
        for _ in 0..5 {
            recorder.record(decided());
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 2);
        assert_eq!(arrived(taken), 3);
    }

    #[test]
    fn nobody_waits_when_the_writer_is_gone() {
        let (recorder, taken, dropped) = unwritten(2, 1 << 20);
        drop(taken);
        recorder.record(decided());
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        assert_eq!(recorder.queue.room.available_permits(), 1 << 20);
    }
}
