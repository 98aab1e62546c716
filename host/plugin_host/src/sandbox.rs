//! The engine that all plug-ins of a host share, and how many may run in it.

mod compiling;
mod ending;
mod engine;
#[cfg(test)]
#[path = "../tests/sandbox/next_version.rs"]
mod next_version;
mod precompiled;
#[cfg(test)]
#[path = "../tests/sandbox/request.rs"]
mod request;
mod turns;
#[cfg(test)]
#[path = "../tests/sandbox/world.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "the tests from outside use the rest"
)]
mod world;

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, OutOfMemory};

use self::compiling::NotCompiled;
pub use self::compiling::{
    ChildFailed, CompileLimits, CompilerFailed, CompilerProgram, TooMuch, compile_for_parent,
};
pub(crate) use self::ending::{Ending, Kept, Remains, WAITING_MAX};
pub(crate) use self::engine::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLES_MAX};
use self::engine::{EngineMemory, build, clock, fingerprint, native_code};
use self::precompiled::of_own_code;
pub use self::precompiled::{FolderRefused, PrecompiledFolder};
use self::turns::Turns;
use crate::CATALOG_PLUGIN;
use crate::bindings::{catalog, config, http, kv, log, sql};
use crate::contract::Spoken;
use crate::digested::Digested;
use crate::generation::LoadRefused;
use crate::limits::Capacity;
use crate::observation::Meters;
use crate::rooms::Rooms;
use crate::share::Threads;
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
    /// The most bytes that compiled plug-ins take up there; what was written first goes. Without it only
    /// [`Sandbox::forget_code_but`] deletes any.
    pub precompiled_bytes_max: Option<u64>,
    /// Another folder of the same user's with compiled plug-ins, from which they are taken over and
    /// which nothing is written to. One that is not there, or not closed to others, counts as empty.
    pub also_precompiled: Option<PathBuf>,
    /// What compiles, in a process of its own. Without it components are compiled in this one, for
    /// as long and with as much memory as they take: that is only for components one has made
    /// oneself.
    pub compiler: Option<CompilerProgram>,
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
    /// A thread that counts time for running plug-ins, or looks after those that rest or end, cannot
    /// be started.
    #[error("a thread for plug-ins cannot start")]
    Thread(#[source] std::io::Error),
    /// The folder for compiled plug-ins cannot be used.
    #[error("compiled plug-ins cannot be kept")]
    Folder(#[from] FolderRefused),
}

/// Where plug-ins run.
pub struct Sandbox {
    engine: Engine,
    spoken: Spoken,
    memory: EngineMemory,
    linker: Linker<CallState>,
    precompiled: Option<Arc<PrecompiledFolder>>,
    also_precompiled: Option<Arc<PrecompiledFolder>>,
    compiler: Option<CompilerProgram>,
    compiling: Turns,
    resting: Option<Arc<Resting>>,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) rooms: Rooms,
    pub(crate) meters: Meters,
    pub(crate) ending: Arc<Ending>,
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
        let (engine, memory) = build().map_err(StartFailed::Engine)?;
        let clock = clock(&engine).map_err(StartFailed::Thread)?;
        let mut linker = Linker::new(&engine);
        offer(&mut linker).map_err(StartFailed::Engine)?;
        let precompiled = settings.precompiled.as_deref();
        let ending = Arc::new(Ending::start().map_err(StartFailed::Thread)?);
        let chance = settings.chance.clone();
        let resting = chance.map(|chance| Resting::start(chance, Arc::clone(&ending)));
        Ok(Arc::new(Self {
            spoken,
            linker,
            memory,
            precompiled: precompiled
                .map(PrecompiledFolder::open)
                .transpose()?
                .map(|folder| Arc::new(folder.within(settings.precompiled_bytes_max))),
            also_precompiled: settings
                .also_precompiled
                .as_deref()
                .and_then(PrecompiledFolder::present)
                .map(Arc::new),
            compiler: settings.compiler.clone(),
            compiling: Turns::default(),
            resting: resting.transpose().map_err(StartFailed::Thread)?,
            places: Arc::new(Semaphore::new(
                settings.capacity.instances.min(Capacity::INSTANCES_MAX),
            )),
            rooms: Rooms::new(
                Threads::of_runtime(clock),
                settings.capacity.instances_per_center,
            ),
            meters: Meters::new(),
            ending,
            engine,
        }))
    }

    /// How many instances rest between two requests.
    pub fn instances_at_rest(&self) -> usize {
        self.resting.as_ref().map_or(0, |resting| resting.count())
    }

    pub(crate) fn resting(&self) -> Option<&Arc<Resting>> {
        self.resting.as_ref()
    }

    /// Makes room for one that is to run, and says whether there was any to make. It is needed at once,
    /// and to make it takes a while, in which this thread serves others.
    pub(crate) async fn let_resting_go(&self) -> bool {
        let gone = self.resting.as_ref().map(|resting| resting.take_all());
        match gone {
            Some(gone) if !gone.is_empty() => spawn_blocking(|| drop(gone)).await.is_ok(),
            Some(_) | None => false,
        }
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

    /// What a center has waited for its turn at the compiler, since this was last asked.
    pub fn waited_to_compile(&self, center: &CenterId) -> Duration {
        self.compiling.waited(center)
    }

    /// Makes native code of a component, or takes what was made of it before.
    pub(crate) async fn compile(
        &self,
        center: Option<&CenterId>,
        digested: &Digested,
    ) -> Result<Component, LoadRefused> {
        let (wasm, sha256) = (digested.wasm(), digested.sha256());
        if let Some(component) = self.kept(sha256).await? {
            return Ok(component);
        }
        let _turn = self.compiling.next(center).await;
        // Whoever had the turn before may have compiled the same.
        if let Some(component) = self.kept(sha256).await? {
            return Ok(component);
        }
        // The built-in plug-in is a part of this program, and has to be there where no process can
        // be started.
        let compiler = self.compiler.as_ref().filter(|_| wasm != CATALOG_PLUGIN);
        let code = match compiler {
            Some(compiler) => {
                let fingerprint = fingerprint(&self.engine);
                compiler.compile(self.memory, fingerprint, wasm).await?
            }
            None => self.compile_here(wasm.to_vec()).await?,
        };
        self.take_over(code, *sha256).await
    }

    async fn compile_here(&self, wasm: Vec<u8>) -> Result<Vec<u8>, LoadRefused> {
        let engine = self.engine.clone();
        let compiling = spawn_blocking(move || native_code(&engine, &wasm));
        match compiling.await {
            Ok(compiled) => compiled.map_err(LoadRefused::NotAComponent),
            Err(panicked) if panicked.is_panic() => Err(LoadRefused::BreaksCompiler),
            Err(cause) => Err(interrupted(cause)),
        }
    }

    /// Deletes code that was kept of components that nobody names any more, and says how many files
    /// those were.
    pub async fn forget_code_but(&self, named: HashSet<[u8; 32]>, now: Timestamp) -> usize {
        let Some(folder) = self.precompiled.clone() else {
            return 0;
        };
        let engine = self.engine.clone();
        let sweeping = spawn_blocking(move || folder.forget_all_but(&engine, named, now));
        // It is tried again in any case.
        sweeping.await.unwrap_or(0)
    }

    /// Reading and checking code takes a while, which requests on this thread do not wait for.
    async fn kept(&self, sha256: &[u8; 32]) -> Result<Option<Component>, LoadRefused> {
        let (folder, also) = (self.precompiled.clone(), self.also_precompiled.clone());
        if folder.is_none() && also.is_none() {
            return Ok(None);
        }
        let (engine, sha256) = (self.engine.clone(), *sha256);
        let reading = spawn_blocking(move || {
            let own = folder.as_ref().and_then(|own| own.find(&engine, &sha256));
            if let Some(component) = own.and_then(|kept| kept.component(&engine)) {
                return Some(component);
            }
            let kept = also?.find(&engine, &sha256)?;
            let component = kept.component(&engine)?;
            if let Some(own) = folder {
                own.keep(&engine, &sha256, kept.code());
            }
            Some(component)
        });
        reading.await.map_err(interrupted)
    }

    async fn take_over(&self, code: Vec<u8>, sha256: [u8; 32]) -> Result<Component, LoadRefused> {
        let (engine, folder) = (self.engine.clone(), self.precompiled.clone());
        let taking = spawn_blocking(move || {
            let component = of_own_code(&engine, &code).map_err(without_place)?;
            if let Some(folder) = folder {
                folder.keep(&engine, &sha256, &code);
            }
            Ok(component)
        });
        taking.await.map_err(interrupted)?
    }
}

