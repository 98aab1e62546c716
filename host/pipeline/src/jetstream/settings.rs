//! Where the broker is, how it is entered, and what is kept there for how long.

mod access;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject as _};
use thiserror::Error;

pub use self::access::{Access, AccessRefused};
use super::names::Names;
use super::trouble::Said;

/// How long anything asked of the broker may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How often a silent broker is asked whether it is still there. The second question without an
/// answer ends the connection.
const ASK_EVERY: Duration = Duration::from_secs(4);

/// Messages that are held for a part of this host that does not come to them at once. What is handed
/// out is far less; more than that comes of somebody who floods a subject.
const HELD_MAX: usize = 1024;

/// The longest wait between two attempts to connect.
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// How a host uses a broker.
#[derive(Debug, Clone)]
pub struct BrokerSettings {
    /// Where it is and how it is entered.
    pub access: Access,
    /// What everything is called there.
    pub names: Names,
    /// What the stream of rows may hold, if this host makes it.
    pub limits: StreamLimits,
    /// How long a row that was handed over waits for its confirmation before the node asks for it,
    /// and hands it over again where neither a log writer nor the broker has it.
    pub confirm_after: Duration,
    /// How long a log writer has for the rows it was handed, before another is.
    pub ack_wait: Duration,
}

/// What a stream of rows may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamLimits {
    /// Bytes of rows that no log writer has taken yet; beyond that none is accepted.
    pub bytes_max: u64,
    /// How long a row lies there at most.
    pub age_max: Duration,
    /// On how many servers of a cluster.
    pub replicas: usize,
}

/// How a host shows a broker who it is. Secrets stand in files that are read when it connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Not at all.
    Anonymous,
    /// By a credentials file: a user's token with the key it is bound to.
    File(PathBuf),
    /// By a token in a file.
    Token(PathBuf),
    /// By a name with a password in a file.
    Password {
        /// The name.
        user: String,
        /// The file with the password.
        file: PathBuf,
    },
}

/// The address of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress(ServerAddr);

/// Why a text is no server's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MalformedAddress {
    /// Another scheme, no host, or more than host and port.
    #[error("write nats://host[:port] or tls://host[:port]")]
    Form,
    /// A name or password in it.
    #[error("credentials do not belong into an address; put them into files")]
    Credentials,
}

/// Why nothing can be connected with these settings.
#[derive(Debug, Error)]
pub enum SettingsUnusable {
    /// A file with a secret cannot be read, or holds no credentials.
    #[error("{path} cannot be used")]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file with a secret has nothing in it.
    #[error("{path} is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The authority's certificate cannot be read, or there is none.
    #[error("{path} holds no certificate")]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: pem::Error,
    },
    /// The authority's certificate cannot be used.
    #[error("{path} holds a certificate that cannot be used")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rustls::Error,
    },
    /// There is no cipher.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The client does not begin with them.
    #[error("nothing can be connected")]
    Refused(#[source] Said),
}

impl FromStr for ServerAddress {
    type Err = MalformedAddress;

    fn from_str(text: &str) -> Result<Self, MalformedAddress> {
        let address: ServerAddr = text.parse().map_err(|_| MalformedAddress::Form)?;
        let url = address.clone().into_inner();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(MalformedAddress::Credentials);
        }
        let is_plain = matches!(url.path(), "" | "/") && url.query().is_none();
        let has_scheme = ["nats://", "tls://"]
            .iter()
            .any(|one| text.starts_with(one));
        match has_scheme && is_plain && url.has_host() && !address.host().is_empty() {
            true => Ok(Self(address)),
            false => Err(MalformedAddress::Form),
        }
    }
}

impl BrokerSettings {
    pub(super) fn addresses(&self) -> Vec<ServerAddr> {
        let servers = self.access.servers().iter();
        servers.map(|server| server.0.clone()).collect()
    }

    /// How to connect, before it is said what to do where that fails.
    pub(super) fn options(&self) -> Result<ConnectOptions, SettingsUnusable> {
        let options = ConnectOptions::new()
            .name("colophon")
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            .ping_interval(ASK_EVERY)
            .subscription_capacity(HELD_MAX)
            .reconnect_delay_callback(wait_before)
            .require_tls(self.access.requires_tls())
            .tls_client_config(tls(self.access.authority())?)
            // A server names others without proving anything of them.
            .ignore_discovered_servers();
        Ok(match self.access.credentials() {
            Credentials::Anonymous => options,
            Credentials::File(path) => {
                let read = options.credentials(&secret(path)?);
                read.map_err(|source| unusable(path, source))?
            }
            Credentials::Token(path) => options.token(secret(path)?),
            Credentials::Password { user, file } => {
                options.user_and_password(user.clone(), secret(file)?)
            }
        })
    }
}

/// How long to wait before trying once more what has failed so many times.
pub(super) fn wait_before(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or(u32::MAX).min(10);
    Duration::from_millis(50)
        .saturating_mul(1 << doublings)
        .min(LONGEST_WAIT)
}

fn secret(path: &Path) -> Result<String, SettingsUnusable> {
    let text = std::fs::read_to_string(path).map_err(|source| unusable(path, source))?;
    match text.trim_end() {
        "" => Err(SettingsUnusable::Empty {
            path: path.to_owned(),
        }),
        secret => Ok(secret.to_owned()),
    }
}

fn unusable(path: &Path, source: std::io::Error) -> SettingsUnusable {
    let path = path.to_owned();
    SettingsUnusable::Secret { path, source }
}

fn tls(authority: Option<&Path>) -> Result<ClientConfig, SettingsUnusable> {
    let mut roots = RootCertStore::empty();
    match authority {
        Some(path) => {
            let unreadable = |source| SettingsUnusable::Authority {
                path: path.to_owned(),
                source,
            };
            let unusable = |source| SettingsUnusable::Certificate {
                path: path.to_owned(),
                source,
            };
            let certificates = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
            for certificate in certificates {
                let certificate = certificate.map_err(unreadable)?;
                roots.add(certificate).map_err(unusable)?;
            }
            if roots.is_empty() {
                return Err(unreadable(pem::Error::NoItemsFound));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_and_a_host_and_no_secrets() {
        for text in [
            "nats://127.0.0.1:4222",
            "tls://broker.internal",
            "nats://[::1]:1",
        ] {
            assert!(text.parse::<ServerAddress>().is_ok(), "{text}");
        }
        let cases = [
            ("broker.internal", MalformedAddress::Form),
            ("http://broker.internal", MalformedAddress::Form),
            ("ws://broker.internal", MalformedAddress::Form),
            ("nats://", MalformedAddress::Form),
            ("nats://broker/path", MalformedAddress::Form),
            ("nats://ada:pw@broker", MalformedAddress::Credentials),
            ("nats://token@broker", MalformedAddress::Credentials),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<ServerAddress>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn waits_between_attempts_double_up_to_a_bound() {
        let waits = [1, 2, 7, 1_000_000].map(|attempts| wait_before(attempts).as_millis());
        assert_eq!(waits, [100, 200, 4000, 4000]);
    }
}
