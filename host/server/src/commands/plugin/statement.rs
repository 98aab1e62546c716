//! `colophon plugin statement`: what a publisher signs.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use colophon_crypto::Engine as _;
use colophon_keys::AwsLc;

use super::bench::Plugin;
use super::manifest;
use crate::house::plugins::statement;

pub(super) fn run(place: &Path) -> Result<ExitCode> {
    let plugin = Plugin::at(place)?;
    let folder = plugin.folder.as_ref().with_context(|| {
        format!(
            "there is no plugin.toml beside {}",
            plugin.component.display()
        )
    })?;
    let read = manifest::read(folder)?;
    let written = std::fs::read(folder.join("plugin.toml"))?;
    let version = read.version.parse().context("plugin.toml: version")?;
    let component = AwsLc.digest(&[&plugin.read()?]);
    let papers = AwsLc.digest(&[&written]);
    let text = statement(&read.id, &version, &component, &papers);
    // To the byte, and so not as other output is.
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
