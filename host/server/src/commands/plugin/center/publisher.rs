//! `colophon plugin publisher add|list|remove`.

use anyhow::{Context as _, Result, anyhow, bail};
use colophon_core::rollout::VersionState;
use colophon_core::time::Clock as _;
use colophon_keys::PublicKey;
use colophon_receipt::CenterId;
use colophon_store::plugins::Publisher;
use serde::Serialize;
use serde_json::json;

use super::text;
use crate::cli::PublisherCommand;
use crate::commands::known_center;
use crate::house::plugins::{signed_by_one_of, statement};
use crate::house::{House, SystemClock};
use crate::output::{Output, confirm, table};

const NAME_BYTES_MAX: usize = 64;

#[derive(Serialize)]
struct Row {
    name: String,
    /// SHA-256 of the public key (SubjectPublicKeyInfo).
    key_sha256: String,
}

pub(super) async fn run(house: &House, command: PublisherCommand, output: Output) -> Result<()> {
    match command {
        PublisherCommand::Add {
            center,
            name,
            key,
            yes,
        } => {
            let center = known_center(house, &center.center).await?;
            if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(char::is_control) {
                bail!("a publisher's name has 1 to {NAME_BYTES_MAX} bytes on one line");
            }
            let pem = text(&key)?;
            let public = PublicKey::from_pem(house.engine.as_ref(), &pem)
                .map_err(|invalid| anyhow!("{}: {invalid}", key.display()))?;
            let publisher = Publisher {
                name: name.clone(),
                public_key: public.spki_der().to_vec(),
                created_at: SystemClock.now(),
            };
            let mut publishers = house.store.publishers(&center).await?;
            publishers.push(publisher.clone());
            ask_about_unsigned(house, &center, &publishers, yes).await?;
            let added = house.store.add_publisher(&center, &publisher).await;
            added.with_context(|| format!("{name} was not added"))?;
            output.print(&json!({ "added": name }), |_| {
                format!(
                    "{name} may publish for center {center}. Versions that nobody of those named \
                     has signed are neither taken nor loaded from now on."
                )
            })
        }
        PublisherCommand::List { center } => {
            let center = known_center(house, &center.center).await?;
            let publishers = house.store.publishers(&center).await?;
            let rows: Vec<Row> = publishers.iter().map(|one| row(house, one)).collect();
            output.print(&rows, |rows| {
                if rows.is_empty() {
                    return format!("Center {center} takes plug-ins without a signature.");
                }
                let cells = rows.iter();
                let cells = cells.map(|row| vec![row.name.clone(), row.key_sha256.clone()]);
                table(&["publisher", "key (sha256)"], cells)
            })
        }
        PublisherCommand::Remove { center, name, yes } => {
            let center = known_center(house, &center.center).await?;
            let mut publishers = house.store.publishers(&center).await?;
            publishers.retain(|publisher| publisher.name != name);
            ask_about_unsigned(house, &center, &publishers, yes).await?;
            let removed = house.store.remove_publisher(&center, &name).await;
            removed.with_context(|| format!("{name} may not publish for center {center}"))?;
            output.print(&json!({ "removed": name }), |_| {
                format!("{name} may no longer publish for center {center}.")
            })
        }
    }
}

/// Asks before versions that are in use would no longer be loaded.
async fn ask_about_unsigned(
    house: &House,
    center: &CenterId,
    publishers: &[Publisher],
    yes: bool,
) -> Result<()> {
    if publishers.is_empty() {
        return Ok(());
    }
    let engine = house.engine.as_ref();
    let mut unsigned = Vec::new();
    for plugin in house.store.plugins(center).await? {
        for version in plugin.versions {
            let in_use = match version.state {
                VersionState::Active | VersionState::Canary(_) => true,
                VersionState::Published
                | VersionState::Retired { .. }
                | VersionState::Shelved
                | VersionState::Rejected { .. } => false,
            };
            let manifest = engine.digest(&[version.manifest.as_bytes()]);
            let signed = statement(&plugin.id, &version.version, &version.sha256, &manifest);
            let signature = version.signature.as_deref();
            if in_use && signed_by_one_of(engine, publishers, &signed, signature).is_err() {
                unsigned.push(format!("{} {}", plugin.id, version.version));
            }
        }
    }
    if unsigned.is_empty() {
        return Ok(());
    }
    confirm(
        &format!(
            "{} would not be signed by anybody who may publish: hosts that start from then on refuse \
             center {center}'s downloads. Do it?",
            unsigned.join(", ")
        ),
        yes,
    )
}

fn row(house: &House, publisher: &Publisher) -> Row {
    let digest = house.engine.digest(&[&publisher.public_key]);
    Row {
        name: publisher.name.clone(),
        key_sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
