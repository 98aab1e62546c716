//! `colophon plugin grant`.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail, ensure};
use colophon_core::capability::Name;
use colophon_core::causes::causes;
use colophon_core::rollout::{PluginVersion, VersionState};
use colophon_core::time::Clock as _;
use colophon_plugin_host::Digested;
use colophon_plugin_host::manifest::{Grant, Manifest};
use colophon_receipt::CenterId;
use colophon_store::plugins::{
    Fit, GrantRefused, GrantTaken, Granted, KeptPlugin, KeptVersion, UnfitAsked, Verdict,
};
use serde::Serialize;

use super::text;
use crate::config::Config;
use crate::house::plugins::{Loader, Wanted, loader, permitted, sandbox};
use crate::house::{House, SystemClock};
use crate::output::{Output, plain};

/// What is kept of a version that cannot be loaded. The whole reason may hold words of the plug-in
/// itself, which has been given what the grant keeps encrypted.
const NOT_LOADED: &str = "it cannot be loaded";

/// Names of so many letters or more are likely meant to be one where two letters differ; in shorter
/// ones it is one.
const LONG_NAME: usize = 8;

/// What an operator asks for.
pub(super) struct Asked {
    pub(super) file: PathBuf,
    pub(super) unfit: UnfitAsked,
    pub(super) similar: SimilarName,
}

/// What a name is that the center does not have, where it has a similar one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SimilarName {
    /// Taken for a slip of the pen.
    IsRefused,
    /// That of another plug-in.
    IsAnother,
}

#[derive(Serialize)]
struct Told {
    center: String,
    plugin: String,
    /// Whether the center did not have the plug-in before.
    new: bool,
    /// Versions that the center has of it.
    versions: usize,
    /// Versions that have the grant from now on.
    in_force_for: Vec<String>,
    /// Versions that have no grant any more, and are not asked again under this one.
    unfit: Vec<UnfitRow>,
    /// Versions that keep an earlier grant while they are asked.
    keeping_earlier: Vec<UnfitRow>,
    /// What is granted and none of the versions that have the grant asks for.
    unasked: Vec<String>,
}

#[derive(Serialize)]
struct UnfitRow {
    version: String,
    reason: String,
}

pub(super) async fn run(
    config: &Config,
    house: &House,
    center: &CenterId,
    asked: &Asked,
    output: Output,
) -> Result<()> {
    let Asked {
        file,
        unfit,
        similar,
    } = asked;
    let unfit = *unfit;
    let written = text(file)?;
    let grant = Grant::parse(&written)
        .map_err(|refused| anyhow!("{}: {}", file.display(), causes(&refused)))?;
    let record = house.store.kept_plugin(center, &grant.plugin).await?;
    if record.is_none() && *similar == SimilarName::IsRefused {
        refuse_similar(house, center, &grant.plugin).await?;
    }
    let verdicts = match &record {
        Some(record) => {
            let trial = Trial {
                house,
                center,
                record,
                grant: &written,
                unfit,
            };
            trial.verdicts(config).await?
        }
        None => Vec::new(),
    };
    let granted = Granted {
        text: &written,
        verdicts: &verdicts,
        unfit,
    };
    let now = SystemClock.now();
    let taken = house
        .store
        .grant_plugin(center, &grant.plugin, granted, now)
        .await;
    let taken = taken.map_err(refused)?;
    let told = told(center, &grant, record.as_ref(), taken);
    output.print(&told, words)
}

/// A name that the center does not have is likely misspelled where a similar one is there.
async fn refuse_similar(house: &House, center: &CenterId, name: &Name) -> Result<()> {
    let Some(near) = similar(house, center, name).await? else {
        return Ok(());
    };
    let known = house.store.kept_plugin(center, &near).await?;
    // The slip may have been in the grant before.
    let slip = match known.is_some_and(|known| known.versions.is_empty()) {
        true => format!(
            ". If {near} was the slip, which has no version yet, take it away first: `colophon plugin \
             remove --center {center} {near}`"
        ),
        false => String::new(),
    };
    bail!(
        "center {center} has no plug-in {name}, but one called {near}: nothing was granted. Mend \
         `plugin` in the grant, or use --new if {name} is another plug-in{slip}"
    );
}

/// A plug-in of the center whose name is nearly this one.
pub(super) async fn similar(house: &House, center: &CenterId, name: &Name) -> Result<Option<Name>> {
    let known = house.store.kept_plugins(center).await?;
    let known = known.into_iter().map(|plugin| plugin.id);
    Ok(nearest(name.as_str(), known))
}

