//! Whether what the host stands on answers.

use std::sync::Arc;

use async_trait::async_trait;
use colophon_core::ports::{Readiness, Service, Unavailable};
use colophon_origin::DirectoryStore;

/// The databases and the content store, asked together.
pub(crate) struct Services {
    /// The databases, each of which answers for itself.
    pub(crate) databases: Vec<Arc<dyn Readiness>>,
    /// The content store.
    pub(crate) content: Arc<DirectoryStore>,
}

#[async_trait]
impl Readiness for Services {
    async fn check(&self) -> Vec<(Service, Result<(), Unavailable>)> {
        let mut services = Vec::new();
        for database in &self.databases {
            services.extend(database.check().await);
        }
        let content = Arc::clone(&self.content);
        let probed = tokio::task::spawn_blocking(move || probe(&content)).await;
        let state =
            probed.unwrap_or_else(|error| Err(Unavailable::new(Service::ContentStore, error)));
        services.push((Service::ContentStore, state));
        services
    }
}

fn probe(content: &DirectoryStore) -> Result<(), Unavailable> {
    for (root, _) in content.roots() {
        content
            .probe(root)
            .map_err(|error| Unavailable::new(Service::ContentStore, error))?;
    }
    Ok(())
}
