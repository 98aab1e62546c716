//! `colophon retailer add|list|rotate|certificate|revoke`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use colophon_core::center::KeyState;
use colophon_core::time::Clock as _;
use colophon_keys::SystemRandom;
use colophon_receipt::{CenterId, ErrorUrl, KeyId, RetailerId, RetailerSecret, SecretMode};
use colophon_store::retailers::{KeyRecord, NewRetailer, RetailerRecord};
use colophon_title::trust::CertificateRole;
use serde::Serialize;

use super::known_center;
use crate::cli::RetailerCommand;
use crate::config::Config;
use crate::house::{House, SystemClock, issue};
use crate::output::{Output, confirm, table};

#[derive(Serialize)]
struct NewSecret {
    retailer: String,
    kid: String,
    secret: String,
}

#[derive(Serialize)]
struct RetailerRow {
    id: String,
    name: String,
    error_urls: Vec<String>,
    keys: Vec<KeyRow>,
}

#[derive(Serialize)]
struct KeyRow {
    kid: String,
    mode: &'static str,
    state: &'static str,
    uses: u64,
}

pub(super) async fn run(
    config: &Config,
    command: RetailerCommand,
    output: Output,
) -> Result<ExitCode> {
    let house = House::open(config).await?;
    match command {
        RetailerCommand::Add {
            id,
            center,
            name,
            error_urls,
            test,
        } => {
            let retailer = NewRetailer {
                center: known_center(&house, &center.center).await?,
                id: id
                    .parse()
                    .with_context(|| format!("{id:?} is no retailer id"))?,
                name,
                description: String::new(),
                error_urls: urls(&error_urls)?,
            };
            add(&house, &retailer, test, output).await?;
        }
        RetailerCommand::List { center } => {
            list(&house, &known_center(&house, &center.center).await?, output).await?
        }
        RetailerCommand::Rotate { id, center, test } => {
            let id = id
                .parse()
                .with_context(|| format!("{id:?} is no retailer id"))?;
            rotate(
                &house,
                &known_center(&house, &center.center).await?,
                &id,
                test,
                output,
            )
            .await?;
        }
        RetailerCommand::Certificate { id, center, to } => {
            let id = id
                .parse()
                .with_context(|| format!("{id:?} is no retailer id"))?;
            let center = known_center(&house, &center.center).await?;
            certificate(&house, &center, &id, &to, output).await?;
        }
        RetailerCommand::Revoke { kid, center, yes } => {
            let kid: KeyId = kid
                .parse()
                .with_context(|| format!("{kid:?} is no key id"))?;
            let question = format!("Refuse every receipt made with {kid} from now on?");
            confirm(&question, yes)?;
            let center = known_center(&house, &center.center).await?;
            let now = SystemClock.now();
            house
                .store
                .revoke_retailer_key(&center, &kid, now)
                .await
                .with_context(|| format!("{kid} was not revoked"))?;
            output.print(&serde_json::json!({ "revoked": kid.to_string() }), |_| {
                format!("{kid} is revoked. Running hosts follow within seconds.")
            })?;
        }
    }
    house.close().await;
    Ok(ExitCode::SUCCESS)
}

fn urls(texts: &[String]) -> Result<Vec<ErrorUrl>> {
    let parse = |text: &String| {
        text.parse::<ErrorUrl>()
            .with_context(|| format!("{text:?} cannot be an error address"))
    };
    texts.iter().map(parse).collect()
}

async fn add(house: &House, retailer: &NewRetailer, test: bool, output: Output) -> Result<()> {
    let secret = new_secret(&retailer.id, 1, test)?;
    let now = SystemClock.now();
    let added = house.store.add_retailer(retailer, &secret, now).await;
    added.with_context(|| format!("{} was not added", retailer.id))?;
    print_secret(&secret, output)
}

