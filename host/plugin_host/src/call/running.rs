//! An instance with the functions that were found in it.

use wasmtime::Store;
use wasmtime::component::Instance;

use crate::bindings::{naming, policy, resolver, retailers};
use crate::state::CallState;

/// An instance with the functions that were found in it so far. Their types are held against the
/// contract when they are first asked for, and not with every question.
pub(crate) struct Running {
    instance: Instance,
    resolver: Option<resolver::Guest>,
    policy: Option<policy::Guest>,
    naming: Option<naming::Guest>,
    retailers: Option<retailers::Guest>,
}

impl Running {
    pub(crate) fn of(instance: Instance) -> Self {
        Self {
            instance,
            resolver: None,
            policy: None,
            naming: None,
            retailers: None,
        }
    }

    pub(crate) fn instance(&self) -> &Instance {
        &self.instance
    }

    pub(crate) fn resolver(
        &mut self,
        store: &mut Store<CallState>,
        indices: &resolver::GuestIndices,
    ) -> wasmtime::Result<&resolver::Guest> {
        found(&mut self.resolver, || indices.load(store, &self.instance))
    }

    pub(crate) fn policy(
        &mut self,
        store: &mut Store<CallState>,
        indices: &policy::GuestIndices,
    ) -> wasmtime::Result<&policy::Guest> {
        found(&mut self.policy, || indices.load(store, &self.instance))
    }

    pub(crate) fn naming(
        &mut self,
        store: &mut Store<CallState>,
        indices: &naming::GuestIndices,
    ) -> wasmtime::Result<&naming::Guest> {
        found(&mut self.naming, || indices.load(store, &self.instance))
    }

    pub(crate) fn retailers(
        &mut self,
        store: &mut Store<CallState>,
        indices: &retailers::GuestIndices,
    ) -> wasmtime::Result<&retailers::Guest> {
        found(&mut self.retailers, || indices.load(store, &self.instance))
    }
}

fn found<Guest>(
    place: &mut Option<Guest>,
    load: impl FnOnce() -> wasmtime::Result<Guest>,
) -> wasmtime::Result<&Guest> {
    let guest = match place.take() {
        Some(guest) => guest,
        None => load()?,
    };
    Ok(place.insert(guest))
}
