//! `colophon plugin publish`: every step that a host will take, before anybody depends on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use colophon_core::capability::Name;
use colophon_core::rollout::PluginVersion;
use colophon_core::time::Clock as _;
use colophon_plugin_host::manifest::{Manifest, NotPermitted, Permitted, first_table};
use colophon_plugin_host::{Digested, Sandbox};
use colophon_receipt::CenterId;
use colophon_store::plugins::{HeldAgainst, KeptPlugin, KeptVector, NewVersion, StepError};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::bench::{Plugin, Taken};
use super::super::check::advice::try_again;
use super::super::check::{check, shown as shown_check};
use super::super::folder;
use super::super::progress::Progress;
use super::super::test::{cases_of, prove, shown as shown_cases};
use super::grant::similar;
use super::signatures;
use super::surviving::survive;
use crate::cli::PluginPublishArgs;
use crate::config::Config;
use crate::house::plugins::{Signed, Wanted, loader, permitted, sandbox};
use crate::house::{House, SystemClock};
use crate::output::{Output, hex, plain};

/// The largest manifest or file of cases that is kept.
const TEXT_BYTES_MAX: u64 = 4 << 20;

#[derive(Serialize)]
struct Published {
    center: String,
    plugin: String,
    version: String,
    sha256: String,
    cases: usize,
    vectors: usize,
}

/// A version on its way.
struct Offered {
    plugin: Plugin,
    component: Digested,
    written: String,
    manifest: Arc<Manifest>,
    version: PluginVersion,
    grant: HeldAgainst,
    /// What manifest and grant allow.
    permitted: Permitted,
    signature: Option<Vec<u8>>,
}

/// What the center has of the plug-in.
enum Known<'a> {
    Plugin(&'a KeptPlugin),
    Nothing {
        /// A plug-in whose name is nearly the same.
        similar: Option<Name>,
    },
}

/// What was proven of a version.
struct Proven {
    cases: usize,
    vectors: usize,
    /// The files with the cases, as they are kept.
    files: Value,
}

pub(super) async fn run(
    config: &Config,
    house: &House,
    center: &CenterId,
    arguments: &PluginPublishArgs,
    output: Output,
) -> Result<()> {
    let plugin = Plugin::with_manifest(&arguments.plugin, arguments.manifest.as_deref())?;
    let (written, manifest) = plugin.manifest()?;
    let record = house.store.kept_plugin(center, &manifest.id).await?;
    let known = match &record {
        Some(record) => Known::Plugin(record),
        None => Known::Nothing {
            similar: similar(house, center, &manifest.id).await?,
        },
    };
    let offered = offered(center, plugin, (written, manifest), &known, arguments)?;
    let sha256 = *offered.component.sha256();
    believe(house, center, &offered, &sha256).await?;
    let vectors = house
        .store
        .plugin_vectors(center, &offered.manifest.id)
        .await?;
    let sandbox = sandbox(config)?;
    let progress = Progress::begin();
    let offering = (center, &offered);
    let proven = prove_all(&sandbox, offering, arguments, &vectors, (output, &progress)).await?;
    progress.step("loading it with what it is granted");
    let wanted = Wanted {
        center,
        manifest: &offered.written,
        grant: offered.grant.text(),
        component: &offered.component,
    };
    let loaded = loader(house, sandbox)?.load(wanted).await;
    loaded.map_err(|not| {
        let error = anyhow::Error::from(not);
        let next = error.downcast_ref().and_then(try_again);
        error.context(next.unwrap_or("no host could load it with what it is granted"))
    })?;
    progress.step("keeping it in the database");
    let published = keep(house, center, offered, sha256, proven).await?;
    drop(progress);
    output.print(&published, |done| {
        let plugin = format!("--center {} {} {}", done.center, done.plugin, done.version);
        format!(
            "Published {} {} for center {}: {} cases, {} kept questions.\nNext: colophon plugin \
             promote {plugin} [--canary PERCENT]",
            done.plugin, done.version, done.center, done.cases, done.vectors
        )
    })
}