fn nearest(name: &str, known: impl Iterator<Item = Name>) -> Option<Name> {
    let most = if name.len() < LONG_NAME { 1 } else { 2 };
    let others = known.filter(|known| !are_siblings(known.as_str(), name));
    let apart = others.map(|known| (strsim::damerau_levenshtein(known.as_str(), name), known));
    let near = apart.filter(|(apart, _)| (1..=most).contains(apart));
    near.min_by_key(|(apart, _)| *apart).map(|(_, known)| known)
}

/// Whether two names are those of plug-ins beside each other, as `rules-eu` and `rules-us`, `policy-1` and
/// `policy-2`: they have other digits, or one part in which nothing is alike.
fn are_siblings(one: &str, other: &str) -> bool {
    let without_digits = |name: &str| name.replace(|c: char| c.is_ascii_digit(), "");
    if without_digits(one) == without_digits(other) {
        return true;
    }
    let parts = |name: &str| {
        name.split(['-', '_'])
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (ones, others) = (parts(one), parts(other));
    if ones.len() != others.len() {
        return false;
    }
    let mut apart = ones.iter().zip(&others).filter(|(one, other)| one != other);
    match (apart.next(), apart.next()) {
        (Some((one, other)), None) => {
            strsim::damerau_levenshtein(one, other) == one.len().max(other.len())
        }
        _ => false,
    }
}

/// A grant that the versions of a plug-in are held against.
struct Trial<'a> {
    house: &'a House,
    center: &'a CenterId,
    record: &'a KeptPlugin,
    grant: &'a str,
    unfit: UnfitAsked,
}

impl Trial<'_> {
    /// What the grant means for every version that could be asked: first by their papers, then by
    /// loading them, so that a database or a secret that is not there is found here and not by a
    /// host.
    async fn verdicts(&self, config: &Config) -> Result<Vec<Verdict>> {
        let mut verdicts = Vec::new();
        let mut fitting = Vec::new();
        for version in &self.record.versions {
            if let VersionState::Rejected { .. } = version.state {
                continue;
            }
            match permitted(&version.manifest, self.grant) {
                Ok(_) => fitting.push(version),
                Err(error) => {
                    let reason = format!("{error:#}");
                    verdicts.push(self.unfit(version, &reason, &reason)?);
                }
            }
        }
        if fitting.is_empty() {
            return Ok(verdicts);
        }
        let loader = loader(self.house, sandbox(config)?)?;
        let (mut loaded, mut last) = (false, None);
        for version in fitting {
            match self.load(&loader, version).await {
                Ok(()) => {
                    loaded = true;
                    verdicts.push(verdict(version, Fit::Fits));
                }
                Err(error) => {
                    let reason = format!("it cannot be loaded: {error:#}");
                    verdicts.push(self.unfit(version, NOT_LOADED, &reason)?);
                    eprintln!("{}: {}", version.version, plain(&reason));
                    last = Some(error);
                }
            }
        }
        match last {
            // What no version can do is the grant's fault, or that of what it names.
            Some(error) if !loaded => {
                Err(error.context("no version can be loaded under this grant, so it was not kept"))
            }
            Some(_) | None => Ok(verdicts),
        }
    }

    /// That a version does not fit, if that is no reason to take the grant back at once. What is
    /// kept of the reason may be less than what is said now.
    fn unfit(&self, version: &KeptVersion, kept: &str, said: &str) -> Result<Verdict> {
        if is_asked(version) && self.unfit == UnfitAsked::Refused {
            return Err(refused(GrantRefused::AskedUnfit {
                version: version.version.clone(),
                reason: said.to_owned(),
            }));
        }
        let reason = kept.to_owned();
        Ok(verdict(version, Fit::Unfit { reason }))
    }

    async fn load(&self, loader: &Loader, version: &KeptVersion) -> Result<()> {
        let component = self
            .house
            .store
            .plugin_component(self.center, &self.record.id, &version.version)
            .await?;
        let Some(component) = component else {
            bail!("it has no component");
        };
        let component = Digested::of(component);
        ensure!(
            *component.sha256() == version.sha256,
            "its component is not the one that was published"
        );
        let wanted = Wanted {
            center: self.center,
            manifest: &version.manifest,
            grant: self.grant,
            component: &component,
        };
        loader.load(wanted).await?;
        Ok(())
    }
}

fn verdict(version: &KeptVersion, fit: Fit) -> Verdict {
    Verdict {
        version: version.version.clone(),
        published_at: version.published_at,
        fit,
    }
}

fn is_asked(version: &KeptVersion) -> bool {
    match version.state {
        VersionState::Active | VersionState::Canary(_) => true,
        VersionState::Published
        | VersionState::Retired { .. }
        | VersionState::Shelved
        | VersionState::Rejected { .. } => false,
    }
}

