//! `colophon center signer list|certificate|new|set`.

use std::path::Path;

use anyhow::{Context as _, Result};
use colophon_keys::{KeyKind, Leaf, certificates_to_pem};
use colophon_receipt::CenterId;
use colophon_store::signers::{CenterKeyRole, SignerRecord};
use colophon_store::titles::DelegatedTitle;
use colophon_title::trust::{CertificateRole, EndCertificate, validity};
use serde::Serialize;
use serde_json::json;

use super::super::known_center;
use crate::cli::{CenterKeyArg, KeyKindArg, SignerCommand};
use crate::house::{House, SecondOpinion, fresh, replace};
use crate::output::{Output, confirm, hex, table};

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
        SignerCommand::New {
            center,
            role,
            kind,
            yes,
        } => {
            let center = known_center(house, &center.center).await?;
            let role = key_role(role);
            let kind = match kind {
                KeyKindArg::Rsa => KeyKind::Rsa2048,
                KeyKindArg::P256 => KeyKind::P256,
            };
            let leaf = fresh(house, &center, role, kind).await?;
            ask_about_delegations(house, &center, &leaf, yes).await?;
            told(replace(house, &center, role, &leaf).await?);
            center
        }
        SignerCommand::Set {
            center,
            role,
            certificate,
            key,
            yes,
        } => {
            let center = known_center(house, &center.center).await?;
            let leaf = Leaf::from_pem(&text(&key)?, &text(&certificate)?);
            let leaf = leaf.context("the certificate and the key cannot be used")?;
            let role = key_role(role);
            ask_about_delegations(house, &center, &leaf, yes).await?;
            told(replace(house, &center, role, &leaf).await?);
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

/// Asks before a licensor's key is replaced that other licensors have delegated rights to: the
/// delegations are to the key, and the former one is gone then.
async fn ask_about_delegations(
    house: &House,
    center: &CenterId,
    leaf: &Leaf,
    yes: bool,
) -> Result<()> {
    if leaf.role() != CertificateRole::Licensor {
        return Ok(());
    }
    let own = leaf.chain().first().map(Vec::as_slice).unwrap_or_default();
    let key = EndCertificate::parse(own)?.public_key_spki_der;
    let titles = house.store.delegated_titles(center).await?;
    let lost = titles
        .iter()
        .filter(|title| match &title.delegation {
            Ok(delegation) => delegation.delegate_key() != Some(&key),
            // Nothing can be licensed under it, whatever the key.
            Err(_) => false,
        })
        .map(|DelegatedTitle { book, .. }| format!("{} {}", book.id_type, book.id));
    let lost: Vec<String> = lost.collect();
    if lost.is_empty() {
        return Ok(());
    }
    confirm(
        &format!(
            "Rights of {} were delegated to the present licensor's key, which is destroyed: no \
             copy of them can be licensed until `colophon title update --delegation` has a \
             delegation to the new one. Replace it?",
            lost.join(", ")
        ),
        yes,
    )
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
        sha256: hex(&sha256),
    }
}
