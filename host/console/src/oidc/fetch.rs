//! Requests to the provider: small, bounded in time and size, over TLS, and without redirects,
//! which could lead anywhere.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{HeaderValue, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use openidconnect::url::Url;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// From connecting to the last byte of the answer.
const TIME_MAX: Duration = Duration::from_secs(10);

/// An answer's size; key sets and tokens are a few kilobytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum FetchFailed {
    #[error("{0} is neither over TLS nor on this machine")]
    Untrustworthy(String),
    #[error("no connection")]
    Connect(#[source] std::io::Error),
    #[error("no TLS connection")]
    Tls(#[source] std::io::Error),
    #[error("this machine has no root certificates that TLS could trust")]
    NoRoots(#[source] rustls::Error),
    #[error("no answer in HTTP")]
    Http(#[source] hyper::Error),
    #[error("the answer is too long or broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer in {} seconds", TIME_MAX.as_secs())]
    Slow,
    #[error("the request cannot be sent")]
    Request,
}

/// Fetches.
#[derive(Clone)]
pub(crate) struct Fetch {
    tls: Result<Arc<ClientConfig>, Arc<rustls::Error>>,
}

impl Fetch {
    /// Trusts the roots that this machine trusts.
    pub(crate) fn new() -> Self {
        let mut roots = RootCertStore::empty();
        // A root that cannot be read is one fewer; a provider under it is not reached, and the
        // failure says so.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map(|builder| {
                let builder = builder.with_root_certificates(roots);
                Arc::new(builder.with_no_client_auth())
            });
        Self {
            tls: config.map_err(Arc::new),
        }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, FetchFailed> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| FetchFailed::Request)?;
        if !super::is_trustworthy(&url) {
            return Err(FetchFailed::Untrustworthy(url.into()));
        }
        let host = url.host_str().ok_or(FetchFailed::Request)?;
        // A URL writes IPv6 addresses in brackets, a socket takes them without.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_or_known_default().ok_or(FetchFailed::Request)?;
        let stream = TcpStream::connect((bare, port)).await;
        let stream = stream.map_err(FetchFailed::Connect)?;
        let request = outgoing(request, &super::host(&url))?;
        if url.scheme() == "http" {
            return exchange(stream, request).await;
        }
        let tls = self.tls.as_ref();
        let tls = tls.map_err(|error| FetchFailed::NoRoots(rustls::Error::clone(error)))?;
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| FetchFailed::Request)?;
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
        exchange(stream.await.map_err(FetchFailed::Tls)?, request).await
    }
}

/// The request as it goes over the wire, on a connection of its own.
fn outgoing(request: HttpRequest, host: &str) -> Result<http::Request<Full<Bytes>>, FetchFailed> {
    let (mut head, body) = request.into_parts();
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    head.uri = target.parse::<Uri>().map_err(|_| FetchFailed::Request)?;
    let host = HeaderValue::try_from(host).map_err(|_| FetchFailed::Request)?;
    head.headers.insert(HOST, host);
    head.headers
        .insert(CONNECTION, HeaderValue::from_static("close"));
    head.headers
        .insert(USER_AGENT, HeaderValue::from_static("colophon"));
    Ok(http::Request::from_parts(
        head,
        Full::new(Bytes::from(body)),
    ))
}

async fn exchange<S>(
    stream: S,
    request: http::Request<Full<Bytes>>,
) -> Result<HttpResponse, FetchFailed>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(FetchFailed::Http)?;
    let answer = async {
        let answer = sender.send_request(request).await;
        let (head, body) = answer.map_err(FetchFailed::Http)?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(FetchFailed::Body)?.to_bytes();
        Ok(HttpResponse::from_parts(head, body.to_vec()))
    };
    // The connection moves the bytes; both end together, and nothing is left running.
    let mut answer = std::pin::pin!(answer);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        answer = answer.as_mut() => answer,
        // What has arrived before the other side closed is still to be read.
        _ = connection.as_mut() => answer.await,
    }
}

impl<'c> AsyncHttpClient<'c> for Fetch {
    type Error = FetchFailed;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, FetchFailed>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = timeout(TIME_MAX, self.send(request)).await;
            answer.unwrap_or(Err(FetchFailed::Slow))
        })
    }
}
