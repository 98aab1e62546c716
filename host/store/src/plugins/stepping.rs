//! Taking steps: decided and written while the plug-in's row is held.

use colophon_core::capability::Name;
use colophon_core::rollout::{PluginVersion, Rollout, Step, VersionState};
use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;
use sqlx::FromRow;

use super::reading::state;
use super::{StepError, StepRefused};
use crate::database::{Write, arguments};
use crate::failure::{ChangeError, Damaged, Fault};
use crate::parse::{moment, parsed};
use crate::store::Store;

/// Takes the row, so that whoever else would take a step waits.
const HOLD: &str = "UPDATE plugins SET updated_at = $3 WHERE center = $1 AND id = $2";

const STATES: &str = "SELECT version, state, share, reason, turn, changed_at FROM plugin_versions \
    WHERE center = $1 AND plugin = $2";

const SET_STATE: &str = "UPDATE plugin_versions SET state = $4, share = $5, reason = $6, \
    turn = $7, changed_at = $8 WHERE center = $1 AND plugin = $2 AND version = $3";

const FORGET: &str =
    "DELETE FROM plugin_versions WHERE center = $1 AND plugin = $2 AND version = $3";

const NOTE: &str = "INSERT INTO plugin_history (center, plugin, number, at, step, version, active, \
    reason) VALUES ($1, $2, (SELECT COALESCE(MAX(number), 0) + 1 FROM plugin_history \
    WHERE center = $1 AND plugin = $2), $3, $4, $5, $6, $7)";

const SET_POSITION: &str =
    "UPDATE plugins SET position = $3, updated_at = $4 WHERE center = $1 AND id = $2";

#[derive(FromRow)]
struct StateRow {
    version: String,
    state: String,
    share: Option<i64>,
    reason: Option<String>,
    turn: Option<i64>,
    changed_at: i64,
}

impl Store {
    /// Takes a step with a plug-in's versions, and says how they stand then. Of two that are taken
    /// at once, the second is decided on what the first has made.
    pub async fn step_plugin(
        &self,
        center: &CenterId,
        plugin: &Name,
        step: &Step,
        now: Timestamp,
    ) -> Result<Rollout, StepError> {
        let mut held = HeldPlugin::take(self, center, plugin, now).await?;
        let next = match held.rollout.after(step) {
            Ok(next) => next,
            Err(refused) => {
                held.write.undo().await?;
                return Err(StepError::Refused(refused));
            }
        };
        held.write_states(&next, now).await?;
        held.note(step, &next, now).await?;
        held.write.commit().await?;
        Ok(next)
    }

    /// Puts a center's plug-ins in another order. Those that are not named come after the others,
    /// in the order that they have.
    pub async fn order_plugins(
        &self,
        center: &CenterId,
        order: &[Name],
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        let mut write = self.fulfillment.write().await?;
        for (position, plugin) in (i64::MIN / 2..).zip(order) {
            let values = arguments![center.as_str(), plugin.as_str(), position, now.unix_ms()];
            if write.execute(SET_POSITION, values).await? == 0 {
                write.undo().await?;
                return Err(ChangeError::NotFound);
            }
        }
        renumber(&mut write, center).await?;
        write.commit().await?;
        Ok(())
    }
}

/// Positions from 1 on, in their order.
async fn renumber(write: &mut Write, center: &CenterId) -> Result<(), Fault> {
    const ORDERED: &str = "SELECT id FROM plugins WHERE center = $1 ORDER BY position, id";
    const SET: &str = "UPDATE plugins SET position = $3 WHERE center = $1 AND id = $2";
    let ids: Vec<(String,)> = write.all(ORDERED, arguments![center.as_str()]).await?;
    for (position, (id,)) in (1_i64..).zip(&ids) {
        let values = arguments![center.as_str(), id.as_str(), position];
        write.execute(SET, values).await?;
    }
    Ok(())
}

/// A plug-in whose row is held, with its versions as they are.
pub(super) struct HeldPlugin<'a> {
    pub(super) write: Write,
    center: &'a CenterId,
    plugin: &'a Name,
    pub(super) rollout: Rollout,
}

