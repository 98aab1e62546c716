//! The content stores as the download flow sees them: through a memory cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::catalog::{StoreRoot, StoredForm};
use colophon_core::event::NamedEvent;
use colophon_core::ports::{FormContent, OpenedForm, Origin, OriginError, Service, Unavailable};
use colophon_crypto::Engine;
use moka::future::Cache;
use tokio::sync::Semaphore;

use crate::counts::{CacheCounts, Counters};
use crate::directory::{DirectoryStore, OpenError};
use crate::load::{Key, LoadError, Loaded, Loader};
use crate::reachability::Reachability;
use crate::resident::Resident;
use crate::verdicts::Verdicts;
use crate::workers::Workers;

/// How much memory the cache takes, and how long it waits for a content store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// Bytes of title files in memory at most, those still being sent included.
    pub bytes_max: u64,
    /// The largest title file that is taken into memory as a whole; larger ones are read from
    /// disk as they are asked for.
    pub title_bytes_max: u64,
    /// How long a content store may take to open an object or to read a part of one.
    pub answer_within: Duration,
}

impl CacheSettings {
    /// Settings for a cache of `bytes_max` bytes: a title takes at most a quarter of it, and at
    /// most 256 MiB, for its first download waits until it is read; a store answers within 10 s.
    pub fn with_bytes(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            title_bytes_max: (bytes_max / 4).min(256 * MIB),
            answer_within: Duration::from_secs(10),
        }
    }
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Large objects that are kept open at the same time; each takes a file descriptor.
const OPEN_MAX: u64 = 256;

/// The content stores behind a memory cache. Any number of requests for a form that is not there
/// cause one load.
///
/// The cache is in two parts. One holds whole title files, weighed by their bytes; which of them
/// leave is decided by how often and how recently they were asked for. The other holds large
/// objects that were opened and parsed; its sixteenth of the memory is for what parsing found.
///
/// Memory stays below the configured size even when slow clients hold on to titles that left the
/// cache long ago: then further titles are served from disk until there is room.
pub struct CachedOrigin {
    whole: Cache<Key, Loaded>,
    open: Cache<Key, Loaded>,
    loader: Arc<Loader>,
    title_bytes_max: u64,
    /// Whether the last title that should have gone into memory did not fit.
    crowded: AtomicBool,
}

impl CachedOrigin {
    /// A cache over `store`. Install the metrics recorder first; counters publish to the one that
    /// is there.
    pub fn new(
        store: Arc<DirectoryStore>,
        engine: Arc<dyn Engine>,
        settings: &CacheSettings,
    ) -> Self {
        let parsed_bytes = (settings.bytes_max / 16).clamp(MIB, 64 * MIB);
        let file_bytes = settings.bytes_max.saturating_sub(parsed_bytes);
        let title_bytes_max = settings.title_bytes_max.min(file_bytes);
        let counters = Arc::new(Counters::new());
        let reachability = Reachability::new(store.roots().map(|(root, _)| root));
        // A title being loaded is in memory before others have left: its room is kept free.
        let whole = part(file_bytes.saturating_sub(title_bytes_max), 0, &counters);
        let open = part(parsed_bytes, parsed_bytes / OPEN_MAX, &counters);
        let loader = Arc::new(Loader {
            store,
            engine,
            workers: Workers::new(settings.answer_within),
            resident: Resident::new(file_bytes),
            counters,
            reachability: Arc::new(reachability),
            verdicts: Verdicts::new(),
            one_reading: Arc::new(Semaphore::new(1)),
        });
        Self {
            whole,
            open,
            loader,
            title_bytes_max,
            crowded: AtomicBool::new(false),
        }
    }

    /// What the cache has done so far.
    pub fn counts(&self) -> CacheCounts {
        let counters = &self.loader.counters;
        CacheCounts {
            hits: counters.hits.get(),
            misses: counters.misses.get(),
            loads: counters.loads.get(),
            evictions: counters.evictions.get(),
            read_bytes: counters.read_bytes.get(),
            resident_bytes: self.loader.resident.bytes(),
        }
    }

