//! What the flows need from the world, each a small trait that an adapter keeps.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use colophon_receipt::{CenterId, KeyId};
use colophon_title::license::ReadyLicensor;
use colophon_title::trust::CertificateRole;
use colophon_title::{ContentKey, Signer, SignerRole, StoredTitle, VersionId};
use thiserror::Error;

use crate::catalog::{Book, Location, ObjectPath, StoreRoot, StoredForm, TitleFacts};
use crate::center::{Center, RetailerKey, UploadKey};
use crate::id::{EventId, NodeId};
use crate::log::{LogRecord, Purchase};
use crate::time::Timestamp;

/// What did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The fulfillment database.
    FulfillmentDatabase,
    /// The logging database.
    LoggingDatabase,
    /// The activation database.
    ActivationDatabase,
    /// This node's own database.
    NodeDatabase,
    /// The content store.
    ContentStore,
    /// The cache's lease on the catalog ran out and could not be renewed.
    CatalogLease,
    /// The repository workers, where they run apart from this host.
    RepositoryWorkers,
    /// The message broker that log rows go through, where there is one. Rows wait in the outbox
    /// without it.
    LogBroker,
    /// The plug-ins of a center, whose downloads are refused without them.
    Plugins,
    /// The outbox of this node. While it has no room for another log row, downloads are refused.
    Outbox,
}

impl Service {
    /// Whether most hosts without it can do nothing that they are asked for. Where only some
    /// requests have to wait, a balancer should not take the others away as well.
    pub fn is_essential(self) -> bool {
        match self {
            Self::FulfillmentDatabase
            | Self::LoggingDatabase
            | Self::ActivationDatabase
            | Self::NodeDatabase
            | Self::ContentStore
            | Self::CatalogLease
            | Self::Outbox => true,
            Self::RepositoryWorkers | Self::LogBroker | Self::Plugins => false,
        }
    }

    /// What it means that it is not there.
    fn away(self) -> String {
        match self {
            Self::Plugins => {
                "the plug-ins of a center are not loaded, and its downloads are refused".to_owned()
            }
            Self::Outbox => {
                "this node's outbox has no room for another log row, and downloads are refused"
                    .to_owned()
            }
            Self::FulfillmentDatabase
            | Self::LoggingDatabase
            | Self::ActivationDatabase
            | Self::NodeDatabase
            | Self::ContentStore
            | Self::CatalogLease
            | Self::RepositoryWorkers
            | Self::LogBroker => format!("{self} did not answer"),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::FulfillmentDatabase => "the fulfillment database",
            Self::LoggingDatabase => "the logging database",
            Self::ActivationDatabase => "the activation database",
            Self::NodeDatabase => "this node's database",
            Self::ContentStore => "the content store",
            Self::CatalogLease => "the catalog's lease",
            Self::RepositoryWorkers => "the repository workers",
            Self::LogBroker => "the message broker",
            Self::Plugins => "the plug-ins of a center",
            Self::Outbox => "this node's outbox",
        })
    }
}

/// A service behind a port did not answer; the request may succeed later.
#[derive(Debug, Error)]
#[error("{}", .service.away())]
pub struct Unavailable {
    /// What did not answer.
    pub service: Service,
    /// The adapter's own error.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Unavailable {
    /// Wraps an adapter's error.
    pub fn new(
        service: Service,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            service,
            source: source.into(),
        }
    }
}

/// The centers served by this host, and their retailers' keys.
#[async_trait]
pub trait Centers: Send + Sync {
    /// The center of this name, if the host serves it.
    async fn center(&self, id: &CenterId) -> Result<Option<Arc<Center>>, Unavailable>;

    /// The retailer key of this id, live or revoked.
    async fn retailer_key(
        &self,
        center: &CenterId,
        kid: &KeyId,
    ) -> Result<Option<Arc<RetailerKey>>, Unavailable>;
}

