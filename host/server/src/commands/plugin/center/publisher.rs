//! `colophon plugin publisher add|list|remove`.

use anyhow::{Context as _, Result, anyhow, bail};
use colophon_core::rollout::VersionState;
use colophon_core::time::Clock as _;
use colophon_keys::PublicKey;
use colophon_receipt::CenterId;
use colophon_store::plugins::{KeptVersion, LastPublisher, Publisher, PublisherStays};
use serde::Serialize;
use serde_json::json;

use super::{signatures, text};
use crate::cli::PublisherCommand;
use crate::commands::known_center;
use crate::house::plugins::UnsignedAsked;
use crate::house::{House, SystemClock};
use crate::output::{Output, confirm, hex, plain, table};

const NAME_BYTES_MAX: usize = 64;

/// What a host may take to load a version that was promoted, in milliseconds.
const LOADING_MS: i64 = 10 * 60 * 1000;

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
            warn_of_hosts_that_load(house, &center, &publishers).await?;
            ask_about(&center, &unsigned, yes)?;
            let added = house.store.add_publisher(&center, &publisher).await;
            added.with_context(|| format!("{name} was not added"))?;
            let now = after(house, &center).await;
            let told = json!({ "added": name, "no_longer_asked": now.unsigned_names() });
            output.print(&told, |_| {
                format!(
                    "{name} may publish for center {center}. Versions that nobody of those named \
                     has signed are neither taken nor asked from now on.{}",
                    now.told(&center)
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
    warn_of_hosts_that_load(house, center, &left).await?;
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
    let now = after(house, center).await;
    let asked_for = match &now {
        After::Read { publishers, .. } => Some(!publishers.is_empty()),
        After::NotRead => None,
    };
    let told = json!({
        "removed": name,
        "signatures_asked_for": asked_for,
        "no_longer_asked": now.unsigned_names(),
    });
    output.print(&told, |_| {
        let then = match asked_for {
            Some(false) => {
                " It takes and loads versions without a signature from now on.".to_owned()
            }
            Some(true) | None => now.told(center),
        };
        format!("{name} may no longer publish for center {center}.{then}")
    })
}

/// How a center stands once somebody was added or removed. While that was thought over others may have
/// changed who may publish, or versions, so it is read anew; and what is done is done, also where it
/// cannot be read.
enum After {
    Read {
        publishers: Vec<Publisher>,
        unsigned: Vec<UnsignedAsked>,
    },
    NotRead,
}

async fn after(house: &House, center: &CenterId) -> After {
    let read = async {
        let publishers = house.store.publishers(center).await?;
        let unsigned = unsigned_among(house, center, &publishers).await?;
        anyhow::Ok(After::Read {
            publishers,
            unsigned,
        })
    };
    read.await.unwrap_or_else(|error| {
        eprintln!(
            "colophon: it is done, but which versions are asked no more cannot be read: {}",
            plain(&format!("{error:#}"))
        );
        After::NotRead
    })
}

impl After {
    /// Versions in use that are asked no more, where that is known.
    fn unsigned_names(&self) -> Option<Vec<&str>> {
        match self {
            Self::Read { unsigned, .. } => Some(names(unsigned)),
            Self::NotRead => None,
        }
    }

    fn told(&self, center: &CenterId) -> String {
        match self {
            Self::Read { unsigned, .. } => told_after(center, unsigned),
            Self::NotRead => {
                format!("\nNext: see `colophon plugin list --center {center}`")
            }
        }
    }
}

/// Says of versions that were promoted a moment ago that hosts may be loading them still. Where the
/// version before has no signature of these, such a host has nobody to ask meanwhile.
async fn warn_of_hosts_that_load(
    house: &House,
    center: &CenterId,
    publishers: &[Publisher],
) -> Result<()> {
    let signatures = signatures(house, center, publishers);
    let now = SystemClock.now();
    for plugin in house.store.kept_plugins(center).await? {
        let is_believed = |kept: &KeptVersion| signatures.believe(&plugin.id, &kept.into()).is_ok();
        let mut versions = plugin.versions.iter();
        let active = versions.find(|one| one.state == VersionState::Active);
        let before = plugin.rollout()?.previous().cloned();
        let before = before.and_then(|version| plugin.version(&version));
        if let (Some(active), Some(before)) = (active, before)
            && now.unix_ms() - active.changed_at.unix_ms() < LOADING_MS
            && is_believed(active)
            && !is_believed(before)
        {
            eprintln!(
                "{0} {1} became active less than ten minutes ago. A host that is still loading it asks \
                 {2} until then, which would be signed by nobody who may publish: such a host would refuse \
                 center {center}'s downloads until it has loaded {1} (event COL4002).",
                plugin.id, active.version, before.version
            );
        }
    }
    Ok(())
}

/// Versions that are asked and that none of these has signed.
async fn unsigned_among(
    house: &House,
    center: &CenterId,
    publishers: &[Publisher],
) -> Result<Vec<UnsignedAsked>> {
    let signatures = signatures(house, center, publishers);
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
        "\nSigned by nobody who may publish: {}. Within seconds {}.\nNext: colophon plugin publish \
         --center {center} FOLDER --signature FILE, and promote it; or name its publisher again",
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
        key_sha256: hex(&digest),
    }
}
