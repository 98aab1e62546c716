//! The pages of the activation service, on this house's accounts and devices.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use colophon_console::console::Console;
use colophon_console::mail::MailFolder;
use colophon_console::settings::{PublicUrl, Settings};
use colophon_core::activation::ports::RepositoryWorker;
use colophon_keys::{SystemRandom, TrustFolder};

use super::House;
use super::activating::activating;
use crate::config::Config;

/// Where people and readers reach the host that listens on this address first: where the operator
/// says, or, if it listens on this machine alone, there. None elsewhere: people would be sent to an
/// address that is nobody's, or over a connection that readers refuse.
pub(crate) fn public_url(config: &Config, listens: SocketAddr) -> Result<Option<PublicUrl>> {
    if let Some(url) = &config.activation.public_url {
        return Ok(Some(url.clone()));
    }
    if !listens.ip().is_loopback() {
        return Ok(None);
    }
    let scheme = match config.listen.tls {
        Some(_) => "https",
        None => "http",
    };
    let url = format!("{scheme}://{listens}").parse();
    url.map(Some).context("activation.public_url")
}

/// The pages, for people who reach the host there. Readers are activated for licenses under the
/// roots of `trust`, in repositories that `repository` makes.
pub(crate) async fn pages(
    house: &House,
    trust: Arc<TrustFolder>,
    repository: Arc<dyn RepositoryWorker>,
    config: &Config,
    public_url: PublicUrl,
) -> Result<Console> {
    let activation = &config.activation;
    let mailer = MailFolder::new(&activation.mail_folder, &public_url.host());
    Ok(Console {
        personas: house.activation.clone(),
        sessions: house.activation.clone(),
        grants: house.activation.clone(),
        activations: house.activation.clone(),
        kept: house.activation.clone(),
        activating: Arc::new(activating(house, trust, repository).await?),
        mailer: Arc::new(mailer),
        engine: Arc::clone(&house.engine),
        cipher: Arc::clone(&house.cipher),
        random: Box::new(SystemRandom),
        settings: Settings {
            public_url,
            service: activation.service.clone(),
            accounts: activation.accounts.clone(),
            oidc: activation.oidc.clone(),
            return_addresses: activation.return_addresses.clone(),
            hashes_max: activation.hashes_max,
        },
    })
}
