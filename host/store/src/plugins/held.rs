//! A plug-in that nobody else changes meanwhile, with its versions as they are.

use colophon_core::capability::Name;
use colophon_core::rollout::{PluginVersion, Rollout, Step, VersionState};
use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;
use sqlx::FromRow;

use super::state::{StateColumns, of_columns};
use super::{HISTORY_KEPT, StepError, VERSIONS_KEPT, rollout};
use crate::database::{Write, arguments};
use crate::failure::Fault;
use crate::parse::{moment, parsed};
use crate::store::Store;

/// Whoever changes plug-ins of a center takes the center's row first. Every change of a plug-in
/// changes it in the end, so two who came to it by way of different plug-ins could wait for each
/// other for ever.
const HOLD_CENTER: &str = "UPDATE centers SET updated_at = updated_at WHERE id = $1";

const HOLD: &str = "UPDATE plugins SET updated_at = $3 WHERE center = $1 AND id = $2";

const STANDS_IN: &str = "SELECT stands_in_since FROM plugins WHERE center = $1 AND id = $2";

const STATES: &str = "SELECT version, state, share, reason, turn, unfit, published_at \
    FROM plugin_versions WHERE center = $1 AND plugin = $2 ORDER BY published_at, version";

/// A version that does not fit the plug-in's grant keeps the one that it has while it is asked, and
/// one that was rejected needs none.
const SET_STATE: &str = "UPDATE plugin_versions SET state = $4, share = $5, reason = $6, turn = $7, \
    changed_at = $8, grant_text = CASE WHEN $4 = 'rejected' \
    OR (unfit IS NOT NULL AND $4 NOT IN ('active', 'canary')) THEN NULL ELSE grant_text END \
    WHERE center = $1 AND plugin = $2 AND version = $3";

const SET_STANDS_IN: &str = "UPDATE plugins SET stands_in_since = $3 WHERE center = $1 AND id = $2";

const FORGET: &str =
    "DELETE FROM plugin_versions WHERE center = $1 AND plugin = $2 AND version = $3";

const NOTE: &str = "INSERT INTO plugin_history (center, plugin, number, at, step, version, active, \
    reason) VALUES ($1, $2, (SELECT COALESCE(MAX(number), 0) + 1 FROM plugin_history \
    WHERE center = $1 AND plugin = $2), $3, $4, $5, $6, $7)";

const PRUNE_HISTORY: &str = "DELETE FROM plugin_history WHERE center = $1 AND plugin = $2 \
    AND number <= (SELECT MAX(number) FROM plugin_history WHERE center = $1 AND plugin = $2) - $3";

#[derive(FromRow)]
struct StateRow {
    version: String,
    state: String,
    share: Option<i64>,
    reason: Option<String>,
    turn: Option<i64>,
    unfit: Option<String>,
    published_at: i64,
}

/// A plug-in whose center's row is held, with its versions as they are.
pub(super) struct HeldPlugin<'a> {
    pub(super) write: Write,
    pub(super) center: &'a CenterId,
    pub(super) plugin: &'a Name,
    pub(super) rollout: Rollout,
    /// The same versions, the oldest first.
    pub(super) versions: Vec<HeldVersion>,
}

/// What is known of a version beside its state.
pub(super) struct HeldVersion {
    pub(super) version: PluginVersion,
    pub(super) published_at: Timestamp,
}

/// A line of the history.
pub(super) struct Noted<'a> {
    pub(super) step: &'a str,
    pub(super) version: Option<&'a PluginVersion>,
    pub(super) reason: Option<String>,
}

/// Takes the center's row; without it there is nothing to change.
pub(super) async fn hold_center(write: &mut Write, center: &CenterId) -> Result<(), Fault> {
    match write
        .execute(HOLD_CENTER, arguments![center.as_str()])
        .await?
    {
        0 => Err(Fault::ParentMissing),
        _ => Ok(()),
    }
}

impl<'a> HeldPlugin<'a> {
    pub(super) async fn take(
        store: &Store,
        center: &'a CenterId,
        plugin: &'a Name,
        now: Timestamp,
    ) -> Result<Self, StepError> {
        let mut write = store.fulfillment.write().await?;
        hold_center(&mut write, center).await?;
        Self::take_in(write, center, plugin, now).await
    }

