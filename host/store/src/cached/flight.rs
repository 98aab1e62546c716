//! One load for all who want the same at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use colophon_core::ports::Unavailable;
use tokio::sync::OnceCell;

use super::fence::Mark;

/// What a load came to, shared by all who waited for it.
pub(super) type Landed<V> = Result<Option<V>, Arc<Unavailable>>;

type Cell<V> = Arc<OnceCell<Landed<V>>>;

/// The loads under way.
pub(super) struct Flights<K, V> {
    cells: Mutex<HashMap<K, (Mark, Cell<V>)>>,
}

/// A place in a load.
pub(super) struct Seat<'a, K: Hash + Eq, V> {
    flights: &'a Flights<K, V>,
    key: K,
    pub(super) cell: Cell<V>,
}

impl<K: Hash + Eq + Clone, V> Flights<K, V> {
    pub(super) fn new() -> Self {
        Self {
            cells: Mutex::new(HashMap::new()),
        }
    }

    /// Joins the load of this key, or starts one. A load that began before the last change is not
    /// joined: whoever comes after the change must not get what was there before it.
    pub(super) fn join(&self, key: &K, mark: Mark) -> Seat<'_, K, V> {
        let mut cells = self.cells();
        let cell = match cells.get(key) {
            Some((begun, cell)) if *begun == mark => Arc::clone(cell),
            Some(_) | None => {
                let cell = Cell::default();
                cells.insert(key.clone(), (mark, Arc::clone(&cell)));
                cell
            }
        };
        Seat {
            flights: self,
            key: key.clone(),
            cell,
        }
    }
}

impl<K: Hash + Eq, V> Flights<K, V> {
    fn cells(&self) -> MutexGuard<'_, HashMap<K, (Mark, Cell<V>)>> {
        // The map is whole whenever the lock is free: nothing in here can panic half-way.
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.cells().len()
    }
}

impl<K: Hash + Eq, V> Seat<'_, K, V> {
    /// Takes the load off the list: whoever comes from now on looks or loads anew.
    pub(super) fn land(&self) {
        self.remove_if(|_| true);
    }

    fn remove_if(&self, condition: impl FnOnce(&Cell<V>) -> bool) {
        let mut cells = self.flights.cells();
        let own = |(_, cell): &(Mark, Cell<V>)| Arc::ptr_eq(cell, &self.cell) && condition(cell);
        if cells.get(&self.key).is_some_and(own) {
            cells.remove(&self.key);
        }
    }
}

/// The last to leave a load that never landed takes it off the list.
impl<K: Hash + Eq, V> Drop for Seat<'_, K, V> {
    fn drop(&mut self) {
        // The list's, and this seat's.
        self.remove_if(|cell| Arc::strong_count(cell) <= 2);
    }
}
