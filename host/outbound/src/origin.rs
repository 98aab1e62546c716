//! The server that an address names.

use http::Uri;
use http::uri::Scheme;
use rustls_pki_types::ServerName;
use thiserror::Error;

/// A server as an absolute address names it: over TLS or not, its name and its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub(crate) tls: Option<ServerName<'static>>,
    /// IPv6 addresses without their brackets, as a socket takes them.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// As it stands in the `Host` header: RFC 9110, section 7.2.
    pub(crate) authority: String,
}

/// The address is not absolute, is of another scheme than `http` and `https`, names no host, or
/// names a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this is no absolute address over http or https")]
pub struct InvalidOrigin;

impl TryFrom<&Uri> for Origin {
    type Error = InvalidOrigin;

    fn try_from(uri: &Uri) -> Result<Origin, InvalidOrigin> {
        let authority = uri.authority().ok_or(InvalidOrigin)?;
        if authority.host().is_empty() || authority.as_str().contains('@') {
            return Err(InvalidOrigin);
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let (usual_port, tls) = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => (80, None),
            Some(scheme) if *scheme == Scheme::HTTPS => {
                let name = ServerName::try_from(host.clone()).map_err(|_| InvalidOrigin)?;
                (443, Some(name))
            }
            Some(_) | None => return Err(InvalidOrigin),
        };
        let port = match authority.port() {
            Some(_) => authority.port_u16().ok_or(InvalidOrigin)?,
            // A colon without a number after it is no port, and `http` keeps it in the authority.
            None if authority.as_str().ends_with(':') => return Err(InvalidOrigin),
            None => usual_port,
        };
        Ok(Origin {
            tls,
            host,
            port,
            authority: authority.as_str().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(address: &str) -> Result<Origin, InvalidOrigin> {
        Origin::try_from(&address.parse::<Uri>().unwrap())
    }

    #[track_caller]
    fn named(address: &str, host: &str, port: u16, authority: &str) {
        let origin = origin(address).unwrap();
        assert_eq!(
            (
                origin.host.as_str(),
                origin.port,
                origin.authority.as_str(),
                origin.tls.is_some()
            ),
            (host, port, authority, address.starts_with("https"))
        );
    }

    #[test]
    fn host_and_port() {
        named("http://books.example", "books.example", 80, "books.example");
        named(
            "https://books.example/x?y",
            "books.example",
            443,
            "books.example",
        );
        named(
            "https://books.example:8443/",
            "books.example",
            8443,
            "books.example:8443",
        );
        named(
            "http://127.0.0.1:8480/",
            "127.0.0.1",
            8480,
            "127.0.0.1:8480",
        );
        named("http://[::1]:8480/x", "::1", 8480, "[::1]:8480");
        named("https://[::1]/", "::1", 443, "[::1]");
    }

    #[test]
    fn what_names_no_server() {
        for address in [
            "/x",
            "x",
            "ftp://x/",
            "http://a@b/",
            "https://a:b@c/",
            "http://a:/",
        ] {
            assert_eq!(origin(address), Err(InvalidOrigin), "{address}");
        }
        assert_eq!(origin("https://a..b/"), Err(InvalidOrigin));
    }
}
