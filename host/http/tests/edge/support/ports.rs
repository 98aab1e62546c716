//! Core's ports, kept in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use colophon_activation::{CertificateChain, PersonaId};
use colophon_core::catalog::{Book, Location, ObjectPath, StoreRoot, StoredForm, TitleFacts};
use colophon_core::center::{Center, RetailerKey};
use colophon_core::log::{DownloadRecord, LogRecord, Purchase};
use colophon_core::plugin::{
    CallContext, FoundLocation, Offer, PluginCalls, PluginFailure, Plugins, PolicyTerms,
    ResolverAnswer, RetailerAnswer, Verdict,
};
use colophon_core::ports::{
    Admission, Catalog, Centers, Commit, FormContent, OpenedForm, Origin, OriginError, Outbox,
    Readiness, Resumption, Service, Unavailable, Use, Uses,
};
use colophon_core::principal::{Principals, Trust};
use colophon_core::time::{Clock, Timestamp};
use colophon_receipt::{CenterId, KeyId, RetailerId, UnixSeconds};
use colophon_title::trust::{CertificateRole, ChainRefused, EndCertificate};
use colophon_title::{ContentKey, VersionId};
use tokio::sync::watch;

pub(crate) fn gone(service: Service) -> Unavailable {
    Unavailable::new(service, "gone, by the test's wish")
}

/// A clock that stands where it is put.
pub(crate) struct StandingClock(AtomicI64);

impl StandingClock {
    pub(crate) fn at(unix_s: i64) -> Self {
        Self(AtomicI64::new(unix_s * 1_000))
    }

    pub(crate) fn advance_s(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, SeqCst);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(SeqCst))
    }
}

pub(crate) struct OneCenter {
    pub(crate) center: Arc<Center>,
    pub(crate) keys: HashMap<KeyId, Arc<RetailerKey>>,
}

#[async_trait]
impl Centers for OneCenter {
    async fn center(&self, id: &CenterId) -> Result<Option<Arc<Center>>, Unavailable> {
        Ok((self.center.id == *id).then(|| Arc::clone(&self.center)))
    }

    async fn retailer_key(
        &self,
        _center: &CenterId,
        kid: &KeyId,
    ) -> Result<Option<Arc<RetailerKey>>, Unavailable> {
        Ok(self.keys.get(kid).cloned())
    }
}

/// A catalog whose titles live at paths that are their Book IDs.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) titles: Mutex<HashMap<String, Arc<TitleFacts>>>,
    pub(crate) content_keys: Mutex<HashMap<VersionId, Arc<ContentKey>>>,
}

#[async_trait]
impl Catalog for Shelf {
    async fn find(&self, _: &CenterId, book: &Book) -> Result<Option<Location>, Unavailable> {
        let titles = self.titles.lock().unwrap();
        Ok(titles
            .get(book.id.as_str())
            .map(|facts| facts.location.clone()))
    }

    async fn facts(
        &self,
        _: &CenterId,
        location: &Location,
    ) -> Result<Option<Arc<TitleFacts>>, Unavailable> {
        Ok(self
            .titles
            .lock()
            .unwrap()
            .get(location.path.as_str())
            .cloned())
    }

    async fn content_key(
        &self,
        _: &CenterId,
        version: &VersionId,
    ) -> Result<Option<Arc<ContentKey>>, Unavailable> {
        Ok(self.content_keys.lock().unwrap().get(version).cloned())
    }
}

/// Plug-ins that find every book at its Book ID, allow everything and name files by their title.
#[derive(Default, Clone)]
pub(crate) struct Obliging {
    /// What they say of the stored file.
    pub(crate) sha256: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    /// Whose they say every retailer id is; without it they are not asked.
    pub(crate) identity: Option<RetailerAnswer>,
}

impl Plugins for Obliging {
    fn begin(&self, _context: CallContext) -> Box<dyn PluginCalls> {
        Box::new(self.clone())
    }

    fn tells_retailers(&self, _center: &CenterId) -> bool {
        self.identity.is_some()
    }
}

