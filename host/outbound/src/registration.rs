//! Asking a registration server for a persona's activation certificate.
//!
//! `GET <url>?persona=<id>`, answered with the
//! certificate and those above it in PEM, or with 404 if the persona has none. Whether the
//! certificate is believed is for core to say; so an unencrypted address can keep a persona from
//! its copy, and nothing worse.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use colophon_activation::{CertificateChain, InvalidChain, PersonaId};
use colophon_core::principal::{RegistrationFailed, Registrations};
use http::header::ACCEPT;
use http::uri::Scheme;
use http::{Request, StatusCode, Uri};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject as _};
use thiserror::Error;

use crate::{Bounds, InvalidOrigin, NoAnswer, Origin, Outbound};

const BOUNDS: Bounds = Bounds {
    // The buyer waits meanwhile.
    time_max: Duration::from_secs(3),
    // Four certificates of 16 KB in base64.
    answer_bytes_max: 96 * 1024,
};

/// A server that knows the activation certificates of personas.
pub struct RegistrationServer {
    address: Uri,
    outbound: Outbound,
}

/// Why an address is not that of a registration server.
#[derive(Debug, Error)]
pub enum RegistrationAddressRefused {
    /// Not an absolute address with a host, or one with a query.
    #[error("write http://host[:port]/path or https://host[:port]/path, without a query")]
    Address(#[source] Option<InvalidOrigin>),
    /// An https address without an authority to believe its certificate by.
    #[error("https needs registration.authority, the PEM file with the authority to believe")]
    AuthorityMissing,
    /// The authority's certificate cannot be read.
    #[error("registration.authority cannot be read")]
    Authority(#[source] pem::Error),
    /// The authority's certificate cannot be used.
    #[error("registration.authority cannot be used")]
    Unusable(#[source] rustls::Error),
}

/// Why the server gave no usable answer.
#[derive(Debug, Error)]
enum AnswerRefused {
    #[error("the persona makes no address")]
    Address(#[source] http::Error),
    #[error(transparent)]
    None(#[from] NoAnswer),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("its answer is no certificates in PEM")]
    Pem(#[source] pem::Error),
    #[error("its certificates are no chain")]
    Chain(#[source] InvalidChain),
}

impl RegistrationServer {
    /// The server at an address, which is believed by `authority` if it speaks TLS.
    ///
    /// # Errors
    ///
    /// [`RegistrationAddressRefused`].
    pub fn new(
        url: &str,
        authority: Option<&Path>,
    ) -> Result<RegistrationServer, RegistrationAddressRefused> {
        let address: Uri = url
            .parse()
            .map_err(|_| RegistrationAddressRefused::Address(None))?;
        Origin::try_from(&address).map_err(|no| RegistrationAddressRefused::Address(Some(no)))?;
        if address.query().is_some() {
            return Err(RegistrationAddressRefused::Address(None));
        }
        let roots = match authority {
            Some(authority) => roots(authority)?,
            None if address.scheme() == Some(&Scheme::HTTPS) => {
                return Err(RegistrationAddressRefused::AuthorityMissing);
            }
            None => RootCertStore::empty(),
        };
        let outbound = Outbound::new(roots, BOUNDS);
        Ok(RegistrationServer {
            address,
            outbound: outbound.map_err(RegistrationAddressRefused::Unusable)?,
        })
    }

    async fn ask(&self, persona: &PersonaId) -> Result<Option<CertificateChain>, AnswerRefused> {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("persona", persona.as_str())
            .finish();
        let request = Request::get(format!("{}?{query}", self.address))
            .header(ACCEPT, "application/pem-certificate-chain")
            .body(Vec::new())
            .map_err(AnswerRefused::Address)?;
        let answer = self.outbound.send(request).await?;
        match answer.status() {
            StatusCode::OK => chain(answer.body()).map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(AnswerRefused::Status(status)),
        }
    }
}

#[async_trait]
impl Registrations for RegistrationServer {
    async fn fetch(
        &self,
        persona: &PersonaId,
    ) -> Result<Option<CertificateChain>, RegistrationFailed> {
        let answer = self.ask(persona).await;
        answer.map_err(|refused| RegistrationFailed(refused.into()))
    }
}

fn chain(pem: &[u8]) -> Result<CertificateChain, AnswerRefused> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(AnswerRefused::Pem)?;
    let certificates = certificates.iter().map(|certificate| certificate.to_vec());
    CertificateChain::new(certificates.collect()).map_err(AnswerRefused::Chain)
}

fn roots(authority: &Path) -> Result<RootCertStore, RegistrationAddressRefused> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(authority);
    for certificate in certificates.map_err(RegistrationAddressRefused::Authority)? {
        let certificate = certificate.map_err(RegistrationAddressRefused::Authority)?;
        let added = roots.add(certificate);
        added.map_err(RegistrationAddressRefused::Unusable)?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(url: &str, expected: &str) {
        let refused = RegistrationServer::new(url, None).err().unwrap();
        assert!(refused.to_string().contains(expected), "{url}: {refused}");
    }

    #[test]
    fn addresses() {
        for (url, expected) in [
            (
                "http://[::1]:8480/activation/x",
                "http://[::1]:8480/activation/x",
            ),
            ("http://registry.example", "http://registry.example/"),
        ] {
            let server = RegistrationServer::new(url, None).unwrap();
            assert_eq!(server.address.to_string(), expected);
        }
        for url in [
            "",
            "x",
            "/x",
            "ftp://x/",
            "http://",
            "http://a@b/",
            "http://a/?b",
        ] {
            refused(url, "write http://");
        }
        refused("https://registry.example/", "registration.authority");
    }
}
