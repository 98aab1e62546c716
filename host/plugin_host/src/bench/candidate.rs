//! A component as its author has just built it: what it asks for and exports is shown whether or not
//! a host would take it.

use std::sync::Arc;

use colophon_core::plugin::PluginFailure;
use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{Component, InstancePre};
use wasmtime::{Engine, Store};

use super::{Bench, BenchState, ScriptedHost, linker, store};
use crate::bindings::{meta, naming, policy, resolver, retailers};
use crate::call::answer;
use crate::call::failure::{self, Stopped};
use crate::call::live::guarded;
use crate::contract::{Capability, META, Role, Spoken};
use crate::digested::Digested;
use crate::generation::{
    Description, LoadRefused, fits, probe, refuse_at_sight, refuse_unknown_exports,
};
use crate::granted::Granted;
use crate::limits::Limits;
use crate::sandbox::Sandbox;
use crate::share::charged;

/// A compiled component.
pub struct Candidate {
    component: Component,
    sha256: [u8; 32],
}

/// One interface that a component imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// What a host offers, if it is granted.
    Capability(Capability),
    /// Types alone, which ask for nothing.
    Types(String),
    /// What no host offers; with the function where the interface is known.
    Unknown(String),
}

impl Candidate {
    /// Compiles a component, which can take long.
    ///
    /// # Errors
    /// [`LoadRefused`] if no host would compile it.
    pub async fn compile(sandbox: &Sandbox, wasm: &[u8]) -> Result<Self, LoadRefused> {
        refuse_at_sight(wasm)?;
        let digested = Digested::of(wasm);
        Ok(Self {
            component: sandbox.compile(None, &digested).await?,
            sha256: *digested.sha256(),
        })
    }

    /// SHA-256 of the component.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Everything it imports.
    pub fn imports(&self) -> Vec<Asked> {
        let engine = self.component.engine();
        let ty = self.component.component_type();
        let imports = ty.imports(engine);
        imports
            .map(|(name, import)| {
                if let ComponentItem::ComponentInstance(interface) = import.ty {
                    asked(engine, name, &interface)
                } else {
                    Asked::Unknown(name.to_owned())
                }
            })
            .collect()
    }

    /// Holds the names of what it exports against the contract.
    ///
    /// # Errors
    /// [`LoadRefused::UnknownExport`] for one that a host would pass over in silence.
    pub fn check_exports(&self) -> Result<(), LoadRefused> {
        refuse_unknown_exports(&Spoken::PUBLISHED, &self.component)
    }

    /// Starts it and lets it describe and test itself; the script plays the host meanwhile. What it
    /// imports is taken to be granted.
    ///
    /// # Errors
    /// [`LoadRefused`] names the first thing that is wrong with it.
    pub async fn bench(
        &self,
        sandbox: &Sandbox,
        limits: Limits,
        host: Box<dyn ScriptedHost>,
    ) -> Result<Bench, LoadRefused> {
        let mismatch = |cause| LoadRefused::Mismatch {
            interface: "an import",
            cause,
        };
        let linker = linker(sandbox).map_err(mismatch)?;
        let pre = linker.instantiate_pre(&self.component).map_err(mismatch)?;
        let indices = probe(&self.component, META, || meta::GuestIndices::new(&pre))?;
        let indices = indices.ok_or(LoadRefused::NotDescribed)?;
        let granted = Arc::new(Granted {
            limits,
            ..Granted::default()
        });
        let share = sandbox.rooms.share_of_nobody();
        let mut store = store(&pre, (&granted, &share), host).map_err(mismatch)?;
        let deadline = tokio::time::Instant::now() + limits.deadline;
        let start = charged(Arc::clone(&share), pre.instantiate_async(&mut store));
        let started = guarded(deadline, start).await;
        let instance = started.map_err(|stopped| {
            LoadRefused::Failed(failure::of(stopped, &store.data().state, "its start"))
        })?;
        let roles = roles(&self.component, &pre, &mut store, &instance)?;
        let guest = fits(META, indices.load(&mut store, &instance))?;
        let describe = charged(Arc::clone(&share), guest.call_describe(&mut store));
        let info = guarded(deadline, describe).await;
        let info = failed(info, &store, "describe")?;
        let info = answer::described(info).map_err(LoadRefused::Failed)?;
        let test = charged(Arc::clone(&share), guest.call_self_test(&mut store));
        let tested = guarded(deadline, test).await;
        let tested = failed(tested, &store, "self-test")?;
        tested.map_err(|problem| LoadRefused::SelfTest {
            problem: answer::told_text(&problem),
        })?;
        Ok(Bench {
            pre,
            granted,
            share,
            description: Description::from(info),
            roles,
        })
    }
}

fn failed<T>(
    called: Result<T, Stopped>,
    store: &Store<BenchState>,
    function: &'static str,
) -> Result<T, LoadRefused> {
    called.map_err(|stopped| {
        let unforeseen = store.data().unforeseen.clone();
        LoadRefused::Failed(match unforeseen {
            Some(message) => PluginFailure::Trapped { function, message },
            None => failure::of(stopped, &store.data().state, function),
        })
    })
}

fn asked(engine: &Engine, name: &str, interface: &ComponentInstance) -> Asked {
    let offered = Spoken::PUBLISHED.offered(name);
    let (capability, known) = offered.unwrap_or((None, &[]));
    let mut types_alone = true;
    for (item, kind) in interface.exports(engine) {
        if matches!(kind.ty, ComponentItem::Type(_)) {
            continue;
        }
        types_alone = false;
        if !known.contains(&item) {
            return Asked::Unknown(match capability {
                Some(_) => format!("{name}#{item}"),
                None => name.to_owned(),
            });
        }
    }
    match capability {
        Some(capability) if !types_alone => Asked::Capability(capability),
        Some(_) | None => Asked::Types(name.to_owned()),
    }
}

/// The roles it plays, with their functions' types held against the contract.
fn roles(
    component: &Component,
    pre: &InstancePre<BenchState>,
    store: &mut Store<BenchState>,
    instance: &wasmtime::component::Instance,
) -> Result<Vec<Role>, LoadRefused> {
    let mut played = Vec::new();
    for role in Role::ALL {
        let name = role.interface();
        if component.get_export_index(None, name).is_none() {
            continue;
        }
        let typed = match role {
            Role::Resolver => resolver::GuestIndices::new(pre)
                .and_then(|indices| indices.load(&mut *store, instance).map(drop)),
            Role::Policy => policy::GuestIndices::new(pre)
                .and_then(|indices| indices.load(&mut *store, instance).map(drop)),
            Role::Naming => naming::GuestIndices::new(pre)
                .and_then(|indices| indices.load(&mut *store, instance).map(drop)),
            Role::Retailers => retailers::GuestIndices::new(pre)
                .and_then(|indices| indices.load(&mut *store, instance).map(drop)),
        };
        fits(name, typed)?;
        played.push(role);
    }
    if played.is_empty() {
        return Err(LoadRefused::NoRole);
    }
    Ok(played)
}
