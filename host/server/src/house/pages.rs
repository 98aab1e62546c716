//! The pages of the activation service, on this house's accounts and devices.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use colophon_console::console::Console;
use colophon_console::mail::MailFolder;
use colophon_console::settings::{PublicUrl, Settings};
use colophon_keys::{SystemRandom, TrustFolder};

use super::House;
use super::activating::activating;
use crate::config::Config;

/// The pages. Readers are activated for licenses under the roots of `trust`; `listens` is the first address the host listens on, which is where people reach it
/// unless the configuration says otherwise.
pub(crate) async fn pages(
    house: &House,
    trust: Arc<TrustFolder>,
    config: &Config,
    listens: SocketAddr,
) -> Result<Console> {
    let activation = &config.activation;
    let scheme = match config.listen.tls {
        Some(_) => "https",
        None => "http",
    };
    let public_url: PublicUrl = match &activation.public_url {
        Some(url) => url.clone(),
        None => format!("{scheme}://{listens}")
            .parse()
            .context("activation.public_url")?,
    };
    let mailer = MailFolder::new(&activation.mail_folder, &public_url.host());
    Ok(Console {
        personas: house.activation.clone(),
        sessions: house.activation.clone(),
        grants: house.activation.clone(),
        activations: house.activation.clone(),
        kept: house.activation.clone(),
        activating: Arc::new(activating(house, trust).await?),
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
