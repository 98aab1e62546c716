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
mod secret;
mod shared;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::capability::{
    AllowedAddress, Name, PrivateNetworks, WebAddress, WebFailure, WebRequest, WebResponse,
    WebServices, is_public,
};
use colophon_receipt::CenterId;
use http::Response;

use self::request::Asked;
pub use self::resolving::{Resolver, SystemResolver};
pub use self::secret::{InvalidSecret, WebSecret};
use self::shared::OwnPlaces;
pub use self::shared::{SharedWeb, WebCaps};
use crate::{Bounds, NoAnswer};

/// As the contract states them.
const REDIRECTS_MAX: usize = 3;
const BODY_BYTES_MAX: usize = 256 << 10;

const BOUNDS: Bounds = Bounds {
    // Whoever asks for a plug-in has a shorter time, as a rule.
    time_max: Duration::from_secs(10),
    answer_bytes_max: BODY_BYTES_MAX,
};

/// What a plug-in was granted on the web.
pub struct WebGrant {
    /// The addresses.
    pub allow: Vec<AllowedAddress>,
    /// Networks of the operator's own, each for the addresses whose names may lead into them.
    pub private: Vec<PrivateNetworks>,
    /// Secrets by the names that the plug-in knows.
    pub secrets: BTreeMap<Name, WebSecret>,
}

/// Asks services for one version of a plug-in.
pub struct GrantedWeb {
    grant: WebGrant,
    shared: Arc<SharedWeb>,
    own: Arc<OwnPlaces>,
}

impl GrantedWeb {
    /// Services under a version's grant, asked beside those of all other plug-ins. What the plug-in
    /// may have under way in the center is counted over all its versions.
    pub fn new(center: &CenterId, plugin: &Name, grant: WebGrant, shared: Arc<SharedWeb>) -> Self {
        Self {
            own: shared.own_places(center, plugin),
            grant,
            shared,
        }
    }

    async fn exchange(&self, asked: &Asked) -> Result<Response<Vec<u8>>, WebFailure> {
        let dialed = self.dialed(asked.address()).await?;
        let request = asked.request(&self.grant.secrets)?;
        let answer = self.shared.outbound().send_to(&dialed, request).await;
        answer.map_err(|none| failure(&none))
    }

    /// The addresses that the host's name leads to, each of which the grant allows. A name that
    /// leads to a forbidden one beside others is not to be trusted with these either.
    async fn dialed(&self, address: &WebAddress) -> Result<Vec<SocketAddr>, WebFailure> {
        let found = match address.host().parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, address.port())],
            Err(_) => self.shared.resolved(address, &self.own).await?,
        };
        if found.is_empty() {
            return Err(unavailable("the host's name leads nowhere"));
        }
        let private = self.grant.private.iter();
        let networks: Vec<_> = private
            .filter(|private| private.address.allows(address))
            .flat_map(|private| &private.networks)
            .collect();
        let own = |ip| networks.iter().any(|network| network.contains(ip));
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
        let _places = self.shared.connection(&self.own).await?;
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
