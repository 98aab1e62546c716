//! The one writer of the outbox: group commit.

use std::sync::Arc;
use std::time::Instant;

use colophon_core::event::NamedEvent;
use colophon_core::log::LogRecord;
use colophon_core::ports::{OutboxRows, Unavailable};
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;

use crate::outbox::not_written;
use crate::room::{Backlog, Promise};

/// A row on its way into the outbox.
pub(crate) struct Submitted {
    pub(crate) record: LogRecord,
    /// The record as the outbox keeps it.
    pub(crate) payload: Vec<u8>,
    pub(crate) promise: Promise,
    pub(crate) durable: oneshot::Sender<Result<(), Unavailable>>,
}

pub(crate) struct Committer {
    pub(crate) rows: Arc<dyn OutboxRows>,
    pub(crate) received: mpsc::Receiver<Submitted>,
    pub(crate) batch_rows_max: usize,
    pub(crate) backlog: Backlog,
    pub(crate) failed: CancellationToken,
}

impl Committer {
    /// Commits until it is told to stop and every promised row is in, or until a commit fails.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        // However else this ends, by a panic in the database's adapter for one, is a failure too.
        let ended_unasked = self.failed.clone().drop_guard();
        let mut batch = Vec::with_capacity(self.batch_rows_max);
        loop {
            let stopping = self.received.is_closed();
            let count = tokio::select! {
                biased;
                () = stop.cancelled(), if !stopping => {
                    // No new place is given out; places already taken can still be used, and the
                    // queue ends when the last of them is used or given back.
                    self.received.close();
                    continue;
                }
                count = self.received.recv_many(&mut batch, self.batch_rows_max) => count,
            };
            if count == 0 {
                ended_unasked.disarm();
                return;
            }
            self.gather(&mut batch).await;
            if let Err(error) = self.commit(&mut batch).await {
                report_failed(&error);
                return;
            }
        }
    }

    /// Lets everything that is ready run once before a commit. A host under load is in the midst of
    /// other downloads then, and their rows share the commit, which costs as much for one row as
    /// for many; a host that has nothing else to do commits at once.
    async fn gather(&mut self, batch: &mut Vec<Submitted>) {
        yield_now().await;
        while batch.len() < self.batch_rows_max
            && let Ok(submitted) = self.received.try_recv()
        {
            batch.push(submitted);
        }
    }

    /// Makes a batch durable and tells everybody who waits for a row of it.
    async fn commit(&self, batch: &mut Vec<Submitted>) -> Result<(), Arc<Unavailable>> {
        let mut rows = Vec::with_capacity(batch.len());
        let mut records = Vec::with_capacity(batch.len());
        let mut waiting = Vec::with_capacity(batch.len());
        let mut bytes = 0_u64;
        for submitted in batch.drain(..) {
            let length = submitted.payload.len() as u64;
            bytes = bytes.saturating_add(length);
            rows.push((submitted.record.event(), submitted.payload));
            records.push((submitted.record, length));
            waiting.push((submitted.promise, submitted.durable));
        }
        let count = rows.len() as u64;
        let begun = Instant::now();
        let appended = self.rows.append(rows).await.map_err(Arc::new);
        metrics::histogram!("colophon_outbox_commit_seconds").record(begun.elapsed());
        if let Ok(last) = appended {
            metrics::counter!("colophon_outbox_committed_rows_total").increment(count);
            self.backlog.room.committed(count, bytes);
            if let Some(last) = last {
                self.backlog.hand_over.offer(last, records);
            }
            self.backlog.committed.notify_one();
        }
        for (promise, durable) in waiting {
            drop(promise);
            // Nobody may be listening: a refusal's row is written without anyone waiting for it.
            let told = appended.as_ref().map_err(|error| not_written(Some(error)));
            let _unheard = durable.send(told.map(drop));
        }
        appended.map(drop)
    }
}

/// Rows still in the queue are dropped with it; those who wait for them hear of that.
fn report_failed(error: &Unavailable) {
    let event = NamedEvent::OutboxFailed;
    tracing::error!(
        event.code = event.code(),
        event.name = event.slug(),
        error = error as &(dyn std::error::Error + 'static),
        "log rows could not be made durable; the host has to end and recover"
    );
}