fn offered(
    center: &CenterId,
    plugin: Plugin,
    (written, manifest): (String, Manifest),
    known: &Known<'_>,
    arguments: &PluginPublishArgs,
) -> Result<Offered> {
    let version: PluginVersion = manifest.version.parse().context("plugin.toml: version")?;
    if let Known::Plugin(record) = known
        && record.version(&version).is_some()
    {
        let id = &manifest.id;
        match arguments.signature {
            None => bail!(
                "version {version} of {id} is published already in center {center}; what has changed gets another \
                 version in plugin.toml"
            ),
            Some(_) => bail!(
                "version {version} of {id} is published already in center {center}, and gets no other signature \
                 now. Give it another version in plugin.toml, have signed what `colophon plugin \
                 statement --center {center} FOLDER` prints of that, and publish it with that signature"
            ),
        }
    }
    // Without a grant there is nothing that it can call.
    let grant = match known {
        Known::Plugin(record) => HeldAgainst::Grant(record.grant.clone()),
        Known::Nothing { .. } => HeldAgainst::Nothing(format!("plugin = \"{}\"\n", manifest.id)),
    };
    let proposal = plugin
        .folder
        .as_ref()
        .map(|folder| folder.join("grant.toml"));
    let proposal = proposal.filter(|file| file.is_file());
    let (_, permitted) = permitted(&written, grant.text()).map_err(|error| {
        let papers = (&manifest.id, proposal.as_deref());
        let advice = advice(center, papers, known, error.downcast_ref());
        error.context(advice)
    })?;
    let signature = arguments
        .signature
        .as_ref()
        .map(|file| std::fs::read(file).with_context(|| format!("cannot read {}", file.display())));
    Ok(Offered {
        component: Digested::of(plugin.read()?),
        plugin,
        written,
        manifest: Arc::new(manifest),
        version,
        grant,
        permitted,
        signature: signature.transpose()?,
    })
}

/// What to do where manifest and grant do not agree: each kind of difference is mended elsewhere.
fn advice(
    center: &CenterId,
    (plugin, proposal): (&Name, Option<&Path>),
    known: &Known<'_>,
    refused: Option<&NotPermitted>,
) -> String {
    let again = format!("`colophon plugin grant --center {center} FILE`");
    match (refused, known, proposal) {
        (Some(NotPermitted::Lacking { .. }), Known::Nothing { similar: None }, Some(file)) => {
            format!(
                "center {center} grants {plugin} nothing yet. The folder proposes a grant: look it over and \
             run `colophon plugin grant --center {center} {}`",
                file.display()
            )
        }
        (
            Some(NotPermitted::Lacking { .. }),
            Known::Nothing {
                similar: Some(similar),
            },
            _,
        ) => format!(
            "center {center} grants {plugin} nothing yet, but {similar} has a grant: if that is meant, \
             mend `plugin` there or `id` in plugin.toml (`colophon plugin remove --center {center} {similar}` \
             takes a misspelled one away). Otherwise write a grant with that line and run {again} with \
             --new"
        ),
        (Some(NotPermitted::Lacking { .. }), Known::Nothing { similar: None }, None) => format!(
            "center {center} grants {plugin} nothing yet. Write a grant with that line and run {again}, \
             or take it out of plugin.toml if the plug-in does not use it"
        ),
        (Some(NotPermitted::Lacking { .. }), Known::Plugin(_), _) => format!(
            "center {center} does not grant all that {plugin} asks for. Add the line to its grant and \
             run {again}, or take it out of plugin.toml if the plug-in does not use it"
        ),
        (Some(NotPermitted::Otherwise { .. }), _, _) => format!(
            "what center {center} grants {plugin} is not what its plugin.toml asks for. Change the \
             line in the grant and run {again}, with --next if a version in use needs it as it is; or \
             change plugin.toml"
        ),
        (Some(NotPermitted::Unasked { .. }), _, _) => format!(
            "the grant of {plugin} in center {center} has something that plugin.toml does not ask for. \
             Take it out of the grant and run {again}, with --next if a version in use needs it; or, if \
             this version uses it, ask for it in plugin.toml"
        ),
        (Some(NotPermitted::OtherPlugin { .. } | NotPermitted::OtherRoles { .. }) | None, _, _) => {
            format!("{plugin} cannot be held against its grant in center {center}")
        }
    }
}

