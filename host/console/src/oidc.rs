//! Signing in at an OpenID Connect provider: the code flow with PKCE.
//!
//! The browser leaves with a state, a nonce and a challenge that are kept in its session here, and
//! comes back with a code, once. [`provider`] speaks to the provider, [`identity`] says who came.

mod fetch;
mod identity;
mod learned;
mod provider;

pub(crate) use identity::SignInRefused;
pub(crate) use provider::{Provider, Waiting};

use openidconnect::url::Url;
use thiserror::Error;

/// How this host is known to its provider.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// The identifier as the operator wrote it: it is compared letter for letter, and a parsed URL
    /// may have a slash more.
    issuer: String,
    url: Url,
    client_id: String,
    client_secret: Option<ClientSecret>,
    name: String,
}

/// What the provider knows this host by. Not printable.
#[derive(Clone)]
pub struct ClientSecret(zeroize::Zeroizing<String>);

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("ClientSecret")
    }
}

/// Why settings name no provider.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OidcSettingsRefused {
    /// The issuer is no URL of `https`, or of `http` on this machine, without query and fragment.
    #[error("an issuer is a URL of https without query and fragment, not {0:?}")]
    Issuer(String),
    /// There is no client id.
    #[error("the client id is missing")]
    ClientId,
}

impl OidcSettings {
    /// The provider of this issuer identifier, where this host has the client id, with its secret
    /// if the provider gave one. `name` is what people know the provider by; without one, it is
    /// the issuer's host.
    ///
    /// # Errors
    ///
    /// [`OidcSettingsRefused`] if no sign-in could come of them.
    pub fn new(
        issuer: &str,
        client_id: &str,
        client_secret: Option<&str>,
        name: Option<&str>,
    ) -> Result<Self, OidcSettingsRefused> {
        let refused = || OidcSettingsRefused::Issuer(issuer.to_owned());
        let url = Url::parse(issuer).map_err(|_| refused())?;
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.username() == "";
        if !is_trustworthy(&url) || !is_plain {
            return Err(refused());
        }
        if client_id.is_empty() {
            return Err(OidcSettingsRefused::ClientId);
        }
        let name = name.map_or_else(|| host(&url), str::to_owned);
        Ok(Self {
            issuer: issuer.to_owned(),
            url,
            client_id: client_id.to_owned(),
            client_secret: client_secret
                .map(|secret| ClientSecret(zeroize::Zeroizing::new(secret.to_owned()))),
            name,
        })
    }

    /// What people know the provider by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The part of persona ids after the `@`: the issuer without its scheme.
    pub fn namespace(&self) -> String {
        let path = self.url.path().trim_end_matches('/');
        format!("{}{path}", host(&self.url))
    }
}

/// The host with its port, where that is not the usual one.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Whether what comes from there is what was sent: over TLS, or from this machine.
pub(crate) fn is_trustworthy(url: &Url) -> bool {
    use openidconnect::url::Host;
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        ("http", Some(Host::Domain(name))) => name == "localhost",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(issuer: &str, namespace: Option<&str>) {
        let settings = OidcSettings::new(issuer, "colophon", None, None);
        let found = settings.ok().map(|settings| settings.namespace());
        assert_eq!(found.as_deref(), namespace, "{issuer}");
    }

    #[test]
    fn issuers_are_reached_over_tls() {
        check("https://id.example", Some("id.example"));
        check("https://id.example:8443/", Some("id.example:8443"));
        check("https://id.example/tenant/1", Some("id.example/tenant/1"));
        check("http://127.0.0.1:4711", Some("127.0.0.1:4711"));
        check("http://[::1]:4711", Some("[::1]:4711"));
        check("http://id.example", None);
        check("https://id.example?tenant=1", None);
        check("https://id.example#1", None);
        check("https://ada@id.example", None);
        check("file:///etc/passwd", None);
        check("id.example", None);
    }

    #[test]
    fn a_secret_is_not_printed() {
        let settings = OidcSettings::new("https://id.example", "c", Some("s3cret"), None);
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
