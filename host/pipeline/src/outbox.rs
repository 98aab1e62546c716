//! The node's durable outbox: room first, then the row, then its commit.

use std::sync::{Arc, Mutex, PoisonError};

use colophon_core::log::LogRecord;
use colophon_core::ports::{
    Admission, Commit, FieldCipher, Outbox, OutboxRows, Service, Unavailable,
};
use thiserror::Error;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::commit::{Committer, Submitted};
use crate::room::{Backlog, DiskSpace, OutboxLimits, Promise, Room};
use crate::running::Running;
use crate::sealed_row;

/// What the outbox works with.
#[derive(Clone)]
pub struct OutboxPorts {
    /// The node's database.
    pub rows: Arc<dyn OutboxRows>,
    /// Encrypts the rows.
    pub cipher: Arc<dyn FieldCipher>,
    /// The disk of the node's database.
    pub disk: Arc<dyn DiskSpace>,
}

/// The outbox of this node.
///
/// It promises room before a download begins and makes rows durable many at a time: whatever has
/// been submitted while one commit ran goes into the next. No timer is involved. A row submitted to
/// an idle outbox is committed at once; under load a row waits for at most the commit under way
/// and its own, and the slower the disk, the more rows share a commit. (At 1,000 rows a second the
/// median row was durable after 1.2 ms; after 8.5 ms where a batch waited 5 ms to fill.)
///
/// When a commit fails, nothing can be known about the disk any more: the outbox admits nothing
/// from then on and every row not known to be durable is reported so. It never tries the same
/// rows again, for a second fsync may succeed over lost pages. [`DurableOutbox::failed`] tells the
/// host to end; after a restart the database recovers what is there.
pub struct DurableOutbox {
    submissions: mpsc::Sender<Submitted>,
    cipher: Arc<dyn FieldCipher>,
    backlog: Backlog,
    failed: CancellationToken,
    running: Mutex<Option<Running>>,
}

impl DurableOutbox {
    /// Opens the outbox over the rows that an earlier run of this host may have left.
    pub async fn open(ports: OutboxPorts, limits: OutboxLimits) -> Result<Self, Unavailable> {
        let waiting = ports.rows.waiting().await?;
        let (submissions, received) = mpsc::channel(limits.admitted_max.max(1));
        let failed = CancellationToken::new();
        let batch_rows_max = limits.batch_rows_max.max(1);
        let backlog = Backlog {
            room: Arc::new(Room::new(limits, ports.disk, waiting)),
            committed: Arc::new(Notify::new()),
            hand_over: Arc::default(),
        };
        let committer = Committer {
            rows: ports.rows,
            received,
            batch_rows_max,
            backlog: backlog.clone(),
            failed: failed.clone(),
        };
        Ok(Self {
            submissions,
            cipher: ports.cipher,
            backlog,
            failed,
            running: Mutex::new(Some(Running::spawn(|stop| committer.run(stop)))),
        })
    }

    /// What waits in it, for the log writer.
    pub fn backlog(&self) -> Backlog {
        self.backlog.clone()
    }

    /// Whether a commit has failed.
    pub fn has_failed(&self) -> bool {
        self.failed.is_cancelled()
    }

    /// Why a download would not be admitted now; none where one would. Nothing is promised, and nothing
    /// is counted or told.
    pub fn shortage(&self) -> Option<Shortage> {
        if self.has_failed() {
            return Some(Shortage("the outbox has failed, and the host ends"));
        }
        self.backlog.room.shortage().map(Shortage)
    }

    /// Resolves when a commit has failed. The host has to end then: see [`DurableOutbox`].
    pub async fn failed(&self) {
        self.failed.cancelled().await;
    }

    /// Admits nothing more, waits for every row that was promised room, and makes it durable.
    /// Downloads still under way have to end first; a caller in a hurry puts a limit around this.
    pub async fn stop(&self) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(running) = running {
            running.stop().await;
        }
    }
}

impl Outbox for DurableOutbox {
    fn admit(&self) -> Option<Box<dyn Admission>> {
        if self.has_failed() {
            return None;
        }
        // The place in the queue is taken now, so that submitting never waits.
        let place = self.submissions.clone().try_reserve_owned().ok()?;
        let promise = self.backlog.room.promise()?;
        Some(Box::new(Admitted {
            place,
            promise,
            cipher: Arc::clone(&self.cipher),
            failed: self.failed.clone(),
        }))
    }

    fn admit_refusal(&self) -> Option<Box<dyn Admission>> {
        if self.backlog.room.is_plentiful() {
            self.admit()
        } else {
            None
        }
    }
}

struct Admitted {
    place: mpsc::OwnedPermit<Submitted>,
    promise: Promise,
    cipher: Arc<dyn FieldCipher>,
    failed: CancellationToken,
}

impl Admission for Admitted {
    fn submit(self: Box<Self>, record: LogRecord) -> Commit {
        let (durable, told) = oneshot::channel();
        // Encoded and encrypted here, on the many threads of the downloads, not on the one that
        // commits.
        let submitted = Submitted {
            payload: sealed_row::seal(self.cipher.as_ref(), &record),
            record,
            promise: self.promise,
            durable,
        };
        self.place.send(submitted);
        let failed = self.failed;
        Box::pin(async move {
            tokio::select! {
                // What is known of this very row comes first.
                biased;
                told = told => told.unwrap_or_else(|_dropped| Err(not_written(None))),
                // A row handed over after the failure stays in a queue that nobody reads.
                () = failed.cancelled() => Err(not_written(None)),
            }
        })
    }
}

/// Why no log row can be promised, for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Shortage(&'static str);

/// Why a row is not known to be durable.
#[derive(Debug, Clone, Error)]
#[error("the node's outbox has failed or stopped")]
struct NotWritten {
    /// The failed commit, if it was this row's.
    #[source]
    commit: Option<Arc<Unavailable>>,
}

pub(crate) fn not_written(commit: Option<&Arc<Unavailable>>) -> Unavailable {
    let commit = commit.map(Arc::clone);
    Unavailable::new(Service::NodeDatabase, NotWritten { commit })
}
