//! `colophon plugin list|show|order`.

use anyhow::{Context as _, Result};
use colophon_core::capability::Name;
use colophon_core::rollout::{Rollout, VersionState};
use colophon_core::time::{Clock as _, Timestamp};
use colophon_plugin_host::manifest::Manifest;
use colophon_receipt::CenterId;
use colophon_store::plugins::{KeptPlugin, KeptVersion, Publisher};
use serde::Serialize;

use super::{Chosen, name, signatures};
use crate::house::plugins::Signatures;
use crate::house::{House, SystemClock};
use crate::output::{Output, hex, table};

/// Steps of the history that are shown.
const STEPS_SHOWN: u32 = 20;

#[derive(Serialize)]
struct PluginRow {
    plugin: String,
    roles: Vec<&'static str>,
    active: Option<String>,
    canary: Option<String>,
    canary_percent: Option<u8>,
    previous: Option<String>,
    /// Versions that are active or on trial and that no host asks, since nobody who may publish has
    /// signed them. Where the active one is among them, the center's downloads are refused.
    not_asked: Vec<String>,
    /// Whose signature a version needs; none is asked for where nobody is named.
    publishers: Vec<String>,
}

#[derive(Serialize)]
struct ListRow {
    #[serde(flatten)]
    row: PluginRow,
    versions: usize,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    row: PluginRow,
    versions: Vec<VersionRow>,
    history: Vec<HistoryRow>,
    /// Questions that versions did not survive, which later ones are asked when they are published.
    vectors: Vec<VectorRow>,
}

#[derive(Serialize)]
struct VersionRow {
    version: String,
    state: &'static str,
    reason: Option<String>,
    /// Why it does not fit the grant. While it is asked it has an earlier one, and otherwise none.
    unfit: Option<String>,
    /// Why no host would ask it: nobody who may publish has signed it.
    unsigned: Option<String>,
    sha256: String,
    bytes: u64,
    signed: bool,
    published_at: String,
    changed_at: String,
}

#[derive(Serialize)]
struct HistoryRow {
    at: String,
    step: String,
    version: Option<String>,
    active: Option<String>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct VectorRow {
    number: i64,
    at: String,
    version: String,
    role: String,
    failure: String,
}

pub(super) async fn list(house: &House, center: &CenterId, output: Output) -> Result<()> {
    let plugins = house.store.kept_plugins(center).await?;
    let publishers = house.store.publishers(center).await?;
    let signing = signatures(house, center, &publishers);
    let rows = plugins.iter().map(|plugin| {
        Ok(ListRow {
            row: row(plugin, signing)?,
            versions: plugin.versions.len(),
        })
    });
    let rows = rows.collect::<Result<Vec<_>>>()?;
    output.print(&rows, |rows| {
        let asked_for = asked_for(center, &publishers);
        if rows.is_empty() {
            return format!("Center {center} has the built-in plug-in alone. {asked_for}");
        }
        let cells = rows.iter().map(|ListRow { row, versions }| {
            let canary = row.canary.as_ref().zip(row.canary_percent);
            let canary = canary.map(|(version, percent)| {
                format!("{version} ({percent} %{})", row.unless_asked(version))
            });
            let active = row.active.as_ref();
            let active = active.map(|version| format!("{version}{}", row.unless_asked(version)));
            vec![
                row.plugin.clone(),
                row.roles.join(", "),
                active.unwrap_or_else(|| "none".to_owned()),
                canary.unwrap_or_default(),
                row.previous.clone().unwrap_or_default(),
                versions.to_string(),
            ]
        });
        let headings = [
            "plug-in", "roles", "active", "on trial", "before", "versions",
        ];
        let refused = rows.iter().filter(|row| row.row.is_refused());
        let refused: Vec<&str> = refused.map(|row| row.row.plugin.as_str()).collect();
        let refused = match refused.as_slice() {
            [] => String::new(),
            refused => format!("\n{}", refusing(center, &refused.join(", "))),
        };
        format!("{}\n\n{asked_for}{refused}", table(&headings, cells))
    })
}

pub(super) async fn show(house: &House, chosen: &Chosen, output: Output) -> Result<()> {
    let Chosen { center, record } = chosen;
    let history = house
        .store
        .plugin_history(center, &record.id, STEPS_SHOWN)
        .await?;
    let vectors = house.store.plugin_vectors(center, &record.id).await?;
    let publishers = house.store.publishers(center).await?;
    let signing = signatures(house, center, &publishers);
    let rollout = signing.rollout(record)?;
    let versions = record.versions.iter();
    let shown = Shown {
        row: row(record, signing)?,
        versions: versions.map(|kept| version(kept, &rollout)).collect(),
        history: history
            .into_iter()
            .map(|entry| HistoryRow {
                at: moment(entry.at),
                step: entry.step,
                version: entry.version,
                active: entry.active,
                reason: entry.reason,
            })
            .collect(),
        vectors: vectors
            .into_iter()
            .map(|vector| VectorRow {
                number: vector.number,
                at: moment(vector.at),
                version: vector.version.to_string(),
                role: vector.role,
                failure: vector.failure,
            })
            .collect(),
    };
    output.print(&shown, |shown| {
        told(center, shown, &asked_for(center, &publishers))
    })
}

impl PluginRow {
    /// What there is to add to a version that is active or on trial.
    fn unless_asked(&self, version: &str) -> &'static str {
        match self.not_asked.iter().any(|one| one == version) {
            true => ", not asked: unsigned",
            false => "",
        }
    }

    /// Whether downloads are refused since no host asks the active version.
    fn is_refused(&self) -> bool {
        let active = self.active.as_ref();
        active.is_some_and(|active| self.not_asked.contains(active))
    }
}

