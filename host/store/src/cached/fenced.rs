//! A bounded cache whose entries are used only while their marks stand.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use colophon_core::ports::Unavailable;
use metrics::{Counter, counter};
use moka::ops::compute::Op;
use moka::sync::Cache;

use super::fence::{Fence, Mark, Subject};
use super::flight::Flights;

/// Values by key; `None` where there is known to be none.
pub(super) struct Fenced<K, V> {
    entries: Cache<K, Entry<V>>,
    flights: Flights<K, V>,
    /// Looked up once: every download asks several times.
    hits: Counter,
    misses: Counter,
}

#[derive(Clone)]
struct Entry<V> {
    mark: Mark,
    value: Option<V>,
}

impl<K, V> Fenced<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// An empty cache; its counters publish to the recorder that is installed now.
    pub(super) fn new(name: &'static str, entries_max: u64) -> Self {
        Self {
            entries: Cache::new(entries_max),
            flights: Flights::new(),
            hits: counter!("colophon_record_cache_hits_total", "cache" => name),
            misses: counter!("colophon_record_cache_misses_total", "cache" => name),
        }
    }

    /// The value, from memory if `leased` allows and its mark stands, else from `load`, which is
    /// run once for all who ask meanwhile.
    pub(super) async fn get(
        &self,
        fence: &Fence,
        subject: &Subject<'_>,
        key: K,
        leased: bool,
        load: impl Future<Output = Result<Option<V>, Unavailable>>,
    ) -> Result<Option<V>, Unavailable> {
        // Before anything is read: what changes from here on makes this mark a mark of the past.
        let mark = fence.mark(subject);
        if leased && let Some(value) = self.look(&key, mark) {
            self.hits.increment(1);
            return Ok(value);
        }
        self.misses.increment(1);
        let seat = self.flights.join(&key, mark);
        let landed = seat
            .cell
            .get_or_init(|| async {
                let loaded = load.await.map_err(Arc::new);
                if let Ok(value) = &loaded {
                    self.install(fence, subject, &key, mark, value.clone());
                }
                seat.land();
                loaded
            })
            .await;
        match landed {
            Ok(value) => Ok(value.clone()),
            Err(error) => Err(Unavailable::new(error.service, Shared(Arc::clone(error)))),
        }
    }

    /// The entry of a key, if it was loaded under this mark.
    pub(super) fn look(&self, key: &K, mark: Mark) -> Option<Option<V>> {
        let entry = self.entries.get(key)?;
        (entry.mark == mark).then_some(entry.value)
    }

    /// Puts a value down, unless its mark is one of the past already.
    pub(super) fn install(
        &self,
        fence: &Fence,
        subject: &Subject<'_>,
        key: &K,
        mark: Mark,
        value: Option<V>,
    ) {
        self.entries
            .entry_by_ref(key)
            .and_compute_with(|_| match fence.mark(subject) == mark {
                true => Op::Put(Entry { mark, value }),
                false => Op::Nop,
            });
    }

    /// Frees the memory of an entry whose mark has become one of the past.
    pub(super) fn forget(&self, key: &K) {
        self.entries.invalidate(key);
    }

    /// Frees the memory of all entries that are meant.
    pub(super) fn forget_all(&self, meant: impl Fn(&K) -> bool) {
        for (key, _) in &self.entries {
            if meant(&key) {
                self.entries.invalidate(&*key);
            }
        }
    }

    pub(super) fn clear(&self) {
        self.entries.invalidate_all();
    }

    #[cfg(test)]
    pub(super) fn loads_under_way(&self) -> usize {
        self.flights.count()
    }
}

/// One failure told to everybody who waited for the same load.
#[derive(Debug)]
struct Shared(Arc<Unavailable>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.source, f)
    }
}

impl Error for Shared {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.source()
    }
}
