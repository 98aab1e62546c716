//! The settings of the activation service's pages.

use anyhow::{Context as _, Result, bail};
use colophon_console::oidc::OidcSettings;
use colophon_console::settings::ReturnAddress;

use super::{Activation, Read};

impl Read<'_> {
    pub(super) fn activation(&self) -> Result<Activation> {
        let has_accounts = self.one_of("activation.accounts", &["true", "false"])? == "true";
        let namespace = self.parsed("activation.namespace", "a host name");
        let accounts = has_accounts.then_some(namespace).transpose()?;
        let oidc = self.oidc()?;
        if accounts.is_none() && oidc.is_none() {
            bail!(
                "nobody could sign in: set activation.accounts to true, or activation.oidc_issuer"
            );
        }
        Ok(Activation {
            public_url: self.optional(
                "activation.public_url",
                "https with a host and port, such as https://books.example",
            )?,
            service: self.text("activation.service").to_owned(),
            accounts,
            oidc,
            return_addresses: self.return_addresses()?,
            mail_folder: self.text("activation.mail_folder").into(),
            hashes_max: self.parsed("activation.hashes_max", "a whole number")?,
        })
    }

    fn oidc(&self) -> Result<Option<OidcSettings>> {
        let issuer = self.text("activation.oidc_issuer");
        if issuer.is_empty() {
            return Ok(None);
        }
        let filled = |name| Some(self.text(name)).filter(|text| !text.is_empty());
        let settings = OidcSettings::new(
            issuer,
            self.text("activation.oidc_client_id"),
            filled("activation.oidc_client_secret"),
            filled("activation.oidc_name"),
        );
        let settings = settings.context("activation.oidc_issuer, activation.oidc_client_id")?;
        Ok(Some(settings))
    }

    fn return_addresses(&self) -> Result<Vec<ReturnAddress>> {
        let addresses = self.list("activation.return_addresses");
        let parsed = addresses.iter().map(|address| address.parse());
        parsed
            .collect::<Result<_, _>>()
            .context("activation.return_addresses")
    }
}
