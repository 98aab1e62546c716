//! Who may publish a center's plug-ins.

use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;
use thiserror::Error;

use super::held::hold_center;
use crate::database::arguments;
use crate::failure::{AddError, ChangeError, Fault, ReadError};
use crate::parse::moment;
use crate::store::Store;

const ADD: &str = "INSERT INTO plugin_publishers (center, name, public_key, created_at) \
    VALUES ($1, $2, $3, $4)";

const SELECT: &str = "SELECT name, public_key, created_at FROM plugin_publishers \
    WHERE center = $1 ORDER BY name";

const REMOVE: &str = "DELETE FROM plugin_publishers WHERE center = $1 AND name = $2";

const COUNT: &str = "SELECT COUNT(*) FROM plugin_publishers WHERE center = $1";

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
        let rows: Vec<(String, Vec<u8>, i64)> = self.fulfillment.all(SELECT, values).await?;
        let publishers = rows
            .into_iter()
            .map(|(name, public_key, created_at)| Publisher {
                name,
                public_key,
                created_at: moment(created_at),
            });
        Ok(publishers.collect())
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
