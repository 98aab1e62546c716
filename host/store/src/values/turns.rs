//! How many calls for values are under way at once: few of one plug-in in one center, and few of all
//! together, so that the connections of the fulfillment database are there for those who sell.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use colophon_core::capability::ValueOwner;
use colophon_core::ports::{Service, Unavailable};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::database::{Database, Engine};

/// Of one plug-in in one center; the same half of all of them at each engine.
const OF_ONE_AT_A_SERVER: usize = 2;
const OF_ONE_AT_A_FILE: usize = 1;

/// Of all at a server: a quarter of the connections to it.
const OF_ALL_AT_A_SERVER: usize = 4;

/// Of all at a file: half of the connections that read from it.
const OF_ALL_AT_A_FILE: usize = 2;

/// How long a call waits for its turn.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Turns of all plug-ins.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    writing: Arc<Semaphore>,
    of_one: usize,
    owners: Mutex<HashMap<ValueOwner, Arc<Semaphore>>>,
}

/// A turn of the owner's, and one of all.
pub(crate) type Turn = [OwnedSemaphorePermit; 2];

impl Turns {
    /// Turns at a database. A file has one writer, and of plug-ins one at a time waits for it.
    pub(crate) fn of(database: &Database) -> Self {
        let (all, of_one, writers) = match database.engine() {
            Engine::Sqlite(_) => (OF_ALL_AT_A_FILE, OF_ONE_AT_A_FILE, 1),
            Engine::Postgres(_) => {
                let all = OF_ALL_AT_A_SERVER;
                (all, OF_ONE_AT_A_SERVER, all)
            }
        };
        Self {
            all: Arc::new(Semaphore::new(all)),
            writing: Arc::new(Semaphore::new(writers)),
            of_one,
            owners: Mutex::default(),
        }
    }

    /// Who may write at once.
    pub(crate) fn writing(&self) -> Arc<Semaphore> {
        Arc::clone(&self.writing)
    }

    /// The owner's turn first: whoever waits for it takes none of all away.
    pub(crate) async fn turn(&self, owner: &ValueOwner) -> Result<Turn, Unavailable> {
        let (own, all) = (self.own(owner), Arc::clone(&self.all));
        let waited = timeout(WAIT_MAX, async move {
            let own = own.acquire_owned().await.ok()?;
            let all = all.acquire_owned().await.ok()?;
            Some([own, all])
        });
        waited.await.ok().flatten().ok_or_else(|| {
            let problem = "too many calls for plug-ins' values are under way";
            Unavailable::new(Service::FulfillmentDatabase, problem)
        })
    }

    /// There are no more of them than there are plug-ins in centers.
    fn own(&self, owner: &ValueOwner) -> Arc<Semaphore> {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let own = owners
            .entry(owner.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(self.of_one)));
        Arc::clone(own)
    }
}
