//! `colophon plugin statement`: what a publisher signs, out of a component and its manifest alone.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use colophon_crypto::Engine as _;
use colophon_keys::AwsLc;
use colophon_receipt::CenterId;

use super::bench::Plugin;
use super::sources::Stale;
use crate::cli::PluginStatementArgs;
use crate::commands::center_id;
use crate::config::Config;
use crate::house::plugins::statement;
use crate::house::{House, is_founded};
use crate::output::plain;

pub(super) async fn run(
    arguments: &PluginStatementArgs,
    config: impl FnOnce() -> Result<Config>,
) -> Result<ExitCode> {
    let center = center_id(&arguments.center.center)?;
    if !arguments.elsewhere {
        let looked_up = async { is_unknown(&center, &config()?).await };
        let is_unknown = looked_up.await.context(
            "whether this host has the center is looked up; for a center of another host, use --elsewhere",
        )?;
        if is_unknown {
            bail!(
                "there is no center {center} here; see `colophon center list`. For a center of another \
                 host, use --elsewhere"
            );
        }
    }
    let plugin = Plugin::with_manifest(&arguments.plugin, arguments.manifest.as_deref())?;
    let (written, manifest) = plugin.manifest()?;
    let version = manifest.version.parse().context("plugin.toml: version")?;
    let wasm = plugin.read()?;
    // What is signed is published as it is, and `publish` would refuse it only then.
    match plugin.stale(&wasm) {
        Some(stale @ Stale::Changed(_)) => bail!(
            "{stale}, so there is nothing to sign yet; build it from what is there now: {}",
            plugin.building()
        ),
        Some(stale @ Stale::New(_)) => eprintln!(
            "colophon: {}; if it belongs to the plug-in, build again before you sign: {}",
            plain(&stale.to_string()),
            plain(&plugin.building())
        ),
        Some(stale @ Stale::Unknown(_)) => eprintln!(
            "colophon: {}; if you have changed anything since, build again before you sign: {}",
            plain(&stale.to_string()),
            plain(&plugin.building())
        ),
        None => {}
    }
    let component = AwsLc.digest(&[&wasm]);
    let papers = AwsLc.digest(&[written.as_bytes()]);
    let text = statement(&center, &manifest.id, &version, &component, &papers);
    // To the byte, and so not as other output is.
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Whether this installation is known not to have a center. A statement for it is good for nothing, and
/// would be refused with the version only when that is published. Who signs for somebody else's host has
/// no data folder to look into.
async fn is_unknown(center: &CenterId, config: &Config) -> Result<bool> {
    if !is_founded(config)? {
        eprintln!(
            "{} holds no Colophon data: whether there is a center {center} was not looked up.",
            config.data.display()
        );
        return Ok(false);
    }
    let house = House::open(config).await?;
    let shown = house.store.show_center(center).await;
    house.close().await;
    Ok(shown?.is_none())
}
