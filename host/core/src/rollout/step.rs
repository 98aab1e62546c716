//! What is done with a plug-in's versions, and why it is not.

use thiserror::Error;

use super::{PluginVersion, Share};
use crate::time::Timestamp;

/// What is done with a plug-in's versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A new version is taken in.
    Publish(PluginVersion),
    /// A version that somebody has named becomes the active one.
    Promote(PluginVersion),
    /// A version that nobody has named becomes the active one, if it [waits](super::Rollout::waits)
    /// for that.
    PromoteNext(PluginVersion),
    /// A version is tried with a share of the purchases.
    Canary(PluginVersion, Share),
    /// The canary ends; without one, the version that was active before becomes active again.
    Rollback {
        /// The version to go back from, as whoever goes back has seen it: the
        /// [foremost](super::Rollout::foremost), or none where none was asked. Of two who go back
        /// at the same moment only one does.
        seen: Option<PluginVersion>,
    },
    /// No version is asked any more.
    Withdraw,
    /// A version has failed: it is not asked any more, and the one before it is.
    Reject {
        /// The version.
        version: PluginVersion,
        /// Why, for people.
        reason: String,
        /// Who has seen it fail.
        witnesses: Witnesses,
        /// When that was.
        at: Timestamp,
    },
}

/// Who has seen a version fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Witnesses {
    /// Buyers of one retailer, people who have proven nothing, or a host that cannot load it: enough
    /// to end a trial. A retailer that has found what a version does not survive could otherwise
    /// bring back an older one that suits it better.
    One,
    /// Buyers of several retailers: enough to go back from the active version.
    Several,
}

impl Step {
    /// What the step is called in the history.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Publish(_) => "publish",
            Self::Promote(_) | Self::PromoteNext(_) => "promote",
            Self::Canary(..) => "canary",
            Self::Rollback { .. } => "rollback",
            Self::Withdraw => "withdraw",
            Self::Reject { .. } => "reject",
        }
    }

    /// The version that the step names.
    pub fn version(&self) -> Option<&PluginVersion> {
        match self {
            Self::Publish(version)
            | Self::Promote(version)
            | Self::PromoteNext(version)
            | Self::Canary(version, _)
            | Self::Reject { version, .. } => Some(version),
            Self::Rollback { seen } => seen.as_ref(),
            Self::Withdraw => None,
        }
    }
}

/// Why a step is not taken. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StepRefused {
    /// A version is published once; what changes gets another number.
    #[error("version {0} is published already; give what has changed another version")]
    AlreadyPublished(PluginVersion),
    /// There is no such version.
    #[error("there is no version {0}; publish it first")]
    Unknown(PluginVersion),
    /// It was rejected.
    #[error("version {version} was rejected: {reason}")]
    Rejected {
        /// The version.
        version: PluginVersion,
        /// Why it was.
        reason: String,
    },
    /// It asks for something that is not granted any more.
    #[error("version {version} does not fit what is granted now: {reason}")]
    Unfit {
        /// The version.
        version: PluginVersion,
        /// What does not fit.
        reason: String,
    },
    /// No host would ask it.
    #[error("no host would ask version {version}: {reason}")]
    Unsigned {
        /// The version.
        version: PluginVersion,
        /// What its signature lacks.
        reason: String,
    },
    /// It was asked before, and nobody has named it now.
    #[error("version {0} was asked before and is no longer; name it to have it asked again")]
    AskedBefore(PluginVersion),
    /// It is the active version.
    #[error("version {0} is active already")]
    AlreadyActive(PluginVersion),
    /// Somebody else has been quicker.
    #[error(
        "the versions have changed meanwhile: {} was to be gone back from, and {} is asked now",
        shown(.seen.as_ref()),
        shown(.now.as_ref())
    )]
    Changed {
        /// The version that is on trial, or else active, now.
        now: Option<PluginVersion>,
        /// The one that was when somebody looked.
        seen: Option<PluginVersion>,
    },
    /// No retired version is left that fits what is granted and that somebody who may publish has
    /// signed, and no canary to end.
    #[error("there is no version to go back to")]
    NothingBefore,
    /// No version is asked.
    #[error("no version is active or on trial")]
    NotAsked,
    /// A version that nobody asks cannot fail.
    #[error("version {0} is neither active nor on trial")]
    NotInUse(PluginVersion),
    /// One alone cannot have the active version taken back.
    #[error("version {0} is active, and the buyers of one retailer alone have met its failures")]
    OneWitness(PluginVersion),
    /// It took the place of a version that failed, a short time ago.
    #[error("version {0} took the place of one that failed; an operator decides what comes next")]
    StandsIn(PluginVersion),
}

fn shown(version: Option<&PluginVersion>) -> &str {
    version.map_or("no version", PluginVersion::as_str)
}
