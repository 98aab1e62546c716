//! Asking a registration server for a persona's activation certificate.
//!
//! One request each on a connection of its own: `GET <url>?persona=<id>`, answered with the
//! certificate and those above it in PEM, or with 404 if the persona has none. Whether the
//! certificate is believed is for core to say; so an unencrypted address can keep a persona from
//! its copy, and nothing worse.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use colophon_activation::{CertificateChain, InvalidChain, PersonaId};
use colophon_core::principal::{RegistrationFailed, Registrations};
use http::header::{ACCEPT, HOST};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{RootCertStore, crypto};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The buyer waits meanwhile.
const TIME_MAX: Duration = Duration::from_secs(3);

/// Four certificates of 16 KB in base64.
const BODY_BYTES_MAX: usize = 96 * 1024;

/// A server that knows the activation certificates of personas.
pub struct RegistrationServer {
    host: String,
    port: u16,
    path: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// Why an address is not that of a registration server.
#[derive(Debug, Error)]
pub enum RegistrationAddressRefused {
    /// Not an absolute address with a host.
    #[error("write http://host[:port]/path or https://host[:port]/path, without a query")]
    Address,
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
    #[error("it did not answer in time")]
    TooSlow,
    #[error("it could not be reached")]
    Unreachable(#[source] std::io::Error),
    #[error("it does not speak HTTP")]
    Protocol(#[source] hyper::Error),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("its answer could not be read")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
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
        let refused = || RegistrationAddressRefused::Address;
        let uri: Uri = url.parse().map_err(|_| refused())?;
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(refused)?.to_owned();
        let has_user = uri
            .authority()
            .is_some_and(|text| text.as_str().contains('@'));
        if uri.query().is_some() || has_user {
            return Err(refused());
        }
        let (port, tls) = match uri.scheme_str() {
            Some("http") => (80, None),
            Some("https") => {
                let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
                (
                    443,
                    Some((connector(authority)?, name.map_err(|_| refused())?)),
                )
            }
            Some(_) | None => return Err(refused()),
        };
        Ok(RegistrationServer {
            port: uri.port_u16().unwrap_or(port),
            path: uri.path().to_owned(),
            host,
            tls,
        })
    }

    async fn ask(&self, persona: &PersonaId) -> Result<Option<CertificateChain>, AnswerRefused> {
        let name = self.host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((name, self.port)).await;
        let stream = stream.map_err(AnswerRefused::Unreachable)?;
        let Some((connector, name)) = &self.tls else {
            return self.ask_over(stream, persona).await;
        };
        let stream = connector.connect(name.clone(), stream).await;
        let stream = stream.map_err(AnswerRefused::Unreachable)?;
        self.ask_over(stream, persona).await
    }

    async fn ask_over(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        persona: &PersonaId,
    ) -> Result<Option<CertificateChain>, AnswerRefused> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(AnswerRefused::Protocol)?;
        // It ends with the sender, at the latest when the time is over.
        tokio::spawn(connection);
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("persona", persona.as_str())
            .finish();
        let request = Request::get(format!("{}?{query}", self.path))
            .header(HOST, format!("{}:{}", self.host, self.port))
            .header(ACCEPT, "application/pem-certificate-chain")
            .body(Empty::<Bytes>::new())
            .map_err(|error| AnswerRefused::Body(error.into()))?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(AnswerRefused::Protocol)?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(AnswerRefused::Status(status)),
        }
        let body = Limited::new(answer.into_body(), BODY_BYTES_MAX);
        let body = body.collect().await.map_err(AnswerRefused::Body)?;
        chain(&body.to_bytes()).map(Some)
    }
}

#[async_trait]
impl Registrations for RegistrationServer {
    async fn fetch(
        &self,
        persona: &PersonaId,
    ) -> Result<Option<CertificateChain>, RegistrationFailed> {
        let answer = timeout(TIME_MAX, self.ask(persona)).await;
        let answer = answer.unwrap_or(Err(AnswerRefused::TooSlow));
        answer.map_err(|refused| RegistrationFailed(refused.into()))
    }
}

fn chain(pem: &[u8]) -> Result<CertificateChain, AnswerRefused> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(AnswerRefused::Pem)?;
    let certificates = certificates.iter().map(|certificate| certificate.to_vec());
    CertificateChain::new(certificates.collect()).map_err(AnswerRefused::Chain)
}

fn connector(authority: Option<&Path>) -> Result<TlsConnector, RegistrationAddressRefused> {
    let authority = authority.ok_or(RegistrationAddressRefused::AuthorityMissing)?;
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(authority);
    for certificate in certificates.map_err(RegistrationAddressRefused::Authority)? {
        let certificate = certificate.map_err(RegistrationAddressRefused::Authority)?;
        let added = roots.add(certificate);
        added.map_err(RegistrationAddressRefused::Unusable)?;
    }
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(RegistrationAddressRefused::Unusable)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
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
        let server = RegistrationServer::new("http://[::1]:8480/activation/x", None).unwrap();
        assert_eq!(
            (server.host.as_str(), server.port, server.path.as_str()),
            ("[::1]", 8480, "/activation/x")
        );
        let server = RegistrationServer::new("http://registry.example", None).unwrap();
        assert_eq!((server.port, server.path.as_str()), (80, "/"));
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
