//! What an operator decides about the pages.

use colophon_core::activation::text::Namespace;
use openidconnect::RedirectUrl;
use openidconnect::url::Url;
use thiserror::Error;

use crate::oidc::OidcSettings;

/// The settings of the pages.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where people reach this host.
    pub public_url: PublicUrl,
    /// What the service calls itself.
    pub service: String,
    /// The namespace of built-in accounts; none if there are none.
    pub accounts: Option<Namespace>,
    /// The provider people sign in at; none if there is none.
    pub oidc: Option<OidcSettings>,
    /// Pages of shops that people may be led back to.
    pub return_addresses: Vec<ReturnAddress>,
    /// Password hashes made at once.
    pub hashes_max: usize,
}

/// Why settings do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsRefused {
    /// Nobody could sign in.
    #[error("there are neither accounts nor a provider, so nobody could sign in")]
    NoSignIn,
    /// A person at the provider could become the persona of an account.
    #[error("the accounts' namespace {0:?} is the provider's")]
    NamespaceOfProvider(String),
}

impl Settings {
    /// Whether they fit together.
    pub(crate) fn check(&self) -> Result<(), SettingsRefused> {
        match (&self.accounts, &self.oidc) {
            (None, None) => Err(SettingsRefused::NoSignIn),
            (Some(namespace), Some(oidc)) if namespace.as_str() == oidc.namespace() => {
                Err(SettingsRefused::NamespaceOfProvider(oidc.namespace()))
            }
            (Some(_), _) | (None, Some(_)) => Ok(()),
        }
    }
}

/// The scheme, host and port under which people reach this host, whatever it listens on itself.
/// Passwords travel there, so it is over TLS or on this machine; readers go nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Url);

/// Why text is no address of pages.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressRefused {
    /// It is no URL of `https`, or of `http` on this machine, without a path.
    #[error(
        "{0:?} is not https with a host and port, such as https://books.example, nor http on this \
         machine"
    )]
    Public(String),
    /// It is no URL of `https`, or of `http` on this machine.
    #[error("{0:?} is no address of https to return to")]
    Return(String),
}

impl std::str::FromStr for PublicUrl {
    type Err = AddressRefused;

    fn from_str(text: &str) -> Result<Self, AddressRefused> {
        let refused = || AddressRefused::Public(text.to_owned());
        let url = Url::parse(text).map_err(|_| refused())?;
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        match is_bare && crate::oidc::is_trustworthy(&url) {
            true => Ok(Self(url)),
            false => Err(refused()),
        }
    }
}

impl std::fmt::Display for PublicUrl {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl PublicUrl {
    /// The address of a path on this host.
    pub(crate) fn to(&self, path: &str) -> String {
        format!("{self}{path}")
    }

    /// The host, as it stands in an e-mail address.
    pub fn host(&self) -> String {
        self.0.host_str().unwrap_or("localhost").to_owned()
    }

    /// Whether browsers reach this host over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Where a provider sends browsers back to.
    pub(crate) fn redirect(&self) -> RedirectUrl {
        let mut url = self.0.clone();
        url.set_path("/activation/oidc/callback");
        RedirectUrl::from_url(url)
    }
}

/// A page of a shop that people may be led back to. Only what an operator registered, letter for
/// letter, becomes a link: anything else could lead people from a page they trust to anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnAddress(String);

impl std::str::FromStr for ReturnAddress {
    type Err = AddressRefused;

    fn from_str(text: &str) -> Result<Self, AddressRefused> {
        let url = Url::parse(text).ok();
        // As it is compared letter for letter, it has to be written as URLs are.
        let url = url.filter(|url| url.as_str() == text && crate::oidc::is_trustworthy(url));
        match url {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(AddressRefused::Return(text.to_owned())),
        }
    }
}

impl ReturnAddress {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_scheme_host_and_port() {
        let to = |text: &str| {
            text.parse::<PublicUrl>()
                .ok()
                .map(|url| url.to("/activation"))
        };
        let is = |text: &str, expected: &str| assert_eq!(to(text).as_deref(), Some(expected));
        is("https://books.example", "https://books.example/activation");
        is(
            "https://books.example:8443/",
            "https://books.example:8443/activation",
        );
        is("http://[::1]:8480", "http://[::1]:8480/activation");
        for wrong in [
            "books.example",
            "http://books.example",
            "http://192.0.2.1:8480",
            "http://0.0.0.0:8480",
            "https://books.example/a",
            "https://books.example/?a",
            "https://ada@books.example",
            "ftp://books.example",
            "javascript:alert(1)",
        ] {
            assert_eq!(to(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn return_addresses_are_over_tls_and_written_as_urls_are() {
        let is_one = |text: &str| text.parse::<ReturnAddress>().is_ok();
        assert!(is_one("https://shop.example/thanks?order=1"));
        assert!(is_one("http://127.0.0.1:4711/thanks"));
        for wrong in [
            "http://shop.example/",
            "javascript:alert(1)",
            "//shop.example/",
            "https://SHOP.example/",
            "https://shop.example",
            "https://shop.example/a b",
            "https:shop.example/",
            "data:text/html,x",
        ] {
            assert!(!is_one(wrong), "{wrong}");
        }
    }

    #[test]
    fn no_account_is_a_persona_of_the_provider() {
        let settings = |accounts: Option<&str>, issuer: Option<&str>| Settings {
            public_url: "https://books.example".parse().unwrap(),
            service: "Books".to_owned(),
            accounts: accounts.map(|namespace| namespace.parse().unwrap()),
            oidc: issuer.map(|issuer| OidcSettings::new(issuer, "c", None, None).unwrap()),
            return_addresses: Vec::new(),
            hashes_max: 1,
        };
        assert_eq!(settings(None, None).check(), Err(SettingsRefused::NoSignIn));
        assert_eq!(
            settings(Some("a.example"), Some("https://b.example")).check(),
            Ok(())
        );
        assert_eq!(
            settings(Some("a.example"), Some("https://a.example/")).check(),
            Err(SettingsRefused::NamespaceOfProvider("a.example".to_owned()))
        );
    }
}
