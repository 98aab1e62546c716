//! Carries rows from the outbox to the logging database.
//!
//! The logging database takes any record any number of times and keeps one; a row leaves the outbox
//! only when the logging database has said that it is there. So wherever this is interrupted, the
//! next run begins with the same rows, and each arrives once.

use std::sync::Arc;
use std::time::Duration;

use colophon_core::event::NamedEvent;
use colophon_core::id::NodeId;
use colophon_core::ports::{FieldCipher, LogRows, OutboxRow, OutboxRows, Unavailable};
use colophon_crypto::Randomness;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
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
const BATCH_ROWS: u32 = 256;

/// How long to wait for more rows after a batch that was not full. Most of the cost of a batch is
/// that of its transaction, and nobody waits for these rows: they are durable in the outbox.
const GATHER: Duration = Duration::from_millis(100);

/// How long the outbox may go unlooked at when no commit calls. Every commit does call; this is for
/// rows that came in some other way, such as a database restored under a running host.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Carries log rows on until it is stopped.
pub struct LogWriter {
    ports: LogWriterPorts,
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
        let writer = Self {
            ports,
            backoff: Backoff::new(random),
            delayed: false,
        };
        Running::spawn(|stop| writer.run(stop))
    }

    async fn run(mut self, stop: CancellationToken) {
        loop {
            let carried = self.ports.carry().await;
            self.note(carried.as_ref().err());
            match carried {
                Ok(Carried::Full) => {}
                Ok(Carried::Partial) => tokio::select! {
                    () = sleep(GATHER) => {}
                    () = stop.cancelled() => {}
                },
                Ok(Carried::Nothing) | Err(_) if stop.is_cancelled() => return,
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

impl LogWriterPorts {
    /// Carries the oldest rows on: unreadable ones aside, the others to the logging database.
    async fn carry(&self) -> Result<Carried, Unavailable> {
        let rows = self.rows.after(0, BATCH_ROWS).await?;
        let Some(last) = rows.last().map(|row| row.sequence) else {
            return Ok(Carried::Nothing);
        };
        let mut records = Vec::with_capacity(rows.len());
        let mut bytes = 0_u64;
        for row in &rows {
            match sealed_row::open(self.cipher.as_ref(), row) {
                Ok(record) => {
                    records.push((row.sequence, record));
                    bytes = bytes.saturating_add(row.payload.len() as u64);
                }
                Err(refused) => self.set_aside(row, &refused.to_string()).await?,
            }
        }
        if !records.is_empty() {
            self.log.append(self.node, &records).await?;
        }
        self.rows.remove_through(last).await?;
        let count = records.len() as u64;
        self.backlog.room.released(count, bytes);
        metrics::counter!("colophon_log_written_rows_total").increment(count);
        Ok(if rows.len() < BATCH_ROWS as usize {
            Carried::Partial
        } else {
            Carried::Full
        })
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
