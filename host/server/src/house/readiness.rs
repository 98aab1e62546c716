//! Whether what the host stands on answers.

use std::sync::Arc;

use async_trait::async_trait;
use colophon_core::ports::{Readiness, Service, Unavailable};
use colophon_origin::CachedOrigin;
use colophon_pipeline::DurableOutbox;
use colophon_plugin_host::Registry;
use colophon_receipt::CenterId;
use colophon_store::activation::ActivationStore;
use thiserror::Error;

use super::repository::OrdersAnswered;

/// The databases, the plug-ins and the content store, asked together.
pub(crate) struct Services {
    /// Whatever answers for itself: databases, plug-ins, the broker.
    pub(crate) answering: Vec<Arc<dyn Readiness>>,
    /// The content store.
    pub(crate) content: Arc<CachedOrigin>,
    /// Who brings this host's log rows to the logging database.
    pub(crate) log_rows: BroughtBy,
}

/// Who brings the log rows of a host to the logging database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BroughtBy {
    /// The host itself.
    Itself,
    /// Others, which they come to through the message broker.
    Others,
}

impl Services {
    /// The same with one more, for a host that has a role more.
    pub(crate) fn with(&self, another: Arc<dyn Readiness>) -> Self {
        let mut answering = self.answering.clone();
        answering.push(another);
        Self {
            answering,
            content: Arc::clone(&self.content),
            log_rows: self.log_rows,
        }
    }

    /// The same with the workers that take orders from there.
    pub(crate) fn with_workers_of(&self, store: &Arc<ActivationStore>) -> Self {
        self.with(Arc::new(OrdersAnswered {
            store: store.clone(),
        }))
    }
}

#[async_trait]
impl Readiness for Services {
    async fn check(&self) -> Vec<(Service, Result<(), Unavailable>)> {
        let mut services = Vec::new();
        for one in &self.answering {
            services.extend(one.check().await);
        }
        let roots = self.content.check().await;
        services.extend(
            roots
                .into_iter()
                .map(|(_, state)| (Service::ContentStore, state)),
        );
        services
    }

    /// Rows wait in the outbox, or on the broker, while those that bring them cannot.
    fn is_essential(&self, service: Service) -> bool {
        let can_wait = service == Service::LoggingDatabase && self.log_rows == BroughtBy::Others;
        service.is_essential() && !can_wait
    }
}

/// The outbox of a host that serves downloads: without room for a log row none is admitted.
pub(crate) struct OutboxHasRoom(pub(crate) Arc<DurableOutbox>);

#[async_trait]
impl Readiness for OutboxHasRoom {
    async fn check(&self) -> Vec<(Service, Result<(), Unavailable>)> {
        let state = match self.0.shortage() {
            None => Ok(()),
            Some(shortage) => Err(Unavailable::new(Service::Outbox, shortage)),
        };
        vec![(Service::Outbox, state)]
    }
}

/// The plug-ins of all centers, as this host has them.
pub(crate) struct PluginsAnswer {
    pub(crate) registry: Arc<Registry>,
}

/// Centers have plug-ins that this host cannot ask, and nobody else may judge their sales.
#[derive(Debug, Error)]
#[error("the downloads of {} are refused: a plug-in cannot be loaded", shown(.0))]
struct Closed(Vec<CenterId>);

fn shown(centers: &[CenterId]) -> String {
    let centers = centers.iter().map(CenterId::as_str);
    centers.collect::<Vec<_>>().join(", ")
}

#[async_trait]
impl Readiness for PluginsAnswer {
    async fn check(&self) -> Vec<(Service, Result<(), Unavailable>)> {
        let state = match self.registry.closed() {
            closed if closed.is_empty() => Ok(()),
            closed => Err(Unavailable::new(Service::Plugins, Closed(closed))),
        };
        vec![(Service::Plugins, state)]
    }
}
