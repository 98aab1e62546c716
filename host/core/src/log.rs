//! The log: one record for each request answered or refused, and one for each named event.

mod server_event;

use std::net::IpAddr;

use colophon_receipt::{BookId, BookIdType, CenterId, Claims, KeyId, RetailerId, TransactionId};
use colophon_title::Level;

use crate::code::Code;
use crate::id::EventId;
use crate::time::Timestamp;

pub use self::server_event::{EventDetails, EventMessage, ServerEvent, Severity};

/// One row of the log on its way: what the outbox keeps and the logging database stores.
#[derive(Debug, Clone)]
pub enum LogRecord {
    /// A request answered or refused.
    Download(DownloadRecord),
    /// A named event.
    Event(ServerEvent),
}

impl LogRecord {
    /// The id that the logging database keeps one row for.
    pub fn event(&self) -> EventId {
        match self {
            Self::Download(record) => record.event,
            Self::Event(record) => record.event,
        }
    }
}

impl From<DownloadRecord> for LogRecord {
    fn from(record: DownloadRecord) -> Self {
        Self::Download(record)
    }
}

impl From<ServerEvent> for LogRecord {
    fn from(record: ServerEvent) -> Self {
        Self::Event(record)
    }
}

/// One sale of one title: what billing counts and copies are made for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Purchase {
    /// The center that delivers.
    pub center: CenterId,
    /// The retailer that sold.
    pub retailer: RetailerId,
    /// The retailer's transaction.
    pub transaction: TransactionId,
    /// The Book ID sold.
    pub book_id: BookId,
    /// Its type.
    pub book_id_type: BookIdType,
}

impl Purchase {
    /// The parts that name the purchase, in the order the copy id is computed over.
    pub fn parts(&self) -> [&[u8]; 5] {
        [
            self.center.as_ref().as_bytes(),
            self.retailer.as_ref().as_bytes(),
            self.transaction.as_ref().as_bytes(),
            self.book_id.as_ref().as_bytes(),
            self.book_id_type.as_ref().as_bytes(),
        ]
    }
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The client's address; from a listed proxy's header where there is one.
    pub address: IpAddr,
    /// The `User-Agent` header, cut to 256 characters.
    pub agent: Option<String>,
}

/// A part of the delivered file: `[start, end)` in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSpan {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every byte asked for was sent; none, where the client had the copy already.
    Completed,
    /// The connection broke or stalled first.
    Broken,
    /// Refused with this code.
    Refused(Code),
}

/// What is known of the copy once it has been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveredCopy {
    /// The level it was made at.
    pub level: Level,
    /// The name of the downloaded file.
    pub file_name: String,
    /// Length of the whole copy in bytes.
    pub length: u64,
    /// The copy's entity tag, which tells one copy's bytes from another's.
    pub etag: [u8; 32],
    /// The part asked for.
    pub asked: ByteSpan,
    /// Bytes of that part handed to the connection.
    pub sent: u64,
    /// The license in the copy, if there is one.
    pub license: Option<String>,
}

/// One row of the download log.
#[derive(Debug, Clone)]
pub struct DownloadRecord {
    /// The request's id; the logging database keeps one row for each.
    pub event: EventId,
    /// When the request arrived.
    pub at: Timestamp,
    /// How long the host worked on it, in microseconds.
    pub took_us: u64,
    /// The center asked.
    pub center: CenterId,
    /// The retailer key, where the receipt named a known one; its uses are counted from the log.
    pub key: Option<KeyId>,
    /// The sale, where the receipt opened.
    pub claims: Option<Box<Claims>>,
    /// How it ended.
    pub outcome: Outcome,
    /// The copy, where one was made.
    pub copy: Option<DeliveredCopy>,
    /// Who asked.
    pub client: Client,
}

impl DownloadRecord {
    /// The sale this record belongs to, where the receipt opened.
    pub fn purchase(&self) -> Option<Purchase> {
        let claims = self.claims.as_deref()?;
        Some(Purchase {
            center: self.center.clone(),
            retailer: self.key.as_ref()?.retailer().clone(),
            transaction: claims.transaction.clone(),
            book_id: claims.book_id.clone(),
            book_id_type: claims.book_id_type.clone(),
        })
    }
}