/// What follows from an active version that no host asks.
fn refusing(center: &CenterId, plugins: &str) -> String {
    format!(
        "The active version of {plugins} is signed by nobody who may publish: hosts do not ask it, and \
         refuse center {center}'s downloads."
    )
}

/// Whether signatures are asked for, in words.
fn asked_for(center: &CenterId, publishers: &[Publisher]) -> String {
    let names: Vec<&str> = publishers.iter().map(|one| one.name.as_str()).collect();
    match names.as_slice() {
        [] => format!("Center {center} names no publishers: versions need no signature."),
        names => format!(
            "Versions need the signature of one of center {center}'s publishers: {}.",
            names.join(", ")
        ),
    }
}

fn told(center: &CenterId, shown: &Shown, asked_for: &str) -> String {
    let refused = match shown.row.is_refused() {
        true => format!("{}\n", refusing(center, &shown.row.plugin)),
        false => String::new(),
    };
    let mut text = format!(
        "{} in center {center}: {}\n{asked_for}\n{refused}\n",
        shown.row.plugin,
        shown.row.roles.join(", ")
    );
    let cells = shown.versions.iter().map(|version| {
        let not = shown.row.unless_asked(&version.version);
        vec![
            version.version.clone(),
            format!("{}{not}", version.state),
            version.published_at.clone(),
            version.sha256.get(..12).unwrap_or_default().to_owned(),
            if version.signed { "signed" } else { "" }.to_owned(),
            why(version),
        ]
    });
    let headings = ["version", "state", "published", "sha256", "", "reason"];
    text.push_str(&table(&headings, cells));
    text.push_str("\n\n");
    let cells = shown.history.iter().map(|entry| {
        let parts = [&entry.version, &entry.active, &entry.reason];
        let [version, active, reason] = parts.map(|part| part.clone().unwrap_or_default());
        vec![
            entry.at.clone(),
            entry.step.clone(),
            version,
            active,
            reason,
        ]
    });
    let headings = ["at", "step", "version", "active since", "reason"];
    text.push_str(&table(&headings, cells));
    if !shown.vectors.is_empty() {
        text.push_str("\n\nQuestions that later versions have to survive:\n");
        let cells = shown.vectors.iter().map(|vector| {
            vec![
                vector.at.clone(),
                vector.version.clone(),
                vector.role.clone(),
                vector.failure.clone(),
            ]
        });
        text.push_str(&table(&["at", "version", "role", "what came of it"], cells));
    }
    text
}

pub(super) async fn order(
    house: &House,
    center: &CenterId,
    plugins: &[String],
    output: Output,
) -> Result<()> {
    let order = plugins
        .iter()
        .map(|text| name(text))
        .collect::<Result<Vec<Name>>>()?;
    let now = SystemClock.now();
    let done = house.store.order_plugins(center, &order, now).await;
    done.with_context(|| {
        format!(
            "center {center} does not have all of these; see `colophon plugin list --center {center}`"
        )
    })?;
    list(house, center, output).await
}

/// What there is to say of a version's state.
fn why(version: &VersionRow) -> String {
    let unfit = version.unfit.as_ref();
    let unfit = unfit.map(|reason| format!("does not fit the grant: {reason}"));
    let parts = version.reason.clone().into_iter().chain(unfit);
    let parts: Vec<String> = parts.chain(version.unsigned.clone()).collect();
    parts.join("; ")
}

fn row(plugin: &KeptPlugin, signing: Signatures<'_>) -> Result<PluginRow> {
    let rollout = signing.rollout(plugin)?;
    let canary = rollout.canary();
    let trial = canary.map(|(version, _)| version);
    let placed = rollout.active().into_iter().chain(trial);
    let not_asked = placed.filter(|version| rollout.unsigned(version).is_some());
    let asked = rollout.active().or(canary.map(|(version, _)| version));
    let manifest = asked
        .and_then(|version| plugin.version(version))
        .or(plugin.versions.last())
        .and_then(|version| Manifest::parse(&version.manifest).ok());
    let roles = manifest.map(|manifest| manifest.roles.iter().map(|role| role.as_str()).collect());
    Ok(PluginRow {
        plugin: plugin.id.to_string(),
        roles: roles.unwrap_or_default(),
        active: rollout.active().map(ToString::to_string),
        canary: canary.map(|(version, _)| version.to_string()),
        canary_percent: canary.map(|(_, share)| share.as_percent()),
        previous: rollout.previous().map(ToString::to_string),
        not_asked: not_asked.map(ToString::to_string).collect(),
        publishers: signing
            .publishers
            .iter()
            .map(|one| one.name.clone())
            .collect(),
    })
}

fn version(record: &KeptVersion, rollout: &Rollout) -> VersionRow {
    let (state, reason) = match &record.state {
        VersionState::Published => ("published", None),
        VersionState::Canary(share) => ("on trial", Some(format!("{} %", share.as_percent()))),
        VersionState::Active => ("active", None),
        VersionState::Retired { .. } => ("retired", None),
        VersionState::Shelved => ("shelved", None),
        VersionState::Rejected { reason } => ("rejected", Some(reason.clone())),
    };
    VersionRow {
        version: record.version.to_string(),
        state,
        reason,
        unfit: record.unfit.clone(),
        unsigned: rollout.unsigned(&record.version).map(str::to_owned),
        sha256: hex(&record.sha256),
        bytes: record.bytes,
        signed: record.signature.is_some(),
        published_at: moment(record.published_at),
        changed_at: moment(record.changed_at),
    }
}

pub(super) fn moment(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.unix_ms());
    instant
        .map(|instant| instant.strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}