    /// Whether each root answers, for readiness checks. Notices a store that is back even when
    /// nobody downloads.
    pub async fn check(&self) -> Vec<(StoreRoot, Result<(), Unavailable>)> {
        let mut answers = Vec::new();
        for (root, _) in self.loader.store.roots() {
            answers.push((root.clone(), self.check_root(root).await));
        }
        answers
    }

    async fn check_root(&self, root: &StoreRoot) -> Result<(), Unavailable> {
        let (store, probed) = (Arc::clone(&self.loader.store), root.clone());
        let answer = self.loader.workers.run(move || store.probe(&probed)).await;
        let silent: Box<dyn std::error::Error + Send + Sync> = match answer {
            Ok(Ok(())) => {
                self.loader.reachability.answered(root);
                return Ok(());
            }
            Ok(Err(OpenError::Unreachable(error))) => error.into(),
            Ok(Err(error)) => error.into(),
            Err(error) => error.into(),
        };
        self.loader.reachability.fell_silent(root, silent.as_ref());
        Err(Unavailable::new(Service::ContentStore, silent))
    }

    async fn find(&self, key: &Key) -> Option<Loaded> {
        if let Some(loaded) = self.whole.get(key).await {
            return Some(loaded);
        }
        let loaded = self.open.get(key).await?;
        if loaded
            .on_disk
            .as_ref()
            .is_some_and(|object| !object.is_sound())
        {
            self.open.invalidate(key).await;
            return None;
        }
        Some(loaded)
    }

    async fn load(&self, key: Key, size: u64) -> Result<Loaded, Arc<LoadError>> {
        if size <= self.title_bytes_max {
            let loaded = self
                .whole
                .try_get_with(key.clone(), self.loader.whole(&key, size))
                .await;
            match loaded {
                Err(error) if matches!(*error, LoadError::NoRoom) => self.note_crowded(&key),
                loaded_or_refused => {
                    // What has to leave leaves now, and not at some later request.
                    self.whole.run_pending_tasks().await;
                    self.crowded.store(false, Ordering::Relaxed);
                    return loaded_or_refused;
                }
            }
        }
        self.open
            .try_get_with(key.clone(), self.loader.open(&key, size))
            .await
    }

    fn note_crowded(&self, key: &Key) {
        if !self.crowded.swap(true, Ordering::Relaxed) {
            let event = NamedEvent::CacheFailed;
            tracing::warn!(
                event.code = event.code(),
                event.name = event.slug(),
                store.root = key.root.as_str(),
                store.object = key.object.as_str(),
                resident.bytes = self.loader.resident.bytes(),
                "no room in the memory cache; the title is served from disk"
            );
        }
    }
}

#[async_trait]
impl Origin for CachedOrigin {
    async fn open(
        &self,
        root: &StoreRoot,
        form: &StoredForm,
        content: FormContent,
    ) -> Result<Arc<OpenedForm>, OriginError> {
        let key = Key::of(root, form, content);
        if let Some(loaded) = self.find(&key).await {
            self.loader.counters.hits.add(1);
            return Ok(loaded.form);
        }
        self.loader.counters.misses.add(1);
        let loaded = self
            .load(key, form.size)
            .await
            .map_err(|error| error.to_origin_error())?;
        Ok(loaded.form)
    }
}

/// One part of the cache. Entries weigh at least `least_bytes`, so their number is bounded too.
fn part(bytes_max: u64, least_bytes: u64, counters: &Arc<Counters>) -> Cache<Key, Loaded> {
    let counters = Arc::clone(counters);
    Cache::builder()
        // Weights are 32 bits wide; in KiB they reach to 4 TiB.
        .max_capacity(bytes_max / KIB)
        .weigher(move |_key, loaded: &Loaded| {
            u32::try_from(loaded.bytes.max(least_bytes).div_ceil(KIB)).unwrap_or(u32::MAX)
        })
        .eviction_listener(move |_key, _loaded, cause| {
            if cause.was_evicted() {
                counters.evictions.add(1);
            }
        })
        .build()
}
