//! `colophon plugin fetch`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use colophon_core::rollout::PluginVersion;
use serde::Deserialize;
use serde_json::json;

use super::Chosen;
use crate::house::House;
use crate::output::Output;

/// A file with cases as it was published.
#[derive(Deserialize)]
struct CaseFile {
    file: String,
    text: String,
}

pub(super) async fn run(
    house: &House,
    chosen: &Chosen,
    version: &str,
    to: &Path,
    output: Output,
) -> Result<()> {
    let Chosen { center, record } = chosen;
    let version: PluginVersion = version
        .parse()
        .with_context(|| format!("{version:?} is no version"))?;
    let Some(kept) = record.version(&version) else {
        bail!("{} has no version {version} in center {center}", record.id);
    };
    let component = house
        .store
        .plugin_component(center, &record.id, &version)
        .await?
        .context("the version has no component")?;
    if house.engine.digest(&[&component]) != kept.sha256 {
        bail!("the component in the database is not the one that was published");
    }
    let cases = house
        .store
        .plugin_cases(center, &record.id, &version)
        .await?;
    let cases: Vec<CaseFile> = serde_json::from_str(&cases.unwrap_or_default())
        .context("the cases in the database are damaged")?;
    refuse_full(to)?;
    write(&to.join("build/plugin.wasm"), &component)?;
    write(&to.join("plugin.toml"), kept.manifest.as_bytes())?;
    for (number, case) in cases.iter().enumerate() {
        // Files of several folders may have had one name, and none of them names a place.
        let name = Path::new(&case.file).file_name().unwrap_or_default();
        let name = format!("{number:02}-{}", name.to_string_lossy());
        write(&to.join("cases").join(name), case.text.as_bytes())?;
    }
    let told = json!({ "version": version.to_string(), "cases": cases.len() });
    output.print(&told, |_| {
        format!(
            "Wrote {} {version} to {}.\nNext: colophon plugin test {}",
            record.id,
            to.display(),
            to.display()
        )
    })
}

/// Writes a file, and makes its folder first.
fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = file.parent() {
        let made = fs::create_dir_all(folder);
        made.with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))
}

fn refuse_full(to: &Path) -> Result<()> {
    match fs::read_dir(to) {
        Ok(mut inside) => match inside.next() {
            None => Ok(()),
            Some(_) => bail!("{} holds something already", to.display()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot look into {}", to.display())),
    }
}
