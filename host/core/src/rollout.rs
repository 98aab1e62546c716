//! Which of a plug-in's versions are asked in its center.
//!
//! A version is published, perhaps tried with a share of the purchases, made active, retired by
//! the next, or rejected. [`Rollout::after`] says what comes of a step and changes nothing by
//! itself: the database holds the states, and every host follows them.

mod breaker;
mod share;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

pub use self::breaker::{Breaker, Tripped};
pub use self::share::{PurchaseMark, Share};

/// How many retired versions are kept to go back to.
pub const RETIRED_KEPT: usize = 5;

/// A version of a plug-in, as its author counts: 1 to 64 letters, digits and `.`, `-`, `+`, `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginVersion(Arc<str>);

/// A text is no [`PluginVersion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a version has 1 to 64 letters, digits and '.', '-', '+', '_'")]
pub struct InvalidVersion;

impl PluginVersion {
    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PluginVersion {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-+_".contains(c);
        if (1..=64).contains(&text.len()) && text.chars().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidVersion)
        }
    }
}

impl fmt::Display for PluginVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a version stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionState {
    /// Taken in, and asked by nobody.
    Published,
    /// Asked for this share of the purchases, in place of the active version.
    Canary(Share),
    /// Asked for all purchases, or for those that the canary leaves.
    Active,
    /// Was active. A higher turn retired later.
    Retired {
        /// Counts up with every version of the plug-in that retires.
        turn: u32,
    },
    /// Never to be asked again.
    Rejected {
        /// Why, for people.
        reason: String,
    },
}

/// What is done with a plug-in's versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A new version is taken in.
    Publish(PluginVersion),
    /// A version becomes the active one.
    Promote(PluginVersion),
    /// A version is tried with a share of the purchases.
    Canary(PluginVersion, Share),
    /// The canary ends; without one, the version that was active before becomes active again.
    Rollback,
    /// No version is asked any more.
    Withdraw,
    /// A version has failed: it is not asked any more, and the one before it is.
    Reject {
        /// The version.
        version: PluginVersion,
        /// Why, for people.
        reason: String,
    },
}

impl Step {
    /// What the step is called in the history.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Publish(_) => "publish",
            Self::Promote(_) => "promote",
            Self::Canary(..) => "canary",
            Self::Rollback => "rollback",
            Self::Withdraw => "withdraw",
            Self::Reject { .. } => "reject",
        }
    }

    /// The version that the step names.
    pub fn version(&self) -> Option<&PluginVersion> {
        match self {
            Self::Publish(version) | Self::Promote(version) | Self::Canary(version, _) => {
                Some(version)
            }
            Self::Reject { version, .. } => Some(version),
            Self::Rollback | Self::Withdraw => None,
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
    /// It is the active version.
    #[error("version {0} is active already")]
    AlreadyActive(PluginVersion),
    /// No retired version is left, and no canary to end.
    #[error("there is no version to go back to")]
    NothingBefore,
    /// No version is asked.
    #[error("no version is active or on trial")]
    NotAsked,
    /// A version that nobody asks cannot fail.
    #[error("version {0} is neither active nor on trial")]
    NotInUse(PluginVersion),
}

/// All versions of one plug-in in one center.
///
/// At most one is active and at most one a canary.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rollout {
    versions: BTreeMap<PluginVersion, VersionState>,
}

