//! Changes of records, and the caches that have to hear of them.
//!
//! A database trigger writes a row for every change in the transaction that makes it. Caches hold
//! entries only as long as a lease that each reading of those rows renews; so a lost message costs
//! time, never truth.

use async_trait::async_trait;
use colophon_receipt::CenterId;

use crate::ports::Unavailable;
use crate::time::Timestamp;

/// What kind of record changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangedRecord {
    /// A title: location, level, metadata, price, availability or one of its forms.
    Title,
    /// A retailer, its addresses or one of its keys.
    Retailer,
    /// A center, its settings or its signers.
    Center,
    /// A content key.
    ContentKey,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Position in the order of changes.
    pub number: i64,
    /// The center concerned.
    pub center: CenterId,
    /// The kind of record.
    pub record: ChangedRecord,
    /// What the record is asked for by: a retailer's or center's id, a content key's title version
    /// in hexadecimal digits; for a title four lines, Book ID type, Book ID, content-store root and
    /// path. A record that got another key is listed under both.
    pub key: String,
    /// The record's state after the change; a deletion counts too.
    pub row_version: i64,
}

/// A place in the order of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangePosition {
    /// The name of the history.
    pub epoch: i64,
    /// The last change before it.
    pub number: i64,
}

/// How positions in the order of changes follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// Each is one more than the one before: what is missing in between is lost.
    Dense,
    /// Each is more than the one before.
    Ascending,
}

/// The next changes after a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Names the history; another name means that the database was restored or replaced, and
    /// nothing cached under the old one may be used.
    pub epoch: i64,
    /// The oldest position still kept; a reader whose position is below `oldest - 1` has missed
    /// changes.
    pub oldest: i64,
    /// The newest position at the time of reading, even if `list` is cut short of it. Nothing will
    /// ever appear at or below it any more.
    pub newest: i64,
    /// Whether there are changes beyond `newest` already, whose order is not settled yet because a
    /// change before them may still be committed. They are listed later; until then a reader has
    /// not seen everything.
    pub unsettled: bool,
    /// What the positions of neighbors have to do with each other.
    pub numbering: Numbering,
    /// The changes, in order.
    pub list: Vec<Change>,
}

/// Reads the order of changes.
#[async_trait]
pub trait ChangeLog: Send + Sync {
    /// At most `limit` changes after position `after`.
    async fn after(&self, after: i64, limit: u32) -> Result<Changes, Unavailable>;
}

/// Caches of records and content.
pub trait Caches: Send + Sync {
    /// Drops whatever rests on the changed record.
    fn apply(&self, change: &Change);

    /// Drops everything.
    fn flush(&self);

    /// All changes up to the moment `seen_at` have been applied: entries may be used until
    /// `lease_until`.
    fn renew(&self, seen_at: Timestamp, lease_until: Timestamp);
}
