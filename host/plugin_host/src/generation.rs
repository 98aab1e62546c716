//! One loaded version of a plug-in, ready to be called.

mod load;

use wasmtime::component::{Component, InstancePre};

pub use self::load::LoadRefused;
use crate::bindings::{NAMING, POLICY, RESOLVER, meta, naming, policy, resolver};
use crate::call::Live;
use crate::limits::Limits;
use crate::state::CallState;

/// One loaded version of a plug-in. It never changes; replacing a plug-in makes another.
pub struct Generation {
    pre: InstancePre<CallState>,
    roles: Roles,
    description: Description,
    sha256: [u8; 32],
    limits: Limits,
}

/// What a plug-in says of itself. Nothing relies on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its version, as its author counts.
    pub version: String,
    /// The SDK it was made with.
    pub sdk: String,
    /// The oldest version of the contract that it works with.
    pub min_host: String,
    /// Names of the capabilities it says that it needs.
    pub needs: Vec<String>,
}

impl Generation {
    /// What the plug-in says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// SHA-256 of the component.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Names of the roles it plays: `resolver`, `policy`, `naming`.
    pub fn roles(&self) -> impl Iterator<Item = &'static str> {
        let Roles {
            resolver,
            policy,
            naming,
        } = &self.roles;
        let played = [
            resolver.as_ref().map(|_| "resolver"),
            policy.as_ref().map(|_| "policy"),
            naming.as_ref().map(|_| "naming"),
        ];
        played.into_iter().flatten()
    }

    pub(crate) fn pre(&self) -> &InstancePre<CallState> {
        &self.pre
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn exported(&self) -> &Roles {
        &self.roles
    }
}

/// Where a component's functions are, for each role that it plays.
pub(crate) struct Roles {
    pub(crate) resolver: Option<resolver::GuestIndices>,
    pub(crate) policy: Option<policy::GuestIndices>,
    pub(crate) naming: Option<naming::GuestIndices>,
}

impl Roles {
    fn find(component: &Component, pre: &InstancePre<CallState>) -> Result<Self, LoadRefused> {
        Ok(Self {
            resolver: probe(component, RESOLVER, || resolver::GuestIndices::new(pre))?,
            policy: probe(component, POLICY, || policy::GuestIndices::new(pre))?,
            naming: probe(component, NAMING, || naming::GuestIndices::new(pre))?,
        })
    }

    /// Holds the types of all functions against the contract.
    fn check(&self, live: &mut Live) -> Result<(), LoadRefused> {
        let (store, instance) = live.parts();
        if let Some(indices) = &self.resolver {
            fits(RESOLVER, indices.load(&mut *store, instance))?;
        }
        if let Some(indices) = &self.policy {
            fits(POLICY, indices.load(&mut *store, instance))?;
        }
        if let Some(indices) = &self.naming {
            fits(NAMING, indices.load(&mut *store, instance))?;
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.resolver.is_none() && self.policy.is_none() && self.naming.is_none()
    }
}

/// The functions of an interface, if the component exports it. Names are held against the contract
/// here, types only in an instance.
fn probe<Indices>(
    component: &Component,
    interface: &'static str,
    indices: impl FnOnce() -> wasmtime::Result<Indices>,
) -> Result<Option<Indices>, LoadRefused> {
    if component.get_export_index(None, interface).is_none() {
        return Ok(None);
    }
    fits(interface, indices()).map(Some)
}

fn fits<T>(interface: &'static str, found: wasmtime::Result<T>) -> Result<T, LoadRefused> {
    found.map_err(|cause| LoadRefused::Mismatch { interface, cause })
}

impl From<meta::Info> for Description {
    fn from(info: meta::Info) -> Self {
        let meta::Info {
            name,
            version,
            sdk,
            min_host,
            needs,
        } = info;
        Self {
            name,
            version,
            sdk,
            min_host,
            needs,
        }
    }
}
