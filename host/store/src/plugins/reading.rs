//! Reading plug-ins back: for hosts what is asked, for people everything.

use std::collections::HashSet;

use colophon_core::capability::Name;
use colophon_core::rollout::PluginVersion;
use colophon_receipt::CenterId;
use sqlx::FromRow;
use zeroize::Zeroizing;

use super::state::of_columns;
use super::{
    GRANT, HistoryEntry, KeptPlugin, KeptVersion, PluginRecord, VERSION_GRANT, VersionRecord,
    plugin_row, version_row,
};
use crate::database::arguments;
use crate::failure::{Damaged, Fault, ReadError};
use crate::parse::{counted, moment, parsed, sized};
use crate::store::Store;

const CENTERS: &str = "SELECT DISTINCT center FROM plugins ORDER BY center";

/// One statement and so one moment: no host sees half of a step. What is not asked is not read.
const ASKED: &str = "SELECT p.id, v.version, v.sha256, v.manifest, v.grant_text, v.signature, \
    v.state, v.share, v.reason, v.turn FROM plugins p JOIN plugin_versions v \
    ON v.center = p.center AND v.plugin = p.id \
    WHERE p.center = $1 AND v.state IN ('active', 'canary') ORDER BY p.position, p.id, v.version";

/// A plug-in without versions has one row. No grant of a version is read: people are shown none.
const KEPT: &str = "SELECT p.id, p.position, p.grant_text, v.version, v.sha256, v.bytes, v.manifest, \
    v.signature, v.state, v.share, v.reason, v.turn, v.unfit, v.published_at, v.changed_at \
    FROM plugins p LEFT JOIN plugin_versions v ON v.center = p.center AND v.plugin = p.id \
    WHERE p.center = $1 AND ($2 IS NULL OR p.id = $2) \
    ORDER BY p.position, p.id, v.published_at, v.version";

const KEPT_VERSIONS: &str = "SELECT plugin, version FROM plugin_versions WHERE center = $1";

const DIGESTS: &str = "SELECT DISTINCT sha256 FROM plugin_versions";

const COMPONENT: &str = "SELECT component FROM plugin_components \
    WHERE center = $1 AND plugin = $2 AND version = $3";

const CASES: &str = "SELECT cases FROM plugin_versions \
    WHERE center = $1 AND plugin = $2 AND version = $3";

const HISTORY: &str = "SELECT at, step, version, active, reason FROM plugin_history \
    WHERE center = $1 AND plugin = $2 ORDER BY number DESC LIMIT $3";

const VERSIONS: &str = "plugin_versions";

#[derive(FromRow)]
struct AskedRow {
    id: String,
    version: String,
    sha256: Vec<u8>,
    manifest: String,
    grant_text: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
    state: String,
    share: Option<i64>,
    reason: Option<String>,
    turn: Option<i64>,
}

#[derive(FromRow)]
struct KeptRow {
    id: String,
    position: i64,
    grant_text: Vec<u8>,
    version: Option<String>,
    sha256: Option<Vec<u8>>,
    bytes: Option<i64>,
    manifest: Option<String>,
    signature: Option<Vec<u8>>,
    state: Option<String>,
    share: Option<i64>,
    reason: Option<String>,
    turn: Option<i64>,
    unfit: Option<String>,
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

    /// A center's plug-ins in the order in which they are asked, as they are at one moment: those
    /// with a version that is active or on trial, and these versions alone.
    pub async fn plugins(&self, center: &CenterId) -> Result<Vec<PluginRecord>, ReadError> {
        let values = arguments![center.as_str()];
        let rows: Vec<AskedRow> = self.fulfillment.all(ASKED, values).await?;
        let mut plugins: Vec<PluginRecord> = Vec::new();
        for row in rows {
            let id = plugin_name(&row.id).map_err(ReadError::Damaged)?;
            let version = self.asked(center, &id, row)?;
            match plugins.last_mut() {
                Some(last) if last.id == id => last.versions.push(version),
                Some(_) | None => plugins.push(PluginRecord {
                    id,
                    versions: vec![version],
                }),
            }
        }
        Ok(plugins)
    }

    /// A center's plug-ins in the order in which they are asked, with all versions.
    pub async fn kept_plugins(&self, center: &CenterId) -> Result<Vec<KeptPlugin>, ReadError> {
        self.kept(center, None).await
    }

    /// One of a center's plug-ins, with all versions.
    pub async fn kept_plugin(
        &self,
        center: &CenterId,
        plugin: &Name,
    ) -> Result<Option<KeptPlugin>, ReadError> {
        let mut all = self.kept(center, Some(plugin)).await?;
        Ok(all.pop())
    }

