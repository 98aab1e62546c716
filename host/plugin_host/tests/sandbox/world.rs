//! What a sandbox stands in: a catalog that does as told, and requests.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;

use async_trait::async_trait;
use colophon_core::catalog::{Book, Location, ObjectPath, StoreRoot, TitleFacts};
use colophon_core::plugin::{Offer, PluginFailure, Plugins, ResolverAnswer};
use colophon_core::ports::{Catalog, Service, Unavailable};
use colophon_plugin_host::{Chain, Granted, Limits, Registry, Sandbox, Settings};
use colophon_receipt::CenterId;
use colophon_title::{ContentKey, VersionId};
use tokio::sync::Barrier;
use tokio::task::yield_now;

pub(crate) use super::request::{book, center, request};

/// How the catalog behaves.
pub(crate) enum Shelf {
    /// Answers from these titles, by center and book id.
    Holding(HashMap<(String, String), &'static str>),
    /// Has every title, once so many ask at the same time.
    Together(Barrier),
    /// Has none, and is never there at once.
    Later,
    /// The database is away.
    Away,
    /// Never answers.
    Hanging,
    /// The adapter has a bug.
    Panicking,
}

impl Shelf {
    /// One center's one title.
    pub(crate) fn with(center: &str, id: &str, path: &'static str) -> Self {
        Self::Holding(HashMap::from([((center.to_owned(), id.to_owned()), path)]))
    }

    pub(crate) fn empty() -> Self {
        Self::Holding(HashMap::new())
    }
}

#[async_trait]
impl Catalog for Shelf {
    async fn find(&self, center: &CenterId, book: &Book) -> Result<Option<Location>, Unavailable> {
        match self {
            Self::Holding(titles) => {
                let key = (center.as_ref().to_owned(), book.id.as_ref().to_owned());
                Ok(titles.get(&key).map(|path| Location {
                    root: StoreRoot::parse("main").expect("a root"),
                    path: ObjectPath::parse(path).expect("a path"),
                }))
            }
            Self::Together(all) => {
                all.wait().await;
                Ok(Some(Location {
                    root: StoreRoot::parse("main").expect("a root"),
                    path: ObjectPath::parse("books/one").expect("a path"),
                }))
            }
            Self::Later => {
                yield_now().await;
                Ok(None)
            }
            Self::Away => Err(Unavailable::new(
                Service::FulfillmentDatabase,
                "database is away",
            )),
            Self::Hanging => pending().await,
            Self::Panicking => panic!("a bug in the adapter"),
        }
    }

    async fn facts(
        &self,
        _: &CenterId,
        _: &Location,
    ) -> Result<Option<Arc<TitleFacts>>, Unavailable> {
        Ok(None)
    }

    async fn content_key(
        &self,
        _: &CenterId,
        _: &VersionId,
    ) -> Result<Option<Arc<ContentKey>>, Unavailable> {
        Ok(None)
    }
}

pub(crate) fn sandbox() -> Arc<Sandbox> {
    Sandbox::start(&Settings::default()).expect("a sandbox")
}

/// A registry whose centers all have one plug-in, which may look titles up.
pub(crate) async fn serving(wasm: &[u8], limits: Limits, shelf: Shelf) -> Registry {
    serving_granted(wasm, Granted::catalog(limits), shelf).await
}

/// The same with a plug-in that may do more.
pub(crate) async fn serving_granted(wasm: &[u8], granted: Granted, shelf: Shelf) -> Registry {
    let sandbox = sandbox();
    let loaded = sandbox
        .load(wasm, granted)
        .await
        .expect("a plug-in that loads");
    Registry::new(sandbox, Arc::new(shelf), Chain::from([loaded]))
}

pub(crate) fn offer() -> Offer {
    Offer {
        book: book("1"),
        resource_class: "application/epub+zip".to_owned(),
        price: None,
        requested_protection: "3".to_owned(),
        title: Vec::new(),
        sale: Vec::new(),
    }
}

/// One request that only resolves.
pub(crate) async fn resolve(
    plugins: &Registry,
    at: &str,
    id: &str,
) -> Result<ResolverAnswer, PluginFailure> {
    plugins.begin(request(at)).resolve(&book(id)).await
}
