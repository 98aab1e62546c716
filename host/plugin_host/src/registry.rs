//! Which plug-ins each center has, now.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use colophon_core::plugin::{CallContext, CenterPlugins, PluginCalls, Plugins};
use colophon_core::ports::Catalog;
use colophon_receipt::CenterId;

use crate::call::{NotLoaded, RequestCalls};
use crate::chain::Chain;
use crate::contract::Role;
use crate::rooms::Room;
use crate::sandbox::Sandbox;

/// The plug-ins of all centers. A request takes its center's once and sees these from begin to end,
/// whatever is published meanwhile.
pub struct Registry {
    sandbox: Arc<Sandbox>,
    catalog: Arc<dyn Catalog>,
    snapshot: ArcSwap<Snapshot>,
}

/// One state of the registry; never changed, only replaced.
#[derive(Clone)]
struct Snapshot {
    centers: HashMap<CenterId, Own>,
    /// Of centers that have no chain of their own.
    built_in: Arc<Chain>,
}

/// What a center has in place of the built-in chain.
#[derive(Clone)]
enum Own {
    Chain(Arc<Chain>),
    /// It has plug-ins, and they could not be loaded: nothing is decided without them.
    Closed,
}

impl Registry {
    /// A registry in which every center has the built-in chain. `catalog` is what plug-ins can
    /// look their own center's titles up in.
    pub fn new(
        sandbox: Arc<Sandbox>,
        catalog: Arc<dyn Catalog>,
        built_in: impl Into<Chain>,
    ) -> Self {
        let snapshot = Snapshot {
            centers: HashMap::new(),
            built_in: Arc::new(built_in.into()),
        };
        Self {
            sandbox,
            catalog,
            snapshot: ArcSwap::from_pointee(snapshot),
        }
    }

    /// Where the plug-ins run.
    pub fn sandbox(&self) -> &Arc<Sandbox> {
        &self.sandbox
    }

    /// Gives a center a chain of its own. Requests under way keep the one they began with.
    pub fn publish(&self, center: &CenterId, chain: impl Into<Chain>) {
        self.put(center, Own::Chain(Arc::new(chain.into())));
    }

    /// Closes a center whose plug-ins could not be loaded: every question is answered by
    /// [`NotLoaded`](colophon_core::plugin::PluginFailure::NotLoaded).
    pub fn close(&self, center: &CenterId) {
        self.put(center, Own::Closed);
    }

    /// The centers that are closed, in their order.
    pub fn closed(&self) -> Vec<CenterId> {
        let now = self.snapshot.load();
        let centers = now.centers.iter();
        let closed = centers.filter(|(_, own)| matches!(own, Own::Closed));
        let mut closed: Vec<CenterId> = closed.map(|(center, _)| center.clone()).collect();
        closed.sort();
        closed
    }

    /// Takes a center's own chain away; it has the built-in one again.
    pub fn withdraw(&self, center: &CenterId) {
        self.snapshot.rcu(|now| {
            let mut next = Snapshot::clone(now);
            next.centers.remove(center);
            next
        });
    }

    fn put(&self, center: &CenterId, own: Own) {
        self.snapshot.rcu(|now| {
            let mut next = Snapshot::clone(now);
            next.centers.insert(center.clone(), own.clone());
            next
        });
    }

    /// How many centers take turns now, since their plug-ins have used up their share of the threads.
    pub fn centers_taking_turns(&self) -> usize {
        self.sandbox.rooms.taking_turns()
    }
}

/// A center's plug-ins as one snapshot has them.
struct AtOneMoment {
    sandbox: Arc<Sandbox>,
    catalog: Arc<dyn Catalog>,
    room: Room,
    asked: Answering,
}

/// Who answers for a center.
enum Answering {
    BuiltIn(Arc<Chain>),
    Own(Arc<Chain>),
    Nobody,
}

impl Plugins for Registry {
    fn of_center(&self, center: &CenterId) -> Box<dyn CenterPlugins> {
        let now = self.snapshot.load();
        let asked = match now.centers.get(center) {
            None => Answering::BuiltIn(Arc::clone(&now.built_in)),
            Some(Own::Chain(chain)) => Answering::Own(Arc::clone(chain)),
            Some(Own::Closed) => Answering::Nobody,
        };
        Box::new(AtOneMoment {
            sandbox: Arc::clone(&self.sandbox),
            catalog: Arc::clone(&self.catalog),
            room: self.sandbox.rooms.of(center),
            asked,
        })
    }
}

impl CenterPlugins for AtOneMoment {
    fn begin(&self, context: CallContext) -> Box<dyn PluginCalls> {
        let chain = match &self.asked {
            Answering::BuiltIn(chain) | Answering::Own(chain) => chain,
            Answering::Nobody => return Box::new(NotLoaded::new(context)),
        };
        Box::new(RequestCalls::new(
            Arc::clone(&self.sandbox),
            Arc::clone(&self.catalog),
            self.room.clone(),
            context,
            chain,
        ))
    }

    fn tells_retailers(&self) -> bool {
        match &self.asked {
            // It does not play the role.
            Answering::BuiltIn(_) => false,
            Answering::Own(chain) => chain.plays(Role::Retailers),
            // Nobody knows what they would have told, so they have to be asked.
            Answering::Nobody => true,
        }
    }
}
