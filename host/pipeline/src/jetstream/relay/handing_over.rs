//! Rows from the outbox to the broker, many at a time.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, timeout};

use super::{Relay, Turn};
use crate::jetstream::held::{Made, Place};
use crate::jetstream::in_flight::Row;
use crate::jetstream::message;
use crate::jetstream::settings::PATIENCE;
use crate::jetstream::trouble::Trouble;
use crate::outgoing::{BATCH_BYTES, BATCH_ROWS, LargeRow};

/// A row that the broker has.
struct Accepted {
    sequence: i64,
    /// How often it was handed over before.
    before: u32,
    /// Its number in the stream.
    number: u64,
}

impl Relay {
    /// Takes rows that follow those before, if there is room for any: handed over ones, or else
    /// those in the outbox.
    pub(super) async fn take_rows(&mut self) -> Result<(), Trouble> {
        if !self.in_flight.has_room() || self.in_flight.has_unhanded() {
            return Ok(());
        }
        // With nothing on its way, the outbox is looked at from its beginning: rows may have come
        // there in some other way, such as by a database restored under a running host.
        let after = self.in_flight.last().unwrap_or(0);
        let Some(batch) = self.outgoing.take(self.next, after).await? else {
            return Ok(());
        };
        for row in &batch.rows {
            let payload = self.outgoing.seal(self.node, row).into();
            let event = row.record.event();
            self.in_flight.add(row.sequence, event, payload, row.bytes);
        }
        self.next = batch.sequences.end().checked_add(1);
        Ok(())
    }

    /// Hands over rows that the broker has not got.
    pub(super) async fn hand_over(&mut self, stream: Made) -> Result<Turn, Trouble> {
        let rows = self.in_flight.to_hand_over(BATCH_ROWS, BATCH_BYTES);
        if rows.is_empty() {
            return Ok(Turn::Rest);
        }
        if self.set_large_aside(&rows).await? {
            return Ok(Turn::More);
        }
        let mut accepted = Vec::with_capacity(rows.len());
        let published = self.publish(&rows, &mut accepted);
        let published = timeout(PATIENCE, published).await;
        let published = published.unwrap_or(Err(Trouble::Silent(PATIENCE)));
        if !accepted.is_empty() {
            // A full stream accepts more as soon as some of it has been brought.
            self.backoff.succeed();
        }
        let now = Instant::now();
        for Accepted {
            sequence,
            before,
            number,
        } in accepted
        {
            let place = Place { stream, number };
            self.in_flight.handed(sequence, place, now);
            metrics::counter!("colophon_nats_published_rows_total").increment(1);
            if before > 0 {
                metrics::counter!("colophon_nats_republished_rows_total").increment(1);
            }
        }
        published.map(|()| Turn::More)
    }

    /// Sets aside those of these rows that the broker takes nothing so large as, and says whether
    /// there were any. It would refuse them for good, and with them all that follow.
    async fn set_large_aside(&mut self, rows: &[(i64, Row)]) -> Result<bool, Trouble> {
        let bytes_max = self.broker.row_bytes_max();
        let large = |(sequence, row): &(i64, Row)| {
            let message_bytes = message::row_bytes(row.event, *sequence, row.times, &row.payload);
            (message_bytes > bytes_max).then_some(LargeRow {
                sequence: *sequence,
                event: row.event,
                message_bytes,
                bytes_max,
            })
        };
        let large: Vec<LargeRow> = rows.iter().filter_map(large).collect();
        self.outgoing.set_large_aside(&large).await?;
        for row in &large {
            self.in_flight.give_up(row.sequence);
        }
        Ok(!large.is_empty())
    }

    /// Sends rows and waits for the broker to say that it has them. What it has is among the
    /// accepted ones, also where this fails or is broken off; it fails for one of the others.
    async fn publish(
        &mut self,
        rows: &[(i64, Row)],
        accepted: &mut Vec<Accepted>,
    ) -> Result<(), Trouble> {
        let subject = self.broker.settings.names.rows(self.node);
        let context = self.broker.context();
        let mut sent = FuturesUnordered::new();
        let mut trouble = None;
        for (sequence, row) in rows {
            let message = message::row(row.event, *sequence, row.times, row.payload.clone());
            match context.send_publish(subject.clone(), message).await {
                Ok(acknowledged) => {
                    let (sequence, before) = (*sequence, row.times);
                    sent.push(async move { (sequence, before, acknowledged.await) });
                }
                Err(error) => {
                    trouble = Some(Trouble::not_accepted(&subject, error));
                    break;
                }
            }
        }
        while let Some((sequence, before, acknowledged)) = sent.next().await {
            match acknowledged {
                Ok(acknowledged) => accepted.push(Accepted {
                    sequence,
                    before,
                    number: acknowledged.sequence,
                }),
                Err(error) => {
                    trouble.get_or_insert_with(|| Trouble::not_accepted(&subject, error));
                }
            }
        }
        trouble.map_or(Ok(()), Err)
    }
}