/// The catalog of all centers.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// Where the center's own catalog says that a title lives. This is what the built-in resolver
    /// asks through its one import.
    async fn find(&self, center: &CenterId, book: &Book) -> Result<Option<Location>, Unavailable>;

    /// What is known of the title at a location.
    async fn facts(
        &self,
        center: &CenterId,
        location: &Location,
    ) -> Result<Option<Arc<TitleFacts>>, Unavailable>;

    /// The content key of a title version. Kept apart from the encrypted content everywhere.
    async fn content_key(
        &self,
        center: &CenterId,
        version: &VersionId,
    ) -> Result<Option<Arc<ContentKey>>, Unavailable>;
}

/// Why the content store gave no content.
#[derive(Debug, Error)]
pub enum OriginError {
    /// There is no such object: the catalog names a path that does not exist.
    #[error("the content store has no such object")]
    NotFound,
    /// The object is there but is not what the catalog says.
    #[error("the stored object is damaged: {problem}")]
    Damaged {
        /// What is wrong with it.
        problem: String,
    },
    /// The content store itself cannot be reached.
    #[error("the content store cannot be reached")]
    Unreachable(#[source] Unavailable),
}

/// Bytes of a stored object, read at any offset by any number of downloads at once.
#[async_trait]
pub trait Content: Send + Sync {
    /// Length in bytes.
    fn size(&self) -> u64;

    /// At least one and at most `most` bytes from `offset` on; empty only at the end.
    /// From memory this is a slice of a shared buffer, never a copy.
    async fn read(&self, offset: u64, most: usize) -> Result<Bytes, OriginError>;
}

/// A stored form, opened: parsed once, its bytes shared by all copies.
pub struct OpenedForm {
    /// The parsed title file; none for a clear form.
    pub title: Option<StoredTitle>,
    /// The stored bytes.
    pub content: Arc<dyn Content>,
}

/// What the bytes of a stored form are, as its place in the catalog says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FormContent {
    /// The source as it was handed in: a clear form.
    Source,
    /// A title file at rest: a sealed or licensed form.
    TitleFile,
}

/// The content stores.
#[async_trait]
pub trait Origin: Send + Sync {
    /// Opens a stored form, from the cache or from the store. `content` says whether there is a
    /// title file to parse; the bytes alone cannot say it, for a source may be a title file too.
    async fn open(
        &self,
        root: &StoreRoot,
        form: &StoredForm,
        content: FormContent,
    ) -> Result<Arc<OpenedForm>, OriginError>;
}

/// Writes stored forms. Used by ingest only, which runs on a thread of its own.
pub trait ContentWriter: Send + Sync {
    /// Begins an object that nobody sees before it is published.
    fn create(
        &self,
        root: &StoreRoot,
        object: &ObjectPath,
    ) -> Result<Box<dyn StagedObject>, OriginError>;

    /// Removes a published object; one that is not there is no error.
    fn remove(&self, root: &StoreRoot, object: &ObjectPath) -> Result<(), OriginError>;
}

/// An object being written. Dropped unpublished, it leaves nothing behind. Sealing seeks back to
/// complete the headers of entries whose size it learns while writing them, and ingest reads the
/// finished object once more for its digest.
pub trait StagedObject: std::io::Read + std::io::Write + std::io::Seek + Send {
    /// Makes the object durable and visible, whole or not at all. An object that is already there
    /// is never replaced.
    fn publish(self: Box<Self>) -> Result<(), OriginError>;
}

/// How a limited purchase stands after another download was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Counted; the download may begin.
    Taken,
    /// The limit was already reached; nothing was counted.
    Exhausted,
}

/// Whether the counted downloads of a limited purchase pay for the rest that a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumption {
    /// They do; the bytes have been taken off what may still be resumed.
    Paid,
    /// They have paid for too many bytes already, or for others still under way.
    Spent,
    /// There are none to go on with.
    NothingCounted,
}

