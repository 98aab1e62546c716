//! The activation role: its authority, and what it does while nobody asks.

mod clearing;
mod key_pool;

use anyhow::{Context as _, Result};
use colophon_core::time::Clock as _;
use colophon_keys::{ActivationIssuer, KeyKind, PrivateKey, Revocation, SystemRandom};
use colophon_store::signers::AuthorityMaterial;
use colophon_store::store::Store;
use colophon_title::trust::{CertificateRole, EndCertificate};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::founding::{authority_of, platform, subject, validity};
use super::{House, SystemClock};
use crate::config::Config;

/// The name that the activation authority is kept under.
const ACTIVATION: &str = "activation";

/// The authority outlives what it issues by as much again.
const AUTHORITY_DAYS: i64 = 10 * 365;

/// The file with certificates of personas that were taken back, among the host's trusted roots.
const REVOKED_FILE: &str = "activation.crl";

/// What the activation role does in the background.
pub(crate) struct ActivationWork {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl ActivationWork {
    /// Begins to fill the pool of key pairs and to clear away what has run out.
    pub(crate) fn start(house: &House) -> Self {
        let stop = CancellationToken::new();
        let filling = key_pool::keep_filled(house.activation.clone(), stop.clone());
        let clearing = clearing::keep_clear(house.activation.clone(), stop.clone());
        Self {
            stop,
            tasks: vec![tokio::spawn(filling), tokio::spawn(clearing)],
        }
    }

    /// Ends after the key pair under way.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            // A panic has been reported where it happened; there is nothing more to wait for.
            let _panicked = task.await;
        }
    }
}

/// The activation authority, made if there is none. Several hosts may start at once: the first
/// one's holds, and all of them use it.
pub(crate) async fn activation_issuer(house: &House) -> Result<ActivationIssuer> {
    let former = house.store.authority(ACTIVATION).await?;
    if let Some(former) = &former
        && can_certify(former)
    {
        return issuer_of(former);
    }
    let now = SystemClock.now();
    let authority = platform(house).await?.issue_authority(
        CertificateRole::Activation,
        &subject("Colophon activation authority"),
        KeyKind::P256,
        validity(now, AUTHORITY_DAYS),
        &mut SystemRandom,
    )?;
    let material = AuthorityMaterial {
        name: ACTIVATION.to_owned(),
        certificate: authority.certificate_der().to_vec(),
        pkcs8: Some(PrivateKey::from_pem(&authority.key_pem())?.to_der()),
    };
    let store = &house.store;
    match former {
        Some(former) => {
            let former = &former.certificate;
            store.replace_authority(&material, former, now).await?
        }
        None => store.enter_authority(&material, now).await?,
    };
    let kept = kept_issuer(house).await?;
    kept.context("the activation authority was not kept")
}

/// Whether there is an activation authority. It is made after the activation database, always.
pub(super) async fn has_activation(store: &Store) -> Result<bool> {
    let kept = store.authority(ACTIVATION).await?;
    Ok(kept.as_ref().is_some_and(can_certify))
}

/// The activation authority, if there is one.
pub(crate) async fn kept_issuer(house: &House) -> Result<Option<ActivationIssuer>> {
    let kept = house.store.authority(ACTIVATION).await?;
    let kept = kept.filter(can_certify);
    kept.as_ref().map(issuer_of).transpose()
}

/// Installations made by an earlier version have in the authority's place a certificate that can
/// certify nobody; nothing was ever issued with it.
fn can_certify(kept: &AuthorityMaterial) -> bool {
    EndCertificate::parse(&kept.certificate).is_err()
}

fn issuer_of(kept: &AuthorityMaterial) -> Result<ActivationIssuer> {
    let authority = authority_of(kept).context("the activation authority")?;
    Ok(ActivationIssuer::new(authority))
}

/// Writes the list of personas' certificates that were taken back to where this host, and whoever
/// copies it, finds it. Says how many are on it.
pub(crate) async fn publish_revoked(house: &House, config: &Config) -> Result<usize> {
    let now = SystemClock.now();
    let revoked = house.activation.revoked_certificates(now).await?;
    let revoked: Vec<Revocation> = revoked
        .into_iter()
        .map(|revoked| Revocation {
            serial: revoked.serial,
            at_unix_s: revoked.at.unix_seconds().get(),
        })
        .collect();
    let issuer = activation_issuer(house).await?;
    let list = issuer.revocation_list(&revoked, now)?;
    let file = revoked_file(config);
    // Whoever reads it finds one list or the other, never half of one.
    let new = file.with_extension("crl.new");
    std::fs::write(&new, list)
        .and_then(|()| std::fs::rename(&new, &file))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(revoked.len())
}

/// Where the list of revoked certificates is.
pub(crate) fn revoked_file(config: &Config) -> std::path::PathBuf {
    config.trust.folder.join(REVOKED_FILE)
}
