//! `colophon plugin propose`: what is granted against what was used, and the least grant.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use colophon_core::rollout::PluginVersion;
use colophon_core::time::Timestamp;
use colophon_plugin_host::Used;
use colophon_plugin_host::manifest::{Grant, Manifest, Narrowed, Part, Proposed, Unused};
use colophon_store::plugins::VersionRecord;
use serde::Serialize;

use super::super::decisions::{Pages, record};
use super::Chosen;
use super::listing::moment;
use crate::cli::PluginProposeArgs;
use crate::house::House;
use crate::house::plugins::permitted;
use crate::output::{Output, table};

/// What no record tells, in words.
const NOT_TOLD: [&str; 6] = [
    "decisions that were not recorded: those that found no room, those of retailer ids in receipts \
     that were still closed, and those before the ones that are kept",
    "lines that a plug-in writes: `log` stays where a manifest asks for it",
    "where redirects lead, and into which networks names led",
    "what is read while an instance starts",
    "memory, time, and how much is kept in kv: these limits follow the manifests",
    "whether [warm] pays off",
];

#[derive(Serialize)]
struct Proposal {
    center: String,
    plugin: String,
    /// The versions in use, whose decisions were looked at.
    versions: Vec<String>,
    decisions: u64,
    /// Of these, those whose records do not hold all that was asked.
    incomplete: u64,
    /// Decisions of other versions, or of other components of the same version.
    passed_over: u64,
    from: String,
    until: String,
    parts: Vec<Row>,
    fuel_max: u64,
    host_calls_max: usize,
    /// Versions in use that fit the proposed grant.
    fitting: Vec<String>,
    unfit: Vec<Unfit>,
    /// What records do not tell.
    not_told: [&'static str; NOT_TOLD.len()],
    /// Where the grant was written.
    file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Row {
    granted: String,
    /// In how many decisions; none if records do not tell.
    used: Option<u64>,
    proposed: &'static str,
    narrower: Option<String>,
}

#[derive(Serialize)]
struct Unfit {
    version: String,
    reason: String,
}

/// What was found in recorded decisions.
struct Looked {
    used: Used,
    passed_over: u64,
    /// The moments of the first and the last.
    period: Option<(Timestamp, Timestamp)>,
}

pub(super) async fn run(
    house: &House,
    chosen: &Chosen,
    arguments: &PluginProposeArgs,
    output: Output,
) -> Result<()> {
    let Chosen { center, record } = chosen;
    let asked = in_use(house, chosen).await?;
    let manifests = asked.iter().map(|one| Manifest::parse(&one.manifest));
    let manifests = manifests.collect::<Result<Vec<Manifest>, _>>()?;
    let wide = Grant::parse(&asked.first().map_or("", |one| one.grant.as_str()))?;
    let looked = look(house, chosen, &asked, &wide, &manifests, arguments.last).await?;
    let Looked {
        used,
        passed_over,
        period: Some((from, until)),
    } = looked
    else {
        bail!(
            "no decision of {} in use is recorded, so nothing says what it needs; see \
             plugins.decisions_kept in `colophon config show`",
            record.id
        );
    };
    let unused = match arguments.next {
        true => Unused::Goes,
        false => Unused::StaysIfAsked,
    };
    let Narrowed { grant, parts } = wide.narrowed(&manifests, &used, unused);
    let text = grant.to_text()?;
    // Read as `grant` reads it, so that what is proposed is taken.
    Grant::parse(&text).context("the proposed grant is none")?;
    let mut proposal = Proposal {
        center: center.to_string(),
        plugin: record.id.to_string(),
        versions: asked.iter().map(|one| one.version.to_string()).collect(),
        decisions: used.decisions(),
        incomplete: used.incomplete(),
        passed_over,
        from: moment(from),
        until: moment(until),
        parts: parts.into_iter().map(row).collect(),
        fuel_max: used.fuel_max(),
        host_calls_max: used.host_calls_max(),
        fitting: Vec::new(),
        unfit: Vec::new(),
        not_told: NOT_TOLD,
        file: None,
    };
    for one in &asked {
        let version = one.version.to_string();
        match permitted(&one.manifest, &text) {
            Ok(_) => proposal.fitting.push(version),
            Err(error) => proposal.unfit.push(Unfit {
                version,
                reason: format!("{error:#}"),
            }),
        }
    }
    if let Some(file) = &arguments.out {
        write(file, &proposal, &text).with_context(|| file.display().to_string())?;
        proposal.file = Some(file.clone());
    }
    output.print(&proposal, words)
}

/// The versions that are asked, the active one first.
async fn in_use(house: &House, chosen: &Chosen) -> Result<Vec<VersionRecord>> {
    let Chosen { center, record } = chosen;
    let plugins = house.store.plugins(center).await?;
    let plugin = plugins.into_iter().find(|one| one.id == record.id);
    let plugin = plugin.with_context(|| {
        format!(
            "no version of {} is asked in center {center}, so there is none to propose a grant for",
            record.id
        )
    })?;
    let active = plugin.rollout()?.active().cloned();
    let mut asked = plugin.versions;
    asked.sort_by_key(|one| Some(&one.version) != active.as_ref());
    Ok(asked)
}

async fn look(
    house: &House,
    chosen: &Chosen,
    asked: &[VersionRecord],
    wide: &Grant,
    manifests: &[Manifest],
    last: u32,
) -> Result<Looked> {
    let mut looked = Looked {
        used: Used::of_addresses(wide.addresses(manifests)),
        passed_over: 0,
        period: None,
    };
    let made_by = |version: &PluginVersion, sha256: &[u8; 32]| {
        let mut asked = asked.iter();
        asked.any(|one| one.version == *version && one.sha256 == *sha256)
    };
    let mut pages = Pages::of(house, &chosen.center, &chosen.record.id, last);
    while let Some(page) = pages.next().await? {
        for row in page {
            if !made_by(&row.version, &row.sha256) {
                looked.passed_over += 1;
                continue;
            }
            looked.used.add(&record(&row)?);
            // The latest come first.
            let until = looked.period.map_or(row.at, |(_, until)| until);
            looked.period = Some((row.at, until));
        }
    }
    Ok(looked)
}

fn row(part: Part) -> Row {
    let (proposed, narrower) = match part.proposed {
        Proposed::Stays => ("stays", None),
        Proposed::StaysAsAsked => ("stays, as a manifest asks for it", None),
        Proposed::Narrower(narrower) => ("narrower", Some(narrower)),
        Proposed::Goes => ("goes", None),
    };
    Row {
        granted: part.line,
        used: part.used,
        proposed,
        narrower,
    }
}

/// Writes the grant for its operator alone: it may hold a password.
fn write(file: &Path, proposal: &Proposal, grant: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    let mut opened = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    let Proposal {
        plugin,
        versions,
        decisions,
        from,
        until,
        ..
    } = proposal;
    writeln!(
        opened,
        "# By what {decisions} recorded decisions of {plugin} {} have used, {from} to {until} (UTC).",
        versions.join(", ")
    )?;
    for row in &proposal.parts {
        if row.used == Some(0) && row.proposed != "goes" {
            writeln!(opened, "# Never used: {} ({})", row.granted, row.proposed)?;
        }
    }
    opened.write_all(grant.as_bytes())?;
    Ok(())
}

fn words(proposal: &Proposal) -> String {
    let Proposal {
        center,
        plugin,
        versions,
        decisions,
        from,
        until,
        ..
    } = proposal;
    let mut text = format!(
        "{plugin} in center {center}: {decisions} recorded decisions of {}, {from} to {until} (UTC)",
        versions.join(", ")
    );
    if proposal.passed_over > 0 {
        text.push_str(&format!(
            "; {} of other versions were passed over",
            proposal.passed_over
        ));
    }
    if proposal.incomplete > 0 {
        text.push_str(&format!(
            ". The records of {} of them do not hold all that was asked: what is called unused here may \
             have been used",
            proposal.incomplete
        ));
    }
    text.push_str(".\n\n");
    let rows = proposal.parts.iter().map(|row| {
        let used = row.used.map_or("not told".to_owned(), |count| match count {
            0 => "never".to_owned(),
            count => count.to_string(),
        });
        let proposed = match &row.narrower {
            Some(narrower) => format!("{}: {narrower}", row.proposed),
            None => row.proposed.to_owned(),
        };
        vec![row.granted.clone(), used, proposed]
    });
    text.push_str(&table(&["granted", "used in", "proposed"], rows));
    text.push_str(&format!(
        "\n\nThe most that a decision took: fuel {}, calls into the host {}.\n\nRecords do not tell:\n",
        proposal.fuel_max, proposal.host_calls_max
    ));
    for told in proposal.not_told {
        text.push_str(&format!("- {told}\n"));
    }
    for Unfit { version, reason } in &proposal.unfit {
        text.push_str(&format!(
            "\nVersion {version} does not fit the proposed grant: {reason}.\n"
        ));
    }
    let next = match proposal.unfit.is_empty() {
        true => "",
        false => " --next",
    };
    match &proposal.file {
        Some(file) => {
            let file = file.display();
            text + &format!(
                "\nWrote {file}; nothing is granted yet.\nNext: colophon plugin grant{next} --center \
                 {center} {file}"
            )
        }
        None => text + "\nThe grant is written with --out FILE.",
    }
}
