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
use crate::house::plugins::{Signatures, UnsignedAsked};
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
            let unsigned = unsigned_among(house, &center, &publishers).await?;
            ask_about(&center, &unsigned, yes)?;
            let added = house.store.add_publisher(&center, &publisher).await;
            added.with_context(|| format!("{name} was not added"))?;
            // While somebody thought it over, others may have changed who may publish, or versions.
            let publishers = house.store.publishers(&center).await?;
            let unsigned = unsigned_among(house, &center, &publishers).await?;
            let told = json!({ "added": name, "no_longer_asked": names(&unsigned) });
            output.print(&told, |_| {
                format!(
                    "{name} may publish for center {center}. Versions that nobody of those named \
                     has signed are neither taken nor asked from now on.{}",
                    told_after(&center, &unsigned)
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
    let named = house.store.publishers(center).await?;
    let left: Vec<Publisher> = named
        .iter()
        .filter(|one| one.name != name)
        .cloned()
        .collect();
    if left.len() == named.len() {
        let named: Vec<&str> = named.iter().map(|one| one.name.as_str()).collect();
        bail!(
            "center {center} has no publisher {name:?}; {}",
            match named.as_slice() {
                [] => "nobody is named".to_owned(),
                named => format!("there are: {}", named.join(", ")),
            }
        );
    }
    // Without the last one nothing needs a signature, and they may only go where that is said.
    let unsigned = unsigned_among(house, center, &left).await?;
    ask_about(center, &unsigned, yes)?;
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
    // While somebody thought it over, others may have changed who may publish, or versions.
    let left = house.store.publishers(center).await?;
    let unsigned = unsigned_among(house, center, &left).await?;
    let told = json!({
        "removed": name,
        "signatures_asked_for": !left.is_empty(),
        "no_longer_asked": names(&unsigned),
    });
    output.print(&told, |_| {
        let then = match left.is_empty() {
            true => " It takes and loads versions without a signature from now on.".to_owned(),
            false => told_after(center, &unsigned),
        };
        format!("{name} may no longer publish for center {center}.{then}")
    })
}

/// Versions that are asked and that none of these has signed.
async fn unsigned_among(
    house: &House,
    center: &CenterId,
    publishers: &[Publisher],
) -> Result<Vec<UnsignedAsked>> {
    let signatures = Signatures {
        engine: house.engine.as_ref(),
        center,
        publishers,
    };
    let plugins = house.store.plugins(center).await?;
    let unsigned = plugins.iter();
    Ok(unsigned
        .flat_map(|plugin| signatures.unsigned_of(plugin))
        .collect())
}

/// Asks before versions that are in use would no longer be asked.
fn ask_about(center: &CenterId, unsigned: &[UnsignedAsked], yes: bool) -> Result<()> {
    if unsigned.is_empty() {
        return Ok(());
    }
    let question = format!(
        "{} would not be signed by anybody who may publish: {}. Do it?",
        names(unsigned).join(", "),
        consequence(center, unsigned)
    );
    confirm(&question, yes)
}

/// What has happened to versions in use, and what to do about it.
fn told_after(center: &CenterId, unsigned: &[UnsignedAsked]) -> String {
    if unsigned.is_empty() {
        return String::new();
    }
    format!(
        "\nSigned by nobody who may publish: {}. Within seconds {}.\nNext: publish a version with \
         --signature and promote it, or name its publisher again",
        names(unsigned).join(", "),
        consequence(center, unsigned)
    )
}

fn consequence(center: &CenterId, unsigned: &[UnsignedAsked]) -> String {
    match unsigned.iter().all(|version| version.on_trial) {
        true => "hosts end the trial, and ask what is asked without it".to_owned(),
        false => format!(
            "hosts ask no such version any more and refuse center {center}'s downloads until a signed \
             one is promoted"
        ),
    }
}

fn names(unsigned: &[UnsignedAsked]) -> Vec<&str> {
    unsigned.iter().map(|one| one.name.as_str()).collect()
}

fn row(house: &House, publisher: &Publisher) -> Row {
    let digest = house.engine.digest(&[&publisher.public_key]);
    Row {
        name: publisher.name.clone(),
        key_sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
