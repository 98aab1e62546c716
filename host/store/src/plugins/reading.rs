//! Reading plug-ins back.

use colophon_core::capability::Name;
use colophon_core::rollout::{PluginVersion, Share, VersionState};
use colophon_receipt::CenterId;
use sqlx::FromRow;
use zeroize::Zeroizing;

use super::{
    GRANT, HistoryEntry, PluginRecord, VERSION_GRANT, VersionRecord, plugin_row, version_row,
};
use crate::database::arguments;
use crate::failure::{Damaged, Fault, ReadError};
use crate::parse::{counted, moment, parsed, sized};
use crate::store::Store;

const CENTERS: &str = "SELECT DISTINCT center FROM plugins ORDER BY center";

/// One statement and so one moment: no host sees half of a step. A plug-in without versions has one
/// row.
const SELECT: &str = "SELECT p.id, p.position, p.grant_text AS plugin_grant, v.version, v.sha256, \
    v.bytes, v.manifest, v.grant_text AS version_grant, v.signature, v.state, v.share, v.reason, \
    v.turn, v.published_at, v.changed_at FROM plugins p LEFT JOIN plugin_versions v \
    ON v.center = p.center AND v.plugin = p.id WHERE p.center = $1 \
    ORDER BY p.position, p.id, v.published_at, v.version";

const COMPONENT: &str = "SELECT component FROM plugin_components \
    WHERE center = $1 AND plugin = $2 AND version = $3";

const CASES: &str = "SELECT cases FROM plugin_versions \
    WHERE center = $1 AND plugin = $2 AND version = $3";

const HISTORY: &str = "SELECT at, step, version, active, reason FROM plugin_history \
    WHERE center = $1 AND plugin = $2 ORDER BY number DESC LIMIT $3";

#[derive(FromRow)]
struct Row {
    id: String,
    position: i64,
    plugin_grant: Vec<u8>,
    version: Option<String>,
    sha256: Option<Vec<u8>>,
    bytes: Option<i64>,
    manifest: Option<String>,
    version_grant: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
    state: Option<String>,
    share: Option<i64>,
    reason: Option<String>,
    turn: Option<i64>,
    published_at: Option<i64>,
    changed_at: Option<i64>,
}

#[derive(FromRow)]
struct HistoryRow {
    at: i64,
    step: String,
    version: Option<String>,
    active: Option<String>,
    reason: Option<String>,
}

impl Store {
    /// The centers that have plug-ins of their own.
    pub async fn centers_with_plugins(&self) -> Result<Vec<CenterId>, ReadError> {
        let rows: Vec<(String,)> = self.fulfillment.all(CENTERS, arguments![]).await?;
        let ids = rows.iter().map(|(id,)| parsed("plugins", "center", id));
        ids.collect::<Result<_, _>>().map_err(ReadError::Damaged)
    }

    /// A center's plug-ins in the order in which they are asked, with all versions, as they are at
    /// one moment.
    pub async fn plugins(&self, center: &CenterId) -> Result<Vec<PluginRecord>, ReadError> {
        let values = arguments![center.as_str()];
        let rows: Vec<Row> = self.fulfillment.all(SELECT, values).await?;
        let mut plugins: Vec<PluginRecord> = Vec::new();
        for row in rows {
            let known = plugins
                .last()
                .is_some_and(|last| last.id.as_str() == row.id);
            if !known {
                plugins.push(self.plugin(center, &row)?);
            }
            if let Some(plugin) = plugins.last_mut()
                && let Some(version) = self.version(center, &plugin.id, row)?
            {
                plugin.versions.push(version);
            }
        }
        Ok(plugins)
    }

    /// One of a center's plug-ins.
    pub async fn plugin_of(
        &self,
        center: &CenterId,
        plugin: &Name,
    ) -> Result<Option<PluginRecord>, ReadError> {
        let all = self.plugins(center).await?;
        Ok(all.into_iter().find(|one| one.id == *plugin))
    }

    /// A version's component.
    pub async fn plugin_component(
        &self,
        center: &CenterId,
        plugin: &Name,
        version: &PluginVersion,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let values = arguments![center.as_str(), plugin.as_str(), version.as_str()];
        let row: Option<(Vec<u8>,)> = self.fulfillment.optional(COMPONENT, values).await?;
        Ok(row.map(|(component,)| component))
    }

