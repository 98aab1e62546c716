//! `colophon license show|odrl|delegate`.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use colophon_core::id::EventId;
use colophon_title::license::{LICENSE_BYTES_MAX, LicenseKind, LicenseRefused};
use serde_json::json;

use super::delegation::{certificate_text, day, delegate};
use super::known_center;
use crate::cli::{LicenseArgs, LicenseCommand};
use crate::config::Config;
use crate::house::House;
use crate::output::Output;

/// Where a copy has its license.
const ENTRY: &str = "META-INF/rights.xml";

pub(super) async fn run(
    config: &Config,
    command: LicenseCommand,
    output: Output,
) -> Result<ExitCode> {
    let house = House::open(config).await?;
    match command {
        LicenseCommand::Show(arguments) => {
            let document = document(&house, &arguments).await?;
            let report = house.trust()?.verify_license(&document);
            let text = String::from_utf8_lossy(&document).into_owned();
            let (licensor, reason) = match &report {
                Ok(report) => (Some(report.licensor_subject.as_str()), None),
                Err(refused) => (None, Some(refused.reason())),
            };
            let shown = json!({ "license": text, "licensor": licensor, "refused": reason });
            output.print(&shown, |_| text.clone())?;
            // What is said about the document is no part of it.
            match &report {
                Ok(report) => eprintln!("Signed by {}.", report.licensor_subject),
                Err(LicenseRefused::Kind(LicenseKind::Delegation)) => {
                    let delegation = house.trust()?.verify_delegation(&document)?;
                    for grantor in delegation.grantors() {
                        let own = grantor.chain.first().map(Vec::as_slice);
                        let own = own.unwrap_or_default();
                        eprintln!("A delegation by {}.", certificate_text(own));
                    }
                    if let Some(end) = delegation.license().grants_until_unix_s {
                        eprintln!("It ends on {}.", day(end));
                    }
                }
                Err(refused) => bail!("nobody should believe this license: {refused}"),
            }
        }
        LicenseCommand::Odrl(arguments) => {
            let document = document(&house, &arguments).await?;
            let report = house.trust()?.verify_license(&document);
            let report = report.context("the license is not believed, so it grants nothing")?;
            let odrl = report.license.to_odrl();
            let text = serde_json::to_string_pretty(&odrl)?;
            output.print(&odrl, |_| text.clone())?;
        }
        LicenseCommand::Delegate(arguments) => {
            let center = known_center(&house, &arguments.center.center).await?;
            let document = delegate(&house, &center, &arguments).await?;
            let out = arguments.out.display();
            std::fs::write(&arguments.out, &document)
                .with_context(|| format!("cannot write {out}"))?;
            output.print(&json!({ "delegation": out.to_string() }), |_| {
                format!("Wrote the delegation to {out}.")
            })?;
        }
    }
    house.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn document(house: &House, arguments: &LicenseArgs) -> Result<Vec<u8>> {
    if let Some(file) = &arguments.file {
        return from_file(file).with_context(|| format!("cannot read {}", file.display()));
    }
    let center = known_center(house, &arguments.center.center).await?;
    let event = event(arguments.event.as_deref().unwrap_or_default())?;
    let row = house.store.show_download(&center, event).await?;
    let row = row.with_context(|| format!("the log of center {center} has no such download"))?;
    let license = row.license.context(
        "this download has no license: its copy is not at level 5, or its buyer was erased",
    )?;
    Ok(license.into_bytes())
}

/// A license, or the one in a copy.
fn from_file(path: &Path) -> Result<Vec<u8>> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut document = Vec::new();
    match zip::ZipArchive::new(&mut reader) {
        Ok(mut copy) => {
            let Ok(entry) = copy.by_name(ENTRY) else {
                bail!("it is a copy without a license ({ENTRY})");
            };
            entry
                .take(LICENSE_BYTES_MAX as u64 + 1)
                .read_to_end(&mut document)?;
        }
        Err(_) => {
            let file = File::open(path)?;
            file.take(LICENSE_BYTES_MAX as u64 + 1)
                .read_to_end(&mut document)?;
            // The newline that a terminal or an editor put behind it.
            document.truncate(document.trim_ascii_end().len());
        }
    }
    Ok(document)
}

fn event(text: &str) -> Result<EventId> {
    let digits = text.as_bytes();
    let mut bytes = [0; 16];
    if digits.len() != 32 || !digits.iter().all(u8::is_ascii_hexdigit) {
        bail!("--event {text:?}: write the 32 digits that `colophon log export --json` prints");
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair)?, 16)?;
    }
    Ok(EventId::from_bytes(bytes))
}
