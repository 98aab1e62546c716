//! The engine, and a repository compiled in it.

use std::io::{Read, Seek};

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, OptLevel, Store, Strategy};

use super::bindings::{self, contract};
use super::count_store::CountStore;
use super::failure::RepositoryFailure;
use super::limits::{FUEL_PER_CALL, InstanceState};
use super::title::ProtectedTitle;

/// Where a repository runs and what it was given there.
#[derive(Clone, Debug)]
pub struct Device {
    /// The persona it was made for.
    pub persona: String,
    /// The id of the machine it was made for.
    pub machine: String,
    /// What the machine says of itself now: facts as they are sent at activation.
    pub facts_json: String,
    /// The persona's private key, sealed to the repository on this machine.
    pub sealed_key: Vec<u8>,
}

/// Who is believed, in DER or PEM.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Root certificates.
    pub roots: Vec<Vec<u8>>,
    /// Revocation lists.
    pub revocation_lists: Vec<Vec<u8>>,
}

/// The component that was made for one persona on one machine, ready to open titles.
pub struct Repository {
    engine: Engine,
    component: Component,
    linker: Linker<InstanceState>,
}

impl Repository {
    /// Compiles a component. Whether it is the one the activation authority signed is for the
    /// caller to know before.
    ///
    /// # Errors
    ///
    /// [`RepositoryFailure::Engine`] or [`RepositoryFailure::Component`].
    pub fn compile(component: &[u8]) -> Result<Repository, RepositoryFailure> {
        let engine = Engine::new(&config()).map_err(RepositoryFailure::Engine)?;
        let component = Component::from_binary(&engine, component);
        let component = component.map_err(RepositoryFailure::Component)?;
        let mut linker = Linker::new(&engine);
        bindings::title_file::add_to_linker::<_, HasSelf<InstanceState>>(&mut linker, |state| {
            state
        })
        .map_err(RepositoryFailure::Engine)?;
        // The standard library in a repository names parts of the system that it never uses. They
        // are not there: whoever calls one ends.
        linker
            .define_unknown_imports_as_traps(&component)
            .map_err(RepositoryFailure::Component)?;
        Ok(Repository {
            engine,
            component,
            linker,
        })
    }

    /// Opens a title at level 5 in an instance of its own.
    ///
    /// # Errors
    ///
    /// [`RepositoryFailure`], see its variants.
    pub fn open<R: Read + Seek + Send + 'static>(
        &self,
        device: &Device,
        trust: &Trust,
        counts: CountStore,
        file: R,
    ) -> Result<ProtectedTitle, RepositoryFailure> {
        let state = InstanceState::new(Box::new(file)).map_err(RepositoryFailure::File)?;
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| state.limits());
        store
            .set_fuel(FUEL_PER_CALL)
            .map_err(RepositoryFailure::Engine)?;
        let instance = bindings::Repository::instantiate(&mut store, &self.component, &self.linker)
            .map_err(RepositoryFailure::Component)?;
        let device = contract::Device {
            persona: device.persona.clone(),
            machine: device.machine.clone(),
            facts: device.facts_json.clone().into_bytes(),
            sealed_key: device.sealed_key.clone(),
        };
        let trust = contract::Trust {
            roots: trust.roots.clone(),
            revocation_lists: trust.revocation_lists.clone(),
        };
        let opened = instance
            .colophon_repository_protected_title()
            .call_open(&mut store, &device, &trust);
        let description = opened.map_err(RepositoryFailure::of_call)??;
        ProtectedTitle::new(store, instance, description, counts)
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        // A repository is compiled on the reader's own machine, where somebody waits for it.
        .cranelift_opt_level(OptLevel::Speed)
        // Work is counted, so that no call goes on for ever.
        .consume_fuel(true)
        .concurrency_support(false)
        .cranelift_nan_canonicalization(true)
        // What no repository needs cannot be used to break out.
        .wasm_relaxed_simd(false)
        .wasm_threads(false)
        .wasm_gc(false)
        .wasm_exceptions(false)
        .wasm_memory64(false)
        .wasm_stack_switching(false)
        .max_wasm_stack(512 << 10);
    config
}
