//! The centers' plug-ins: what was published, what is granted, which versions are asked.
//!
//! What comes of a step is core's to decide ([`colophon_core::rollout`]); here it is decided and
//! written while the center's row is held, so that operators and hosts that act at the same moment
//! act one after the other. Components are immutable and lie apart from the versions' states.
//!
//! A version has the plug-in's grant or, while it is asked, perhaps an earlier one; a version that
//! cannot be asked has none. Hosts read what is asked, with its grants, and nothing else.

mod granting;
mod held;
mod publishers;
mod publishing;
mod reading;
mod state;
mod stepping;
mod vectors;

use colophon_core::capability::Name;
use colophon_core::ports::{Service, Unavailable};
use colophon_core::rollout::{PluginVersion, Rollout, StepRefused, VersionState};
use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;
use thiserror::Error;

pub use self::granting::{Fit, GrantRefused, GrantTaken, Granted, UnfitAsked, Verdict};
pub use self::publishers::{
    LastPublisher, Publisher, PublisherStays, SignatureCheck, StatedVersion,
};
pub(crate) use self::vectors::INPUT;
pub use self::vectors::{KeptVector, NewVector, VECTORS_KEPT};
use crate::failure::{Damaged, Fault};
use crate::secrets::Column;

/// How many versions of one plug-in are kept. Each holds its component, of up to 32 MiB.
pub const VERSIONS_KEPT: usize = 32;

/// How many lines of a plug-in's history are kept; the oldest go.
pub const HISTORY_KEPT: u32 = 200;

pub(crate) const GRANT: Column = Column {
    table: "plugins",
    name: "grant_text",
};

pub(crate) const VERSION_GRANT: Column = Column {
    table: "plugin_versions",
    name: "grant_text",
};

/// A version to be published.
pub struct NewVersion {
    /// The center it is for.
    pub center: CenterId,
    /// The plug-in's name in its manifest.
    pub plugin: Name,
    /// The version.
    pub version: PluginVersion,
    /// SHA-256 of the component.
    pub sha256: [u8; 32],
    /// The component.
    pub component: Vec<u8>,
    /// The manifest as its author wrote it.
    pub manifest: String,
    /// The files with cases, as a JSON array.
    pub cases: String,
    /// What it may use: the grant that it was held against.
    pub grant: HeldAgainst,
    /// Its publisher's signature.
    pub signature: Option<Vec<u8>>,
}

/// The grant that a version was held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldAgainst {
    /// The plug-in's, as it was read then.
    Grant(String),
    /// The center did not have the plug-in, which gets this one.
    Nothing(String),
}

/// A center's plug-in as hosts ask it.
pub struct PluginRecord {
    /// Its name.
    pub id: Name,
    /// Its versions that are asked: the active one, and the one on trial.
    pub versions: Vec<VersionRecord>,
}

/// A version that is asked, without its component.
#[derive(Clone)]
pub struct VersionRecord {
    /// The version.
    pub version: PluginVersion,
    /// SHA-256 of the component.
    pub sha256: [u8; 32],
    /// The manifest as its author wrote it.
    pub manifest: String,
    /// What it may use.
    pub grant: String,
    /// Its publisher's signature.
    pub signature: Option<Vec<u8>>,
    /// How it stands.
    pub state: VersionState,
}

/// A center's plug-in as it is kept.
pub struct KeptPlugin {
    /// Its name.
    pub id: Name,
    /// Its place among the center's plug-ins; the smallest is asked first.
    pub position: i64,
    /// What versions published from now on may use.
    pub grant: String,
    /// Its versions, the oldest first.
    pub versions: Vec<KeptVersion>,
}

/// A version as it is kept, without its component and its grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVersion {
    /// The version.
    pub version: PluginVersion,
    /// SHA-256 of the component.
    pub sha256: [u8; 32],
    /// Size of the component.
    pub bytes: u64,
    /// The manifest as its author wrote it.
    pub manifest: String,
    /// Its publisher's signature.
    pub signature: Option<Vec<u8>>,
    /// How it stands.
    pub state: VersionState,
    /// Why it does not fit the plug-in's grant, if it does not. While it is asked it has an earlier
    /// one, and otherwise none.
    pub unfit: Option<String>,
    /// When it was published.
    pub published_at: Timestamp,
    /// When its state last changed.
    pub changed_at: Timestamp,
}

