//! The edge as a whole: what it is made of, how it runs and how it stops.

use std::sync::Arc;

use axum::Router;
use colophon_core::download::Downloads;
use colophon_core::ports::Readiness;
use colophon_core::time::Clock;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::client_address::TrustedProxies;
use crate::connection::accept::Acceptor;
use crate::connection::serve::Service;
use crate::counters::Counters;
use crate::limits::Limits;
use crate::routes;
use crate::tls::Tls;

/// Writes the process's metrics in Prometheus' text format.
pub type MetricsRender = Arc<dyn Fn() -> String + Send + Sync>;

/// What the edge works with.
pub struct Edge {
    /// The download flow. A host that does something else has none, and no addresses for it.
    pub downloads: Option<Arc<Downloads>>,
    /// Asks the services behind the host.
    pub readiness: Arc<dyn Readiness>,
    /// Renders `/metrics`.
    pub metrics_render: MetricsRender,
    /// Dates requests.
    pub clock: Arc<dyn Clock>,
    /// How much one client, and all together, may take up.
    pub limits: Limits,
    /// Proxies that are believed about client addresses.
    pub trusted_proxies: TrustedProxies,
    /// Counts what happens.
    pub counters: Arc<Counters>,
    /// Pages that are made elsewhere. Their requests come with a
    /// [`colophon_core::arrival::Arrival`] among their extensions, and with a body, a form or JSON
    /// on one line, that was read whole within the limits.
    pub pages: Router,
}

/// Bound sockets, each with an accept loop of its own.
#[derive(Debug, Default)]
pub struct Listeners {
    /// For buyers, shops and readers; none on a host that does nothing for them.
    pub public: Vec<TcpListener>,
    /// For `/metrics` and `/readyz`, without TLS, on an address that strangers do not reach. The
    /// public listeners never answer these.
    pub administration: Vec<TcpListener>,
}

/// Why the edge does not run.
#[derive(Debug, Error)]
pub enum ServeError {
    /// There is nothing to listen on.
    #[error("no address to listen on")]
    NoListener,
}

/// How the edge stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Downloads that were under way when the stop began and came to their end.
    pub downloads_drained: u64,
    /// Downloads that were cut off when the time to drain was over.
    pub downloads_cut: u64,
}

impl Edge {
    /// Begins to accept on every listener, until `stop` is cancelled.
    pub fn start(
        self,
        listeners: Listeners,
        tls: Option<Arc<Tls>>,
        stop: CancellationToken,
    ) -> Result<Serving, ServeError> {
        if listeners.public.is_empty() && listeners.administration.is_empty() {
            return Err(ServeError::NoListener);
        }
        Counters::describe();
        let (pages, downloads) = (self.pages.clone(), self.downloads.clone());
        let app = Arc::new(self.into_app(stop.clone()));
        let running = Running {
            app,
            tasks: TaskTracker::new(),
            stop,
            cut: CancellationToken::new(),
        };
        let administration = routes::administration(&running.app);
        let public = routes::public(&running.app, downloads, pages);
        running.listen(listeners.public, public, tls);
        running.listen(listeners.administration, administration, None);
        Ok(Serving(running))
    }

    fn into_app(self, stop: CancellationToken) -> App {
        App {
            readiness: self.readiness,
            last_check: Default::default(),
            metrics_render: self.metrics_render,
            clock: self.clock,
            download_places: Arc::new(Semaphore::new(self.limits.downloads_max)),
            limits: self.limits,
            trusted_proxies: self.trusted_proxies,
            counters: self.counters,
            stop,
        }
    }
}

/// An edge that accepts connections.
#[must_use = "connections go with it"]
pub struct Serving(Running);

impl Serving {
    /// Waits for the stop; then nothing more is accepted, downloads go on for the configured time,
    /// and what is left of them is cut.
    pub async fn until_stopped(self) -> Stopped {
        self.0.until_stopped().await
    }
}

/// A serving edge.
struct Running {
    app: Arc<App>,
    /// Every accept loop, connection and stream.
    tasks: TaskTracker,
    /// Begins the stop.
    stop: CancellationToken,
    /// Ends it.
    cut: CancellationToken,
}

impl Running {
    fn listen(&self, listeners: Vec<TcpListener>, routes: Router, tls: Option<Arc<Tls>>) {
        let service = Service {
            app: Arc::clone(&self.app),
            routes,
            tls,
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
        };
        let acceptor = Arc::new(Acceptor::new(service, self.cut.clone()));
        for listener in listeners {
            self.tasks.spawn(Arc::clone(&acceptor).run(listener));
        }
    }

    async fn until_stopped(self) -> Stopped {
        self.stop.cancelled().await;
        let counters = &self.app.counters;
        let (before, broken_before) = (counters.values().pending, counters.values().broken);
        self.tasks.close();
        let drained = timeout(self.app.limits.drain, self.tasks.wait()).await;
        let downloads_cut = match drained {
            Ok(()) => 0,
            Err(_) => counters.values().pending,
        };
        self.cut.cancel();
        self.tasks.wait().await;
        let broken = counters.values().broken.saturating_sub(broken_before);
        Stopped {
            downloads_drained: before.saturating_sub(downloads_cut.max(broken)),
            downloads_cut,
        }
    }
}
