//! Whether repositories are made, as those are told who ask whether a host is ready.

use std::sync::Arc;

use async_trait::async_trait;
use colophon_core::activation::repository_orders::{RepositoryOrders as _, RepositoryWork as _};
use colophon_core::ports::{Readiness, Service, Unavailable};
use colophon_core::time::Clock as _;
use colophon_store::activation::ActivationStore;

use crate::house::SystemClock;

/// Whether workers elsewhere make what this host orders.
pub(crate) struct OrdersAnswered {
    pub(crate) store: Arc<ActivationStore>,
}

#[async_trait]
impl Readiness for OrdersAnswered {
    async fn check(&self) -> Vec<(Service, Result<(), Unavailable>)> {
        let now = SystemClock.now();
        let state = match self.store.backlog(now).await {
            Ok(backlog) => backlog
                .check(now)
                .map_err(|stalled| Unavailable::new(Service::RepositoryWorkers, stalled)),
            Err(error) => Err(Unavailable::new(Service::RepositoryWorkers, error)),
        };
        vec![(Service::RepositoryWorkers, state)]
    }
}

/// What a host stands on that does nothing but make repositories.
pub(crate) struct WorkerServices {
    pub(crate) store: Arc<ActivationStore>,
}

#[async_trait]
impl Readiness for WorkerServices {
    async fn check(&self) -> Vec<(Service, Result<(), Unavailable>)> {
        let workers = Service::RepositoryWorkers;
        let state = match self.store.demand(SystemClock.now()).await {
            Ok(demand) if demand.strangers > 0 => Err(Unavailable::new(
                workers,
                "repositories are ordered under another master key than this worker's",
            )),
            Ok(_) => Ok(()),
            Err(error) => Err(Unavailable::new(workers, error)),
        };
        let mut services = self.store.check().await;
        services.push((workers, state));
        services
    }
}
