//! Rows on their way out of the outbox, whoever carries them: read in order, the unreadable ones set
//! aside, and removed once the logging database has them.
//!
//! Rows come from memory, handed over by the commit that made them durable, as long as they follow
//! what was taken last. Otherwise the outbox is read: at the start, after a failure, and where more
//! rows came than are held.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use colophon_core::event::NamedEvent;
use colophon_core::id::{EventId, NodeId};
use colophon_core::ports::{
    FieldCipher, OutboxRow, OutboxRows, RecordRefused, SetAside, Unavailable,
};

use crate::hand_over::DurableRow;
use crate::room::Backlog;
use crate::sealed_row::{self, Origin};

/// Rows taken at once.
pub(crate) const BATCH_ROWS: usize = 256;

/// Bytes of messages taken at once. Rows take 0.5 to 2 KiB, so this binds only those of strangers,
/// and long ones.
pub(crate) const BATCH_BYTES: usize = 2 << 20;

/// The outbox, seen by whoever carries its rows on.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) rows: Arc<dyn OutboxRows>,
    pub(crate) cipher: Arc<dyn FieldCipher>,
    pub(crate) backlog: Backlog,
}

/// Rows that were taken together.
pub(crate) struct Batch {
    /// The numbers of all of them, those set aside included.
    pub(crate) sequences: RangeInclusive<i64>,
    pub(crate) rows: Vec<DurableRow>,
    /// Whether as many were taken as may be; there may be more then.
    pub(crate) is_full: bool,
}

/// A row that is larger, as a message, than the broker takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LargeRow {
    pub(crate) sequence: i64,
    pub(crate) event: EventId,
    /// The length of the message.
    pub(crate) message_bytes: usize,
    /// What the broker takes.
    pub(crate) bytes_max: usize,
}

/// A row that the logging database refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedRow {
    pub(crate) sequence: i64,
    pub(crate) event: EventId,
    pub(crate) reason: RecordRefused,
}

impl fmt::Display for LargeRow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            message_bytes,
            bytes_max,
            ..
        } = self;
        write!(
            out,
            "its message has {message_bytes} bytes and the broker takes {bytes_max}"
        )
    }
}

impl Batch {
    fn of_held(rows: Vec<DurableRow>) -> Option<Self> {
        let (first, last) = (rows.first()?.sequence, rows.last()?.sequence);
        Some(Self {
            sequences: first..=last,
            is_full: rows.len() >= BATCH_ROWS,
            rows,
        })
    }
}

impl Outgoing {
    /// Takes rows: handed over ones from the number `next` on, or else the oldest in the outbox
    /// after the number `after`.
    pub(crate) async fn take(
        &self,
        next: Option<i64>,
        after: i64,
    ) -> Result<Option<Batch>, Unavailable> {
        let held = next.map(|next| self.backlog.hand_over.take(next, BATCH_ROWS));
        match held.and_then(Batch::of_held) {
            Some(batch) => Ok(Some(batch)),
            None => self.read(after).await,
        }
    }

    /// Reads rows and sets the unreadable ones aside.
    async fn read(&self, after: i64) -> Result<Option<Batch>, Unavailable> {
        let rows = self.rows.after(after, BATCH_ROWS as u32).await?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(None);
        };
        let mut batch = Batch {
            sequences: first.sequence..=last.sequence,
            rows: Vec::with_capacity(rows.len()),
            is_full: rows.len() >= BATCH_ROWS,
        };
        let mut unreadable = Vec::new();
        for row in &rows {
            match sealed_row::open(self.cipher.as_ref(), row.event, &row.payload) {
                Ok(record) => batch.rows.push(DurableRow {
                    sequence: row.sequence,
                    record,
                    bytes: row.payload.len() as u64,
                }),
                Err(refused) => unreadable.push((row, refused.to_string())),
            }
        }
        self.set_unreadable_aside(&unreadable).await?;
        Ok(Some(batch))
    }

    /// Removes rows that the logging database has, which have `bytes` of payload together.
    pub(crate) async fn remove(
        &self,
        rows: &[(i64, EventId)],
        bytes: u64,
    ) -> Result<(), Unavailable> {
        self.rows.remove(rows).await?;
        self.backlog.room.released(rows.len() as u64, bytes);
        Ok(())
    }

    /// A row as it may leave this machine.
    pub(crate) fn seal(&self, node: NodeId, row: &DurableRow) -> Vec<u8> {
        let origin = Origin {
            node,
            sequence: row.sequence,
            event: row.record.event(),
        };
        sealed_row::seal_to_leave(self.cipher.as_ref(), origin, &row.record)
    }

    /// Sets rows aside that the broker takes nothing so large as. They still take up room: the next
    /// start finds them in the outbox, which would otherwise be too full then.
    pub(crate) async fn set_large_aside(&self, rows: &[LargeRow]) -> Result<(), Unavailable> {
        let aside = rows.iter().map(|row| (row.sequence, row.to_string()));
        self.set_aside(SetAside::TooLarge, aside.collect()).await?;
        metrics::counter!("colophon_nats_oversized_rows_total").increment(rows.len() as u64);
        let event = NamedEvent::LogRowTooLarge;
        for row in rows {
            tracing::error!(
                event.code = event.code(),
                event.name = event.slug(),
                log.event = %row.event,
                outbox.sequence = row.sequence,
                problem = %row,
                "a log row is too large for the broker and was set aside; raise the limit there, \
                 and start this host again"
            );
        }
        Ok(())
    }

    /// Sets rows aside that the logging database refuses. They still take up room, likewise.
    pub(crate) async fn set_refused_aside(&self, rows: &[RefusedRow]) -> Result<(), Unavailable> {
        let aside = rows
            .iter()
            .map(|row| (row.sequence, row.reason.to_string()));
        self.set_aside(SetAside::Refused, aside.collect()).await?;
        metrics::counter!("colophon_log_refused_rows_total").increment(rows.len() as u64);
        let event = NamedEvent::LogRowSetAside;
        for row in rows {
            tracing::error!(
                event.code = event.code(),
                event.name = event.slug(),
                log.event = %row.event,
                outbox.sequence = row.sequence,
                problem = %row.reason,
                "a log row is refused by the logging database and was set aside; mend what it says, \
                 and start this host again"
            );
        }
        Ok(())
    }

    async fn set_unreadable_aside(&self, rows: &[(&OutboxRow, String)]) -> Result<(), Unavailable> {
        let aside = rows
            .iter()
            .map(|(row, problem)| (row.sequence, problem.clone()));
        self.set_aside(SetAside::Unreadable, aside.collect())
            .await?;
        let bytes = rows.iter().map(|(row, _)| row.payload.len() as u64).sum();
        self.backlog.room.released(rows.len() as u64, bytes);
        metrics::counter!("colophon_log_unreadable_rows_total").increment(rows.len() as u64);
        let event = NamedEvent::LogRowUnreadable;
        for (row, problem) in rows {
            tracing::error!(
                event.code = event.code(),
                event.name = event.slug(),
                log.event = %row.event,
                outbox.sequence = row.sequence,
                problem = problem.as_str(),
                "a log row cannot be read and was set aside"
            );
        }
        Ok(())
    }

    async fn set_aside(
        &self,
        reason: SetAside,
        rows: Vec<(i64, String)>,
    ) -> Result<(), Unavailable> {
        match rows.is_empty() {
            true => Ok(()),
            false => self.rows.set_aside(reason, &rows).await,
        }
    }
}