/// Counts the downloads of purchases that have a limit.
///
/// A download that broke off is gone on with for nothing, any number of times. So that this is no
/// way to any number of copies, each counted download pays, beside itself, for a number of resumed
/// bytes.
#[async_trait]
pub trait Uses: Send + Sync {
    /// Counts one more download, which pays for `resumable` bytes, unless `limit` have been
    /// counted, as one transaction.
    async fn take(
        &self,
        purchase: &Purchase,
        limit: u32,
        resumable: u64,
        now: Timestamp,
    ) -> Result<Use, Unavailable>;

    /// How many downloads of the purchase have been counted.
    async fn taken(&self, purchase: &Purchase) -> Result<u32, Unavailable>;

    /// Takes `bytes` off what may still be resumed, as one transaction.
    async fn resume(&self, purchase: &Purchase, bytes: u64) -> Result<Resumption, Unavailable>;

    /// Gives back what of a resumed part was not sent. Nobody waits for it; if the host dies
    /// before it is done, the part counts as resumed.
    fn give_back(&self, purchase: &Purchase, bytes: u64);
}

/// The node's durable outbox for log rows.
pub trait Outbox: Send + Sync {
    /// Reserves room for one row, or says that there is none.
    fn admit(&self) -> Option<Box<dyn Admission>>;

    /// The same for the row of a refused request or of a named event. Nothing has to be paid for
    /// it, and strangers can cause any number of them; so it gets room only while there is plenty.
    fn admit_refusal(&self) -> Option<Box<dyn Admission>>;
}

/// Room for one log row. Dropping it gives the room back.
pub trait Admission: Send {
    /// Hands the row over; it is durable when the returned [`Commit`] says so. A caller that has
    /// nothing to hold back may drop the [`Commit`]; the row is written all the same.
    fn submit(self: Box<Self>, record: LogRecord) -> Commit;
}

/// Resolves when a log row is durable.
pub type Commit =
    std::pin::Pin<Box<dyn std::future::Future<Output = Result<(), Unavailable>> + Send>>;

/// A row of the node's outbox, in the order of its sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Dense sequence of this node, from 1 on; the database numbers the rows.
    pub sequence: i64,
    /// The event in it.
    pub event: EventId,
    /// The encoded and encrypted record.
    pub payload: Vec<u8>,
}

/// Why a row of an outbox was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetAside {
    /// Nothing makes a record of it again.
    Unreadable,
    /// The message broker takes none so large; it may go another way, or later.
    TooLarge,
    /// The logging database answers and does not take it; somebody may mend that.
    Refused,
}

impl SetAside {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Unreadable, Self::TooLarge, Self::Refused];

    /// Whether the next start of the host tries such a row again.
    pub fn is_tried_again(self) -> bool {
        match self {
            Self::Unreadable => false,
            Self::TooLarge | Self::Refused => true,
        }
    }
}

/// The node database's table of rows not yet in the logging database.
#[async_trait]
pub trait OutboxRows: Send + Sync {
    /// Makes all of `rows` durable in one transaction, numbered in this order without a gap. Gives
    /// the number of the last of them, where the database tells it.
    async fn append(&self, rows: Vec<(EventId, Vec<u8>)>) -> Result<Option<i64>, Unavailable>;

    /// At most `limit` rows after `sequence`, in order.
    async fn after(&self, sequence: i64, limit: u32) -> Result<Vec<OutboxRow>, Unavailable>;

    /// Removes rows that the logging database has, in one transaction: those that have both this
    /// number and this event. Another row of the same number, as after a restore, stays.
    async fn remove(&self, rows: &[(i64, EventId)]) -> Result<(), Unavailable>;

    /// Moves rows, by number, out of the way of the others, to a table where each is kept with what
    /// is wrong with it, in one transaction. A row that is not there any more is passed over.
    async fn set_aside(&self, reason: SetAside, rows: &[(i64, String)]) -> Result<(), Unavailable>;

