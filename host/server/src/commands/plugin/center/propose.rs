//! `colophon plugin propose`: what is granted against what was used, and the least grant.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use colophon_core::rollout::PluginVersion;
use colophon_core::time::Timestamp;
use colophon_plugin_host::manifest::{Grant, Manifest, Narrowed, Part, Proposed, Unused};
use colophon_plugin_host::{Record, Used};
use colophon_store::plugins::VersionRecord;
use serde::Serialize;

use super::super::decisions::{Pages, record};
use super::Chosen;
use super::listing::moment;
use crate::cli::PluginProposeArgs;
use crate::house::House;
use crate::house::plugins::permitted;
use crate::new_file::{self, Readers};
use crate::output::{Output, table};

/// What no record tells, in words.
const NOT_TOLD: [&str; 6] = [
    "decisions that were not recorded: those that found no room, those of retailer ids in receipts \
     that were still closed, and those before the ones that are kept",
    "lines that a plug-in writes: `log` stays where a manifest asks for it",
    "where redirects lead, and into which networks names led",
    "what an instance that is used again has read when it was started",
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
    /// Of these, those of instances that had started for an earlier request.
    reused: u64,
    /// Decisions of other versions, or of other components of the same version.
    passed_over: u64,
    /// Decisions whose records this program cannot read.
    unreadable: u64,
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
    unreadable: u64,
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
    let wide = granted(&asked)?;
    let looked = look(house, chosen, &asked, &wide, &manifests, arguments.last).await?;
    let Looked {
        used,
        passed_over,
        unreadable,
        period,
    } = looked;
    let Some((from, until)) = period else {
        let unread = match unreadable {
            0 => String::new(),
            count => format!("{count} were, and this program cannot read them; "),
        };
        bail!(
            "no decision of {} in use is recorded, so nothing says what it needs; {unread}see \
             plugins.decisions_kept in `colophon config show`",
            record.id
        );
    };
    let unused = match arguments.next {
        true => Unused::Goes,
        false => Unused::StaysIfAsked,
    };
    let Narrowed { grant, parts } = wide.narrowed(&manifests, &used, unused)?;
    let text = grant.to_text()?;
    // Read as `grant` reads it, so that what is proposed is taken.
    Grant::parse(&text).context("the proposed grant is none")?;
    let mut proposal = Proposal {
        center: center.to_string(),
        plugin: record.id.to_string(),
        versions: asked.iter().map(|one| one.version.to_string()).collect(),
        decisions: used.decisions(),
        incomplete: used.incomplete(),
        reused: used.reused(),
        passed_over,
        unreadable,
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

/// What all of them are granted. With `grant --next` and a trial there may be two grants, and what is
/// narrower than one of them may be wider than the other.
fn granted(asked: &[VersionRecord]) -> Result<Grant> {
    let (first, others) = asked.split_first().context("no version is asked")?;
    let grant = Grant::parse(&first.grant)?;
    for other in others {
        ensure!(
            Grant::parse(&other.grant)? == grant,
            "versions {} and {} are both in use with different grants, so none can be narrowed for \
             both; end the trial, or grant both the same, and ask again",
            first.version,
            other.version
        );
    }
    Ok(grant)
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
        unreadable: 0,
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
            looked.take(row.at, record(&row).ok());
        }
    }
    Ok(looked)
}

impl Looked {
    /// Takes a decision in; the latest come first. A record that another version of this program wrote
    /// tells this one nothing, and keeps no other from being heard.
    fn take(&mut self, at: Timestamp, record: Option<Record>) {
        let Some(record) = record else {
            self.unreadable += 1;
            return;
        };
        self.used.add(&record);
        let until = self.period.map_or(at, |(_, until)| until);
        self.period = Some((at, until));
    }
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
    let mut opened = new_file::create(file, Readers::Owner)?;
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
    if proposal.reused > 0 {
        text.push_str(&format!(
            ". {} of them were made by instances that had started for an earlier request: what was read \
             meanwhile is not in their records",
            proposal.reused
        ));
    }
    if proposal.unreadable > 0 {
        text.push_str(&format!(
            ". {} more are not counted: this program cannot read their records, and what they used may \
             be called unused here",
            proposal.unreadable
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

#[cfg(test)]
mod tests {
    use colophon_core::rollout::VersionState;

    use super::*;

    fn version(number: &str, grant: &str) -> VersionRecord {
        VersionRecord {
            version: number.parse().unwrap(),
            sha256: [1; 32],
            manifest: String::new(),
            grant: grant.to_owned(),
            signature: None,
            state: VersionState::Active,
        }
    }

    #[test]
    fn a_record_that_cannot_be_read_is_counted_and_no_use() {
        let mut looked = Looked {
            used: Used::default(),
            passed_over: 0,
            unreadable: 0,
            period: None,
        };
        looked.take(Timestamp::from_unix_ms(2), None);
        looked.take(Timestamp::from_unix_ms(1), None);
        assert_eq!((looked.unreadable, looked.used.decisions()), (2, 0));
        assert_eq!(looked.period, None);
    }

    #[test]
    fn versions_with_different_grants_have_none_that_is_narrowed_for_both() {
        let (one, other) = ("plugin = \"acme\"\nlog = true\n", "plugin = \"acme\"\n");
        let same = [
            version("1", one),
            version("2", &format!("# The same.\n{one}")),
        ];
        assert_eq!(granted(&same).unwrap(), Grant::parse(one).unwrap());
        let refused = granted(&[version("1", one), version("2", other)]).unwrap_err();
        assert!(refused.to_string().contains("1 and 2"), "{refused}");
    }
}
