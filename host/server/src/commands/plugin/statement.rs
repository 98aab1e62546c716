//! `colophon plugin statement`: what a publisher signs, out of a component and its manifest alone.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use colophon_crypto::Engine as _;
use colophon_keys::AwsLc;

use super::bench::Plugin;
use crate::cli::PluginStatementArgs;
use crate::commands::center_id;
use crate::house::plugins::statement;

pub(super) fn run(arguments: &PluginStatementArgs) -> Result<ExitCode> {
    let center = center_id(&arguments.center.center)?;
    let plugin = Plugin::with_manifest(&arguments.plugin, arguments.manifest.as_deref())?;
    let (written, manifest) = plugin.manifest()?;
    let version = manifest.version.parse().context("plugin.toml: version")?;
    let component = AwsLc.digest(&[&plugin.read()?]);
    let papers = AwsLc.digest(&[written.as_bytes()]);
    let text = statement(&center, &manifest.id, &version, &component, &papers);
    // To the byte, and so not as other output is.
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
