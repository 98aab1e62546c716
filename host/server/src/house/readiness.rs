//! Whether what the host stands on answers.

use std::sync::Arc;

use async_trait::async_trait;
use colophon_core::ports::{Readiness, Service, Unavailable};
use colophon_origin::CachedOrigin;
use colophon_store::activation::ActivationStore;

use super::repository::OrdersAnswered;

/// The databases and the content store, asked together.
pub(crate) struct Services {
    /// The databases, each of which answers for itself.
    pub(crate) databases: Vec<Arc<dyn Readiness>>,
    /// The content store.
    pub(crate) content: Arc<CachedOrigin>,
}

impl Services {
    /// The same with one more database, for a host that has a role more.
    pub(crate) fn with(&self, database: Arc<dyn Readiness>) -> Self {
        let mut databases = self.databases.clone();
        databases.push(database);
        Self {
            databases,
            content: Arc::clone(&self.content),
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
        for database in &self.databases {
            services.extend(database.check().await);
        }
        let roots = self.content.check().await;
        services.extend(
            roots
                .into_iter()
                .map(|(_, state)| (Service::ContentStore, state)),
        );
        services
    }
}
