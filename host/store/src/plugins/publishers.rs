//! Who may publish a center's plug-ins.

use colophon_core::capability::Name;
use colophon_core::rollout::PluginVersion;
use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;
use thiserror::Error;

use super::held::hold_center;
use crate::database::{Write, arguments};
use crate::failure::{AddError, ChangeError, Fault, ReadError};
use crate::parse::{moment, parsed, sized};
use crate::store::Store;

const ADD: &str = "INSERT INTO plugin_publishers (center, name, public_key, created_at) \
    VALUES ($1, $2, $3, $4)";

const SELECT: &str = "SELECT name, public_key, created_at FROM plugin_publishers \
    WHERE center = $1 ORDER BY name";

const REMOVE: &str = "DELETE FROM plugin_publishers WHERE center = $1 AND name = $2";

const COUNT: &str = "SELECT COUNT(*) FROM plugin_publishers WHERE center = $1";

const STATED: &str = "SELECT version, sha256, manifest, signature FROM plugin_versions \
    WHERE center = $1 AND plugin = $2 ORDER BY version";

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

/// What a version's publisher signs of it, and the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedVersion {
    /// The version.
    pub version: PluginVersion,
    /// SHA-256 of the component.
    pub sha256: [u8; 32],
    /// The manifest as its author wrote it.
    pub manifest: String,
    /// The signature.
    pub signature: Option<Vec<u8>>,
}

/// Holds versions against those who may publish them. The store knows no keys.
pub trait SignatureCheck: Sync {
    /// Why none of these publishers has signed a version, if that is so. It is asked while the
    /// center's row is held, and only where somebody is named.
    fn why_unsigned(
        &self,
        center: &CenterId,
        plugin: &Name,
        version: &StatedVersion,
        publishers: &[Publisher],
    ) -> Option<String>;
}

/// Whether the last publisher may go. With them the center stops asking for signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastPublisher {
    /// They stay.
    Stays,
    /// They may go, and versions are taken and loaded without a signature from then on.
    MayGo,
}

/// Why a publisher was not removed. Nothing has changed.
#[derive(Debug, Error)]
pub enum PublisherStays {
    /// They are the last: without them the center would ask for no signatures.
    #[error("nobody else may publish: without them the center would ask for no signatures")]
    LastOne,
    /// There is none of this name, or the database did not answer.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<Fault> for PublisherStays {
    fn from(fault: Fault) -> Self {
        Self::Change(fault.into())
    }
}

impl Store {
    /// Lets somebody publish. From the first on, versions without one of the center's signatures
    /// are not taken, and those there are no longer asked.
    pub async fn add_publisher(
        &self,
        center: &CenterId,
        publisher: &Publisher,
    ) -> Result<(), AddError> {
        let mut write = self.fulfillment.write().await?;
        hold_center(&mut write, center).await?;
        let values = arguments![
            center.as_str(),
            publisher.name.as_str(),
            &publisher.public_key,
            publisher.created_at.unix_ms(),
        ];
        write.execute(ADD, values).await?;
        write.commit().await?;
        Ok(())
    }

    /// Who may publish for a center; anybody at this database if nobody is named.
    pub async fn publishers(&self, center: &CenterId) -> Result<Vec<Publisher>, ReadError> {
        let values = arguments![center.as_str()];
        let rows: Vec<PublisherRow> = self.fulfillment.all(SELECT, values).await?;
        Ok(rows.into_iter().map(publisher).collect())
    }

    /// Takes the right to publish away. What only they have signed is no longer asked. Of two who
    /// remove the last two publishers at once, one is refused.
    pub async fn remove_publisher(
        &self,
        center: &CenterId,
        name: &str,
        last: LastPublisher,
    ) -> Result<(), PublisherStays> {
        let mut write = self.fulfillment.write().await?;
        hold_center(&mut write, center).await?;
        let values = arguments![center.as_str(), name];
        if write.execute(REMOVE, values).await? == 0 {
            write.undo().await?;
            return Err(ChangeError::NotFound.into());
        }
        let values = arguments![center.as_str()];
        let left: Option<(i64,)> = write.optional(COUNT, values).await?;
        if last == LastPublisher::Stays && left.is_none_or(|(left,)| left == 0) {
            write.undo().await?;
            return Err(PublisherStays::LastOne);
        }
        write.commit().await?;
        Ok(())
    }
}

type PublisherRow = (String, Vec<u8>, i64);

type StatedRow = (String, Vec<u8>, String, Option<Vec<u8>>);

fn publisher((name, public_key, created_at): PublisherRow) -> Publisher {
    Publisher {
        name,
        public_key,
        created_at: moment(created_at),
    }
}

/// Versions of a plug-in that nobody who may publish has signed, in a write that holds the center:
/// whoever may publish changes before it or after it.
pub(super) async fn unsigned(
    write: &mut Write,
    center: &CenterId,
    plugin: &Name,
    signatures: &dyn SignatureCheck,
) -> Result<Vec<(PluginVersion, String)>, Fault> {
    let rows: Vec<PublisherRow> = write.all(SELECT, arguments![center.as_str()]).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let publishers: Vec<Publisher> = rows.into_iter().map(publisher).collect();
    let values = arguments![center.as_str(), plugin.as_str()];
    let rows: Vec<StatedRow> = write.all(STATED, values).await?;
    let mut unsigned = Vec::new();
    for (version, sha256, manifest, signature) in rows {
        let stated = StatedVersion {
            version: parsed("plugin_versions", "version", &version)?,
            sha256: sized("plugin_versions", "sha256", &sha256)?,
            manifest,
            signature,
        };
        let why = signatures.why_unsigned(center, plugin, &stated, &publishers);
        unsigned.extend(why.map(|why| (stated.version, why)));
    }
    Ok(unsigned)
}
