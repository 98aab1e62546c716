//! Questions that a version did not survive, for the versions after it.

use colophon_core::capability::Name;
use colophon_core::rollout::PluginVersion;
use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;
use sqlx::FromRow;

use super::held::hold_center;
use super::plugin_row;
use crate::database::arguments;
use crate::failure::{AddError, ChangeError, Damaged, Fault, ReadError};
use crate::parse::{counted, moment, parsed};
use crate::secrets::Column;
use crate::store::Store;

/// How many are kept of one plug-in; the oldest go.
pub const VECTORS_KEPT: u32 = 20;

pub(crate) const INPUT: Column = Column {
    table: "plugin_vectors",
    name: "input",
};

const NEXT: &str = "SELECT COALESCE(MAX(number), 0) + 1 FROM plugin_vectors \
    WHERE center = $1 AND plugin = $2";

const INSERT: &str = "INSERT INTO plugin_vectors (center, plugin, number, version, role, input, \
    failure, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const KNOWN: &str = "SELECT number FROM plugin_vectors WHERE center = $1 AND plugin = $2 \
    AND version = $3 AND role = $4 AND failure = $5 LIMIT 1";

const DROP: &str = "DELETE FROM plugin_vectors WHERE center = $1 AND plugin = $2 AND number = $3";

const PRUNE: &str = "DELETE FROM plugin_vectors WHERE center = $1 AND plugin = $2 AND number <= $3";

const COUNT: &str = "SELECT COUNT(*) FROM plugin_vectors WHERE center = $1 AND plugin = $2";

const SELECT: &str = "SELECT number, version, role, input, failure, at FROM plugin_vectors \
    WHERE center = $1 AND plugin = $2 ORDER BY number";

/// A question to be kept.
pub struct NewVector {
    /// The version that did not survive it.
    pub version: PluginVersion,
    /// The role it was asked in.
    pub role: String,
    /// The function's parameters by name, as JSON; nothing in it tells who the buyer is.
    pub input: String,
    /// What came of it, in the host's words: a plug-in's own could quote the buyer.
    pub failure: String,
}

/// A question as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVector {
    /// Its number among those of the plug-in.
    pub number: i64,
    /// The version that did not survive it.
    pub version: PluginVersion,
    /// The role it was asked in.
    pub role: String,
    /// The function's parameters by name, as JSON.
    pub input: String,
    /// What came of it.
    pub failure: String,
    /// When.
    pub at: Timestamp,
}

#[derive(FromRow)]
struct Row {
    number: i64,
    version: String,
    role: String,
    input: Vec<u8>,
    failure: String,
    at: i64,
}

impl Store {
    /// Keeps a question: one of a version, a role and a failure, however many hosts meet it and
    /// however often.
    pub async fn keep_plugin_vector(
        &self,
        center: &CenterId,
        plugin: &Name,
        new: &NewVector,
        now: Timestamp,
    ) -> Result<(), AddError> {
        let (place, id) = (center.as_str(), plugin.as_str());
        let mut write = self.fulfillment.write().await?;
        hold_center(&mut write, center).await?;
        let (version, role) = (new.version.as_str(), new.role.as_str());
        let same = arguments![place, id, version, role, new.failure.as_str()];
        let known: Option<(i64,)> = write.optional(KNOWN, same).await?;
        if known.is_some() {
            write.undo().await?;
            return Ok(());
        }
        let next: Option<(i64,)> = write.optional(NEXT, arguments![place, id]).await?;
        let number = next.map_or(1, |(number,)| number);
        let sealed = self.sealed_input(center, plugin, number, &new.input);
        let values = arguments![
            place,
            id,
            number,
            version,
            role,
            &sealed,
            new.failure.as_str(),
            now.unix_ms(),
        ];
        write.execute(INSERT, values).await?;
        let oldest = number.saturating_sub(i64::from(VECTORS_KEPT));
        write.execute(PRUNE, arguments![place, id, oldest]).await?;
        write.commit().await?;
        Ok(())
    }

    /// Drops questions that later versions are not to be asked: all of these, or none if one of
    /// them is not there.
    pub async fn drop_plugin_vectors(
        &self,
        center: &CenterId,
        plugin: &Name,
        numbers: &[i64],
    ) -> Result<(), ChangeError> {
        let mut write = self.fulfillment.write().await?;
        hold_center(&mut write, center).await?;
        for number in numbers {
            let values = arguments![center.as_str(), plugin.as_str(), *number];
            if write.execute(DROP, values).await? == 0 {
                write.undo().await?;
                return Err(ChangeError::NotFound);
            }
        }
        write.commit().await?;
        Ok(())
    }

    /// The questions kept of a plug-in, the oldest first.
    pub async fn plugin_vectors(
        &self,
        center: &CenterId,
        plugin: &Name,
    ) -> Result<Vec<KeptVector>, ReadError> {
        let values = arguments![center.as_str(), plugin.as_str()];
        let rows: Vec<Row> = self.fulfillment.all(SELECT, values).await?;
        let vectors = rows.into_iter().map(|row| {
            let number = row.number.to_be_bytes();
            let [center, plugin] = plugin_row(center, plugin);
            let opened = self
                .secrets
                .open(INPUT, &[center, plugin, &number], &row.input)?;
            let input = String::from_utf8(opened.to_vec())
                .map_err(|_| Damaged::new("plugin_vectors", "input", "not UTF-8"))?;
            Ok(KeptVector {
                number: row.number,
                version: parsed("plugin_vectors", "version", &row.version)?,
                role: row.role,
                input,
                failure: row.failure,
                at: moment(row.at),
            })
        });
        let vectors: Result<Vec<_>, Damaged> = vectors.collect();
        Ok(vectors.map_err(Fault::Damaged)?)
    }

    /// How many questions are kept of a plug-in.
    pub async fn count_plugin_vectors(
        &self,
        center: &CenterId,
        plugin: &Name,
    ) -> Result<u64, ReadError> {
        let values = arguments![center.as_str(), plugin.as_str()];
        let (count,): (i64,) = self.fulfillment.one(COUNT, values).await?;
        Ok(counted("plugin_vectors", "number", count).map_err(Fault::Damaged)?)
    }

    fn sealed_input(&self, center: &CenterId, plugin: &Name, number: i64, input: &str) -> Vec<u8> {
        let number = number.to_be_bytes();
        let [center, plugin] = plugin_row(center, plugin);
        self.secrets
            .seal(INPUT, &[center, plugin, &number], input.as_bytes())
    }
}
