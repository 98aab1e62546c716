//! Records in memory, never older than their lease.
//!
//! What was loaded is kept with a mark of the changes applied before the load began. An entry is
//! used only while its mark still stands and the lease on the order of changes runs; so a value
//! that was on its way while its record changed can be put down but never picked up. Past the
//! lease every request asks the database, and fails if that does not answer.
//!
//! That a record is not there is kept as well, and ends like everything else when such a record
//! is made.

mod fence;
mod fenced;
mod flight;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::catalog::{Book, Location, ObjectPath, StoreRoot, TitleFacts};
use colophon_core::center::{Center, RetailerKey};
use colophon_core::change::{Caches, Change, ChangedRecord};
use colophon_core::ports::{Catalog, Centers, Service, Unavailable};
use colophon_core::time::{Clock, Timestamp};
use colophon_receipt::{CenterId, KeyId};
use colophon_title::{ContentKey, VersionId};
use thiserror::Error;

use self::fence::{Fence, Subject};
use self::fenced::Fenced;

/// Longest that one load may take. It also bounds how old an answer can be that a request gets
/// from a load it found under way, so it is shorter than any lease.
const LOAD_TIME_MAX: Duration = Duration::from_secs(3);

/// How many records of each kind are kept at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSizes {
    /// Centers.
    pub centers: u64,
    /// Retailer keys.
    pub retailer_keys: u64,
    /// Titles, and as many Book IDs.
    pub titles: u64,
    /// Content keys.
    pub content_keys: u64,
}

impl Default for CacheSizes {
    /// About 100 MB when full.
    fn default() -> Self {
        Self {
            centers: 1_000,
            retailer_keys: 20_000,
            titles: 50_000,
            content_keys: 50_000,
        }
    }
}

/// Centers and catalog, cached.
pub struct CachedRecords {
    centers: Arc<dyn Centers>,
    catalog: Arc<dyn Catalog>,
    clock: Arc<dyn Clock>,
    lease_until_ms: AtomicI64,
    fence: Fence,
    center_records: Fenced<CenterId, Arc<Center>>,
    retailer_keys: Fenced<(CenterId, KeyId), Arc<RetailerKey>>,
    locations: Fenced<(CenterId, Book), Location>,
    titles: Fenced<(CenterId, Location), Arc<TitleFacts>>,
    content_keys: Fenced<(CenterId, VersionId), Arc<ContentKey>>,
}

/// A record was not loaded in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no answer within {} s", LOAD_TIME_MAX.as_secs())]
struct TimedOut;

impl CachedRecords {
    /// An empty cache over the records themselves. Nothing is kept for use before the first
    /// [`Caches::renew`].
    pub fn new(
        centers: Arc<dyn Centers>,
        catalog: Arc<dyn Catalog>,
        clock: Arc<dyn Clock>,
        sizes: CacheSizes,
    ) -> Self {
        Self {
            centers,
            catalog,
            clock,
            lease_until_ms: AtomicI64::new(i64::MIN),
            fence: Fence::new(),
            center_records: Fenced::new("centers", sizes.centers),
            retailer_keys: Fenced::new("retailer-keys", sizes.retailer_keys),
            locations: Fenced::new("locations", sizes.titles),
            titles: Fenced::new("titles", sizes.titles),
            content_keys: Fenced::new("content-keys", sizes.content_keys),
        }
    }

