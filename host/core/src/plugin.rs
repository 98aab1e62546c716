//! What a center's plug-ins are asked and what they may answer.
//!
//! The host crate that knows the WebAssembly engine turns these into calls. Answers are outside
//! data: the flow parses them before it uses them.

use async_trait::async_trait;
use colophon_receipt::{CenterId, RetailerId};
use thiserror::Error;

use crate::catalog::{Book, Money};
use crate::rollout::PurchaseMark;
use crate::time::Timestamp;

/// What every call to a plug-in says about the request it serves.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// The request's id, as in the log.
    pub request_id: String,
    /// The moment the request is judged at.
    pub now: Timestamp,
    /// The center whose rules are asked.
    pub center: CenterId,
    /// The retailer that sold; before the receipt is opened, the one it claims.
    pub retailer: RetailerId,
    /// Tells the purchase from others, so that it meets the same version of a plug-in every time.
    /// Before the receipt is opened it is whatever the retailer has sold. Without one no version on
    /// trial is asked.
    pub purchase: Option<PurchaseMark>,
}

/// What a plug-in knows of a retailer id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetailerAnswer {
    /// The id is this retailer's. Unchecked: whether the center has the record and the key is for
    /// the flow to see.
    Known(RetailerEntry),
    /// This plug-in does not know the id; another may.
    NotMine,
}

/// Where a retailer's secrets are, as a plug-in names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetailerEntry {
    /// Id of the center's retailer record.
    pub retailer: String,
    /// Name of one of its keys, or none to let the receipt's own key id choose.
    pub key: Option<String>,
}

/// The resolver's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolverAnswer {
    /// The title lives here. Unchecked: a path that leaves its root is refused by the flow.
    Found(FoundLocation),
    /// This resolver does not know the Book ID; another may.
    NotMine,
}

/// A place as a resolver names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundLocation {
    /// Name of a configured content-store root.
    pub root: String,
    /// Path of the title's folder below it.
    pub path: String,
    /// SHA-256 that the delivered form's stored file must have, if the resolver knows it.
    pub sha256: Option<Vec<u8>>,
    /// Bytes that this file must have, if the resolver knows them.
    pub size: Option<u64>,
}

/// The sale, as the policy sees it.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The title.
    pub book: Book,
    /// Media type of the content.
    pub resource_class: String,
    /// What the buyer paid, if the receipt says so.
    pub price: Option<Money>,
    /// The level asked for (`1` to `5`), or empty for the catalog's.
    pub requested_protection: String,
    /// Center-defined attributes of the title.
    pub title: Vec<(String, String)>,
    /// What receipt and request say of the sale.
    pub sale: Vec<(String, String)>,
}

/// The policy's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The sale may be served under these terms.
    Allow(PolicyTerms),
    /// The sale may not be served.
    Deny {
        /// The policy's own code for its reason.
        reason: String,
    },
}

/// Terms of an allowed sale; the strictest of catalog, receipt and terms holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyTerms {
    /// The least protection (`1`, `2`, `3` or `5`), or empty for the catalog's.
    pub min_protection: String,
    /// How often one purchase may be downloaded.
    pub max_downloads: Option<u32>,
    /// How long after its issue a receipt may be used, in seconds.
    pub receipt_lifetime_s: Option<u64>,
    /// The last moment at which a download may begin.
    pub expires_at: Option<Timestamp>,
}

/// Who has to mend a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The plug-in's author.
    Plugin,
    /// The host's operator: load, or a service behind a host call.
    Host,
    /// Whoever configured the center.
    Config,
}

/// Why a call gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PluginFailure {
    /// The plug-in itself said that it failed.
    #[error("the plug-in reported a failure: {message}")]
    Reported {
        /// In the plug-in's words.
        message: String,
    },
    /// The plug-in trapped.
    #[error("the plug-in trapped in {function}: {message}")]
    Trapped {
        /// The exported function called.
        function: &'static str,
        /// The trap, with the plug-in's frames.
        message: String,
    },
    /// The plug-in ran past its deadline.
    #[error("the plug-in did not answer in time")]
    TimedOut,
    /// The plug-in used up its fuel.
    #[error("the plug-in used up its fuel")]
    OutOfFuel,
    /// The plug-in asked for more memory, tables or host calls than it may have.
    #[error("the plug-in reached its limit of {limit}")]
    LimitReached {
        /// Which limit.
        limit: &'static str,
    },
    /// The plug-in's answer is not one that its contract knows.
    #[error("the plug-in's answer cannot be used: {problem}")]
    Unusable {
        /// What is wrong with the answer.
        problem: &'static str,
    },
    /// No component of the center's chain plays this role.
    #[error("the center has no plug-in in the role of {role}")]
    NoSuchRole {
        /// `resolver`, `policy`, `naming` or `retailers`.
        role: &'static str,
    },
    /// A service that the plug-in asked the host for did not answer.
    #[error("a service behind the plug-in's host call did not answer")]
    HostUnavailable,
    /// Too many calls are under way.
    #[error("too many plug-in calls are under way")]
    Saturated,
    /// The center has plug-ins of its own, and this host could not load them.
    #[error("the center's plug-ins could not be loaded")]
    NotLoaded,
}

