//! The accept loops.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::connection::places::{NoPlace, Place, Places};
use crate::connection::serve::Service;
use crate::connection::state::ConnectionState;

/// How long accepting rests when the process has run out of something, mostly file descriptors.
const REST: Duration = Duration::from_millis(100);

/// The answer to a connection that there is no place for.
const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";

/// The connections of a host, over all its listeners of one kind.
pub(crate) struct Acceptor {
    service: Arc<Service>,
    places: Arc<Places>,
    /// Parent of every connection's own token.
    cut: CancellationToken,
}

impl Acceptor {
    pub(crate) fn new(service: Service, cut: CancellationToken) -> Self {
        let places = Arc::new(Places::new(&service.app.limits));
        Self {
            service: Arc::new(service),
            places,
            cut,
        }
    }

    /// Accepts connections until the host stops; then the listener is closed.
    pub(crate) async fn run(self: Arc<Self>, listener: TcpListener) {
        let stop = self.service.stop.clone();
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer),
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(error = %error, "no connections can be accepted");
                    stop.run_until_cancelled(tokio::time::sleep(REST)).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        match self.place(peer) {
            Ok(place) => self.begin(stream, peer, place),
            Err(full) => {
                metrics::counter!("colophon_http_connections_refused_total", "limit" => full.slug())
                    .increment(1);
                if self.service.tls.is_none() {
                    // As far as it goes: the connection is closed either way.
                    let _ = stream.try_write(NO_PLACE);
                }
            }
        }
    }

    fn place(&self, peer: SocketAddr) -> Result<Place, NoPlace> {
        if self.service.app.trusted_proxies.contains(peer.ip()) {
            self.places.take_for_proxy()
        } else {
            self.places.take(peer.ip())
        }
    }

    fn begin(&self, stream: TcpStream, peer: SocketAddr, place: Place) {
        let state = Arc::new(ConnectionState::new(peer.ip(), self.cut.child_token()));
        let service = Arc::clone(&self.service);
        let counted = self.service.app.counters.connection();
        self.service.tasks.spawn(async move {
            service.serve(stream, state).await;
            drop((place, counted));
        });
    }
}

/// Whether accepting failed because the client went away again at once.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}
