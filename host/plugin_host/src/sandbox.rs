//! The engine that all plug-ins of a host share, and how many may run in it.

mod engine;
#[cfg(test)]
mod next_version;
mod precompiled;

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, Linker};

pub(crate) use self::engine::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLES_MAX, TICK};
use self::engine::{Ticker, build};
pub use self::precompiled::{FolderRefused, PrecompiledFolder};
use crate::bindings::{catalog, config, http, kv, log, sql};
use crate::contract::Spoken;
use crate::limits::Capacity;
use crate::observation::Meters;
use crate::state::CallState;
use crate::warm::{Chance, Resting};

/// How a sandbox is set up.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How many instances may live at once.
    pub capacity: Capacity,
    /// Where compiled plug-ins are kept, so that a restart need not compile them again. The folder
    /// is made if it is missing; it must be closed to everybody but the host's own user.
    pub precompiled: Option<PathBuf>,
    /// What decides how often an instance is used again. Without it every instance serves one
    /// request, whatever plug-ins are granted.
    pub chance: Option<Chance>,
}

/// Why plug-ins cannot be run at all.
#[derive(Debug, Error)]
pub enum StartFailed {
    /// The engine refuses this machine or its own settings.
    #[error("the WebAssembly engine cannot start")]
    Engine(#[source] wasmtime::Error),
    /// The thread that counts time for running plug-ins cannot be started.
    #[error("the plug-ins' clock cannot start")]
    Clock(#[source] std::io::Error),
    /// The folder for compiled plug-ins cannot be used.
    #[error("compiled plug-ins cannot be kept")]
    Folder(#[from] FolderRefused),
}

/// Where plug-ins run.
pub struct Sandbox {
    engine: Engine,
    spoken: Spoken,
    linker: Linker<CallState>,
    precompiled: Option<PrecompiledFolder>,
    resting: Option<Arc<Resting>>,
    pub(crate) places: Arc<Semaphore>,
    capacity: Capacity,
    pub(crate) meters: Meters,
    _ticker: Ticker,
}

/// Links everything that the contract has. What a plug-in was not granted it does not import, or it
/// is not loaded.
fn offer(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    catalog::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    config::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    http::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    kv::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    log::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    sql::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)
}

impl Sandbox {
    /// Starts the engine and its clock.
    ///
    /// # Errors
    /// [`StartFailed`] names what the machine refuses.
    pub fn start(settings: &Settings) -> Result<Arc<Self>, StartFailed> {
        Self::speaking(Spoken::PUBLISHED, offer, settings)
    }

    /// The same for a contract, with whatever links all that it has.
    fn speaking(
        spoken: Spoken,
        offer: fn(&mut Linker<CallState>) -> wasmtime::Result<()>,
        settings: &Settings,
    ) -> Result<Arc<Self>, StartFailed> {
        let engine = build().map_err(StartFailed::Engine)?;
        let ticker = Ticker::start(&engine).map_err(StartFailed::Clock)?;
        let mut linker = Linker::new(&engine);
        offer(&mut linker).map_err(StartFailed::Engine)?;
        let precompiled = settings.precompiled.as_deref();
        let resting = settings.chance.clone().map(Resting::start).transpose();
        Ok(Arc::new(Self {
            spoken,
            linker,
            precompiled: precompiled.map(PrecompiledFolder::open).transpose()?,
            resting: resting.map_err(StartFailed::Clock)?,
            places: Arc::new(Semaphore::new(
                settings.capacity.instances.min(Capacity::INSTANCES_MAX),
            )),
            capacity: settings.capacity,
            meters: Meters::new(),
            engine,
            _ticker: ticker,
        }))
    }

    /// How many instances rest between two requests.
    pub fn instances_at_rest(&self) -> usize {
        self.resting.as_ref().map_or(0, |resting| resting.count())
    }

    pub(crate) fn resting(&self) -> Option<&Arc<Resting>> {
        self.resting.as_ref()
    }

    /// Makes room for one that is to run, and says whether there was any to make.
    pub(crate) fn let_resting_go(&self) -> bool {
        let resting = self.resting.as_ref();
        resting.is_some_and(|resting| resting.let_all_go())
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn spoken(&self) -> &Spoken {
        &self.spoken
    }

    pub(crate) fn linker(&self) -> &Linker<CallState> {
        &self.linker
    }

    pub(crate) fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Makes native code of a component, or takes what was made of it before.
    pub(crate) fn compile(&self, wasm: &[u8], sha256: &[u8; 32]) -> wasmtime::Result<Component> {
        let Some(folder) = &self.precompiled else {
            return Component::from_binary(&self.engine, wasm);
        };
        if let Some(component) = folder.load(&self.engine, sha256) {
            return Ok(component);
        }
        let component = Component::from_binary(&self.engine, wasm)?;
        folder.keep(&self.engine, sha256, &component);
        Ok(component)
    }
}
