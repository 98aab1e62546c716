//! What the plug-ins of all centers share when they ask services: connections and look-ups of names
//! are counted for each and for all, so that none of them takes the places of the others.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use colophon_core::capability::{EachPlugin, Name, WebAddress, WebFailure};
use colophon_receipt::CenterId;
use rustls::RootCertStore;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{BOUNDS, Resolver, unavailable};
use crate::Outbound;

/// How much may be under way at once.
#[derive(Debug, Clone, Copy)]
pub struct WebCaps {
    /// Requests of all plug-ins.
    pub connections: usize,
    /// Requests of one plug-in.
    pub connections_of_one: usize,
    /// Look-ups of names for all plug-ins. The system answers each on a thread of its own, which
    /// nobody can stop.
    pub look_ups: usize,
    /// Look-ups for one plug-in.
    pub look_ups_of_one: usize,
    /// How long a request waits for its turn, as far as its own time allows.
    pub wait_max: Duration,
}

impl Default for WebCaps {
    fn default() -> Self {
        Self {
            connections: 128,
            connections_of_one: 16,
            look_ups: 16,
            look_ups_of_one: 2,
            wait_max: Duration::from_secs(1),
        }
    }
}

/// The way to the web of a host's plug-ins. There is one in a host.
pub struct SharedWeb {
    outbound: Outbound,
    resolver: Arc<dyn Resolver>,
    caps: WebCaps,
    connections: Arc<Semaphore>,
    look_ups: Arc<Semaphore>,
    own: EachPlugin<OwnPlaces>,
}

/// The places of one plug-in in one center, which all its versions have together.
pub(super) struct OwnPlaces {
    connections: Arc<Semaphore>,
    look_ups: Arc<Semaphore>,
}

/// A place of a plug-in's own, and one of all.
pub(super) type Places = [OwnedSemaphorePermit; 2];

impl SharedWeb {
    /// The way to the web over TLS that is believed by these roots.
    ///
    /// # Errors
    /// The cryptography this is built with has no cipher for any version of TLS.
    pub fn new(
        roots: RootCertStore,
        resolver: Arc<dyn Resolver>,
        caps: WebCaps,
    ) -> Result<Arc<Self>, rustls::Error> {
        Ok(Arc::new(Self {
            outbound: Outbound::new(roots, BOUNDS)?,
            resolver,
            caps,
            connections: Arc::new(Semaphore::new(caps.connections)),
            look_ups: Arc::new(Semaphore::new(caps.look_ups)),
            own: EachPlugin::default(),
        }))
    }

    pub(super) fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    /// The places of a plug-in, the same for each of its versions.
    pub(super) fn own_places(&self, center: &CenterId, plugin: &Name) -> Arc<OwnPlaces> {
        let WebCaps {
            connections_of_one,
            look_ups_of_one,
            ..
        } = self.caps;
        self.own.of(center, plugin, || OwnPlaces {
            connections: Arc::new(Semaphore::new(connections_of_one)),
            look_ups: Arc::new(Semaphore::new(look_ups_of_one)),
        })
    }

    pub(super) async fn connection(&self, own: &OwnPlaces) -> Result<Places, WebFailure> {
        let problem = "too many requests are under way";
        self.places(&own.connections, &self.connections, problem)
            .await
    }

    /// The addresses that the name of a host leads to.
    ///
    /// A look-up that nobody waits for any more goes on until the system has an answer. It keeps
    /// its places until then, so that there are never more of them than are counted.
    pub(super) async fn resolved(
        &self,
        address: &WebAddress,
        own: &OwnPlaces,
    ) -> Result<Vec<SocketAddr>, WebFailure> {
        let problem = "too many look-ups of names are under way";
        let places = self.places(&own.look_ups, &self.look_ups, problem).await?;
        let resolver = Arc::clone(&self.resolver);
        let (host, port) = (address.host().to_owned(), address.port());
        let look_up = tokio::spawn(async move {
            let found = resolver.resolve(&host, port).await;
            drop(places);
            found
        });
        let found = look_up.await.ok().and_then(Result::ok);
        found.ok_or_else(|| unavailable("the host's name leads nowhere"))
    }

    /// The plug-in's own place first: whoever waits for it takes none of all away.
    async fn places(
        &self,
        own: &Arc<Semaphore>,
        all: &Arc<Semaphore>,
        problem: &str,
    ) -> Result<Places, WebFailure> {
        let (own, all) = (Arc::clone(own), Arc::clone(all));
        let waited = timeout(self.caps.wait_max, async move {
            let own = own.acquire_owned().await.ok()?;
            let all = all.acquire_owned().await.ok()?;
            Some([own, all])
        });
        let places = waited.await.ok().flatten();
        places.ok_or_else(|| unavailable(problem))
    }
}