    /// The names of all versions that a center keeps.
    pub async fn kept_plugin_versions(
        &self,
        center: &CenterId,
    ) -> Result<HashSet<(Name, PluginVersion)>, ReadError> {
        let values = arguments![center.as_str()];
        let rows: Vec<(String, String)> = self.fulfillment.all(KEPT_VERSIONS, values).await?;
        let names = rows.iter().map(|(plugin, version)| {
            Ok((plugin_name(plugin)?, parsed(VERSIONS, "version", version)?))
        });
        names.collect::<Result<_, _>>().map_err(ReadError::Damaged)
    }

    /// SHA-256 of the components of all versions that some center keeps.
    pub async fn plugin_digests(&self) -> Result<HashSet<[u8; 32]>, ReadError> {
        let rows: Vec<(Vec<u8>,)> = self.fulfillment.all(DIGESTS, arguments![]).await?;
        let digests = rows
            .iter()
            .map(|(sha256,)| sized(VERSIONS, "sha256", sha256));
        digests
            .collect::<Result<_, _>>()
            .map_err(ReadError::Damaged)
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

    async fn kept(
        &self,
        center: &CenterId,
        plugin: Option<&Name>,
    ) -> Result<Vec<KeptPlugin>, ReadError> {
        let values = arguments![center.as_str(), plugin.map(Name::as_str)];
        let rows: Vec<KeptRow> = self.fulfillment.all(KEPT, values).await?;
        let mut plugins: Vec<KeptPlugin> = Vec::new();
        for row in rows {
            let known = plugins
                .last()
                .is_some_and(|last| last.id.as_str() == row.id);
            if !known {
                plugins.push(self.kept_one(center, &row)?);
            }
            if let Some(plugin) = plugins.last_mut() {
                plugin.versions.extend(kept_version(row)?);
            }
        }
        Ok(plugins)
    }

    fn kept_one(&self, center: &CenterId, row: &KeptRow) -> Result<KeptPlugin, Fault> {
        let id = plugin_name(&row.id)?;
        let place = plugin_row(center, &id);
        let grant = self.secrets.open(GRANT, &place, &row.grant_text)?;
        Ok(KeptPlugin {
            grant: text("plugins", &grant)?,
            id,
            position: row.position,
            versions: Vec::new(),
        })
    }

    fn asked(
        &self,
        center: &CenterId,
        plugin: &Name,
        row: AskedRow,
    ) -> Result<VersionRecord, Fault> {
        let version: PluginVersion = parsed(VERSIONS, "version", &row.version)?;
        let sealed = row
            .grant_text
            .ok_or_else(|| Damaged::new(VERSIONS, "grant_text", "none where one is needed"))?;
        let place = version_row(center, plugin, &version);
        let grant = self.secrets.open(VERSION_GRANT, &place, &sealed)?;
        Ok(VersionRecord {
            sha256: sized(VERSIONS, "sha256", &row.sha256)?,
            manifest: row.manifest,
            grant: text(VERSIONS, &grant)?,
            signature: row.signature,
            state: of_columns(&row.state, row.share, row.reason, row.turn)?,
            version,
        })
    }
}

/// The version of a row, if the plug-in has one.
fn kept_version(row: KeptRow) -> Result<Option<KeptVersion>, Fault> {
    let (Some(version), Some(sha256), Some(manifest), Some(word)) =
        (row.version, row.sha256, row.manifest, row.state)
    else {
        return Ok(None);
    };
    Ok(Some(KeptVersion {
        version: parsed(VERSIONS, "version", &version)?,
        sha256: sized(VERSIONS, "sha256", &sha256)?,
        bytes: counted(VERSIONS, "bytes", row.bytes.unwrap_or_default())?,
        manifest,
        signature: row.signature,
        state: of_columns(&word, row.share, row.reason, row.turn)?,
        unfit: row.unfit,
        published_at: moment(row.published_at.unwrap_or_default()),
        changed_at: moment(row.changed_at.unwrap_or_default()),
    }))
}

fn plugin_name(text: &str) -> Result<Name, Damaged> {
    Name::parse(text).map_err(|error| Damaged::new("plugins", "id", error))
}

fn text(table: &'static str, opened: &Zeroizing<Vec<u8>>) -> Result<String, Damaged> {
    let text = String::from_utf8(opened.to_vec());
    text.map_err(|_| Damaged::new(table, "grant_text", "not UTF-8"))
}
