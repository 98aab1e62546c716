//! The named events an operator's alarms can be tied to: one list, from which the documentation
//! page is generated.
//!
//! An event is raised as a `tracing` event with `event.code` and `event.name`. A serving host tells
//! it on standard error and sends it as a [`ServerEvent`](crate::log::ServerEvent) the way that
//! download rows go, to the logging database.

macro_rules! events {
    ($($name:ident = $code:literal, $slug:literal, $meaning:literal;)*) => {
        /// A named event of the host.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum NamedEvent {
            $(#[doc = $meaning] $name,)*
        }

        impl NamedEvent {
            /// Every event, in the order of the published list.
            pub const ALL: &'static [NamedEvent] = &[$(NamedEvent::$name,)*];

            /// The stable number.
            pub fn code(self) -> &'static str {
                match self { $(NamedEvent::$name => $code,)* }
            }

            /// The stable name.
            pub fn slug(self) -> &'static str {
                match self { $(NamedEvent::$name => $slug,)* }
            }

            /// The event of this number or name.
            pub fn find(code_or_slug: &str) -> Option<Self> {
                let is_it = |event: &&Self| [event.code(), event.slug()].contains(&code_or_slug);
                Self::ALL.iter().find(is_it).copied()
            }

            /// What it means.
            pub fn meaning(self) -> &'static str {
                match self { $(NamedEvent::$name => $meaning,)* }
            }
        }
    };
}

events! {
    Started = "COL1001", "started", "The host accepts requests.";
    Stopped = "COL1002", "stopped", "The host has stopped after draining its downloads.";
    StartFailed = "COL1003", "start-failed", "The host could not start; the event names the setting that is missing or wrong.";
    NodeCopied = "COL1004", "node-copied", "Another process runs under the identity of this host's node, with a node database of its own: a data folder was copied whole. The event names the node.";
    ContentStoreUnreachable = "COL2001", "content-store-unreachable", "The content store does not answer.";
    ContentPathInvalid = "COL2002", "content-path-invalid", "A resolver or the catalog named a path that is not allowed or does not exist.";
    ContentStoreRecovered = "COL2003", "content-store-recovered", "The content store answers again.";
    TitleFileMissing = "COL2004", "title-file-missing", "The catalog names a title file that the content store does not have.";
    TitleFileDamaged = "COL2005", "title-file-damaged", "A stored title file is not what the catalog says.";
    CacheFailed = "COL2006", "cache-failed", "A title could not be put into the memory cache.";
    RequestIllegal = "COL3001", "request-illegal", "A request was refused as illegal; the event holds it, redacted, with its origin.";
    BookplateFailed = "COL3002", "bookplate-failed", "A copy's bookplate could not be made; the event names the nature of the error.";
    DownloadFailed = "COL3003", "download-failed", "A download broke off: connection lost, or too slow.";
    CertificateRefused = "COL3004", "certificate-refused", "A buyer's activation certificate was refused; the event names the reason.";
    LicenseFailed = "COL3005", "license-failed", "A copy's license could not be made or signed; the event names the nature of the error.";
    RegistrationFailed = "COL3006", "registration-failed", "The registration server gave no certificate of a persona; the event says why.";
    TrustChanged = "COL3007", "trust-changed", "Trusted roots or revocation lists were read again, or could not be; then the old ones hold.";
    PluginFailed = "COL4001", "plug-in-failed", "A plug-in gave no usable answer; the event says whose fault it is.";
    PluginsLoaded = "COL4002", "plug-ins-loaded", "A center's plug-ins were loaded, or replaced while requests were under way.";
    PluginNotLoaded = "COL4003", "plug-in-not-loaded", "A center's plug-in could not be loaded; the event says why, and whether the one before it answers on or the center's downloads are refused.";
    PluginRolledBack = "COL4004", "plug-in-rolled-back", "A version of a plug-in failed so often that it was rejected; the event names the version that is active since, or says why the failing one is asked on until an operator decides.";
    OutboxFull = "COL5001", "outbox-full", "No log row can be promised; downloads are refused until there is room.";
    OutboxFailed = "COL5002", "outbox-failed", "The node's database failed to make log rows durable.";
    LogWriterDelayed = "COL5003", "log-writer-delayed", "The logging database does not answer or takes none of the rows that it is handed, or the broker hands out none for it; rows wait where they are.";
    LeaseLost = "COL5004", "lease-lost", "Changes cannot be read; protected titles are refused until they can.";
    CacheFlushed = "COL5005", "cache-flushed", "Everything cached was dropped: changes were missed or the database was replaced.";
    LogRowUnreadable = "COL5006", "log-row-unreadable", "A row of the outbox cannot be read; it was set aside and the rows after it are written.";
    LogBrokerFailed = "COL5007", "log-broker-failed", "The message broker takes no log rows; they wait in the outbox.";
    LogRowsUnconfirmed = "COL5008", "log-rows-unconfirmed", "Log rows were handed to the message broker and no log writer has confirmed them for a while; they wait in the outbox as well.";
    LogRowRefused = "COL5009", "log-row-refused", "A message that the broker holds for the log cannot be read, or the logging database refuses the row in it; it was put among the dead letters. The row stays with its host.";
    LogStreamDiffers = "COL5010", "log-stream-differs", "The broker's stream or consumer for log rows has other settings than this host would make it with; it is used as it is.";
    LogRowTooLarge = "COL5011", "log-row-too-large", "A log row is larger than the message broker takes; it was set aside and the rows after it are handed over. The next start of the host tries it again.";
    LogRowSetAside = "COL5012", "log-row-set-aside", "The logging database refuses a log row of this host; it was set aside and the rows after it are written. The next start of the host tries it again.";
    KeyPoolEmpty = "COL6001", "key-pool-empty", "No key pair was ready for a new persona; its reader was told to ask again.";
    ActivationFailed = "COL6002", "activation-failed", "An activation failed through no fault of its reader; if it was admitted it keeps its place, and the reader may ask again.";
    PackageBroken = "COL6003", "package-broken", "The connection broke while an activation package was sent; the reader may fetch it again.";
    RepositoryWorkersStalled = "COL6004", "repository-workers-stalled", "Secure repositories are not made for readers that ask: no worker is at work, those that are do not keep up, or orders were given up. Readers are told to ask again.";
}
