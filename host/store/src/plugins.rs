//! The centers' plug-ins: what was published, what is granted, which versions are asked.
//!
//! What comes of a step is core's to decide ([`colophon_core::rollout`]); here it is decided and
//! written while the plug-in's row is held, so that operators and hosts that act at the same moment
//! act one after the other. Components are immutable and lie apart from the versions' states.

mod publishing;
mod reading;
mod stepping;
mod vectors;

use colophon_core::capability::Name;
use colophon_core::ports::{Service, Unavailable};
use colophon_core::rollout::{PluginVersion, Rollout, StepRefused, VersionState};
use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;
use thiserror::Error;

pub use self::publishing::{Granted, Publisher};
pub use self::vectors::{KeptVector, NewVector, VECTORS_KEPT};
use crate::failure::{Damaged, Fault};
use crate::secrets::Column;

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
    pub grant: String,
    /// Its publisher's signature.
    pub signature: Option<Vec<u8>>,
}

/// A center's plug-in as it is kept.
pub struct PluginRecord {
    /// Its name.
    pub id: Name,
    /// Its place among the center's plug-ins; the smallest is asked first.
    pub position: i64,
    /// What versions published from now on may use.
    pub grant: String,
    /// Its versions, by name.
    pub versions: Vec<VersionRecord>,
}

/// A version as it is kept, without its component.
#[derive(Clone)]
pub struct VersionRecord {
    /// The version.
    pub version: PluginVersion,
    /// SHA-256 of the component.
    pub sha256: [u8; 32],
    /// Size of the component.
    pub bytes: u64,
    /// The manifest as its author wrote it.
    pub manifest: String,
    /// What it may use.
    pub grant: String,
    /// Its publisher's signature.
    pub signature: Option<Vec<u8>>,
    /// How it stands.
    pub state: VersionState,
    /// When it was published.
    pub published_at: Timestamp,
    /// When its state last changed.
    pub changed_at: Timestamp,
}

impl PluginRecord {
    /// The version of this name.
    pub fn version(&self, version: &PluginVersion) -> Option<&VersionRecord> {
        self.versions.iter().find(|one| one.version == *version)
    }

    /// The versions' states together.
    ///
    /// # Errors
    /// [`Damaged`] where two versions are active.
    pub fn rollout(&self) -> Result<Rollout, Damaged> {
        let states = self.versions.iter();
        let states = states.map(|one| (one.version.clone(), one.state.clone()));
        Rollout::of(states).map_err(|error| Damaged::new("plugin_versions", "state", error))
    }
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
