//! Which plug-ins each center has, now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use colophon_core::plugin::{CallContext, PluginCalls, Plugins};
use colophon_core::ports::Catalog;
use colophon_receipt::CenterId;
use tokio::sync::Semaphore;

use crate::call::RequestCalls;
use crate::generation::Generation;
use crate::sandbox::Sandbox;

/// A center's plug-ins in the order in which they are asked.
pub type Chain = Vec<Arc<Generation>>;

/// The plug-ins of all centers. A request sees one state of it from begin to end, whatever is
/// published meanwhile.
pub struct Registry {
    sandbox: Arc<Sandbox>,
    catalog: Arc<dyn Catalog>,
    snapshot: ArcSwap<Snapshot>,
    places: Mutex<HashMap<CenterId, Arc<Semaphore>>>,
}

/// One state of the registry; never changed, only replaced.
#[derive(Clone)]
struct Snapshot {
    centers: HashMap<CenterId, Arc<Chain>>,
    /// Of centers that have no chain of their own.
    built_in: Arc<Chain>,
}

impl Registry {
    /// A registry in which every center has the built-in chain. `catalog` is what plug-ins can
    /// look their own center's titles up in.
    pub fn new(sandbox: Arc<Sandbox>, catalog: Arc<dyn Catalog>, built_in: Chain) -> Self {
        let snapshot = Snapshot {
            centers: HashMap::new(),
            built_in: Arc::new(built_in),
        };
        Self {
            sandbox,
            catalog,
            snapshot: ArcSwap::from_pointee(snapshot),
            places: Mutex::default(),
        }
    }

    /// Gives a center a chain of its own. Requests under way keep the one they began with.
    pub fn publish(&self, center: &CenterId, chain: Chain) {
        let chain = Arc::new(chain);
        self.snapshot.rcu(|now| {
            let mut next = Snapshot::clone(now);
            next.centers.insert(center.clone(), Arc::clone(&chain));
            next
        });
    }

    /// Takes a center's own chain away; it has the built-in one again.
    pub fn withdraw(&self, center: &CenterId) {
        self.snapshot.rcu(|now| {
            let mut next = Snapshot::clone(now);
            next.centers.remove(center);
            next
        });
    }

    fn chain(&self, center: &CenterId) -> Arc<Chain> {
        let now = self.snapshot.load();
        Arc::clone(now.centers.get(center).unwrap_or(&now.built_in))
    }

    /// The center's share of the instances. Calls are only begun for centers that exist, so the
    /// map has no more entries than there are centers.
    fn places(&self, center: &CenterId) -> Arc<Semaphore> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = places.get(center) {
            return Arc::clone(places);
        }
        let share = self.sandbox.capacity().instances_per_center;
        let share = Arc::new(Semaphore::new(share));
        places.insert(center.clone(), Arc::clone(&share));
        share
    }
}

impl Plugins for Registry {
    fn begin(&self, context: CallContext) -> Box<dyn PluginCalls> {
        Box::new(RequestCalls::new(
            Arc::clone(&self.sandbox),
            Arc::clone(&self.catalog),
            self.places(&context.center),
            context.clone(),
            &self.chain(&context.center),
        ))
    }
}
