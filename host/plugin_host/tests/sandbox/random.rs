//! Components by chance: each is loaded or refused by name, and none makes the host panic.
//!
//! `COLOPHON_COMPONENTS=100000` tries more of them than the usual 2,000.

use std::collections::BTreeMap;
use std::sync::Arc;

use arbitrary::Unstructured;
use colophon_core::plugin::{Blame, ResolverAnswer};
use colophon_forge::Seeded;
use colophon_plugin_host::{Chain, Granted, Limits, LoadRefused, Registry, Sandbox};
use wasm_smith::{Component, Config, Module};

use crate::guest::{resolver_that_first, with_modules};
use crate::length::tries;
use crate::world::{Shelf, resolve, sandbox};

/// Ways to make a component out of chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// A component of any shape.
    Any,
    /// A whole plug-in, beside whose own module another is started.
    Beside,
    /// A whole plug-in with some of its bytes changed.
    Damaged,
}

/// What became of the components of one way.
#[derive(Debug, Default)]
struct Tally {
    made: usize,
    /// Taken in by the compiler, whatever was wrong with them afterwards.
    compiled: usize,
    loaded: usize,
    refused: BTreeMap<&'static str, usize>,
}

/// Most of what is switched off here is left out, or hardly anything would be compiled.
fn config(number: usize) -> Config {
    let plain = Config {
        compact_imports_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        reference_types_enabled: false,
        relaxed_simd_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        max_memory32_bytes: 16 << 20,
        max_table_elements: 10_000,
        ..Config::default()
    };
    match number % 8 {
        0 => Config::default(),
        1 => Config {
            reference_types_enabled: true,
            max_memory32_bytes: 1 << 32,
            max_memories: 4,
            max_tables: 6,
            max_table_elements: 1_000_000,
            ..plain
        },
        2 => Config {
            min_funcs: 1,
            max_imports: 0,
            max_instructions: 1000,
            ..plain
        },
        _ => Config {
            max_imports: 0,
            ..plain
        },
    }
}

fn chance(seed: u64) -> (Seeded, Vec<u8>) {
    let mut random = Seeded(seed);
    let length = 64 + random.below(4096);
    let bytes = (0..length).map(|_| random.below(256) as u8).collect();
    (random, bytes)
}

/// The component of a number, always the same; none if chance made none.
fn made(way: Way, number: usize, whole: &[u8]) -> Option<Vec<u8>> {
    let (mut random, bytes) = chance(number as u64);
    let mut bytes = Unstructured::new(&bytes);
    match way {
        Way::Any => {
            let component = Component::new(config(number), &mut bytes).ok()?;
            Some(component.to_bytes())
        }
        Way::Beside => {
            let config = Config {
                max_imports: 0,
                ..config(number)
            };
            let module = Module::new(config, &mut bytes).ok()?.to_bytes();
            Some(with_modules(whole.to_vec(), [module.as_slice()]))
        }
        Way::Damaged => {
            let mut damaged = whole.to_vec();
            for _ in 0..=random.below(2) {
                let at = random.below(damaged.len());
                match random.below(16) {
                    0 => drop(damaged.remove(at)),
                    1 => damaged.insert(at, random.below(256) as u8),
                    2..=8 => damaged[at] ^= 1 << random.below(8),
                    _ => damaged[at] = random.below(256) as u8,
                }
            }
            Some(damaged)
        }
    }
}

fn granted() -> Granted {
    Granted::catalog(Limits {
        fuel: 100_000,
        ..Limits::default()
    })
}

/// What a refusal is called, and whether the compiler had taken the component in.
fn kind(refused: &LoadRefused) -> (&'static str, bool) {
    match refused {
        LoadRefused::TooLarge { .. } => ("too large", false),
        LoadRefused::Precompiled => ("precompiled", false),
        LoadRefused::NotAComponent(_) => ("not a component", false),
        LoadRefused::NoPlace(_) => ("no place", false),
        LoadRefused::BreaksCompiler => ("breaks the compiler", false),
        LoadRefused::TooCostly(_) => ("too costly", false),
        LoadRefused::NotCompiled(_) => ("not compiled", false),
        LoadRefused::UnknownImport { .. } => ("unknown import", true),
        LoadRefused::NotGranted { .. } => ("not granted", true),
        LoadRefused::Mismatch { .. } => ("mismatch", true),
        LoadRefused::UnknownExport { .. } => ("unknown export", true),
        LoadRefused::NotDescribed => ("not described", true),
        LoadRefused::NoRole => ("no role", true),
        LoadRefused::Failed(failure) => (failure.kind(), true),
        LoadRefused::SelfTest { .. } => ("self-test", true),
    }
}

