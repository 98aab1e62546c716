//! The log: rows of downloads and of named events as they arrive from the nodes, and what is read
//! out of them.
//!
//! Whatever tells who a buyer is (name, customer id, address, agent, file name) is encrypted under
//! a key of that person alone. The keys are in a table of their own, found by a keyed hash of the
//! person's name; erasing a person deletes the key. Rows name a person by a random id, so that
//! nothing leads from an erased person's name to the rows that are left. What a named event tells is
//! encrypted under the master key: it concerns the host. Only that of an illegal request holds an
//! address, which belongs to no known person.

mod append;
mod coverage;
mod known;
mod list;
mod persons;
mod purchases;
mod report;
mod server_events;

use std::net::IpAddr;

use colophon_core::catalog::Book;
use colophon_core::event::NamedEvent;
use colophon_core::id::{EventId, NodeId};
use colophon_core::log::{ByteSpan, Severity};
use colophon_core::time::Timestamp;
use colophon_receipt::{CenterId, Currency, KeyId, RequestedLevel, Text, TransactionId};
use colophon_title::Level;
use serde::{Deserialize, Serialize};

pub use self::known::KnownOf;
pub(crate) use self::persons::DATA_KEY;
pub(crate) use self::server_events::DETAILS;

/// Who asked, and what the file was called for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Personal {
    /// The buyer's name, or whatever the retailer had bound into the copy.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user_name: Option<String>,
    /// The retailer's id of the customer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer_id: Option<String>,
    /// The persona whose devices may open the copy.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub persona: Option<String>,
    /// The client's address.
    pub address: IpAddr,
    /// The client's own name for itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<String>,
    /// The name of the downloaded file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file_name: Option<String>,
}

/// The personal part of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggedPerson {
    /// It can be read.
    Known(Personal),
    /// The person was erased; nobody can read it.
    Erased,
}

/// Whose personal data is meant: what a retailer knows a buyer by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PersonName {
    /// The retailer's id of the customer. Rows with one are kept under it alone.
    Customer(Text),
    /// The buyer's name, where the retailer gave no customer id.
    UserName(Text),
    /// A sale, where the retailer gave neither.
    Sale(TransactionId),
}

/// What was there of a person that was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Whether the log knew the person.
    pub logged: bool,
    /// Rows of the log that nobody can read any more as to whose they were.
    pub rows: u64,
    /// Decisions of plug-ins that went.
    pub decisions: u64,
    /// Those that nobody could read, and that stayed for it.
    pub unreadable: u64,
}

/// How a logged request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggedOutcome {
    /// Every byte asked for was sent.
    Completed,
    /// The connection broke or stalled first.
    Broken,
    /// Refused with this published code.
    Refused(String),
}

/// Amounts of a sale in minor units of their currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Amounts {
    /// What buyers paid.
    pub retail_price: Option<u64>,
    /// What the retailer owes.
    pub cost: Option<u64>,
    /// What it costs by the publisher's list.
    pub list_price: Option<u64>,
    /// The currency of all three.
    pub currency: Option<Currency>,
}

/// A copy that was made for a logged request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedCopy {
    /// The level it was made at.
    pub level: Level,
    /// Length of the whole copy in bytes.
    pub length: u64,
    /// Its entity tag.
    pub etag: [u8; 32],
    /// The part asked for.
    pub asked: ByteSpan,
    /// Bytes of that part handed to the connection.
    pub sent: u64,
}

/// The sale in the receipt of a logged request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedSale {
    /// The retailer's transaction.
    pub transaction: TransactionId,
    /// The title sold.
    pub book: Book,
    /// The protection the receipt asked for.
    pub requested_level: Option<RequestedLevel>,
    /// When the sale took place.
    pub sold_at: Option<i64>,
    /// What it cost.
    pub amounts: Amounts,
}

/// One row of the download log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadRow {
    /// The request.
    pub event: EventId,
    /// The node that answered it.
    pub node: NodeId,
    /// When it arrived.
    pub at: Timestamp,
    /// How long the host worked on it, in microseconds.
    pub took_us: u64,
    /// The center asked.
    pub center: CenterId,
    /// The retailer key named.
    pub key: Option<KeyId>,
    /// The sale, where the receipt opened.
    pub sale: Option<LoggedSale>,
    /// How it ended.
    pub outcome: LoggedOutcome,
    /// The copy, where one was made.
    pub copy: Option<LoggedCopy>,
    /// The license in the copy, where there is one and its person was not erased.
    pub license: Option<String>,
    /// Who asked.
    pub person: LoggedPerson,
}

/// One row of the event log. Number and name are what the host that raised the event calls it; it
/// may be a later one than this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// The event.
    pub event: EventId,
    /// The node it happened on.
    pub node: NodeId,
    /// When it happened.
    pub at: Timestamp,
    /// Its published number.
    pub code: String,
    /// Its published name.
    pub name: String,
    /// How bad it is.
    pub severity: Severity,
    /// The center it concerns, where it concerns one alone.
    pub center: Option<CenterId>,
    /// What happened, in words.
    pub message: String,
    /// The circumstances: names and values.
    pub details: Vec<(String, String)>,
}

/// Which events are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// Events that happened in this time.
    pub period: Period,
    /// Only those of one kind.
    pub name: Option<NamedEvent>,
    /// Only those that concern one center alone.
    pub center: Option<CenterId>,
}

/// A stretch of time, `[from, until)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

/// Which rows are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFilter {
    /// Requests that arrived in this time.
    pub period: Period,
    /// Only those of one retailer.
    pub retailer: Option<colophon_receipt::RetailerId>,
    /// Only those of one sale.
    pub transaction: Option<TransactionId>,
}

/// Where a page of rows begins: after this row, going back in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowCursor {
    /// The moment of the row.
    pub at: Timestamp,
    /// The row's request or event.
    pub event: EventId,
}

/// The length of the steps that counts are given for. Days and weeks are those of UTC; weeks begin
/// on Thursday, as the Unix epoch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
    /// Seven days.
    Week,
}

/// What happened in one step of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepCounts {
    /// When the step begins.
    pub from: Timestamp,
    /// Requests logged.
    pub requests: u64,
    /// Of these, those of which every byte asked for was sent.
    pub completed: u64,
    /// Of these, those whose client had the copy already, so that nothing had to be sent.
    pub unchanged: u64,
    /// Of these, those that broke off.
    pub broken: u64,
    /// Of these, those refused.
    pub refused: u64,
    /// Different purchases that bytes were sent for.
    pub purchases: u64,
    /// Bytes sent.
    pub bytes: u64,
}

/// How often a title was bought and delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TitleCount {
    /// The title.
    pub book: Book,
    /// Purchases of which all bytes were sent for the first time.
    pub purchases: u64,
}

/// What a retailer is billed for the sales under one of its keys in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingLine {
    /// The key; whether it is for real sales is in the retailer's record.
    pub key: KeyId,
    /// Purchases of which all bytes were sent for the first time in the period.
    pub purchases: u64,
    /// The sums of what their receipts say.
    pub sums: Amounts,
}

/// How far a node's outbox has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeProgress {
    /// The node.
    pub node: NodeId,
    /// Every row up to this sequence has arrived.
    pub complete: u64,
    /// The highest sequence that has arrived; above `complete`, rows in between are missing.
    pub highest: u64,
}
