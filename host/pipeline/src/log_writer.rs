//! Carries rows from the outbox to the logging database.
//!
//! The logging database takes any record any number of times and keeps one; a row leaves the outbox
//! only when the logging database has said that it is there. So wherever this is interrupted, the
//! next run begins with the same rows, and each arrives once. A row that the logging database
//! refuses is set aside, so that it holds up no other; where it refuses whatever it is handed, rows
//! wait as where it does not answer.

use std::sync::Arc;
use std::time::Duration;

use colophon_core::event::NamedEvent;
use colophon_core::id::NodeId;
use colophon_core::log::LogRecord;
use colophon_core::ports::{FieldCipher, LogRows, OutboxRows, Unavailable};
use colophon_crypto::Randomness;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::doubt::Doubt;
use crate::halving::append_by_halves;
use crate::outgoing::{Batch, Outgoing, RefusedRow};
use crate::room::Backlog;
use crate::running::Running;

/// What the log writer works with.
#[derive(Clone)]
pub struct LogWriterPorts {
    /// This node, whose rows these are.
    pub node: NodeId,
    /// The node's database.
    pub rows: Arc<dyn OutboxRows>,
    /// The logging database.
    pub log: Arc<dyn LogRows>,
    /// Decrypts the rows.
    pub cipher: Arc<dyn FieldCipher>,
    /// The outbox's account of what waits.
    pub backlog: Backlog,
}

/// How long to wait for more rows after a batch that was not full. Most of the cost of a batch is
/// that of its transaction, and nobody waits for these rows: they are durable in the outbox.
const GATHER: Duration = Duration::from_millis(100);

/// How long the outbox may go unlooked at when no commit calls. Every commit does call; this is for
/// rows that came in some other way, such as a database restored under a running host.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Carries log rows on until it is stopped.
pub struct LogWriter {
    node: NodeId,
    log: Arc<dyn LogRows>,
    outgoing: Outgoing,
    /// The number of the row that follows what was carried last; unknown until something was.
    next: Option<i64>,
    /// Up to which number rows were refused all together; others behind them are tried before they
    /// are again.
    passed_over: i64,
    doubt: Doubt,
    backoff: Backoff,
    /// Whether a delay has been reported that is not over.
    delayed: bool,
}

/// What there was to carry.
enum Carried {
    /// As many rows as a batch takes; there may be more.
    Full,
    /// Fewer rows than that.
    Partial,
    /// The outbox was empty.
    Nothing,
}

impl LogWriter {
    /// Starts carrying; `random` spreads the times at which hosts come back to a database that
    /// was lost. Stopping waits until the outbox is empty or something does not answer; rows left
    /// behind are carried by the next run.
    pub fn start(ports: LogWriterPorts, random: Box<dyn Randomness + Send>) -> Running {
        ports.backlog.hand_over.open();
        let writer = Self {
            node: ports.node,
            log: ports.log,
            outgoing: Outgoing {
                rows: ports.rows,
                cipher: ports.cipher,
                backlog: ports.backlog,
            },
            next: None,
            passed_over: 0,
            doubt: Doubt::default(),
            backoff: Backoff::new(random),
            delayed: false,
        };
        Running::spawn(|stop| writer.run(stop))
    }

    async fn run(mut self, stop: CancellationToken) {
        loop {
            let carried = self.carry().await;
            if carried.is_err() {
                self.next = None;
            }
            self.note(carried.as_ref().err());
            match carried {
                Ok(Carried::Full) => {}
                Ok(Carried::Partial) => tokio::select! {
                    () = sleep(GATHER) => {}
                    () = stop.cancelled() => {}
                },
                Ok(Carried::Nothing) | Err(_) if stop.is_cancelled() => {
                    self.outgoing.backlog.hand_over.close();
                    return;
                }
                Ok(Carried::Nothing) => tokio::select! {
                    () = self.outgoing.backlog.committed.notified() => {}
                    () = sleep(LOOK_AGAIN) => {}
                    () = stop.cancelled() => {}
                },
                Err(_) => tokio::select! {
                    () = sleep(self.backoff.fail()) => {}
                    () = stop.cancelled() => {}
                },
            }
        }
    }

    /// Reports the beginning of a delay, once, and its end.
    fn note(&mut self, error: Option<&Unavailable>) {
        let was_delayed = std::mem::replace(&mut self.delayed, error.is_some());
        match error {
            Some(error) if !was_delayed => {
                let event = NamedEvent::LogWriterDelayed;
                tracing::warn!(
                    event.code = event.code(),
                    event.name = event.slug(),
                    error = error as &(dyn std::error::Error + 'static),
                    "log rows wait in the outbox"
                );
            }
            Some(_) => {}
            None => {
                self.backoff.succeed();
                if was_delayed {
                    tracing::info!("log rows are written again");
                }
            }
        }
    }
}

impl LogWriter {
    /// Carries rows on that follow those before: handed over ones, or else the oldest in the
    /// outbox.
    async fn carry(&mut self) -> Result<Carried, Unavailable> {
        let Some(batch) = self.take().await? else {
            return Ok(Carried::Nothing);
        };
        let carried = match batch.is_full {
            true => Carried::Full,
            false => Carried::Partial,
        };
        let last = *batch.sequences.end();
        self.write(batch).await?;
        // What was passed over is tried again as soon as something behind it was taken.
        self.next = match std::mem::take(&mut self.passed_over) {
            0 => last.checked_add(1),
            _ => None,
        };
        Ok(carried)
    }

    /// Takes rows behind those that were passed over, and those where there are none behind them.
    async fn take(&mut self) -> Result<Option<Batch>, Unavailable> {
        let taken = self.outgoing.take(self.next, self.passed_over).await?;
        if taken.is_some() || self.passed_over == 0 {
            return Ok(taken);
        }
        self.passed_over = 0;
        self.outgoing.take(None, 0).await
    }

    /// Brings rows to the logging database, and then out of the outbox. Where it refuses all of them,
    /// and may refuse whatever it is handed, they stay and are passed over.
    async fn write(&mut self, batch: Batch) -> Result<(), Unavailable> {
        let last = *batch.sequences.end();
        let rows = batch.rows.into_iter();
        let (records, lengths): (Vec<(i64, LogRecord)>, Vec<u64>) = rows
            .map(|row| ((row.sequence, row.record), row.bytes))
            .unzip();
        if records.is_empty() {
            return Ok(());
        }
        let appended = append_by_halves(self.log.as_ref(), self.node, &records).await?;
        let refused = appended.refused;
        if let Err(everything) = self.doubt.note(appended.taken, &refused) {
            self.passed_over = last;
            return Err(everything);
        }
        let (mut written, mut bytes) = (Vec::with_capacity(records.len()), 0_u64);
        let mut aside = Vec::new();
        for ((sequence, record), length) in records.iter().zip(lengths) {
            let (sequence, event) = (*sequence, record.event());
            match refused.get(&event) {
                None => {
                    written.push((sequence, event));
                    bytes = bytes.saturating_add(length);
                }
                Some(reason) => aside.push(RefusedRow {
                    sequence,
                    event,
                    reason: reason.clone(),
                }),
            }
        }
        self.outgoing.remove(&written, bytes).await?;
        self.outgoing.set_refused_aside(&aside).await?;
        Ok(())
    }
}