/// Two versions are in a state that only one can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("two versions are {0}")]
pub struct Ambiguous(&'static str);

impl Rollout {
    /// The versions as they are kept.
    ///
    /// # Errors
    /// [`Ambiguous`] where two are active, or two canaries.
    pub fn of(
        versions: impl IntoIterator<Item = (PluginVersion, VersionState)>,
    ) -> Result<Self, Ambiguous> {
        let rollout = Self {
            versions: versions.into_iter().collect(),
        };
        let count = |wanted: fn(&VersionState) -> bool| {
            rollout.versions.values().filter(|now| wanted(now)).count()
        };
        if count(|now| matches!(now, VersionState::Active)) > 1 {
            return Err(Ambiguous("active"));
        }
        if count(|now| matches!(now, VersionState::Canary(_))) > 1 {
            return Err(Ambiguous("canaries"));
        }
        Ok(rollout)
    }

    /// Every version with its state.
    pub fn versions(&self) -> impl Iterator<Item = (&PluginVersion, &VersionState)> {
        self.versions.iter()
    }

    /// How a version stands.
    pub fn state(&self, version: &PluginVersion) -> Option<&VersionState> {
        self.versions.get(version)
    }

    /// The active version.
    pub fn active(&self) -> Option<&PluginVersion> {
        let mut all = self.versions.iter();
        all.find(|(_, state)| **state == VersionState::Active)
            .map(|(version, _)| version)
    }

    /// The version on trial, with its share.
    pub fn canary(&self) -> Option<(&PluginVersion, Share)> {
        self.versions
            .iter()
            .find_map(|(version, state)| match state {
                VersionState::Canary(share) => Some((version, *share)),
                VersionState::Published
                | VersionState::Active
                | VersionState::Retired { .. }
                | VersionState::Rejected { .. } => None,
            })
    }

    /// The version to go back to: the one that retired last.
    pub fn previous(&self) -> Option<&PluginVersion> {
        self.retired().last().map(|(_, version)| *version)
    }

    /// What comes of a step. Retired versions beyond [`RETIRED_KEPT`] are gone afterwards.
    ///
    /// # Errors
    /// [`StepRefused`]; the versions stay as they are.
    pub fn after(&self, step: &Step) -> Result<Self, StepRefused> {
        let mut next = self.clone();
        match step {
            Step::Publish(version) => {
                if self.versions.contains_key(version) {
                    return Err(StepRefused::AlreadyPublished(version.clone()));
                }
                next.set(version, VersionState::Published);
            }
            Step::Promote(version) => {
                self.usable(version)?;
                next.end_canary();
                next.retire_active();
                next.set(version, VersionState::Active);
            }
            Step::Canary(version, share) => {
                self.usable(version)?;
                next.end_canary();
                next.set(version, VersionState::Canary(*share));
            }
            Step::Rollback => next.roll_back()?,
            Step::Withdraw => {
                if self.active().is_none() && self.canary().is_none() {
                    return Err(StepRefused::NotAsked);
                }
                next.end_canary();
                next.retire_active();
            }
            Step::Reject { version, reason } => next.reject(version, reason)?,
        }
        next.forget_oldest();
        Ok(next)
    }

    /// Whether a version may be asked that is not the active one.
    fn usable(&self, version: &PluginVersion) -> Result<(), StepRefused> {
        match self.versions.get(version) {
            None => Err(StepRefused::Unknown(version.clone())),
            Some(VersionState::Active) => Err(StepRefused::AlreadyActive(version.clone())),
            Some(VersionState::Rejected { reason }) => Err(StepRefused::Rejected {
                version: version.clone(),
                reason: reason.clone(),
            }),
            Some(
                VersionState::Published | VersionState::Canary(_) | VersionState::Retired { .. },
            ) => Ok(()),
        }
    }

    fn set(&mut self, version: &PluginVersion, state: VersionState) {
        self.versions.insert(version.clone(), state);
    }

    fn end_canary(&mut self) {
        if let Some((version, _)) = self.canary() {
            let version = version.clone();
            self.set(&version, VersionState::Published);
        }
    }

    fn retire_active(&mut self) {
        if let Some(version) = self.active().cloned() {
            let last = self.retired().last().map_or(0, |(turn, _)| *turn);
            let turn = last.saturating_add(1);
            self.set(&version, VersionState::Retired { turn });
        }
    }

    /// The version gone back from is none to go back to, or two of them would take turns.
    fn roll_back(&mut self) -> Result<(), StepRefused> {
        if self.canary().is_some() {
            self.end_canary();
            return Ok(());
        }
        let previous = self.previous().cloned().ok_or(StepRefused::NothingBefore)?;
        if let Some(active) = self.active().cloned() {
            self.set(&active, VersionState::Published);
        }
        self.set(&previous, VersionState::Active);
        Ok(())
    }

    /// An active version is only taken away where another takes its place: a center whose policy
    /// fails refuses sales, and one without its policy would let them pass.
    fn reject(&mut self, version: &PluginVersion, reason: &str) -> Result<(), StepRefused> {
        match self.versions.get(version) {
            Some(VersionState::Canary(_)) => {}
            Some(VersionState::Active) => {
                let previous = self.previous().cloned().ok_or(StepRefused::NothingBefore)?;
                self.set(&previous, VersionState::Active);
            }
            Some(
                VersionState::Published
                | VersionState::Retired { .. }
                | VersionState::Rejected { .. },
            )
            | None => return Err(StepRefused::NotInUse(version.clone())),
        }
        let reason = reason.to_owned();
        self.set(version, VersionState::Rejected { reason });
        Ok(())
    }

    fn forget_oldest(&mut self) {
        let retired: Vec<_> = self
            .retired()
            .into_iter()
            .map(|(_, one)| one.clone())
            .collect();
        let surplus = retired.len().saturating_sub(RETIRED_KEPT);
        for version in retired.iter().take(surplus) {
            self.versions.remove(version);
        }
    }

    /// Retired versions with their turns, the last to retire at the end.
    fn retired(&self) -> Vec<(u32, &PluginVersion)> {
        let retired = self.versions.iter().filter_map(|(version, state)| {
            if let VersionState::Retired { turn } = state {
                Some((*turn, version))
            } else {
                None
            }
        });
        let mut retired: Vec<_> = retired.collect();
        retired.sort();
        retired
    }
}
