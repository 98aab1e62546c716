//! What goes into the download flow and what comes out of it.

use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use colophon_receipt::{CenterId, ErrorUrl, Freshness, KeyId, Receipt, RetailerId, SealedReceipt};
use colophon_title::{Level, MediaType};

use crate::forms::SuppliedForm;
use crate::id::EventId;
use crate::limit::Reservation;
use crate::log::{ByteSpan, Client, DeliveredCopy, DownloadRecord, Outcome, Purchase};
use crate::naming::FileName;
use crate::ports::{Admission, Commit, Content, OriginError};
use crate::time::Timestamp;

/// What the client wants of the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The bytes.
    Bytes,
    /// Only what the headers say (HEAD): counts as no download.
    Headers,
}

/// A parsed download request.
#[derive(Debug)]
pub struct DownloadRequest {
    /// The request's id.
    pub event: EventId,
    /// When it arrived.
    pub at: Timestamp,
    /// The center in the address.
    pub center: CenterId,
    /// The receipt.
    pub receipt: SealedReceipt,
    /// The form's `RetailerID`, which must agree with the receipt if it is there.
    pub retailer: Option<RetailerId>,
    /// The form's `ErrorURL`.
    pub error_url: Option<ErrorUrl>,
    /// The form's `Certificate`, if it has one: the buyer's activation certificate, looked at
    /// where the copy is licensed and nowhere else.
    pub certificate: Option<SuppliedForm>,
    /// The entity tag of a download to resume (`If-Range`).
    pub resume: Option<[u8; 32]>,
    /// Whether bytes are wanted.
    pub wanted: Wanted,
    /// Who asks.
    pub client: Client,
}

/// A personalized copy, ready to be sent: the title version's shared prefix and the copy's tail.
pub struct Download {
    /// What it is for.
    pub sale: Sale,
    /// Media type to announce.
    pub media_type: MediaType,
    /// Name to announce.
    pub file_name: FileName,
    /// The level it was made at.
    pub level: Level,
    /// Whether the client goes on with a copy that it has a part of.
    pub resumes: bool,
    /// Names these bytes: equal on every node for the same purchase.
    pub etag: [u8; 32],
    /// The bytes.
    pub body: CopyBytes,
    /// The license in them, if there is one.
    pub license: Option<String>,
    /// How often the purchase may be downloaded, where limited.
    pub(crate) downloads_max: Option<NonZeroU32>,
    /// Whether the receipt's time still allows a new download.
    pub(crate) freshness: Freshness,
    /// Where the buyer is sent if the download is refused after all.
    pub(crate) redirect: Option<ErrorUrl>,
    /// Room for the log row.
    pub(crate) admission: Box<dyn Admission>,
}

impl Download {
    /// Closes the log row of an answer that sends no bytes, because a condition of the request
    /// decided it. It takes nothing from the purchase's limit, and nobody waits for its row.
    pub fn close_unsent(self, outcome: Outcome, took_us: u64) {
        let copy = DeliveredCopy {
            level: self.level,
            file_name: self.file_name.as_str().to_owned(),
            length: self.body.length(),
            etag: self.etag,
            asked: ByteSpan { start: 0, end: 0 },
            sent: 0,
            license: self.license,
        };
        let record = OpenRecord {
            sale: self.sale,
            copy,
            admission: self.admission,
            reservation: None,
        };
        drop(record.close(outcome, 0, took_us));
    }
}

/// The sale behind a download, as the log needs it.
pub struct Sale {
    /// The request's id.
    pub event: EventId,
    /// When it arrived.
    pub at: Timestamp,
    /// The retailer key the receipt was opened with.
    pub key: KeyId,
    /// The purchase.
    pub purchase: Purchase,
    /// The receipt.
    pub receipt: Arc<Receipt>,
    /// Who asked.
    pub client: Client,
}

/// The bytes of a copy: a prefix shared with every copy of the title version, then the tail.
#[derive(Clone)]
pub struct CopyBytes {
    prefix: Arc<dyn Content>,
    prefix_length: u64,
    tail: Bytes,
}

impl CopyBytes {
    /// The first `prefix_length` bytes of `prefix`, followed by `tail`.
    pub fn new(prefix: Arc<dyn Content>, prefix_length: u64, tail: Bytes) -> Self {
        Self {
            prefix,
            prefix_length,
            tail,
        }
    }

    /// Length of the copy in bytes.
    pub fn length(&self) -> u64 {
        self.prefix_length.saturating_add(self.tail.len() as u64)
    }

    /// At least one and at most `most` bytes from `offset` on; empty only at the end.
    pub async fn read(&self, offset: u64, most: usize) -> Result<Bytes, OriginError> {
        if offset < self.prefix_length {
            let left = usize::try_from(self.prefix_length - offset).unwrap_or(usize::MAX);
            return self.prefix.read(offset, most.min(left)).await;
        }
        let start = usize::try_from(offset - self.prefix_length).unwrap_or(usize::MAX);
        let start = start.min(self.tail.len());
        let end = start.saturating_add(most).min(self.tail.len());
        Ok(self.tail.slice(start..end))
    }
}

/// The log row of a download under way. It must be closed: the last chunk is held back until the
/// row is durable.
pub struct OpenRecord {
    pub(crate) sale: Sale,
    pub(crate) copy: DeliveredCopy,
    pub(crate) admission: Box<dyn Admission>,
    /// What this takes of its purchase's limit, if it goes on with a counted download.
    pub(crate) reservation: Option<Reservation>,
}

impl OpenRecord {
    /// Closes the row with what happened.
    pub fn close(self, outcome: Outcome, sent: u64, took_us: u64) -> Commit {
        if let Some(reservation) = self.reservation {
            reservation.settle(sent);
        }
        let record = DownloadRecord {
            event: self.sale.event,
            at: self.sale.at,
            took_us,
            center: self.sale.purchase.center,
            key: Some(self.sale.key),
            claims: Some(Box::new(Arc::unwrap_or_clone(self.sale.receipt).claims)),
            outcome,
            copy: Some(DeliveredCopy { sent, ..self.copy }),
            client: self.sale.client,
        };
        self.admission.submit(record.into())
    }
}
