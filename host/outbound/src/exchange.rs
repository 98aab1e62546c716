//! One request and its answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::origin::{InvalidOrigin, Origin};

/// What an exchange may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// From connecting to the last byte of the answer.
    pub time_max: Duration,
    /// The answer's body; a longer one is no answer.
    pub answer_bytes_max: usize,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum NoAnswer {
    /// The request's address names no server.
    #[error(transparent)]
    Origin(#[from] InvalidOrigin),
    /// The request has headers or a target that cannot be sent.
    #[error("the request cannot be sent")]
    Request,
    /// Nobody listens there.
    #[error("it could not be reached")]
    Connect(#[source] std::io::Error),
    /// The other side is not believed, or does not speak TLS.
    #[error("it could not be reached over TLS")]
    Tls(#[source] std::io::Error),
    /// The other side does not speak HTTP.
    #[error("it gave no answer in HTTP")]
    Http(#[source] hyper::Error),
    /// The answer's body is longer than allowed, or ended early.
    #[error("its answer is too long or broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The time is over.
    #[error("it gave no answer in {} seconds", .0.as_secs())]
    Slow(Duration),
}

/// Sends requests to servers under the roots it was given.
#[derive(Clone)]
pub struct Outbound {
    tls: TlsConnector,
    bounds: Bounds,
}

impl Outbound {
    /// Over TLS, it believes what leads to one of these roots; without any, nothing.
    ///
    /// # Errors
    ///
    /// The cryptography this is built with has no cipher for any version of TLS.
    pub fn new(roots: RootCertStore, bounds: Bounds) -> Result<Outbound, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Outbound {
            tls: TlsConnector::from(Arc::new(config)),
            bounds,
        })
    }

    /// Sends a request to its absolute address.
    ///
    /// # Errors
    ///
    /// [`NoAnswer`]. An answer of any status is an answer; a redirect is not followed.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, NoAnswer> {
        let time_max = self.bounds.time_max;
        let answer = timeout(time_max, async {
            let origin = Origin::try_from(request.uri())?;
            let stream = TcpStream::connect((origin.host.as_str(), origin.port)).await;
            self.send_over(stream, origin, request).await
        });
        let answer = answer.await;
        answer.unwrap_or(Err(NoAnswer::Slow(time_max)))
    }

    /// Sends a request to one of these addresses, the first that takes the connection, wherever
    /// the name of its host may lead by now.
    ///
    /// # Errors
    ///
    /// As [`Outbound::send`].
    pub(crate) async fn send_to(
        &self,
        addresses: &[SocketAddr],
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, NoAnswer> {
        let time_max = self.bounds.time_max;
        let answer = timeout(time_max, async {
            let origin = Origin::try_from(request.uri())?;
            let stream = TcpStream::connect(addresses).await;
            self.send_over(stream, origin, request).await
        });
        let answer = answer.await;
        answer.unwrap_or(Err(NoAnswer::Slow(time_max)))
    }

    async fn send_over(
        &self,
        stream: std::io::Result<TcpStream>,
        origin: Origin,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, NoAnswer> {
        let request = as_sent(request, &origin)?;
        let stream = stream.map_err(NoAnswer::Connect)?;
        let Some(name) = origin.tls else {
            return self.exchange(stream, request).await;
        };
        let stream = self.tls.connect(name, stream).await;
        self.exchange(stream.map_err(NoAnswer::Tls)?, request).await
    }

    async fn exchange<S>(
        &self,
        stream: S,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Vec<u8>>, NoAnswer>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(NoAnswer::Http)?;
        let answer = async {
            let answer = sender.send_request(request).await;
            let (head, body) = answer.map_err(NoAnswer::Http)?.into_parts();
            let body = Limited::new(body, self.bounds.answer_bytes_max);
            let body = body.collect().await.map_err(NoAnswer::Body)?.to_bytes();
            Ok(Response::from_parts(head, body.to_vec()))
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
}

/// The request as it goes over the wire, on a connection of its own.
fn as_sent(request: Request<Vec<u8>>, origin: &Origin) -> Result<Request<Full<Bytes>>, NoAnswer> {
    let (mut head, body) = request.into_parts();
    let target = head.uri.path_and_query();
    let target = target.map_or("/", |target| target.as_str());
    head.uri = target.parse::<Uri>().map_err(|_| NoAnswer::Request)?;
    let host = HeaderValue::try_from(&origin.authority).map_err(|_| NoAnswer::Request)?;
    let own = [
        (HOST, host),
        (CONNECTION, HeaderValue::from_static("close")),
        (USER_AGENT, HeaderValue::from_static("colophon")),
    ];
    head.headers.extend(own);
    Ok(Request::from_parts(head, Full::new(Bytes::from(body))))
}
