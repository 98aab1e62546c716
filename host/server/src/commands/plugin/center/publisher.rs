//! `colophon plugin publisher add|list|remove`.

use anyhow::{Context as _, Result, anyhow, bail};
use colophon_core::time::Clock as _;
use colophon_keys::PublicKey;
use colophon_receipt::CenterId;
use colophon_store::plugins::{LastPublisher, Publisher, PublisherStays};
use serde::Serialize;
use serde_json::json;

use super::text;
use crate::cli::PublisherCommand;
use crate::commands::known_center;
use crate::house::plugins::unsigned_of;
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
                    return format!(
                        "Nobody is named. Center {center} takes plug-ins without a signature."
                    );
                }
                let cells = rows.iter();
                let cells = cells.map(|row| vec![row.name.clone(), row.key_sha256.clone()]);
                table(&["publisher", "key (sha256)"], cells)
            })
        }
        PublisherCommand::Remove {
            center,
            name,
            unsigned,
            yes,
        } => {
            let center = known_center(house, &center.center).await?;
            let last = match unsigned {
                true => LastPublisher::MayGo,
                false => LastPublisher::Stays,
            };
            remove(house, &center, &name, last, yes, output).await
        }
    }
}

async fn remove(
    house: &House,
    center: &CenterId,
    name: &str,
    last: LastPublisher,
    yes: bool,
    output: Output,
) -> Result<()> {
    let mut left = house.store.publishers(center).await?;
    left.retain(|publisher| publisher.name != name);
    ask_about_unsigned(house, center, &left, yes).await?;
    let removed = house.store.remove_publisher(center, name, last).await;
    removed.map_err(|error| {
        let advice = match &error {
            PublisherStays::LastOne => {
                format!(
                    "{name} was not removed. Name somebody else first, or use --unsigned: then \
                     center {center} takes and loads versions without a signature"
                )
            }
            PublisherStays::Change(_) => format!("{name} may not publish for center {center}"),
        };
        anyhow::Error::from(error).context(advice)
    })?;
    let told = json!({ "removed": name, "signatures_asked_for": !left.is_empty() });
    output.print(&told, |_| {
        let then = match left.is_empty() {
            true => " It takes and loads versions without a signature from now on.",
            false => "",
        };
        format!("{name} may no longer publish for center {center}.{then}")
    })
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
        unsigned.extend(unsigned_of(engine, center, &plugin, publishers));
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
