//! What is told of an answer when it ends, in whichever way: its log row, counters and event.

use colophon_core::delivery::OpenRecord;
use colophon_core::event::NamedEvent;
use colophon_core::id::EventId;
use colophon_core::log::Outcome;
use colophon_core::ports::Commit;
use tokio::sync::OwnedSemaphorePermit;

use crate::answer::copy_body::CopyBodyError;
use crate::connection::peer::Peer;
use crate::counters::PendingDownload;

/// An answer under way. Dropping it before its end tells of a broken download.
pub(crate) struct Delivery {
    /// The log row, until it is closed.
    record: Option<OpenRecord>,
    /// Bytes handed to the connection.
    sent: u64,
    /// Whether the copy's last byte is among the bytes asked for.
    to_the_end: bool,
    ended: bool,
    event: EventId,
    peer: Peer,
    pending: PendingDownload,
    /// The download's place among those under way.
    _permit: OwnedSemaphorePermit,
}

impl Delivery {
    pub(crate) fn new(
        record: OpenRecord,
        to_the_end: bool,
        event: EventId,
        peer: Peer,
        pending: PendingDownload,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let record = Some(record);
        Self {
            record,
            sent: 0,
            to_the_end,
            ended: false,
            event,
            peer,
            pending,
            _permit: permit,
        }
    }

    /// Ends an answer that has no bytes to hold back: it is sent when this resolves.
    pub(crate) async fn complete_empty(mut self) -> Result<(), CopyBodyError> {
        let commit = self.close_completed(0);
        match commit.await {
            Ok(()) => {
                self.end_completed();
                Ok(())
            }
            Err(error) => {
                let error = CopyBodyError::NotLogged(error);
                self.break_off(&error);
                Err(error)
            }
        }
    }

    pub(super) fn hand_over(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(bytes as u64);
        self.pending.sent(bytes);
    }

    /// Closes the log row as completed, counting the bytes held back as sent: they leave when the
    /// returned commit resolves.
    pub(super) fn close_completed(&mut self, held_back: usize) -> Commit {
        let sent = self.sent.saturating_add(held_back as u64);
        let took_us = self.took_us();
        match self.record.take() {
            Some(record) => record.close(Outcome::Completed, sent, took_us),
            // A row is closed once only; there is nothing to wait for.
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }

    pub(super) fn end_completed(&mut self) {
        self.ended = true;
        self.pending.completed(self.to_the_end);
    }

    /// Ends the answer for a reason of the host's own.
    pub(super) fn break_off(&mut self, error: &CopyBodyError) {
        self.end_broken("host", Some(error));
    }

    fn end_broken(&mut self, reason: &'static str, error: Option<&CopyBodyError>) {
        self.ended = true;
        if let Some(record) = self.record.take() {
            // Nobody waits for this row; it is written all the same.
            drop(record.close(Outcome::Broken, self.sent, self.took_us()));
        }
        self.pending.broken();
        tracing::warn!(
            event.code = NamedEvent::DownloadFailed.code(),
            event.name = NamedEvent::DownloadFailed.slug(),
            request.id = %self.event,
            client.address = %self.peer.client,
            download.sent_bytes = self.sent,
            reason,
            error = error.map(tracing::field::debug),
            "a download broke off"
        );
    }

    fn took_us(&self) -> u64 {
        u64::try_from(self.pending.took().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !self.ended {
            self.end_broken(self.peer.connection.end_reason(), None);
        }
    }
}