/// The host stops, or has a bug.
fn interrupted(cause: JoinError) -> LoadRefused {
    LoadRefused::NotCompiled(CompilerFailed::Lost(cause.into()))
}

/// Only what the pool of places itself says is the component's fault. Whatever else keeps code of this
/// very engine from being taken over lies in the machine: no memory, or none that may be run.
fn without_place(refused: wasmtime::Error) -> LoadRefused {
    let of_the_system = refused.is::<OutOfMemory>()
        || refused
            .chain()
            .any(|cause| cause.is::<io::Error>() || cause.is::<rustix::io::Errno>());
    // The engine has no type for it, only the text; hostile guests in the tests watch it.
    let exceeds = refused.root_cause().to_string().contains("exceeds the ");
    if exceeds && !of_the_system {
        return LoadRefused::NoPlace(refused);
    }
    LoadRefused::NotCompiled(CompilerFailed::Lost(io::Error::other(format!(
        "{refused:#}"
    ))))
}

impl From<NotCompiled> for LoadRefused {
    fn from(not: NotCompiled) -> Self {
        match not {
            NotCompiled::Refused(reason) => Self::NotAComponent(wasmtime::Error::msg(reason)),
            NotCompiled::Broken => Self::BreaksCompiler,
            NotCompiled::TooMuch(what) => Self::TooCostly(what),
            NotCompiled::Failed(failed) => Self::NotCompiled(failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use colophon_core::plugin::PluginFailure;

    use super::*;
    use crate::call::{Live, Places};
    use crate::granted::Granted;
    use crate::limits::Limits;

    /// The runtime's timer does not come to its turn here: the guest has its only thread.
    #[tokio::test]
    async fn a_guest_that_never_ends_is_stopped_after_the_clock_has_stood_still() {
        let sandbox = Sandbox::start(&Settings::default()).unwrap();
        let endless = "(component
            (core module $guest (func $on (loop $again (br $again))) (start $on))
            (core instance (instantiate $guest)))";
        let endless = Component::new(sandbox.engine(), wat::parse_str(endless).unwrap()).unwrap();
        let pre = sandbox.linker().instantiate_pre(&endless).unwrap();
        let limits = Limits {
            fuel: u64::MAX,
            ..Limits::default()
        };
        for _ in 0..2 {
            let share = sandbox.rooms.share_of_nobody();
            share.wait_until_the_clock_stands();
            let state = CallState::unbound(Arc::new(Granted::catalog(limits)), share);
            let started = Live::start(&sandbox, &pre, state, Places::None).await;
            assert_eq!(started.err(), Some(PluginFailure::TimedOut));
        }
    }

    #[test]
    fn only_what_the_pool_refuses_is_the_components_fault() {
        let of = |error: wasmtime::Error| matches!(without_place(error), LoadRefused::NoPlace(_));
        let text = "memories count of 5 exceeds the limit of 4";
        assert!(of(wasmtime::Error::msg(text)));
        assert!(!of(wasmtime::Error::msg("something else")));
        for errno in [rustix::io::Errno::NOMEM, rustix::io::Errno::ACCESS] {
            assert!(!of(wasmtime::Error::from(errno)));
            assert!(!of(wasmtime::Error::from(errno).context(text)));
        }
        assert!(!of(wasmtime::Error::from(io::Error::other(text))));
    }
}