impl PluginFailure {
    /// What all of them are called.
    pub const KINDS: [&str; 10] = [
        "reported",
        "trapped",
        "timed-out",
        "out-of-fuel",
        "limit-reached",
        "unusable",
        "no-such-role",
        "host-unavailable",
        "saturated",
        "not-loaded",
    ];

    /// What it is called in logs, metrics and authors' cases.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Reported { .. } => "reported",
            Self::Trapped { .. } => "trapped",
            Self::TimedOut => "timed-out",
            Self::OutOfFuel => "out-of-fuel",
            Self::LimitReached { .. } => "limit-reached",
            Self::Unusable { .. } => "unusable",
            Self::NoSuchRole { .. } => "no-such-role",
            Self::HostUnavailable => "host-unavailable",
            Self::Saturated => "saturated",
            Self::NotLoaded => "not-loaded",
        }
    }

    /// The same in the host's words alone: a plug-in's own may quote what it was asked, and so the
    /// buyer.
    pub fn brief(&self) -> String {
        let kind = self.kind();
        match self {
            Self::Trapped { function, .. } => format!("{kind} in {function}"),
            Self::LimitReached { limit } => format!("{kind}: {limit}"),
            Self::Unusable { problem } => format!("{kind}: {problem}"),
            Self::NoSuchRole { role } => format!("{kind}: {role}"),
            Self::Reported { .. }
            | Self::TimedOut
            | Self::OutOfFuel
            | Self::HostUnavailable
            | Self::Saturated
            | Self::NotLoaded => kind.to_owned(),
        }
    }

    /// Whether it can only be a defect of the version that was asked. A failure that a plug-in
    /// reports may be a title that it does not have, or a sale that it refuses; and what runs past
    /// its deadline may have met a busy machine.
    pub fn is_defect(&self) -> bool {
        match self {
            Self::Trapped { .. }
            | Self::OutOfFuel
            | Self::LimitReached { .. }
            | Self::Unusable { .. } => true,
            Self::Reported { .. }
            | Self::TimedOut
            | Self::NoSuchRole { .. }
            | Self::HostUnavailable
            | Self::Saturated
            | Self::NotLoaded => false,
        }
    }

    /// Who has to mend it.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Reported { .. }
            | Self::Trapped { .. }
            | Self::TimedOut
            | Self::OutOfFuel
            | Self::LimitReached { .. }
            | Self::Unusable { .. } => Blame::Plugin,
            Self::HostUnavailable | Self::Saturated => Blame::Host,
            Self::NoSuchRole { .. } | Self::NotLoaded => Blame::Config,
        }
    }
}

/// The plug-ins of all centers.
pub trait Plugins: Send + Sync {
    /// A center's plug-ins as they are now. A request takes them once and is decided by these from
    /// begin to end, whatever takes their place meanwhile.
    fn of_center(&self, center: &CenterId) -> Box<dyn CenterPlugins>;

    /// Begins calls of a center's plug-ins as they are now, for whoever asks once.
    fn begin(&self, context: CallContext) -> Box<dyn PluginCalls> {
        self.of_center(&context.center).begin(context)
    }
}

/// A center's plug-ins as they were at one moment.
pub trait CenterPlugins: Send + Sync {
    /// Begins calls, in instances that no other request has touched.
    fn begin(&self, context: CallContext) -> Box<dyn PluginCalls>;

    /// Whether one of them tells whose a retailer id is; most centers have none.
    fn tells_retailers(&self) -> bool {
        false
    }
}

/// The calls of one request, in the flow's order.
#[async_trait]
pub trait PluginCalls: Send {
    /// Asks where a title lives.
    async fn resolve(&mut self, book: &Book) -> Result<ResolverAnswer, PluginFailure>;

    /// Asks whether the sale may be served.
    async fn evaluate(&mut self, offer: Offer) -> Result<Verdict, PluginFailure>;

    /// Asks what the file is to be called.
    async fn file_name(&mut self, facts: Vec<(String, String)>) -> Result<String, PluginFailure>;

    /// Asks whose a retailer id is, before the receipt that claims it is opened.
    async fn identify(&mut self, _retailer: &RetailerId) -> Result<RetailerAnswer, PluginFailure> {
        Ok(RetailerAnswer::NotMine)
    }

    /// The plug-in that told where the title lives, by its name and version; none where nobody has, or
    /// where that is not known.
    fn located_by(&self) -> Option<String> {
        None
    }

    /// What the plug-ins have asked of the host so far, in order.
    fn host_calls(&self) -> &[HostCall] {
        &[]
    }
}

/// A call of a plug-in into the host, by what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCall {
    /// Interface and function, as `catalog.find`.
    pub function: &'static str,
    /// How many bytes crossed the boundary, both ways.
    pub bytes: u64,
    /// How long it took, in microseconds.
    pub took_us: u64,
}
