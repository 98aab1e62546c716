//! One loaded version of a plug-in, ready to be called.

mod load;

use std::sync::Arc;

use wasmtime::component::{Component, InstancePre};

pub use self::load::LoadRefused;
pub(crate) use self::load::{COMPONENT_BYTES_MAX, refuse_at_sight, refuse_unknown_exports};
use crate::bindings::{meta, naming, policy, resolver, retailers};
use crate::call::Live;
use crate::contract::Role;
use crate::granted::Granted;
use crate::state::CallState;
use crate::warm::Warm;

/// One loaded version of a plug-in. It never changes; replacing a plug-in makes another.
pub struct Generation {
    pre: InstancePre<CallState>,
    roles: Roles,
    description: Description,
    sha256: [u8; 32],
    granted: Arc<Granted>,
    warm: Option<Warm>,
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

    /// The roles it plays.
    pub fn roles(&self) -> impl Iterator<Item = Role> {
        let all = Role::ALL.into_iter();
        all.filter(|role| self.roles.plays(*role))
    }

    pub(crate) fn pre(&self) -> &InstancePre<CallState> {
        &self.pre
    }

    pub(crate) fn granted(&self) -> &Arc<Granted> {
        &self.granted
    }

    /// How its instances are used again, if they are.
    pub(crate) fn warm(&self) -> Option<&Warm> {
        self.warm.as_ref()
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
    pub(crate) retailers: Option<retailers::GuestIndices>,
}

impl Roles {
    fn find(component: &Component, pre: &InstancePre<CallState>) -> Result<Self, LoadRefused> {
        Ok(Self {
            resolver: of_role(component, Role::Resolver, || {
                resolver::GuestIndices::new(pre)
            })?,
            policy: of_role(component, Role::Policy, || policy::GuestIndices::new(pre))?,
            naming: of_role(component, Role::Naming, || naming::GuestIndices::new(pre))?,
            retailers: of_role(component, Role::Retailers, || {
                retailers::GuestIndices::new(pre)
            })?,
        })
    }

    /// Holds the types of all functions against the contract.
    fn check(&self, live: &mut Live) -> Result<(), LoadRefused> {
        let (store, instance) = live.parts();
        if let Some(indices) = &self.resolver {
            fits(
                Role::Resolver.interface(),
                indices.load(&mut *store, instance),
            )?;
        }
        if let Some(indices) = &self.policy {
            fits(
                Role::Policy.interface(),
                indices.load(&mut *store, instance),
            )?;
        }
        if let Some(indices) = &self.naming {
            fits(
                Role::Naming.interface(),
                indices.load(&mut *store, instance),
            )?;
        }
        if let Some(indices) = &self.retailers {
            fits(
                Role::Retailers.interface(),
                indices.load(&mut *store, instance),
            )?;
        }
        Ok(())
    }

    fn plays(&self, role: Role) -> bool {
        match role {
            Role::Resolver => self.resolver.is_some(),
            Role::Policy => self.policy.is_some(),
            Role::Naming => self.naming.is_some(),
            Role::Retailers => self.retailers.is_some(),
        }
    }

    fn is_empty(&self) -> bool {
        !Role::ALL.into_iter().any(|role| self.plays(role))
    }
}

fn of_role<Indices>(
    component: &Component,
    role: Role,
    indices: impl FnOnce() -> wasmtime::Result<Indices>,
) -> Result<Option<Indices>, LoadRefused> {
    probe(component, role.interface(), indices)
}

/// The functions of an interface, if the component exports it. Names are held against the contract
/// here, types only in an instance.
pub(crate) fn probe<Indices>(
    component: &Component,
    interface: &'static str,
    indices: impl FnOnce() -> wasmtime::Result<Indices>,
) -> Result<Option<Indices>, LoadRefused> {
    if component.get_export_index(None, interface).is_none() {
        return Ok(None);
    }
    fits(interface, indices()).map(Some)
}

pub(crate) fn fits<T>(
    interface: &'static str,
    found: wasmtime::Result<T>,
) -> Result<T, LoadRefused> {
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
            extra: _,
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