#[async_trait]
impl PluginCalls for Obliging {
    async fn identify(&mut self, _: &RetailerId) -> Result<RetailerAnswer, PluginFailure> {
        let identity = self.identity.clone();
        Ok(identity.unwrap_or(RetailerAnswer::NotMine))
    }

    async fn resolve(&mut self, book: &Book) -> Result<ResolverAnswer, PluginFailure> {
        let path = book.id.as_str().to_owned();
        let location = FoundLocation {
            root: "books".to_owned(),
            path,
            sha256: self.sha256.clone(),
            size: self.size,
        };
        Ok(ResolverAnswer::Found(location))
    }

    async fn evaluate(&mut self, _offer: Offer) -> Result<Verdict, PluginFailure> {
        Ok(Verdict::Allow(PolicyTerms::default()))
    }

    async fn file_name(&mut self, facts: Vec<(String, String)>) -> Result<String, PluginFailure> {
        let title = facts.iter().find(|(name, _)| name == "title");
        Ok(title.map(|(_, title)| title.clone()).unwrap_or_default())
    }
}

/// A content store of opened forms.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) forms: Mutex<HashMap<ObjectPath, Arc<OpenedForm>>>,
}

#[async_trait]
impl Origin for Store {
    async fn open(
        &self,
        _root: &StoreRoot,
        form: &StoredForm,
        _content: FormContent,
    ) -> Result<Arc<OpenedForm>, OriginError> {
        self.forms
            .lock()
            .unwrap()
            .get(&form.object)
            .cloned()
            .ok_or(OriginError::NotFound)
    }
}

/// When rows become durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    AtOnce,
    /// When this is changed.
    Later,
    Never,
}

/// An outbox that keeps its rows for the test to see.
pub(crate) struct MemoryOutbox {
    state: Arc<OutboxState>,
}

struct OutboxState {
    rows: watch::Sender<Vec<DownloadRecord>>,
    durability: watch::Sender<Durability>,
    room: watch::Sender<u32>,
}

struct Room {
    state: Arc<OutboxState>,
    is_held: bool,
}

impl MemoryOutbox {
    pub(crate) fn with_room(rows: u32) -> Self {
        Self {
            state: Arc::new(OutboxState {
                rows: watch::Sender::new(Vec::new()),
                durability: watch::Sender::new(Durability::AtOnce),
                room: watch::Sender::new(rows),
            }),
        }
    }

    pub(crate) fn set(&self, durability: Durability) {
        self.state.durability.send_replace(durability);
    }

    /// Room for this many rows is left.
    pub(crate) fn room(&self) -> u32 {
        *self.state.room.borrow()
    }

    /// Waits until there is room for so many rows.
    pub(crate) async fn room_for(&self, rows: u32) {
        self.state
            .room
            .subscribe()
            .wait_for(|room| *room == rows)
            .await
            .unwrap();
    }

    pub(crate) fn rows(&self) -> Vec<DownloadRecord> {
        self.state.rows.borrow().clone()
    }

    /// Waits until there are so many rows.
    pub(crate) async fn wait_for_rows(&self, count: usize) -> Vec<DownloadRecord> {
        let mut rows = self.state.rows.subscribe();
        rows.wait_for(|rows| rows.len() >= count)
            .await
            .unwrap()
            .clone()
    }
}

impl Outbox for MemoryOutbox {
    fn admit_refusal(&self) -> Option<Box<dyn Admission>> {
        self.admit()
    }

    fn admit(&self) -> Option<Box<dyn Admission>> {
        let taken = self
            .state
            .room
            .send_if_modified(|room| match room.checked_sub(1) {
                Some(left) => {
                    *room = left;
                    true
                }
                None => false,
            });
        let state = Arc::clone(&self.state);
        taken.then(|| {
            Box::new(Room {
                state,
                is_held: true,
            }) as Box<dyn Admission>
        })
    }
}