/// Where a center names publishers, one of them has to have signed the version.
async fn believe(
    house: &House,
    center: &CenterId,
    offered: &Offered,
    sha256: &[u8; 32],
) -> Result<()> {
    let publishers = house.store.publishers(center).await?;
    let signatures = signatures(house, center, &publishers);
    let signed = Signed {
        version: &offered.version,
        sha256,
        manifest: &offered.written,
        signature: offered.signature.as_deref(),
    };
    let believed = signatures.believe(&offered.manifest.id, &signed);
    believed.context(format!(
        "the version was not taken; its publisher signs what `colophon plugin statement \
             --center {center} FOLDER` prints, and the signature is named with --signature"
    ))
}

async fn prove_all(
    sandbox: &Arc<Sandbox>,
    (center, offered): (&CenterId, &Offered),
    arguments: &PluginPublishArgs,
    vectors: &[KeptVector],
    (output, progress): (Output, &Progress),
) -> Result<Proven> {
    let taken = Taken {
        wasm: offered.component.wasm().to_vec(),
        manifest: Some(Ok(Arc::clone(&offered.manifest))),
        stale: offered.plugin.stale(offered.component.wasm()),
        package_version: offered.plugin.package_version(),
        first_table: first_table(&offered.written).map(|head| head.to_string()),
    };
    let (checked, tested) = check(sandbox, &offered.plugin, &taken, progress).await?;
    for warning in checked.warnings() {
        eprintln!("colophon: {}", plain(&warning));
    }
    progress.step("running its cases");
    let Some(tested) = tested else {
        output.print(&checked, shown_check)?;
        bail!("no host would take the plug-in; nothing was published");
    };
    let survived = survive(&tested, (center, &offered.permitted), vectors).await?;
    if arguments.without_cases {
        return Ok(Proven {
            cases: 0,
            vectors: survived,
            files: json!([]),
        });
    }
    let cases = cases_of(&offered.plugin, &arguments.cases, None)
        .context("cases show that it decides as it is meant to; --without-cases goes without")?;
    let mut files: Vec<PathBuf> = cases.iter().map(|case| case.file.clone()).collect();
    files.dedup();
    // Cases named by hand may lie anywhere; those of the folder lie in it.
    let own = offered.plugin.folder.as_deref();
    let own = own.filter(|_| arguments.cases.is_empty());
    let kept = files.iter().map(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        Ok(json!({ "file": name, "text": folder::read_text(own, file, TEXT_BYTES_MAX)? }))
    });
    let kept = kept.collect::<Result<Vec<Value>>>()?;
    let component = offered.plugin.component.clone();
    let report = prove(&tested, component, cases).await;
    if report.failed() > 0 {
        output.print(&report, shown_cases)?;
        bail!("a case failed; nothing was published");
    }
    Ok(Proven {
        cases: report.passed(),
        vectors: survived,
        files: Value::Array(kept),
    })
}

async fn keep(
    house: &House,
    center: &CenterId,
    offered: Offered,
    sha256: [u8; 32],
    proven: Proven,
) -> Result<Published> {
    let new = NewVersion {
        center: center.clone(),
        plugin: offered.manifest.id.clone(),
        version: offered.version,
        sha256,
        component: offered.component.into_wasm(),
        manifest: offered.written,
        cases: proven.files.to_string(),
        grant: offered.grant,
        signature: offered.signature,
    };
    let done = house.store.publish_plugin(&new, SystemClock.now()).await;
    done.map_err(|refused| {
        let mut nothing = "nothing was published".to_owned();
        if let StepError::Full { spare } = &refused {
            let plugin = &new.plugin;
            nothing += &format!(
                "; `colophon plugin remove --center {center} {plugin} {spare}` makes room"
            );
        }
        anyhow::Error::from(refused).context(nothing)
    })?;
    Ok(Published {
        center: center.to_string(),
        plugin: new.plugin.to_string(),
        version: new.version.to_string(),
        sha256: hex(&sha256),
        cases: proven.cases,
        vectors: proven.vectors,
    })
}
