//! `colophon plugin receipt|verify`: what a center says of a decision, signed, and how its retailer
//! checks it.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use colophon_core::time::Timestamp;
use colophon_crypto::SignatureAlgorithm;
use colophon_keys::{AwsLc, PublicKey, certificates_to_pem};
use colophon_receipt::{
    CenterId, DECISION_BYTES_MAX, DecisionDigests, DecisionReceipt, DecisionSigner, PartDigest,
};
use colophon_store::decisions::DecisionRow;
use colophon_title::{Signer, SignerRole};
use serde::Serialize;
use serde_json::json;

use super::decisions::{found, instant, record};
use crate::house::House;
use crate::new_file::{self, Readers};
use crate::output::{Output, hex};

/// The center's key as provider, which signs copies too. What it signs there is XML, and begins with
/// an angle bracket; what it signs here begins with a letter.
struct Provider {
    signer: Arc<dyn Signer>,
    key: PublicKey,
}

impl DecisionSigner for Provider {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.signer.algorithm()
    }

    fn public_key_spki_der(&self) -> &[u8] {
        self.key.spki_der()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.signer.sign(message)?)
    }
}

pub(super) async fn run(
    house: &House,
    center: &CenterId,
    id: &str,
    out: &Path,
    output: Output,
) -> Result<ExitCode> {
    let row = found(house, center, id).await?;
    let signer = house.store.signer(center, SignerRole::Provider).await?;
    let signer = signer.with_context(|| {
        format!(
            "center {center} has no key as provider; `colophon center signer new --center {center} \
             --role provider` makes one"
        )
    })?;
    let own = signer
        .chain()
        .get(..1)
        .context("the key has no certificate")?;
    let key = PublicKey::from_pem(&AwsLc, &certificates_to_pem(own))?;
    let receipt = said(house, center, &row)?;
    let signed = receipt.sign(&AwsLc, &Provider { signer, key })?;
    new_file::write(out, Readers::Usual, format!("{signed}\n").as_bytes())?;
    let told = json!({ "decision": row.id.to_string(), "file": out });
    output.print(&told, |_| {
        format!(
            "Wrote {}. The retailer checks it with: colophon plugin verify {} --key CERTIFICATE\n\
             (the certificate once: colophon center signer certificate --center {center} --role \
             provider)",
            out.display(),
            out.display()
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

fn said(house: &House, center: &CenterId, row: &DecisionRow) -> Result<DecisionReceipt> {
    let record = record(row)?;
    let [input, calls, output] = record.parts();
    // Whom the question names could be guessed from a plain digest.
    let under_key =
        |purpose, part: &[u8]| PartDigest::from_bytes(house.cipher.pseudonym(purpose, &[part]));
    let transaction = record.transaction().map(str::parse).transpose();
    Ok(DecisionReceipt {
        center: center.clone(),
        retailer: row.retailer.clone(),
        decision: row.id.to_string().parse()?,
        decided_at: row.at.unix_seconds(),
        request: row.request.parse()?,
        transaction: transaction.context("the transaction in the record")?,
        plugin: row.plugin.as_str().parse()?,
        version: row.version.as_str().parse()?,
        contract: row.contract.parse()?,
        role: row.role.parse()?,
        outcome: row.outcome.parse()?,
        fuel: row.fuel,
        digests: DecisionDigests {
            component: PartDigest::from_bytes(row.sha256),
            config: PartDigest::from_bytes(row.config_digest),
            grant: PartDigest::from_bytes(row.grant_digest),
            input: under_key("decision/input", &input),
            calls: under_key("decision/calls", &calls),
            output: under_key("decision/output", &output),
        },
    })
}

#[derive(Serialize)]
struct Verified {
    center: String,
    retailer: String,
    decision: String,
    decided_at_s: i64,
    request: String,
    transaction: Option<String>,
    plugin: String,
    version: String,
    contract: String,
    role: String,
    outcome: String,
    fuel: u64,
    component_sha256: String,
    config_digest: String,
    grant_digest: String,
    input_digest: String,
    calls_digest: String,
    output_digest: String,
}

pub(super) fn verify(receipt: &Path, key: &Path, output: Output) -> Result<ExitCode> {
    let pem = fs::read_to_string(key);
    let pem = pem.with_context(|| format!("cannot read {}", key.display()))?;
    let key = PublicKey::from_pem(&AwsLc, &pem).with_context(|| key.display().to_string())?;
    let unreadable = || format!("cannot read {}", receipt.display());
    let size = fs::metadata(receipt).with_context(unreadable)?;
    // A line end may follow it.
    if size.len() > DECISION_BYTES_MAX as u64 + 2 {
        bail!(
            "{} is no decision receipt: it is too long",
            receipt.display()
        );
    }
    let compact = fs::read_to_string(receipt).with_context(unreadable)?;
    let receipt = DecisionReceipt::verify(&AwsLc, compact.trim_end(), key.spki_der())
        .context("the decision receipt is not good")?;
    let digests = receipt.digests;
    let verified = Verified {
        center: receipt.center.to_string(),
        retailer: receipt.retailer.to_string(),
        decision: receipt.decision.to_string(),
        decided_at_s: receipt.decided_at.get(),
        request: receipt.request.to_string(),
        transaction: receipt.transaction.map(String::from),
        plugin: receipt.plugin.to_string(),
        version: receipt.version.to_string(),
        contract: receipt.contract.to_string(),
        role: receipt.role.to_string(),
        outcome: receipt.outcome.to_string(),
        fuel: receipt.fuel,
        component_sha256: digits(digests.component),
        config_digest: digits(digests.config),
        grant_digest: digits(digests.grant),
        input_digest: digits(digests.input),
        calls_digest: digits(digests.calls),
        output_digest: digits(digests.output),
    };
    output.print(&verified, told)?;
    Ok(ExitCode::SUCCESS)
}

fn digits(digest: PartDigest) -> String {
    hex(digest.as_bytes())
}

fn told(verified: &Verified) -> String {
    let Verified {
        center,
        retailer,
        plugin,
        version,
        role,
        outcome,
        request,
        component_sha256,
        decided_at_s,
        ..
    } = verified;
    let at = instant(Timestamp::from_unix_ms(decided_at_s.saturating_mul(1000)));
    let sale = verified.transaction.as_ref();
    let sale = sale.map_or_else(String::new, |sale| format!(", sale {sale}"));
    format!(
        "Genuine: center {center} says that {plugin} {version}, asked as {role} for {retailer} at {at} \
         (request {request}{sale}), came to: {outcome}.\nComponent: SHA-256 {component_sha256}"
    )
}