/// Issues the certificate that buyers' readers tell a retailer their persona by. Its common name
/// begins with the shop it is of.
async fn certificate(
    house: &House,
    center: &CenterId,
    id: &RetailerId,
    to: &Path,
    output: Output,
) -> Result<()> {
    if house.store.show_retailer(center, id).await?.is_none() {
        bail!("center {center} has no retailer {id}; see `colophon retailer list`");
    }
    let name = format!("{center}/{id} retailer");
    issue(house, CertificateRole::Retailer, &name, to).await?;
    let folder = to.display();
    output.print(&serde_json::json!({ "shop": format!("{center}/{id}") }), |_| {
        format!(
            "{folder}/retailer.pem is for everybody: readers seal to it. {folder}/retailer.key is \
             for the retailer alone, and is kept nowhere else."
        )
    })
}

async fn rotate(
    house: &House,
    center: &CenterId,
    id: &RetailerId,
    test: bool,
    output: Output,
) -> Result<()> {
    let Some(retailer) = house.store.show_retailer(center, id).await? else {
        bail!("center {center} has no retailer {id}; see `colophon retailer list`");
    };
    let last = retailer
        .keys
        .iter()
        .map(|key| key.kid.number())
        .max()
        .unwrap_or(0);
    let secret = new_secret(id, last.saturating_add(1), test)?;
    house
        .store
        .add_retailer_key(center, &secret, SystemClock.now())
        .await?;
    print_secret(&secret, output)
}

/// The key of a retailer's secret.
pub(super) fn new_secret(retailer: &RetailerId, number: u32, test: bool) -> Result<RetailerSecret> {
    let kid: KeyId = format!("{retailer}.{number}").parse()?;
    let mode = if test {
        SecretMode::Test
    } else {
        SecretMode::Live
    };
    Ok(RetailerSecret::generate(mode, kid, &mut SystemRandom))
}

/// The one time a secret is shown: afterwards only its encrypted form exists.
fn print_secret(secret: &RetailerSecret, output: Output) -> Result<()> {
    let shown = NewSecret {
        retailer: secret.kid().retailer().to_string(),
        kid: secret.kid().to_string(),
        secret: secret.to_text().to_string(),
    };
    if output == Output::Text {
        // Talk goes to standard error, so that `> secret.txt` keeps the secret and nothing else.
        eprintln!(
            "The secret of key {} is shown this once; give it to the retailer over a safe channel:",
            shown.kid
        );
    }
    output.print(&shown, |shown| shown.secret.clone())
}

async fn list(house: &House, center: &CenterId, output: Output) -> Result<()> {
    let retailers = house.store.list_retailers(center).await?;
    let rows: Vec<RetailerRow> = retailers.iter().map(row).collect();
    output.print(&rows, |rows| {
        let cells = rows.iter().flat_map(|retailer| {
            retailer.keys.iter().map(|key| {
                vec![
                    retailer.id.clone(),
                    retailer.name.clone(),
                    key.kid.clone(),
                    format!("{} {}", key.state, key.mode),
                    key.uses.to_string(),
                    retailer.error_urls.join("\n"),
                ]
            })
        });
        table(
            &[
                "retailer",
                "name",
                "key",
                "state",
                "receipts used",
                "error addresses",
            ],
            cells,
        )
    })
}

fn row(record: &RetailerRecord) -> RetailerRow {
    RetailerRow {
        id: record.retailer.id.to_string(),
        name: record.retailer.name.clone(),
        error_urls: record
            .retailer
            .error_urls
            .iter()
            .map(ToString::to_string)
            .collect(),
        keys: record.keys.iter().map(key_row).collect(),
    }
}

fn key_row(key: &KeyRecord) -> KeyRow {
    KeyRow {
        kid: key.kid.to_string(),
        mode: match key.mode {
            SecretMode::Live => "live",
            SecretMode::Test => "test",
        },
        state: match key.state {
            KeyState::Active => "active",
            KeyState::Revoked => "revoked",
        },
        uses: key.uses,
    }
}