    /// The files with cases that a version was published with, as a JSON array.
    pub async fn plugin_cases(
        &self,
        center: &CenterId,
        plugin: &Name,
        version: &PluginVersion,
    ) -> Result<Option<String>, ReadError> {
        let values = arguments![center.as_str(), plugin.as_str(), version.as_str()];
        let row: Option<(String,)> = self.fulfillment.optional(CASES, values).await?;
        Ok(row.map(|(cases,)| cases))
    }

    /// What was done with a plug-in's versions, the latest first.
    pub async fn plugin_history(
        &self,
        center: &CenterId,
        plugin: &Name,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, ReadError> {
        let values = arguments![center.as_str(), plugin.as_str(), i64::from(limit)];
        let rows: Vec<HistoryRow> = self.fulfillment.all(HISTORY, values).await?;
        let entries = rows.into_iter().map(|row| HistoryEntry {
            at: moment(row.at),
            step: row.step,
            version: row.version,
            active: row.active,
            reason: row.reason,
        });
        Ok(entries.collect())
    }

    fn plugin(&self, center: &CenterId, row: &Row) -> Result<PluginRecord, Fault> {
        let id = Name::parse(&row.id).map_err(|error| Damaged::new("plugins", "id", error))?;
        let grant = self
            .secrets
            .open(GRANT, &plugin_row(center, &id), &row.plugin_grant)?;
        Ok(PluginRecord {
            grant: text("plugins", grant)?,
            id,
            position: row.position,
            versions: Vec::new(),
        })
    }

    fn version(
        &self,
        center: &CenterId,
        plugin: &Name,
        row: Row,
    ) -> Result<Option<VersionRecord>, Fault> {
        const TABLE: &str = "plugin_versions";
        let (Some(version), Some(sha256), Some(manifest), Some(grant), Some(word)) = (
            row.version,
            row.sha256,
            row.manifest,
            row.version_grant,
            row.state,
        ) else {
            return Ok(None);
        };
        let version: PluginVersion = parsed(TABLE, "version", &version)?;
        let place = version_row(center, plugin, &version);
        let grant = self.secrets.open(VERSION_GRANT, &place, &grant)?;
        Ok(Some(VersionRecord {
            sha256: sized(TABLE, "sha256", &sha256)?,
            bytes: counted(TABLE, "bytes", row.bytes.unwrap_or_default())?,
            manifest,
            grant: text(TABLE, grant)?,
            signature: row.signature,
            state: state(&word, row.share, row.reason, row.turn)?,
            published_at: moment(row.published_at.unwrap_or_default()),
            changed_at: moment(row.changed_at.unwrap_or_default()),
            version,
        }))
    }
}

pub(super) fn text(table: &'static str, opened: Zeroizing<Vec<u8>>) -> Result<String, Damaged> {
    let text = String::from_utf8(opened.to_vec());
    text.map_err(|_| Damaged::new(table, "grant_text", "not UTF-8"))
}

/// A state out of its columns.
pub(super) fn state(
    word: &str,
    share: Option<i64>,
    reason: Option<String>,
    turn: Option<i64>,
) -> Result<VersionState, Damaged> {
    let damaged = |column| Damaged::new("plugin_versions", column, "not that of the state");
    match word {
        "published" => Ok(VersionState::Published),
        "active" => Ok(VersionState::Active),
        "canary" => {
            let share = share.and_then(|share| u8::try_from(share).ok());
            let share = share.and_then(Share::percent);
            share
                .map(VersionState::Canary)
                .ok_or_else(|| damaged("share"))
        }
        "retired" => {
            let turn = turn.and_then(|turn| u32::try_from(turn).ok());
            let turn = turn.ok_or_else(|| damaged("turn"))?;
            Ok(VersionState::Retired { turn })
        }
        "shelved" => Ok(VersionState::Shelved),
        "rejected" => {
            let reason = reason.ok_or_else(|| damaged("reason"))?;
            Ok(VersionState::Rejected { reason })
        }
        _ => Err(Damaged::new("plugin_versions", "state", "not a state")),
    }
}
