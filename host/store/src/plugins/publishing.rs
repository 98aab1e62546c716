//! Taking versions in.

use colophon_core::rollout::Step;
use colophon_core::time::Timestamp;

use super::held::{HeldPlugin, Noted, hold_center};
use super::{GRANT, HeldAgainst, NewVersion, StepError, VERSION_GRANT, plugin_row, version_row};
use crate::database::{Write, arguments};
use crate::store::Store;

/// A new plug-in stands behind the others.
pub(super) const ADD: &str = "INSERT INTO plugins (center, id, position, grant_text, created_at, \
    updated_at) VALUES ($1, $2, (SELECT COALESCE(MAX(position), 0) + 1 FROM plugins \
    WHERE center = $1), $3, $4, $4) ON CONFLICT (center, id) DO NOTHING";

const GRANTED: &str = "SELECT grant_text FROM plugins WHERE center = $1 AND id = $2";

const INSERT: &str = "INSERT INTO plugin_versions (center, plugin, version, sha256, bytes, manifest, \
    cases, grant_text, signature, state, published_at, changed_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'published', $10, $10)";

const INSERT_COMPONENT: &str = "INSERT INTO plugin_components (center, plugin, version, component) \
    VALUES ($1, $2, $3, $4)";

impl Store {
    /// Takes a version in; nobody is asked it yet. A plug-in that the center does not have yet is
    /// made, with the version's grant as its own. The grant that a plug-in has when the version is
    /// written has to be the one that the version was held against.
    pub async fn publish_plugin(&self, new: &NewVersion, now: Timestamp) -> Result<(), StepError> {
        let mut write = self.fulfillment.write().await?;
        hold_center(&mut write, &new.center).await?;
        if !self.has_grant(&mut write, new, now).await? {
            write.undo().await?;
            return Err(StepError::GrantChanged);
        }
        let (center, plugin, version) = (&new.center, &new.plugin, &new.version);
        let mut held = HeldPlugin::take_in(write, center, plugin, now).await?;
        let step = Step::Publish(version.clone());
        let next = match held.rollout.after(&step) {
            Ok(next) => next,
            Err(refused) => return Err(held.refuse(StepError::Refused(refused)).await),
        };
        if let Err(full) = held.has_room() {
            return Err(held.refuse(full).await);
        }
        let row = version_row(center, plugin, version);
        let grant = new.grant.text().as_bytes();
        let grant = self.secrets.seal(VERSION_GRANT, &row, grant);
        let bytes = i64::try_from(new.component.len()).unwrap_or(i64::MAX);
        let values = arguments![
            center.as_str(),
            plugin.as_str(),
            version.as_str(),
            &new.sha256,
            bytes,
            new.manifest.as_str(),
            new.cases.as_str(),
            &grant,
            new.signature.as_deref(),
            now.unix_ms(),
        ];
        held.write.execute(INSERT, values).await?;
        let values = arguments![
            center.as_str(),
            plugin.as_str(),
            version.as_str(),
            &new.component
        ];
        held.write.execute(INSERT_COMPONENT, values).await?;
        held.note(&Noted::of(&step), next.active(), now).await?;
        held.write.commit().await?;
        Ok(())
    }

    /// Whether the plug-in has the grant that the version was held against. One that is not there is
    /// made, where it was not there then either.
    async fn has_grant(
        &self,
        write: &mut Write,
        new: &NewVersion,
        now: Timestamp,
    ) -> Result<bool, StepError> {
        let (center, plugin) = (new.center.as_str(), new.plugin.as_str());
        let row = plugin_row(&new.center, &new.plugin);
        let text = new.grant.text().as_bytes();
        if let HeldAgainst::Nothing(_) = new.grant {
            let sealed = self.secrets.seal(GRANT, &row, text);
            let values = arguments![center, plugin, &sealed, now.unix_ms()];
            write.execute(ADD, values).await?;
        }
        let granted: Option<(Vec<u8>,)> =
            write.optional(GRANTED, arguments![center, plugin]).await?;
        let Some((sealed,)) = granted else {
            return Ok(false);
        };
        let granted = self.secrets.open(GRANT, &row, &sealed)?;
        Ok(granted.as_slice() == text)
    }
}
