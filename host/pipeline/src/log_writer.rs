//! Carries rows from the outbox to the logging database.
//!
//! The logging database takes any record any number of times and keeps one; a row leaves the outbox
//! only when the logging database has said that it is there. So wherever this is interrupted, the
//! next run begins with the same rows, and each arrives once.
//!
//! Rows come from memory, handed over by the commit that made them durable, as long as they follow
//! what was carried last. Otherwise the outbox is read: at the start, after a failure, and where
//! more rows came than are held.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use colophon_core::event::NamedEvent;
use colophon_core::id::NodeId;
use colophon_core::log::LogRecord;
use colophon_core::ports::{FieldCipher, LogRows, OutboxRow, OutboxRows, Unavailable};
use colophon_crypto::Randomness;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::hand_over::DurableRow;
use crate::room::Backlog;
use crate::running::Running;
use crate::sealed_row;

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

/// Rows carried in one transaction.
const BATCH_ROWS: usize = 256;

/// How long to wait for more rows after a batch that was not full. Most of the cost of a batch is
/// that of its transaction, and nobody waits for these rows: they are durable in the outbox.
const GATHER: Duration = Duration::from_millis(100);

/// How long the outbox may go unlooked at when no commit calls. Every commit does call; this is for
/// rows that came in some other way, such as a database restored under a running host.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Carries log rows on until it is stopped.
pub struct LogWriter {
    ports: LogWriterPorts,
    /// The number of the row that follows what was carried last; unknown until something was.
    next: Option<i64>,
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
            ports,
            next: None,
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
                    self.ports.backlog.hand_over.close();
                    return;
                }
                Ok(Carried::Nothing) => tokio::select! {
                    () = self.ports.backlog.committed.notified() => {}
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
        let hand_over = &self.ports.backlog.hand_over;
        let held = self.next.map(|next| hand_over.take(next, BATCH_ROWS));
        let batch = match held.and_then(Batch::of_held) {
            Some(batch) => batch,
            None => match self.ports.read().await? {
                Some(batch) => batch,
                None => return Ok(Carried::Nothing),
            },
        };
        self.ports.write(&batch).await?;
        self.next = batch.sequences.end().checked_add(1);
        Ok(batch.carried)
    }
}

/// Rows carried in one transaction.
struct Batch {
    /// The numbers of all of them, those set aside included.
    sequences: RangeInclusive<i64>,
    records: Vec<(i64, LogRecord)>,
    /// The length of these records in the outbox.
    bytes: u64,
    carried: Carried,
}

impl Batch {
    fn of_held(rows: Vec<DurableRow>) -> Option<Self> {
        let (first, last) = (rows.first()?.sequence, rows.last()?.sequence);
        Some(Self {
            sequences: first..=last,
            bytes: rows.iter().map(|row| row.bytes).sum(),
            carried: Carried::of(rows.len()),
            records: rows
                .into_iter()
                .map(|row| (row.sequence, row.record))
                .collect(),
        })
    }
}

impl Carried {
    fn of(rows: usize) -> Self {
        if rows < BATCH_ROWS {
            Self::Partial
        } else {
            Self::Full
        }
    }
}

impl LogWriterPorts {
    /// Reads the oldest rows and sets the unreadable ones aside.
    async fn read(&self) -> Result<Option<Batch>, Unavailable> {
        let rows = self.rows.after(0, BATCH_ROWS as u32).await?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(None);
        };
        let mut batch = Batch {
            sequences: first.sequence..=last.sequence,
            records: Vec::with_capacity(rows.len()),
            bytes: 0,
            carried: Carried::of(rows.len()),
        };
        for row in &rows {
            match sealed_row::open(self.cipher.as_ref(), row) {
                Ok(record) => {
                    batch.records.push((row.sequence, record));
                    batch.bytes = batch.bytes.saturating_add(row.payload.len() as u64);
                }
                Err(refused) => self.set_aside(row, &refused.to_string()).await?,
            }
        }
        Ok(Some(batch))
    }

    /// Brings rows to the logging database, and then out of the outbox.
    async fn write(&self, batch: &Batch) -> Result<(), Unavailable> {
        if !batch.records.is_empty() {
            self.log.append(self.node, &batch.records).await?;
        }
        self.rows.remove(batch.sequences.clone()).await?;
        let count = batch.records.len() as u64;
        self.backlog.room.released(count, batch.bytes);
        metrics::counter!("colophon_log_written_rows_total").increment(count);
        Ok(())
    }

    async fn set_aside(&self, row: &OutboxRow, problem: &str) -> Result<(), Unavailable> {
        self.rows.dead_letter(row.sequence, problem).await?;
        let bytes = row.payload.len() as u64;
        self.backlog.room.released(1, bytes);
        metrics::counter!("colophon_log_unreadable_rows_total").increment(1);
        let event = NamedEvent::LogRowUnreadable;
        tracing::error!(
            event.code = event.code(),
            event.name = event.slug(),
            log.event = %row.event,
            outbox.sequence = row.sequence,
            problem,
            "a log row cannot be read and was set aside"
        );
        Ok(())
    }
}
