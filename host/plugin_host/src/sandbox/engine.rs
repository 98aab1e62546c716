//! The engine's settings, all of them in one place: compiled plug-ins are only good for an engine
//! that is set up the same.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroUsize;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy,
};

use crate::clock::Clock;
use crate::limits::Capacity;
use crate::warm::REST_PLACES;

/// Places in the pool; more than running and resting instances may take, since freeing one takes a
/// moment.
const PLACES: u32 = 512;
const _: () = assert!(Capacity::INSTANCES_MAX + REST_PLACES < PLACES as usize);

/// What one component may have. The pool has as much for each of its places, or a center whose
/// plug-in has the most would leave none of it to the others.
pub(crate) const CORE_INSTANCES_MAX: u32 = 64;
pub(crate) const MEMORIES_MAX: u32 = 4;
pub(crate) const TABLES_MAX: u32 = 8;

/// How much of an instance's memory and tables is cleared by writing, and stays with its place.
/// The rest is given back to the system, which costs a call and faults at the next use. A small
/// guest fits whole.
const KEPT_MEMORY_BYTES: usize = 64 << 10;
const KEPT_TABLE_BYTES: usize = 16 << 10;

/// How instances come by their memory. The code of a plug-in depends on it: with a pool, it need not
/// check what lies outside of the 4 GiB that a guest can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EngineMemory {
    Pooled,
    Frugal,
}

impl EngineMemory {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Pooled => 0,
            Self::Frugal => 1,
        }
    }

    pub(super) fn of_number(number: u8) -> Option<Self> {
        let mut all = [Self::Pooled, Self::Frugal].into_iter();
        all.find(|memory| memory.number() == number)
    }
}

/// Builds the engine with a pool of instances, or without where the system denies the pool its
/// address space (some 4 TiB, none of it memory until it is used).
pub(super) fn build() -> wasmtime::Result<(Engine, EngineMemory)> {
    let mut pooled = config();
    pooled.allocation_strategy(pool());
    match Engine::new(&pooled) {
        Ok(engine) => Ok((engine, EngineMemory::Pooled)),
        Err(error) => {
            tracing::warn!(
                cause = %error,
                "no address space for a pool of plug-in instances; each is set up on its own"
            );
            Ok((Engine::new(&frugal())?, EngineMemory::Frugal))
        }
    }
}

/// An engine that runs nothing and makes the same code as the one that does. It has no pool, which a
/// process with limits has no room for.
pub(super) fn for_compiling(memory: EngineMemory) -> wasmtime::Result<Engine> {
    match memory {
        EngineMemory::Pooled => {
            let mut config = config();
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            Engine::new(&config)
        }
        EngineMemory::Frugal => Engine::new(&frugal()),
    }
}

/// Makes native code of a component.
pub(super) fn native_code(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Vec<u8>> {
    engine.precompile_component(wasm)
}

/// Tells engines apart whose code is not good for each other.
pub(super) fn fingerprint(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// Sets every instance up on its own, and checks each access to memory instead of reserving the
/// 4 GiB that a guest could name.
fn frugal() -> Config {
    let mut config = config();
    config
        .allocation_strategy(InstanceAllocationStrategy::OnDemand)
        .memory_reservation(0)
        .memory_reservation_for_growth(1 << 20)
        .memory_guard_size(64 << 10);
    config
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .memory_init_cow(true)
        .concurrency_support(false)
        // Time is counted in epochs, work in fuel, which is the same on every machine.
        .epoch_interruption(true)
        .consume_fuel(true)
        .strategy(Strategy::Cranelift)
        .cranelift_nan_canonicalization(true)
        // What no plug-in needs cannot be used to break out. The build has `gc` and `threads`
        // compiled in, since without them it can be made to abort; they are off here.
        .wasm_relaxed_simd(false)
        .wasm_threads(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        // References to things of the host's need a heap, for which the pool has no place.
        .gc_support(false)
        .wasm_exceptions(false)
        .wasm_memory64(false)
        .wasm_stack_switching(false)
        // Host functions run on what the guest's stack leaves of the whole.
        .max_wasm_stack(512 << 10)
        .async_stack_size(2 << 20)
        .wasm_backtrace_max_frames(NonZeroUsize::new(16));
    config
}

fn pool() -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(PLACES)
        .total_core_instances(CORE_INSTANCES_MAX * PLACES)
        .total_memories(MEMORIES_MAX * PLACES)
        .total_tables(TABLES_MAX * PLACES)
        .total_stacks(PLACES)
        .total_gc_heaps(0)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_memories_per_module(1)
        .max_tables_per_module(TABLES_MAX)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        // The ceiling of every plug-in; the limits of each are tighter.
        .max_memory_size(256 << 20)
        .table_elements(50_000)
        .linear_memory_keep_resident(KEPT_MEMORY_BYTES)
        .table_keep_resident(KEPT_TABLE_BYTES)
        .max_unused_warm_slots(256)
        .decommit_batch_size(1)
        // May leak swapped-out pages of one instance into the next.
        .pagemap_scan(Enabled::No);
    InstanceAllocationStrategy::Pooling(pool)
}

/// Starts the one clock that advances the engine's epoch.
pub(super) fn clock(engine: &Engine) -> std::io::Result<Clock> {
    let engine = engine.weak();
    Clock::start(move || match engine.upgrade() {
        Some(engine) => {
            engine.increment_epoch();
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compiles_makes_code_for_what_runs() {
        let (engine, memory) = build().unwrap();
        let compiles = for_compiling(memory).unwrap();
        assert_eq!(fingerprint(&compiles), fingerprint(&engine));
        let other = match memory {
            EngineMemory::Pooled => EngineMemory::Frugal,
            EngineMemory::Frugal => EngineMemory::Pooled,
        };
        let other = for_compiling(other).unwrap();
        assert_ne!(fingerprint(&other), fingerprint(&engine));
    }

    #[test]
    fn a_machine_short_of_address_space_has_an_engine_too() {
        assert!(Engine::new(&frugal()).is_ok());
    }
}
