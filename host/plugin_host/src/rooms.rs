//! The room that each center has for its plug-ins to run in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use colophon_receipt::CenterId;
use tokio::sync::Semaphore;

use crate::share::{Share, Threads};

/// What a center has for its plug-ins to run in.
#[derive(Clone)]
pub(crate) struct Room {
    /// Its part of the instances.
    pub(crate) places: Arc<Semaphore>,
    /// Its part of the threads.
    pub(crate) share: Arc<Share>,
}

/// The rooms of all centers.
pub(crate) struct Rooms {
    threads: Threads,
    instances_per_center: usize,
    rooms: Mutex<HashMap<CenterId, Room>>,
}

impl Rooms {
    pub(crate) fn new(threads: Threads, instances_per_center: usize) -> Self {
        Self {
            threads,
            instances_per_center,
            rooms: Mutex::default(),
        }
    }

    /// The room that a center has. Calls are only begun, and plug-ins only loaded, for centers that
    /// exist, so the map has no more entries than there are centers.
    pub(crate) fn of(&self, center: &CenterId) -> Room {
        let mut rooms = self.rooms();
        if let Some(room) = rooms.get(center) {
            return room.clone();
        }
        let room = Room {
            places: Arc::new(Semaphore::new(self.instances_per_center)),
            share: self.share_of_nobody(),
        };
        rooms.insert(center.clone(), room.clone());
        room
    }

    /// A share of its own for what runs on behalf of no center: the built-in plug-in while it is loaded,
    /// and what commands and authors try.
    pub(crate) fn share_of_nobody(&self) -> Arc<Share> {
        self.threads.share(self.instances_per_center)
    }

    /// How many centers take turns now.
    pub(crate) fn taking_turns(&self) -> usize {
        let rooms = self.rooms();
        let taking = rooms.values().filter(|room| room.share.is_used_up());
        taking.count()
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<CenterId, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