    /// The same in a write that holds the center already.
    pub(super) async fn take_in(
        mut write: Write,
        center: &'a CenterId,
        plugin: &'a Name,
        now: Timestamp,
    ) -> Result<Self, StepError> {
        let values = arguments![center.as_str(), plugin.as_str(), now.unix_ms()];
        if write.execute(HOLD, values).await? == 0 {
            write.undo().await?;
            return Err(StepError::NotFound);
        }
        let values = arguments![center.as_str(), plugin.as_str()];
        let since: Option<(Option<i64>,)> = write.optional(STANDS_IN, values).await?;
        let since = since.and_then(|(since,)| since);
        let rows: Vec<StateRow> = write.all(STATES, values).await?;
        let (mut states, mut unfit, mut versions) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let version: PluginVersion = parsed("plugin_versions", "version", &row.version)?;
            let state = of_columns(&row.state, row.share, row.reason, row.turn)?;
            states.push((version.clone(), state));
            unfit.extend(row.unfit.map(|reason| (version.clone(), reason)));
            versions.push(HeldVersion {
                version,
                published_at: moment(row.published_at),
            });
        }
        let rollout = rollout(states)?.with_unfit(unfit);
        Ok(Self {
            write,
            center,
            plugin,
            rollout: rollout.standing_in_since(since.map(moment)),
            versions,
        })
    }

    /// Ends the write without any effect, for this reason.
    pub(super) async fn refuse<E: From<Fault>>(self, reason: E) -> E {
        match self.write.undo().await {
            Ok(()) => reason,
            Err(fault) => E::from(fault),
        }
    }

    /// Whether there is room for one more version.
    pub(super) fn has_room(&self) -> Result<(), StepError> {
        let spare = self.versions.iter().find(|one| {
            let state = self.rollout.state(&one.version);
            !state.is_some_and(is_asked)
        });
        match spare {
            Some(spare) if self.versions.len() >= VERSIONS_KEPT => Err(StepError::Full {
                spare: spare.version.clone(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Writes what has changed. What stops being asked is written first: the database does not
    /// hold two active versions, not even for a moment.
    pub(super) async fn write_states(
        &mut self,
        next: &Rollout,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let gone: Vec<PluginVersion> = self
            .rollout
            .versions()
            .filter(|(version, _)| next.state(version).is_none())
            .map(|(version, _)| version.clone())
            .collect();
        for version in gone {
            self.forget(&version).await?;
        }
        let changed = next
            .versions()
            .filter(|(version, state)| self.rollout.state(version) != Some(*state));
        let (asked, others): (Vec<_>, Vec<_>) = changed.partition(|(_, state)| is_asked(state));
        for (version, state) in others.into_iter().chain(asked) {
            let StateColumns {
                word,
                share,
                reason,
                turn,
            } = StateColumns::of(state);
            let values = arguments![
                self.center.as_str(),
                self.plugin.as_str(),
                version.as_str(),
                word,
                share,
                reason,
                turn,
                now.unix_ms(),
            ];
            self.write.execute(SET_STATE, values).await?;
        }
        if next.stands_in_since() != self.rollout.stands_in_since() {
            let since = next.stands_in_since().map(|since| since.unix_ms());
            let values = arguments![self.center.as_str(), self.plugin.as_str(), since];
            self.write.execute(SET_STANDS_IN, values).await?;
        }
        Ok(())
    }

    /// Takes a version away with its component.
    pub(super) async fn forget(&mut self, version: &PluginVersion) -> Result<(), Fault> {
        let values = arguments![self.center.as_str(), self.plugin.as_str(), version.as_str()];
        self.write.execute(FORGET, values).await?;
        Ok(())
    }

    /// Writes down for people what was done, and takes the oldest lines away.
    pub(super) async fn note(
        &mut self,
        noted: &Noted<'_>,
        active: Option<&PluginVersion>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let (center, plugin) = (self.center.as_str(), self.plugin.as_str());
        let values = arguments![
            center,
            plugin,
            now.unix_ms(),
            noted.step,
            noted.version.map(PluginVersion::as_str),
            active.map(PluginVersion::as_str),
            noted.reason.as_deref(),
        ];
        self.write.execute(NOTE, values).await?;
        let values = arguments![center, plugin, i64::from(HISTORY_KEPT)];
        self.write.execute(PRUNE_HISTORY, values).await?;
        Ok(())
    }
}

impl<'a> Noted<'a> {
    pub(super) fn of(step: &'a Step) -> Self {
        let reason = match step {
            Step::Reject { reason, .. } => Some(reason.clone()),
            Step::Canary(_, share) => Some(format!("{} %", share.as_percent())),
            Step::Publish(_)
            | Step::Promote(_)
            | Step::PromoteNext(_)
            | Step::Rollback { .. }
            | Step::Withdraw => None,
        };
        Self {
            step: step.name(),
            version: step.version(),
            reason,
        }
    }
}

/// Whether purchases meet a version in this state.
pub(super) fn is_asked(state: &VersionState) -> bool {
    matches!(state, VersionState::Active | VersionState::Canary(_))
}
