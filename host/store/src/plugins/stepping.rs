//! Taking steps: decided and written while the plug-in is held.

use colophon_core::capability::Name;
use colophon_core::rollout::{PluginVersion, Rollout, Step, StepRefused};
use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;

use super::held::{HeldPlugin, Noted, hold_center, is_asked};
use super::publishers::unsigned;
use super::{SignatureCheck, StepError};
use crate::database::{Write, arguments};
use crate::failure::{ChangeError, Fault};
use crate::store::Store;

const REMOVE: &str = "DELETE FROM plugins WHERE center = $1 AND id = $2";

const SET_POSITION: &str =
    "UPDATE plugins SET position = $3, updated_at = $4 WHERE center = $1 AND id = $2";

impl Store {
    /// Takes a step with a plug-in's versions, and says how they stand then. Of two that are taken
    /// at once, the second is decided on what the first has made. What nobody has signed who may
    /// publish at this moment is put into no place.
    pub async fn step_plugin(
        &self,
        center: &CenterId,
        plugin: &Name,
        step: &Step,
        signatures: &dyn SignatureCheck,
        now: Timestamp,
    ) -> Result<Rollout, StepError> {
        let mut held = HeldPlugin::take(self, center, plugin, now).await?;
        let unsigned = unsigned(&mut held.write, center, plugin, signatures).await?;
        held.rollout = held.rollout.with_unsigned(unsigned);
        let next = match held.rollout.after(step) {
            Ok(next) => next,
            Err(refused) => return Err(held.refuse(StepError::Refused(refused)).await),
        };
        held.write_states(&next, now).await?;
        held.note(&Noted::of(step), next.active(), now).await?;
        held.write.commit().await?;
        Ok(next)
    }

    /// Removes a plug-in with all its versions and its history, if none of them is asked. What it
    /// keeps in `kv` stays.
    pub async fn remove_plugin(
        &self,
        center: &CenterId,
        plugin: &Name,
        now: Timestamp,
    ) -> Result<(), StepError> {
        let mut held = HeldPlugin::take(self, center, plugin, now).await?;
        if let Some(foremost) = held.rollout.foremost().cloned() {
            return Err(held.refuse(StepError::Asked(foremost)).await);
        }
        let values = arguments![center.as_str(), plugin.as_str()];
        held.write.execute(REMOVE, values).await?;
        held.write.commit().await?;
        Ok(())
    }

    /// Removes a version that is not asked. Nobody can go back to it any more.
    pub async fn remove_plugin_version(
        &self,
        center: &CenterId,
        plugin: &Name,
        version: &PluginVersion,
        now: Timestamp,
    ) -> Result<(), StepError> {
        let mut held = HeldPlugin::take(self, center, plugin, now).await?;
        let refused = match held.rollout.state(version) {
            None => Some(StepRefused::Unknown(version.clone()).into()),
            Some(state) if is_asked(state) => Some(StepError::Asked(version.clone())),
            Some(_) => None,
        };
        if let Some(refused) = refused {
            return Err(held.refuse(refused).await);
        }
        held.forget(version).await?;
        let noted = Noted {
            step: "remove",
            version: Some(version),
            reason: None,
        };
        let active = held.rollout.active().cloned();
        held.note(&noted, active.as_ref(), now).await?;
        held.write.commit().await?;
        Ok(())
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
        hold_center(&mut write, center).await?;
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
