//! Which of a plug-in's versions are asked in its center.
//!
//! A version is published, perhaps tried with a share of the purchases, made active, retired by
//! the next, or rejected. [`Rollout::after`] says what comes of a step and changes nothing by
//! itself: the database holds the states, and every host follows them.

mod breaker;
mod share;
mod step;
mod version;

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

pub use self::breaker::{Breaker, Tripped};
pub use self::share::{PurchaseMark, Share};
pub use self::step::{Step, StepRefused, Witnesses};
pub use self::version::{InvalidVersion, PluginVersion};
use crate::time::Timestamp;

/// How many retired versions are kept to go back to.
pub const RETIRED_KEPT: usize = 5;

/// How long a version that took the place of one that failed is not gone back from by itself: what
/// two versions in a row do not survive is likely the question's fault or the host's, and older
/// versions would fall one after the other.
pub const STEPS_BACK_APART: Duration = Duration::from_secs(24 * 60 * 60);

/// How a version stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionState {
    /// Taken in, and asked by nobody.
    Published,
    /// Asked for this share of the purchases, in place of the active version.
    Canary(Share),
    /// Asked for all purchases, or for those that the canary leaves.
    Active,
    /// Was active, and another was promoted. A higher turn retired later.
    Retired {
        /// Counts up with every version of the plug-in that retires.
        turn: u32,
    },
    /// Was gone back from. It is asked again only when somebody names it.
    Shelved,
    /// Never to be asked again.
    Rejected {
        /// Why, for people.
        reason: String,
    },
}

