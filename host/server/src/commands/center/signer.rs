//! `colophon center signer list|certificate|new|set`.

use std::path::Path;

use anyhow::{Context as _, Result};
use colophon_keys::{KeyKind, Leaf, certificates_to_pem};
use colophon_receipt::CenterId;
use colophon_store::signers::{CenterKeyRole, SignerRecord};
use colophon_title::trust::{EndCertificate, validity};
use serde::Serialize;
use serde_json::json;

use super::super::known_center;
use crate::cli::{CenterKeyArg, KeyKindArg, SignerCommand};
use crate::house::{House, SecondOpinion, fresh, replace};
use crate::output::{Output, table};

#[derive(Serialize)]
struct SignerRow {
    role: &'static str,
    subject: String,
    issuer: String,
    /// In seconds since 1970.
    valid_from: Option<i64>,
    valid_until: Option<i64>,
    sha256: String,
}

pub(super) async fn run(house: &House, command: SignerCommand, output: Output) -> Result<()> {
    let center = match command {
        SignerCommand::List { center } => known_center(house, &center.center).await?,
        SignerCommand::Certificate { center, role } => {
            let center = known_center(house, &center.center).await?;
            return certificate(house, &center, key_role(role), output).await;
        }
        SignerCommand::New { center, role, kind } => {
            let center = known_center(house, &center.center).await?;
            let role = key_role(role);
            let kind = match kind {
                KeyKindArg::Rsa => KeyKind::Rsa2048,
                KeyKindArg::P256 => KeyKind::P256,
            };
            let leaf = fresh(house, &center, role, kind).await?;
            told(replace(house, &center, role, &leaf).await?);
            warn_of_delegations(house, &center, role).await?;
            center
        }
        SignerCommand::Set {
            center,
            role,
            certificate,
            key,
        } => {
            let center = known_center(house, &center.center).await?;
            let leaf = Leaf::from_pem(&text(&key)?, &text(&certificate)?);
            let leaf = leaf.context("the certificate and the key cannot be used")?;
            let role = key_role(role);
            told(replace(house, &center, role, &leaf).await?);
            warn_of_delegations(house, &center, role).await?;
            center
        }
    };
    list(house, &center, output).await
}

/// Says on standard error what a second verifier found.
fn told(opinion: Option<SecondOpinion>) {
    if let Some(opinion) = opinion {
        eprintln!("{}", opinion.sentence());
    }
}

/// Says which titles are sold by leave of another licensor, given to the key that is no more.
async fn warn_of_delegations(house: &House, center: &CenterId, role: CenterKeyRole) -> Result<()> {
    if role != CenterKeyRole::Licensor {
        return Ok(());
    }
    for book in house.store.delegated_titles(center).await? {
        eprintln!(
            "{} {} is licensed under a delegation to the former licensor: until `colophon title \
             update --delegation` has one to the new licensor, no copy of it can be licensed.",
            book.id_type, book.id
        );
    }
    Ok(())
}

fn key_role(role: CenterKeyArg) -> CenterKeyRole {
    match role {
        CenterKeyArg::Tool => CenterKeyRole::Tool,
        CenterKeyArg::Provider => CenterKeyRole::Provider,
        CenterKeyArg::Licensor => CenterKeyRole::Licensor,
        CenterKeyArg::Center => CenterKeyRole::Center,
    }
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

async fn list(house: &House, center: &CenterId, output: Output) -> Result<()> {
    let signers = house.store.list_signers(center).await?;
    let rows: Vec<SignerRow> = signers.iter().map(|one| row(house, one)).collect();
    output.print(&rows, |rows| {
        let cells = rows.iter().map(|row| {
            let until = row.valid_until.and_then(|until| {
                let instant = jiff::Timestamp::from_second(until).ok()?;
                Some(instant.strftime("%Y-%m-%d").to_string())
            });
            vec![
                row.role.to_owned(),
                row.subject.clone(),
                row.issuer.clone(),
                until.unwrap_or_default(),
            ]
        });
        table(&["role", "subject", "issuer", "valid until"], cells)
    })
}

async fn certificate(
    house: &House,
    center: &CenterId,
    role: CenterKeyRole,
    output: Output,
) -> Result<()> {
    let signers = house.store.list_signers(center).await?;
    let signer = signers.iter().find(|signer| signer.role == role);
    let signer = signer
        .with_context(|| format!("center {center} has no key in the role {}", role.as_str()))?;
    let pem = certificates_to_pem(&signer.chain);
    output.print(&json!({ "certificate": pem }), |_| pem.clone())
}

fn row(house: &House, signer: &SignerRecord) -> SignerRow {
    let own = signer.chain.first().map(Vec::as_slice).unwrap_or_default();
    let certificate = EndCertificate::parse(own).ok();
    let validity = validity(own).ok();
    let sha256 = house.engine.digest(&[own]);
    SignerRow {
        role: signer.role.as_str(),
        subject: certificate
            .as_ref()
            .map(|certificate| certificate.subject.clone())
            .unwrap_or_default(),
        issuer: certificate
            .map(|certificate| certificate.issuer)
            .unwrap_or_default(),
        valid_from: validity.map(|(from, _)| from),
        valid_until: validity.map(|(_, until)| until),
        sha256: sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
