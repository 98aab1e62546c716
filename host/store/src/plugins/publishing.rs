//! Taking versions in, and saying what they may use and who may publish them.

use colophon_core::capability::Name;
use colophon_core::rollout::{PluginVersion, Step};
use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;

use super::stepping::HeldPlugin;
use super::{GRANT, NewVersion, StepError, VERSION_GRANT, plugin_row, version_row};
use crate::database::{Write, arguments};
use crate::failure::{AddError, ChangeError, Fault, ReadError};
use crate::parse::moment;
use crate::store::Store;

/// A new plug-in stands behind the others.
const ADD: &str = "INSERT INTO plugins (center, id, position, grant_text, created_at, updated_at) \
    VALUES ($1, $2, (SELECT COALESCE(MAX(position), 0) + 1 FROM plugins WHERE center = $1), $3, \
    $4, $4) ON CONFLICT (center, id) DO NOTHING";

const SET_GRANT: &str =
    "UPDATE plugins SET grant_text = $3, updated_at = $4 WHERE center = $1 AND id = $2";

const SET_VERSION_GRANT: &str = "UPDATE plugin_versions SET grant_text = $4 \
    WHERE center = $1 AND plugin = $2 AND version = $3";

const INSERT: &str = "INSERT INTO plugin_versions (center, plugin, version, sha256, bytes, manifest, \
    cases, grant_text, signature, state, published_at, changed_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'published', $10, $10)";

const INSERT_COMPONENT: &str = "INSERT INTO plugin_components (center, plugin, version, component) \
    VALUES ($1, $2, $3, $4)";

const REMOVE: &str = "DELETE FROM plugins WHERE center = $1 AND id = $2";

const ADD_PUBLISHER: &str = "INSERT INTO plugin_publishers (center, name, public_key, created_at) \
    VALUES ($1, $2, $3, $4)";

const PUBLISHERS: &str = "SELECT name, public_key, created_at FROM plugin_publishers \
    WHERE center = $1 ORDER BY name";

const REMOVE_PUBLISHER: &str = "DELETE FROM plugin_publishers WHERE center = $1 AND name = $2";

/// A grant, and the versions that it holds for at once.
#[derive(Debug, Clone, Copy)]
pub struct Granted<'a> {
    /// The grant as its operator wrote it.
    pub text: &'a str,
    /// Versions that have been held against it, and have it from now on.
    pub versions: &'a [PluginVersion],
}

/// Somebody who may publish plug-ins for a center.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// What the operator calls them.
    pub name: String,
    /// Their public key, as SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
    /// Since when they may.
    pub created_at: Timestamp,
}

impl Store {
    /// Says what a plug-in may use from now on: every version that is published afterwards, and of
    /// those that are there the ones named. The others keep what they have.
    pub async fn grant_plugin(
        &self,
        center: &CenterId,
        plugin: &Name,
        granted: Granted<'_>,
        now: Timestamp,
    ) -> Result<(), AddError> {
        let mut write = self.fulfillment.write().await?;
        let sealed = self.sealed_grant(center, plugin, granted.text);
        let (place, id, at) = (center.as_str(), plugin.as_str(), now.unix_ms());
        write
            .execute(ADD, arguments![place, id, &sealed, at])
            .await?;
        write
            .execute(SET_GRANT, arguments![place, id, &sealed, at])
            .await?;
        for version in granted.versions {
            let row = version_row(center, plugin, version);
            let sealed = self
                .secrets
                .seal(VERSION_GRANT, &row, granted.text.as_bytes());
            let values = arguments![place, id, version.as_str(), &sealed];
            if write.execute(SET_VERSION_GRANT, values).await? == 0 {
                write.undo().await?;
                return Err(AddError::NotFound);
            }
        }
        write.commit().await?;
        Ok(())
    }

    /// Takes a version in; nobody is asked it yet. A plug-in that the center does not have yet is
    /// made, with the version's grant as its own.
    pub async fn publish_plugin(&self, new: &NewVersion, now: Timestamp) -> Result<(), StepError> {
        let mut write = self.fulfillment.write().await?;
        self.add_plugin(&mut write, new, now).await?;
        let (center, plugin, version) = (&new.center, &new.plugin, &new.version);
        let mut held = HeldPlugin::take_in(write, center, plugin, now).await?;
        let next = match held.published(version) {
            Ok(next) => next,
            Err(refused) => {
                held.write.undo().await?;
                return Err(StepError::Refused(refused));
            }
        };
        let row = version_row(center, plugin, version);
        let grant = self.secrets.seal(VERSION_GRANT, &row, new.grant.as_bytes());
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
        let step = Step::Publish(version.clone());
        held.note(&step, &next, now).await?;
        held.write.commit().await?;
        Ok(())
    }

    /// Removes a plug-in with all its versions and its history. What it keeps in `kv` stays.
    pub async fn remove_plugin(&self, center: &CenterId, plugin: &Name) -> Result<(), ChangeError> {
        let values = arguments![center.as_str(), plugin.as_str()];
        match self.fulfillment.execute(REMOVE, values).await? {
            0 => Err(ChangeError::NotFound),
            _ => Ok(()),
        }
    }

    /// Lets somebody publish. From the first on, versions without one of the center's signatures
    /// are not taken, and those there are no longer loaded.
    pub async fn add_publisher(
        &self,
        center: &CenterId,
        publisher: &Publisher,
    ) -> Result<(), AddError> {
        let values = arguments![
            center.as_str(),
            publisher.name.as_str(),
            &publisher.public_key,
            publisher.created_at.unix_ms(),
        ];
        self.fulfillment.execute(ADD_PUBLISHER, values).await?;
        Ok(())
    }

    /// Who may publish for a center; anybody at this database if nobody is named.
    pub async fn publishers(&self, center: &CenterId) -> Result<Vec<Publisher>, ReadError> {
        let values = arguments![center.as_str()];
        let rows: Vec<(String, Vec<u8>, i64)> = self.fulfillment.all(PUBLISHERS, values).await?;
        let publishers = rows
            .into_iter()
            .map(|(name, public_key, created_at)| Publisher {
                name,
                public_key,
                created_at: moment(created_at),
            });
        Ok(publishers.collect())
    }

    /// Takes the right to publish away. What only they have signed is no longer loaded.
    pub async fn remove_publisher(&self, center: &CenterId, name: &str) -> Result<(), ChangeError> {
        let values = arguments![center.as_str(), name];
        match self.fulfillment.execute(REMOVE_PUBLISHER, values).await? {
            0 => Err(ChangeError::NotFound),
            _ => Ok(()),
        }
    }

    async fn add_plugin(
        &self,
        write: &mut Write,
        new: &NewVersion,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let sealed = self.sealed_grant(&new.center, &new.plugin, &new.grant);
        let (center, plugin) = (new.center.as_str(), new.plugin.as_str());
        let values = arguments![center, plugin, &sealed, now.unix_ms()];
        write.execute(ADD, values).await?;
        Ok(())
    }

    fn sealed_grant(&self, center: &CenterId, plugin: &Name, text: &str) -> Vec<u8> {
        let row = plugin_row(center, plugin);
        self.secrets.seal(GRANT, &row, text.as_bytes())
    }
}