/// All versions of one plug-in in one center.
///
/// At most one is active and at most one a canary.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rollout {
    versions: BTreeMap<PluginVersion, VersionState>,
    /// Versions that do not fit what is granted now, with the reason.
    unfit: BTreeMap<PluginVersion, String>,
    /// Versions that nobody who may publish has signed, with the reason.
    unsigned: BTreeMap<PluginVersion, String>,
    /// Since when the active version stands in for one that failed.
    stands_in_since: Option<Timestamp>,
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
            ..Self::default()
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

    /// The same where exactly these versions do not fit what is granted, each with the reason. They
    /// keep their states: one that is asked is asked on, and none of them comes back, neither by a
    /// step back nor by its name. Under a grant that they fit again, everything is as it was.
    #[must_use]
    pub fn with_unfit(self, unfit: impl IntoIterator<Item = (PluginVersion, String)>) -> Self {
        let unfit = unfit.into_iter();
        let unfit = unfit.filter(|(version, _)| self.versions.contains_key(version));
        Self {
            unfit: unfit.collect(),
            ..self
        }
    }

    /// The same where nobody who may publish has signed exactly these versions, each with the reason.
    /// No host asks one of them, and so none comes into a place, neither by a step back nor by its
    /// name.
    #[must_use]
    pub fn with_unsigned(
        self,
        unsigned: impl IntoIterator<Item = (PluginVersion, String)>,
    ) -> Self {
        let unsigned = unsigned.into_iter();
        let unsigned = unsigned.filter(|(version, _)| self.versions.contains_key(version));
        Self {
            unsigned: unsigned.collect(),
            ..self
        }
    }

    /// The same where the active version took the place of one that failed, at this time.
    #[must_use]
    pub fn standing_in_since(self, since: Option<Timestamp>) -> Self {
        Self {
            stands_in_since: since.filter(|_| self.active().is_some()),
            ..self
        }
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
                | VersionState::Shelved
                | VersionState::Rejected { .. } => None,
            })
    }

    /// The version that a rollback goes back from: the one on trial, or else the active one.
    pub fn foremost(&self) -> Option<&PluginVersion> {
        let canary = self.canary().map(|(version, _)| version);
        canary.or_else(|| self.active())
    }

    /// The version to go back to: the one that retired last, of those that fit what is granted and
    /// that somebody who may publish has signed.
    pub fn previous(&self) -> Option<&PluginVersion> {
        let retired = self.retired();
        let mut fit = retired.into_iter().map(|(_, version)| version);
        fit.rfind(|version| !self.unfit.contains_key(*version) && self.unsigned(version).is_none())
    }

    /// Why a version does not fit what is granted.
    pub fn unfit(&self, version: &PluginVersion) -> Option<&str> {
        self.unfit.get(version).map(String::as_str)
    }

    /// Why no host asks a version: nobody who may publish has signed it.
    pub fn unsigned(&self, version: &PluginVersion) -> Option<&str> {
        self.unsigned.get(version).map(String::as_str)
    }

    /// Since when the active version stands in for one that failed.
    pub fn stands_in_since(&self) -> Option<Timestamp> {
        self.stands_in_since
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
            Step::Promote(version) => next.promote(version)?,
            Step::PromoteNext(version) => {
                self.waits(version)?;
                next.promote(version)?;
            }
            Step::Canary(version, share) => {
                self.usable(version)?;
                next.end_canary(VersionState::Published);
                next.set(version, VersionState::Canary(*share));
            }
            Step::Rollback { seen } => {
                self.unchanged(seen.as_ref())?;
                next.roll_back()?;
            }
            Step::Withdraw => {
                if self.foremost().is_none() {
                    return Err(StepRefused::NotAsked);
                }
                next.end_canary(VersionState::Published);
                next.retire_active();
            }
            Step::Reject {
                version,
                reason,
                witnesses,
                at,
            } => next.reject(version, reason, *witnesses, *at)?,
        }
        next.forget_oldest();
        Ok(next)
    }

    /// Whether a version may be promoted without anybody naming it: it is on trial, or has never
    /// been asked for all. One that was gone back from would come back by an oversight.
    ///
    /// # Errors
    /// [`StepRefused`] says why not.
    pub fn waits(&self, version: &PluginVersion) -> Result<(), StepRefused> {
        self.usable(version)?;
        match self.versions.get(version) {
            Some(VersionState::Retired { .. } | VersionState::Shelved) => {
                Err(StepRefused::AskedBefore(version.clone()))
            }
            Some(
                VersionState::Published
                | VersionState::Canary(_)
                | VersionState::Active
                | VersionState::Rejected { .. },
            )
            | None => Ok(()),
        }
    }

    /// Whether a version may be asked that is not the active one.
    fn usable(&self, version: &PluginVersion) -> Result<(), StepRefused> {
        match self.versions.get(version) {
            None => return Err(StepRefused::Unknown(version.clone())),
            Some(VersionState::Active) => return Err(StepRefused::AlreadyActive(version.clone())),
            Some(VersionState::Rejected { reason }) => {
                return Err(StepRefused::Rejected {
                    version: version.clone(),
                    reason: reason.clone(),
                });
            }
            Some(
                VersionState::Published
                | VersionState::Canary(_)
                | VersionState::Retired { .. }
                | VersionState::Shelved,
            ) => {}
        }
        let (version, unfit, unsigned) =
            (version.clone(), self.unfit(version), self.unsigned(version));
        match (unfit.map(str::to_owned), unsigned.map(str::to_owned)) {
            (Some(reason), _) => Err(StepRefused::Unfit { version, reason }),
            (None, Some(reason)) => Err(StepRefused::Unsigned { version, reason }),
            (None, None) => Ok(()),
        }
    }

    /// Whether what somebody has seen is still so.
    fn unchanged(&self, seen: Option<&PluginVersion>) -> Result<(), StepRefused> {
        let now = self.foremost();
        if now == seen {
            return Ok(());
        }
        Err(StepRefused::Changed {
            now: now.cloned(),
            seen: seen.cloned(),
        })
    }

    fn set(&mut self, version: &PluginVersion, state: VersionState) {
        self.versions.insert(version.clone(), state);
    }

    /// The trial ends, and the version stands like this.
    fn end_canary(&mut self, state: VersionState) {
        if let Some((version, _)) = self.canary() {
            let version = version.clone();
            self.set(&version, state);
        }
    }

    fn promote(&mut self, version: &PluginVersion) -> Result<(), StepRefused> {
        self.usable(version)?;
        self.end_canary(VersionState::Published);
        self.retire_active();
        self.set(version, VersionState::Active);
        Ok(())
    }

    fn retire_active(&mut self) {
        self.stands_in_since = None;
        if let Some(version) = self.active().cloned() {
            let last = self.retired().last().map_or(0, |(turn, _)| *turn);
            let turn = last.saturating_add(1);
            self.set(&version, VersionState::Retired { turn });
        }
    }

    /// The version gone back from is none to go back to, or two of them would take turns.
    fn roll_back(&mut self) -> Result<(), StepRefused> {
        if self.canary().is_some() {
            self.end_canary(VersionState::Shelved);
            return Ok(());
        }
        let previous = self.previous().cloned().ok_or(StepRefused::NothingBefore)?;
        if let Some(active) = self.active().cloned() {
            self.set(&active, VersionState::Shelved);
        }
        self.set(&previous, VersionState::Active);
        self.stands_in_since = None;
        Ok(())
    }

    /// A trial ends at once. An active version is only taken away where several have seen it fail,
    /// where it does not stand in for another that failed a short time ago, and where another takes
    /// its place: a center whose policy fails refuses sales, and one without its policy would let
    /// them pass.
    fn reject(
        &mut self,
        version: &PluginVersion,
        reason: &str,
        witnesses: Witnesses,
        at: Timestamp,
    ) -> Result<(), StepRefused> {
        match self.versions.get(version) {
            Some(VersionState::Canary(_)) => {}
            Some(VersionState::Active) => {
                if witnesses == Witnesses::One {
                    return Err(StepRefused::OneWitness(version.clone()));
                }
                let previous = self.previous().cloned().ok_or(StepRefused::NothingBefore)?;
                if let Some(since) = self.stands_in_since
                    && at < later(since, STEPS_BACK_APART)
                {
                    return Err(StepRefused::StandsIn(version.clone()));
                }
                self.set(&previous, VersionState::Active);
                self.stands_in_since = Some(at);
            }
            Some(
                VersionState::Published
                | VersionState::Retired { .. }
                | VersionState::Shelved
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
            self.unfit.remove(version);
            self.unsigned.remove(version);
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

fn later(moment: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_ms(moment.unix_ms().saturating_add(by))
}