impl Admission for Room {
    fn submit(mut self: Box<Self>, record: LogRecord) -> Commit {
        self.is_held = false;
        let LogRecord::Download(record) = record else {
            unreachable!("the edge raises events and submits none: {record:?}")
        };
        self.state.rows.send_modify(|rows| rows.push(record));
        let mut durability = self.state.durability.subscribe();
        Box::pin(async move {
            let settled = durability
                .wait_for(|state| *state != Durability::Later)
                .await;
            match *settled.unwrap() {
                Durability::AtOnce | Durability::Later => Ok(()),
                Durability::Never => Err(gone(Service::NodeDatabase)),
            }
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.is_held {
            self.state.room.send_modify(|room| *room += 1);
        }
    }
}

/// Counts of limited purchases.
#[derive(Default)]
pub(crate) struct CountedUses(pub(crate) Mutex<HashMap<Purchase, UsesSoFar>>);

/// Of one purchase: how many, and how many bytes they still pay for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UsesSoFar {
    pub(crate) count: u32,
    pub(crate) resumable: u64,
}

impl CountedUses {
    /// Of the one purchase that a test makes.
    pub(crate) fn so_far(&self) -> UsesSoFar {
        let uses = self.0.lock().unwrap();
        assert!(uses.len() <= 1, "one purchase");
        uses.values().next().copied().unwrap_or_default()
    }
}

#[async_trait]
impl Uses for CountedUses {
    async fn take(
        &self,
        purchase: &Purchase,
        limit: u32,
        resumable: u64,
        _now: Timestamp,
    ) -> Result<Use, Unavailable> {
        let mut uses = self.0.lock().unwrap();
        let uses = uses.entry(purchase.clone()).or_default();
        if uses.count >= limit {
            return Ok(Use::Exhausted);
        }
        uses.count += 1;
        uses.resumable += resumable;
        Ok(Use::Taken)
    }

    async fn taken(&self, purchase: &Purchase) -> Result<u32, Unavailable> {
        let uses = self.0.lock().unwrap();
        Ok(uses.get(purchase).map_or(0, |uses| uses.count))
    }

    async fn resume(&self, purchase: &Purchase, bytes: u64) -> Result<Resumption, Unavailable> {
        let mut uses = self.0.lock().unwrap();
        let Some(uses) = uses.get_mut(purchase) else {
            return Ok(Resumption::NothingCounted);
        };
        let Some(left) = uses.resumable.checked_sub(bytes) else {
            return Ok(Resumption::Spent);
        };
        uses.resumable = left;
        Ok(Resumption::Paid)
    }

    fn give_back(&self, purchase: &Purchase, bytes: u64) {
        if let Some(uses) = self.0.lock().unwrap().get_mut(purchase) {
            uses.resumable += bytes;
        }
    }
}

/// What the next readiness check finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Good,
    DatabaseGone,
    WorkersGone,
    Hanging,
}

pub(crate) struct Checkup(pub(crate) Mutex<Health>);

#[async_trait]
impl Readiness for Checkup {
    async fn check(&self) -> Vec<(Service, Result<(), Unavailable>)> {
        let health = *self.0.lock().unwrap();
        let database = match health {
            Health::Good | Health::WorkersGone => Ok(()),
            Health::DatabaseGone => Err(gone(Service::FulfillmentDatabase)),
            Health::Hanging => std::future::pending().await,
        };
        let mut services = vec![
            (Service::FulfillmentDatabase, database),
            (Service::ContentStore, Ok(())),
        ];
        if health == Health::WorkersGone {
            let workers = Service::RepositoryWorkers;
            services.push((workers, Err(gone(workers))));
        }
        services
    }
}

/// Believes nobody and knows nobody.
pub(crate) struct Nobody;

impl Trust for Nobody {
    fn judge(
        &self,
        _: &[Vec<u8>],
        _: CertificateRole,
        _: UnixSeconds,
    ) -> Result<EndCertificate, ChainRefused> {
        Err(ChainRefused::Untrusted)
    }
}

#[async_trait]
impl Principals for Nobody {
    async fn certificate_of(
        &self,
        _: &CenterId,
        _: &PersonaId,
    ) -> Result<Option<CertificateChain>, Unavailable> {
        Ok(None)
    }

    fn keep(&self, _: &CenterId, _: &PersonaId, _: &CertificateChain, _: Timestamp) {}
}
