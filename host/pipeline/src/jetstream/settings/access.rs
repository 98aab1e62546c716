//! Which servers are the broker, and that no secret is shown to anybody else.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{Credentials, ServerAddress};

/// Servers with what is shown to them. Whether TLS is spoken is never the server's choice: it always
/// is where an address or an authority asks for it, and credentials leave this machine under it
/// alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    servers: Vec<ServerAddress>,
    credentials: Credentials,
    authority: Option<PathBuf>,
}

/// Why a broker is not entered like this.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AccessRefused {
    /// There is nothing to connect to.
    #[error("name at least one server")]
    NoServer,
    /// Some servers would be spoken to under TLS and some not.
    #[error("tls:// and nats:// do not go together; write tls:// at every address")]
    Mixed,
    /// Whoever answers there, or listens on the way, would have the credentials.
    #[error("credentials would pass in the clear to {server}; write tls:// instead of nats://")]
    Exposed {
        /// The host among the addresses.
        server: String,
    },
}

impl Access {
    /// `servers` of one cluster, of which one after the other is tried; `authority` is a PEM file
    /// with what is behind their TLS certificates, if it is not what the system believes.
    ///
    /// # Errors
    ///
    /// [`AccessRefused`] where that would show credentials to others.
    pub fn new(
        servers: Vec<ServerAddress>,
        credentials: Credentials,
        authority: Option<PathBuf>,
    ) -> Result<Self, AccessRefused> {
        let secured = servers.iter().filter(|server| server.0.tls_required());
        let secured = secured.count();
        if servers.is_empty() {
            return Err(AccessRefused::NoServer);
        }
        if secured != 0 && secured != servers.len() {
            return Err(AccessRefused::Mixed);
        }
        let access = Self {
            servers,
            credentials,
            authority,
        };
        match access.exposed() {
            Some(server) => Err(AccessRefused::Exposed { server }),
            None => Ok(access),
        }
    }

    /// Whether nothing is said to a server before TLS is.
    pub(super) fn requires_tls(&self) -> bool {
        self.authority.is_some() || self.servers.iter().any(|server| server.0.tls_required())
    }

    pub(super) fn servers(&self) -> &[ServerAddress] {
        &self.servers
    }

    pub(super) fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// What is shown to them.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// A server beyond this machine that credentials would be shown to in the clear.
    fn exposed(&self) -> Option<String> {
        if self.requires_tls() || self.credentials == Credentials::Anonymous {
            return None;
        }
        let mut hosts = self.servers.iter().map(|server| server.0.host());
        let far = hosts.find(|host| !is_this_machine(host))?;
        Some(far.to_owned())
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(
        servers: &[&str],
        credentials: Credentials,
        authority: Option<&str>,
    ) -> Result<Access, AccessRefused> {
        let servers = servers.iter().map(|text| text.parse().unwrap()).collect();
        Access::new(servers, credentials, authority.map(PathBuf::from))
    }

    fn all_credentials() -> [Credentials; 3] {
        [
            Credentials::File("c".into()),
            Credentials::Token("t".into()),
            Credentials::Password {
                user: "ada".to_owned(),
                file: "p".into(),
            },
        ]
    }

    #[test]
    fn tls_is_insisted_on_where_anything_asks_for_it() {
        for (servers, authority, expected) in [
            (&["nats://a"][..], None, false),
            (&["nats://a", "nats://b"], Some("ca.pem"), true),
            (&["tls://a", "tls://b"], None, true),
            (&["tls://a"], Some("ca.pem"), true),
        ] {
            let access = access(servers, Credentials::Anonymous, authority).unwrap();
            assert_eq!(access.requires_tls(), expected, "{servers:?} {authority:?}");
        }
    }

    #[test]
    fn all_servers_are_spoken_to_alike() {
        for authority in [None, Some("ca.pem")] {
            let mixed = access(&["tls://a", "nats://b"], Credentials::Anonymous, authority);
            assert_eq!(mixed, Err(AccessRefused::Mixed));
        }
        let none = access(&[], Credentials::Anonymous, None);
        assert_eq!(none, Err(AccessRefused::NoServer));
    }

    #[test]
    fn credentials_leave_this_machine_under_tls_alone() {
        for credentials in all_credentials() {
            let enter = |server, authority| access(&[server], credentials.clone(), authority);
            for server in [
                "nats://broker.internal",
                "nats://192.0.2.1",
                "nats://[2001:db8::1]",
                "nats://127.0.0.1.example",
            ] {
                let refused = enter(server, None).unwrap_err().to_string();
                assert!(refused.contains("write tls://"), "{refused}");
                assert!(enter(server, Some("ca.pem")).is_ok(), "{server}");
            }
            for server in ["nats://127.0.0.1", "nats://[::1]", "nats://localhost"] {
                assert!(enter(server, None).is_ok(), "{server}");
            }
            assert!(enter("tls://broker.internal", None).is_ok());
            let second = ["nats://127.0.0.1", "nats://b.example"];
            assert!(access(&second, credentials.clone(), None).is_err());
        }
    }
}