fn refused(refused: GrantRefused) -> anyhow::Error {
    let next = match refused {
        GrantRefused::AskedUnfit { .. } => {
            "the grant was not kept. Grant what the version asks for, or use --next: it then keeps \
             the grant that it has for as long as it is asked, and is not gone back to afterwards"
        }
        GrantRefused::VersionsChanged(_) | GrantRefused::Step(_) => "the grant was not kept",
    };
    anyhow::Error::from(refused).context(next)
}

fn told(center: &CenterId, grant: &Grant, record: Option<&KeptPlugin>, taken: GrantTaken) -> Told {
    let rows = |versions: Vec<(PluginVersion, String)>| {
        let versions = versions.into_iter();
        let rows = versions.map(|(version, reason)| UnfitRow {
            version: version.to_string(),
            reason,
        });
        rows.collect()
    };
    Told {
        center: center.to_string(),
        plugin: grant.plugin.to_string(),
        new: record.is_none(),
        versions: record.map_or(0, |record| record.versions.len()),
        in_force_for: taken.fit.iter().map(ToString::to_string).collect(),
        unfit: rows(taken.unfit),
        keeping_earlier: rows(taken.keeping),
        unasked: unasked(grant, record, &taken.fit),
    }
}

/// What no version that has the grant asks for. Where none has it yet nobody knows what will be asked.
fn unasked(grant: &Grant, record: Option<&KeptPlugin>, fit: &[PluginVersion]) -> Vec<String> {
    let versions = record.map_or(&[][..], |record| record.versions.as_slice());
    let having = versions.iter().filter(|one| fit.contains(&one.version));
    let manifests: Vec<Manifest> = having
        .filter_map(|one| Manifest::parse(&one.manifest).ok())
        .collect();
    match manifests.as_slice() {
        [] => Vec::new(),
        manifests => grant.unasked(manifests),
    }
}

fn words(told: &Told) -> String {
    let Told { center, plugin, .. } = told;
    let now = match told.in_force_for.as_slice() {
        [] if told.versions == 0 => format!(
            "Center {center} has no version of it yet: the grant holds for those whose plugin.toml says \
             id = \"{plugin}\"."
        ),
        [] => "It holds for versions published from now on.".to_owned(),
        versions => format!(
            "It holds for {} and for versions published from now on. Running hosts follow within \
             seconds.",
            versions.join(", ")
        ),
    };
    let mut text = format!("Granted to {plugin} in center {center}. {now}\n");
    for UnfitRow { version, reason } in &told.unfit {
        text.push_str(&format!(
            "Version {version} does not fit ({reason}). It has no grant any more and is not asked \
             again, unless a later grant fits it.\n"
        ));
    }
    for UnfitRow { version, reason } in &told.keeping_earlier {
        text.push_str(&format!(
            "Version {version} does not fit ({reason}). It keeps its earlier grant for as long as \
             it is asked; afterwards it is not gone back to.\n"
        ));
    }
    if !told.unasked.is_empty() {
        text.push_str(&format!(
            "None of these versions asks for {}. If that is no slip of the pen it does no harm: \
             nobody has it until a manifest asks for it.\n",
            told.unasked.join(", ")
        ));
    }
    text + &format!("Next: colophon plugin publish --center {center} FOLDER")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_told_from_another_name() {
        let named = |text: &str| Name::parse(text).unwrap();
        let known = || ["acme-shelf", "names"].map(named).into_iter();
        for (slip, meant) in [
            ("acme-shelv", "acme-shelf"),
            ("acme_shelf", "acme-shelf"),
            ("acmeshelf", "acme-shelf"),
            ("acme-hself", "acme-shelf"),
            ("cme-shelfs", "acme-shelf"),
            ("name", "names"),
            ("nmaes", "names"),
        ] {
            assert_eq!(nearest(slip, known()), Some(named(meant)), "{slip}");
        }
        for other in ["acme", "acme-shop", "nam", "territories", "names"] {
            assert_eq!(nearest(other, known()), None, "{other}");
        }
        let known = || {
            ["js-shelf", "rules-eu", "policy-1", "edition"]
                .map(named)
                .into_iter()
        };
        for sibling in ["py-shelf", "rules-us", "policy-2", "policy-12", "edition2"] {
            assert_eq!(nearest(sibling, known()), None, "{sibling}");
        }
        for (slip, meant) in [
            ("js-shlef", "js-shelf"),
            ("jsshelf", "js-shelf"),
            ("rules_eu", "rules-eu"),
        ] {
            assert_eq!(nearest(slip, known()), Some(named(meant)), "{slip}");
        }
    }
}