    /// How many rows wait and how many bytes of payload they have; those set aside do not count.
    async fn waiting(&self) -> Result<(u64, u64), Unavailable>;
}

/// Why records were not stored; none of them was.
#[derive(Debug, Error)]
pub enum NotLogged {
    /// The logging database did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// It answers, and does not take one of them however often it is handed in.
    #[error(transparent)]
    Refused(#[from] RecordRefused),
}

/// The logging database does not take a record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the logging database refuses the record ({reason})")]
pub struct RecordRefused {
    /// Its code for that, and nothing of the record.
    pub reason: String,
}

/// The logging database, as the log writer sees it.
#[async_trait]
pub trait LogRows: Send + Sync {
    /// Stores records of one node in one transaction; a record whose event is already there is
    /// passed over, so that any record may be handed in any number of times.
    async fn append(&self, node: NodeId, records: &[(i64, LogRecord)]) -> Result<(), NotLogged>;

    /// Which of a node's records between these sequences are there, each with its event, in order:
    /// at most the first thousand.
    async fn arrived(
        &self,
        node: NodeId,
        sequences: RangeInclusive<i64>,
    ) -> Result<Vec<(i64, EventId)>, Unavailable>;
}

/// Whether the services behind this host answer.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Every service with its state; the host is ready when all are that are essential to it.
    async fn check(&self) -> Vec<(Service, Result<(), Unavailable>)>;

    /// Whether this host can do nothing that it is asked for without a service.
    fn is_essential(&self, service: Service) -> bool {
        service.is_essential()
    }
}

/// Where a protected field of a record stands; bound into its encryption, so that a value moved
/// to another row or column does not open.
#[derive(Debug, Clone, Copy)]
pub struct FieldPlace<'a> {
    /// The table.
    pub table: &'a str,
    /// The row's primary key.
    pub row: &'a [u8],
    /// The column.
    pub column: &'a str,
}

/// A protected field did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a protected field does not open: damaged, moved, or under another master key")]
pub struct FieldDamaged;

/// Encrypts secrets and personal fields at rest.
pub trait FieldCipher: Send + Sync {
    /// Encrypts a field for its place.
    fn seal(&self, place: FieldPlace<'_>, plain: &[u8]) -> Vec<u8>;

    /// Decrypts a field at its place.
    fn open(&self, place: FieldPlace<'_>, sealed: &[u8]) -> Result<Vec<u8>, FieldDamaged>;

    /// A stable name for a person or thing that does not tell who it is.
    fn pseudonym(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32];

    /// A name of the key that fields are encrypted with now. Where it is another one, what is
    /// encrypted here cannot be read.
    fn key_name(&self) -> [u8; 32];
}

/// Stored key material is not fit to sign with.
#[derive(Debug, Error)]
#[error("the stored {role} key and its certificates cannot be used")]
pub struct SignerUnusable {
    /// The role it was stored for.
    pub role: CertificateRole,
    /// What is wrong with it.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Makes signers of key material that is kept encrypted in the fulfillment database.
pub trait SignerFactory: Send + Sync {
    /// A signer in `role` with a private key (PKCS #8, DER) and its certificates (DER, the
    /// signer's own first, the root left out).
    fn signer(
        &self,
        role: SignerRole,
        pkcs8: &[u8],
        chain: &[Vec<u8>],
    ) -> Result<Arc<dyn Signer>, SignerUnusable>;

    /// The licensor of a center with its private key and certificates, as for
    /// [`SignerFactory::signer`].
    fn licensor(
        &self,
        center: &CenterId,
        pkcs8: &[u8],
        chain: &[Vec<u8>],
    ) -> Result<ReadyLicensor<'static>, SignerUnusable>;

    /// A center's key that upload forms are sealed to, likewise.
    fn upload_key(
        &self,
        pkcs8: &[u8],
        chain: &[Vec<u8>],
    ) -> Result<Arc<dyn UploadKey>, SignerUnusable>;
}