    async fn load<K, V>(
        &self,
        cache: &Fenced<K, V>,
        key: K,
        subject: &Subject<'_>,
        load: impl Future<Output = Result<Option<V>, Unavailable>>,
    ) -> Result<Option<V>, Unavailable>
    where
        K: std::hash::Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        let leased = self.clock.now().unix_ms() < self.lease_until_ms.load(Ordering::Acquire);
        let in_time = async {
            match tokio::time::timeout(LOAD_TIME_MAX, load).await {
                Ok(loaded) => loaded,
                Err(_) => Err(Unavailable::new(Service::FulfillmentDatabase, TimedOut)),
            }
        };
        let got = cache.get(&self.fence, subject, key, leased, in_time).await;
        got.map_err(|error| match leased {
            true => error,
            // Without the lease there was nothing to fall back on, even where there is an entry.
            false => Unavailable::new(Service::CatalogLease, error),
        })
    }

    fn drop_title(&self, change: &Change) {
        let Some((book, location)) = title_key(&change.key) else {
            return self.flush();
        };
        self.fence.raise(&Subject::Book(&change.center, &book));
        self.fence.raise(&Subject::Place(&change.center, &location));
        self.locations.forget(&(change.center.clone(), book));
        self.titles.forget(&(change.center.clone(), location));
    }

    fn drop_retailer(&self, change: &Change) {
        self.fence
            .raise(&Subject::Retailer(&change.center, &change.key));
        self.retailer_keys.forget_all(|(center, kid)| {
            *center == change.center && kid.retailer().as_str() == change.key
        });
    }

    fn drop_content_key(&self, change: &Change) {
        let Ok(version) = VersionId::parse(&change.key) else {
            return self.flush();
        };
        self.fence
            .raise(&Subject::Version(&change.center, &version));
        self.content_keys.forget(&(change.center.clone(), version));
    }
}

#[async_trait]
impl Centers for CachedRecords {
    async fn center(&self, id: &CenterId) -> Result<Option<Arc<Center>>, Unavailable> {
        let load = self.centers.center(id);
        self.load(&self.center_records, id.clone(), &Subject::Center(id), load)
            .await
    }

    async fn retailer_key(
        &self,
        center: &CenterId,
        kid: &KeyId,
    ) -> Result<Option<Arc<RetailerKey>>, Unavailable> {
        let key = (center.clone(), kid.clone());
        let subject = Subject::Retailer(center, kid.retailer().as_str());
        self.load(
            &self.retailer_keys,
            key,
            &subject,
            self.centers.retailer_key(center, kid),
        )
        .await
    }
}

#[async_trait]
impl Catalog for CachedRecords {
    async fn find(&self, center: &CenterId, book: &Book) -> Result<Option<Location>, Unavailable> {
        let key = (center.clone(), book.clone());
        let load = self.catalog.find(center, book);
        self.load(&self.locations, key, &Subject::Book(center, book), load)
            .await
    }

    async fn facts(
        &self,
        center: &CenterId,
        location: &Location,
    ) -> Result<Option<Arc<TitleFacts>>, Unavailable> {
        let key = (center.clone(), location.clone());
        let load = self.catalog.facts(center, location);
        self.load(&self.titles, key, &Subject::Place(center, location), load)
            .await
    }

    async fn content_key(
        &self,
        center: &CenterId,
        version: &VersionId,
    ) -> Result<Option<Arc<ContentKey>>, Unavailable> {
        let key = (center.clone(), *version);
        let load = self.catalog.content_key(center, version);
        self.load(
            &self.content_keys,
            key,
            &Subject::Version(center, version),
            load,
        )
        .await
    }
}

impl Caches for CachedRecords {
    fn apply(&self, change: &Change) {
        match change.record {
            ChangedRecord::Title => self.drop_title(change),
            ChangedRecord::Retailer => self.drop_retailer(change),
            ChangedRecord::Center => {
                self.fence.raise(&Subject::Center(&change.center));
                self.center_records.forget(&change.center);
            }
            ChangedRecord::ContentKey => self.drop_content_key(change),
        }
    }

    fn flush(&self) {
        self.fence.raise_all();
        self.center_records.clear();
        self.retailer_keys.clear();
        self.locations.clear();
        self.titles.clear();
        self.content_keys.clear();
    }

    fn renew(&self, _seen_at: Timestamp, lease_until: Timestamp) {
        self.lease_until_ms
            .store(lease_until.unix_ms(), Ordering::Release);
    }
}

/// A title's four lines in the order of changes.
fn title_key(key: &str) -> Option<(Book, Location)> {
    let mut lines = key.split('\n');
    let (id_type, id) = (lines.next()?, lines.next()?);
    let (root, path) = (lines.next()?, lines.next()?);
    let book = Book {
        id_type: id_type.parse().ok()?,
        id: id.parse().ok()?,
    };
    let location = Location {
        root: StoreRoot::parse(root)?,
        path: ObjectPath::parse(path).ok()?,
    };
    lines.next().is_none().then_some((book, location))
}
