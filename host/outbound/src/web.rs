//! Services on the web that a plug-in was granted.
//!
//! A request goes where the grant says and nowhere else: its address is held against the grant in
//! its one spelling, the host's name is resolved here, every address that it leads to is looked
//! at, and one of these same addresses is dialed. A redirect is a new request, held against the
//! grant again. What is secret is put in at the end, and left out again when another server is
//! asked.

mod request;
mod resolving;
mod response;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::capability::{
    AllowedAddress, Name, Network, WebAddress, WebFailure, WebRequest, WebResponse, WebServices,
    is_public,
};
use http::{HeaderValue, Response};
use rustls::RootCertStore;
use thiserror::Error;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use self::request::Asked;
pub use self::resolving::{Resolver, SystemResolver};
use crate::{Bounds, NoAnswer, Outbound};

/// As the contract states them.
const REDIRECTS_MAX: usize = 3;
const BODY_BYTES_MAX: usize = 256 << 10;

const BOUNDS: Bounds = Bounds {
    // Whoever asks for a plug-in has a shorter time, as a rule.
    time_max: Duration::from_secs(10),
    answer_bytes_max: BODY_BYTES_MAX,
};

/// Connections of one plug-in at once; more wait.
const CONNECTIONS_MAX: usize = 16;

/// A secret that is put into a field of a request.
pub struct WebSecret(Zeroizing<String>);

/// A text cannot be the value of a field, or is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a secret is one line of 1 to 4096 visible characters of ASCII")]
pub struct InvalidSecret;

impl WebSecret {
    /// A secret as its file holds it; the end of its line does not belong to it.
    ///
    /// # Errors
    /// [`InvalidSecret`].
    pub fn new(text: Zeroizing<String>) -> Result<Self, InvalidSecret> {
        let line = text.trim_end_matches(['\r', '\n']);
        let visible = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if (1..=4096).contains(&line.len()) && line.bytes().all(visible) {
            Ok(Self(Zeroizing::new(line.to_owned())))
        } else {
            Err(InvalidSecret)
        }
    }

    fn value(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.0).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// What a plug-in was granted on the web.
pub struct WebGrant {
    /// The addresses.
    pub allow: Vec<AllowedAddress>,
    /// Networks of the operator's own that their names may lead into.
    pub private: Vec<Network>,
    /// Secrets by the names that the plug-in knows.
    pub secrets: BTreeMap<Name, WebSecret>,
}

/// Asks services for one plug-in.
pub struct GrantedWeb {
    grant: WebGrant,
    outbound: Outbound,
    resolver: Arc<dyn Resolver>,
    places: Semaphore,
}

impl GrantedWeb {
    /// Services under a grant, over TLS believed by these roots.
    ///
    /// # Errors
    /// The cryptography this is built with has no cipher for any version of TLS.
    pub fn new(
        grant: WebGrant,
        roots: RootCertStore,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, rustls::Error> {
        Ok(Self {
            grant,
            outbound: Outbound::new(roots, BOUNDS)?,
            resolver,
            places: Semaphore::new(CONNECTIONS_MAX),
        })
    }

    async fn exchange(&self, asked: &Asked) -> Result<Response<Vec<u8>>, WebFailure> {
        let dialed = self.dialed(asked.address()).await?;
        let request = asked.request(&self.grant.secrets)?;
        let answer = self.outbound.send_to(&dialed, request).await;
        answer.map_err(|none| failure(&none))
    }

    /// The addresses that the host's name leads to, each of which the grant allows. A name that
    /// leads to a forbidden one beside others is not to be trusted with these either.
    async fn dialed(&self, address: &WebAddress) -> Result<Vec<SocketAddr>, WebFailure> {
        let found = match address.host().parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, address.port())],
            Err(_) => {
                let resolved = self.resolver.resolve(address.host(), address.port()).await;
                resolved.map_err(|_| unavailable("the host's name leads nowhere"))?
            }
        };
        if found.is_empty() {
            return Err(unavailable("the host's name leads nowhere"));
        }
        let own = |ip| {
            self.grant
                .private
                .iter()
                .any(|network| network.contains(ip))
        };
        let allowed = |found: &SocketAddr| is_public(found.ip()) || own(found.ip());
        if !found.iter().all(allowed) {
            let problem = "the name leads to an address that the grant does not allow";
            return Err(WebFailure::Denied(problem.to_owned()));
        }
        Ok(found)
    }
}

#[async_trait]
impl WebServices for GrantedWeb {
    async fn fetch(&self, request: WebRequest) -> Result<WebResponse, WebFailure> {
        let mut asked = Asked::new(request, &self.grant)?;
        let place = self.places.acquire().await;
        let _place = place.map_err(|_| unavailable("no connection is free"))?;
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.exchange(&asked).await?;
            asked = match response::redirect(&answer) {
                None => return Ok(response::shown(answer)),
                Some(location) => asked.redirected(answer.status(), &location, &self.grant)?,
            };
        }
        Err(unavailable("the service redirects more than 3 times"))
    }
}

fn unavailable(problem: &str) -> WebFailure {
    WebFailure::Unavailable(problem.to_owned())
}

/// Without the sources, which may name addresses of the operator's network.
fn failure(none: &NoAnswer) -> WebFailure {
    match none {
        NoAnswer::Body(source) if source.is::<http_body_util::LengthLimitError>() => {
            WebFailure::TooLarge
        }
        NoAnswer::Slow(_) => WebFailure::Timeout,
        NoAnswer::Origin(_) | NoAnswer::Request => {
            WebFailure::Invalid("the address or a field cannot be sent".to_owned())
        }
        NoAnswer::Connect(_) => unavailable("the service could not be reached"),
        NoAnswer::Tls(_) => unavailable("the service could not be reached over TLS"),
        NoAnswer::Http(_) => unavailable("the service gave no answer in HTTP"),
        NoAnswer::Body(_) => unavailable("the answer broke off"),
    }
}