/// Loads every component of one way up to a number, and asks those that load.
async fn tried(sandbox: &Arc<Sandbox>, way: Way, count: usize, whole: &Arc<Vec<u8>>) -> Tally {
    let mut tally = Tally::default();
    for number in 0..count {
        let Some(component) = made(way, number, whole) else {
            continue;
        };
        tally.made += 1;
        let own = Arc::clone(sandbox);
        // A task of its own, so that a panic is seen here with the number that it came of.
        let loading = tokio::spawn(async move { own.load(&component, granted()).await });
        let loaded = match loading.await {
            Ok(loaded) => loaded,
            Err(panicked) => panic!("{way:?} {number}: {panicked}"),
        };
        match loaded {
            Ok(loaded) => {
                tally.compiled += 1;
                tally.loaded += 1;
                let own = Arc::clone(sandbox);
                let plugins = Registry::new(own, Arc::new(Shelf::empty()), Chain::from([loaded]));
                let answer = resolve(&plugins, "north", "1").await;
                if let Err(failure) = answer {
                    assert_eq!(failure.blame(), Blame::Plugin, "{way:?} {number}");
                }
            }
            Err(refused) => {
                // A panic below host code would be caught and laid on the host.
                if let LoadRefused::Failed(failure) = &refused {
                    let blame = failure.blame();
                    assert_eq!(blame, Blame::Plugin, "{way:?} {number}: {failure:?}");
                }
                // Neither the compiler nor the host may panic over any of them.
                let panicked = matches!(
                    refused,
                    LoadRefused::BreaksCompiler | LoadRefused::NotCompiled(_)
                );
                assert!(!panicked, "{way:?} {number}: {refused:?}");
                let (kind, compiled) = kind(&refused);
                assert!(!refused.to_string().is_empty());
                tally.compiled += usize::from(compiled);
                *tally.refused.entry(kind).or_default() += 1;
            }
        }
    }
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_components_by_chance_are_loaded_or_refused_by_name() {
    let count = tries("COLOPHON_COMPONENTS", 2000);
    let sandbox = sandbox();
    let whole = Arc::new(resolver_that_first(""));
    let share = |way, count| {
        let (sandbox, whole) = (Arc::clone(&sandbox), Arc::clone(&whole));
        tokio::spawn(async move { tried(&sandbox, way, count, &whole).await })
    };
    let (any, beside) = (count / 2, count * 2 / 5);
    let running = [
        share(Way::Any, any),
        share(Way::Beside, beside),
        share(Way::Damaged, count - any - beside),
    ];
    let [any, beside, damaged] = running;
    let any = any.await.expect("no panic");
    let beside = beside.await.expect("no panic");
    let damaged = damaged.await.expect("no panic");
    for (way, tally) in [
        (Way::Any, &any),
        (Way::Beside, &beside),
        (Way::Damaged, &damaged),
    ] {
        println!("{way:?}: {tally:?}");
    }
    assert!(any.made + beside.made + damaged.made >= count * 9 / 10);
    // Chance gets past the first look: much of it is compiled, started and called.
    assert!(any.compiled * 10 >= any.made, "{any:?}");
    assert!(beside.compiled * 2 >= beside.made, "{beside:?}");
    assert!(beside.loaded * 4 >= beside.made, "{beside:?}");
    assert!(beside.refused.contains_key("trapped"), "{beside:?}");
    assert!(damaged.loaded > 0, "{damaged:?}");
    assert!(damaged.refused.len() >= 2, "{damaged:?}");
    let good = sandbox.load(&whole, granted()).await.expect("it loads");
    let plugins = Registry::new(sandbox, Arc::new(Shelf::empty()), [good]);
    let answer = resolve(&plugins, "south", "1").await;
    assert_eq!(answer, Ok(ResolverAnswer::NotMine));
}
