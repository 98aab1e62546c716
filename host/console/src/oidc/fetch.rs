//! Requests to the provider, over TLS or to this machine.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use colophon_outbound::{Bounds, NoAnswer, Outbound, system_roots};
use openidconnect::url::Url;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use thiserror::Error;

const BOUNDS: Bounds = Bounds {
    time_max: Duration::from_secs(10),
    // Key sets and tokens are a few kilobytes.
    answer_bytes_max: 256 * 1024,
};

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum FetchFailed {
    #[error("{0} is neither over TLS nor on this machine")]
    Untrustworthy(String),
    #[error("this host cannot speak TLS")]
    NoTls(#[source] Arc<rustls::Error>),
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
}

/// Fetches.
#[derive(Clone)]
pub(crate) struct Fetch {
    outbound: Result<Outbound, Arc<rustls::Error>>,
}

impl Fetch {
    /// Trusts the roots that this machine trusts.
    pub(crate) fn new() -> Self {
        Self {
            outbound: Outbound::new(system_roots(), BOUNDS).map_err(Arc::new),
        }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, FetchFailed> {
        let address = request.uri().to_string();
        let is_trustworthy = Url::parse(&address).is_ok_and(|url| super::is_trustworthy(&url));
        if !is_trustworthy {
            return Err(FetchFailed::Untrustworthy(address));
        }
        let outbound = self.outbound.as_ref();
        let outbound = outbound.map_err(|error| FetchFailed::NoTls(Arc::clone(error)))?;
        Ok(outbound.send(request).await?)
    }
}

impl<'c> AsyncHttpClient<'c> for Fetch {
    type Error = FetchFailed;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, FetchFailed>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