impl HeldAgainst {
    /// The grant.
    pub fn text(&self) -> &str {
        match self {
            Self::Grant(text) | Self::Nothing(text) => text,
        }
    }
}

impl PluginRecord {
    /// The version of this name.
    pub fn version(&self, version: &PluginVersion) -> Option<&VersionRecord> {
        self.versions.iter().find(|one| one.version == *version)
    }

    /// The states of the versions that are asked.
    ///
    /// # Errors
    /// [`Damaged`] where two versions are active.
    pub fn rollout(&self) -> Result<Rollout, Damaged> {
        let states = self.versions.iter();
        rollout(states.map(|one| (one.version.clone(), one.state.clone())))
    }
}

impl KeptPlugin {
    /// The version of this name.
    pub fn version(&self, version: &PluginVersion) -> Option<&KeptVersion> {
        self.versions.iter().find(|one| one.version == *version)
    }

    /// The versions' states together.
    ///
    /// # Errors
    /// [`Damaged`] where two versions are active.
    pub fn rollout(&self) -> Result<Rollout, Damaged> {
        let states = self.versions.iter();
        let states = states.map(|one| (one.version.clone(), one.state.clone()));
        let unfit = self.versions.iter().filter_map(|one| {
            let reason = one.unfit.clone()?;
            Some((one.version.clone(), reason))
        });
        Ok(rollout(states)?.with_unfit(unfit))
    }
}

fn rollout(
    states: impl IntoIterator<Item = (PluginVersion, VersionState)>,
) -> Result<Rollout, Damaged> {
    Rollout::of(states).map_err(|error| Damaged::new("plugin_versions", "state", error))
}

/// Something that was done with a plug-in's versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// What, by [`Step::name`](colophon_core::rollout::Step::name).
    pub step: String,
    /// The version that the step names.
    pub version: Option<String>,
    /// The version that is active since.
    pub active: Option<String>,
    /// Why, where somebody gave a reason.
    pub reason: Option<String>,
}

/// Why a step was not taken. Nothing has changed.
#[derive(Debug, Error)]
pub enum StepError {
    /// The center has no such plug-in.
    #[error("the center has no such plug-in")]
    NotFound,
    /// The versions are not such that it could be taken.
    #[error(transparent)]
    Refused(#[from] StepRefused),
    /// A version was held against another grant than the plug-in has.
    #[error("the grant was changed meanwhile; publish again")]
    GrantChanged,
    /// What is asked is not removed.
    #[error("version {0} is active or on trial")]
    Asked(PluginVersion),
    /// As many versions are kept as may be.
    #[error(
        "{VERSIONS_KEPT} versions are kept, and no more may be; remove one first, {spare} for \
         example, the oldest that is not asked"
    )]
    Full {
        /// The oldest that is not asked.
        spare: PluginVersion,
    },
    /// The database did not answer.
    #[error(transparent)]
    Unavailable(Unavailable),
    /// A stored value is damaged.
    #[error(transparent)]
    Damaged(Damaged),
}

impl From<Fault> for StepError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::ParentMissing => Self::NotFound,
            Fault::Damaged(damaged) => Self::Damaged(damaged),
            Fault::Unavailable(unavailable) => Self::Unavailable(unavailable),
            // The row was held, so nobody else can have put it there.
            taken @ Fault::Taken => {
                Self::Unavailable(taken.unavailable(Service::FulfillmentDatabase))
            }
        }
    }
}

impl From<Damaged> for StepError {
    fn from(damaged: Damaged) -> Self {
        Self::Damaged(damaged)
    }
}

/// The primary key of a plug-in's row, which its encryption is bound to.
fn plugin_row<'a>(center: &'a CenterId, plugin: &'a Name) -> [&'a [u8]; 2] {
    [center.as_str().as_bytes(), plugin.as_str().as_bytes()]
}

fn version_row<'a>(
    center: &'a CenterId,
    plugin: &'a Name,
    version: &'a PluginVersion,
) -> [&'a [u8]; 3] {
    let [center, plugin] = plugin_row(center, plugin);
    [center, plugin, version.as_str().as_bytes()]
}