impl<'a> HeldPlugin<'a> {
    async fn take(
        store: &Store,
        center: &'a CenterId,
        plugin: &'a Name,
        now: Timestamp,
    ) -> Result<Self, StepError> {
        let write = store.fulfillment.write().await?;
        Self::take_in(write, center, plugin, now).await
    }

    /// The same in a write under way.
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
        let rows: Vec<StateRow> = write.all(STATES, values).await?;
        let since = stands_in_since(&rows);
        let states = rows.into_iter().map(|row| {
            let version: PluginVersion = parsed("plugin_versions", "version", &row.version)?;
            Ok((version, state(&row.state, row.share, row.reason, row.turn)?))
        });
        let states: Vec<_> = states.collect::<Result<_, Damaged>>()?;
        let rollout = Rollout::of(states);
        let rollout = rollout.map_err(|error| Damaged::new("plugin_versions", "state", error))?;
        Ok(Self {
            write,
            center,
            plugin,
            rollout: rollout.standing_in_since(since),
        })
    }

    /// Writes what has changed. What stops being asked is written first: the database does not
    /// hold two active versions, not even for a moment.
    async fn write_states(&mut self, next: &Rollout, now: Timestamp) -> Result<(), Fault> {
        let gone: Vec<PluginVersion> = self
            .rollout
            .versions()
            .filter(|(version, _)| next.state(version).is_none())
            .map(|(version, _)| version.clone())
            .collect();
        for version in gone {
            let values = arguments![self.center.as_str(), self.plugin.as_str(), version.as_str()];
            self.write.execute(FORGET, values).await?;
        }
        let changed = next
            .versions()
            .filter(|(version, state)| self.rollout.state(version) != Some(*state));
        let asked =
            |state: &VersionState| matches!(state, VersionState::Active | VersionState::Canary(_));
        let (asked, others): (Vec<_>, Vec<_>) = changed.partition(|(_, state)| asked(state));
        for (version, state) in others.into_iter().chain(asked) {
            let (word, share, reason, turn) = columns(state);
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
        Ok(())
    }

    /// Writes the step down for people.
    pub(super) async fn note(
        &mut self,
        step: &Step,
        next: &Rollout,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let reason = match step {
            Step::Reject { reason, .. } => Some(reason.clone()),
            Step::Canary(_, share) => Some(format!("{} %", share.as_percent())),
            Step::Publish(_)
            | Step::Promote(_)
            | Step::PromoteNext(_)
            | Step::Rollback { .. }
            | Step::Withdraw => None,
        };
        let values = arguments![
            self.center.as_str(),
            self.plugin.as_str(),
            now.unix_ms(),
            step.name(),
            step.version().map(PluginVersion::as_str),
            next.active().map(PluginVersion::as_str),
            reason.as_deref(),
        ];
        self.write.execute(NOTE, values).await?;
        Ok(())
    }

    /// What comes of publishing a version.
    pub(super) fn published(&self, version: &PluginVersion) -> Result<Rollout, StepRefused> {
        self.rollout.after(&Step::Publish(version.clone()))
    }
}

/// Since when the active version stands in for one that failed. The step that put it there has
/// written both rows, with one time, and no other step does: a trial that is rejected leaves the
/// active version's row as it is, and a rejected version's row is never written again.
fn stands_in_since(rows: &[StateRow]) -> Option<Timestamp> {
    let active = rows.iter().find(|row| row.state == "active")?;
    let mut rejected = rows.iter().filter(|row| row.state == "rejected");
    rejected
        .any(|row| row.changed_at == active.changed_at)
        .then(|| moment(active.changed_at))
}

/// A state as its columns hold it.
fn columns(state: &VersionState) -> (&'static str, Option<i64>, Option<&str>, Option<i64>) {
    match state {
        VersionState::Published => ("published", None, None, None),
        VersionState::Active => ("active", None, None, None),
        VersionState::Canary(share) => ("canary", Some(i64::from(share.as_percent())), None, None),
        VersionState::Retired { turn } => ("retired", None, None, Some(i64::from(*turn))),
        VersionState::Shelved => ("shelved", None, None, None),
        VersionState::Rejected { reason } => ("rejected", None, Some(reason), None),
    }
}
