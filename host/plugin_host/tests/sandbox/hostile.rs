//! Guests that mean harm, by what they do. Each gets what its row says, in words that its author can
//! use; nothing that it took stays taken, and whoever shares the sandbox with it is served.

mod bytes;
mod floods;
mod giants;
mod handles;
mod loops;
mod memory;
mod paths;
mod shapes;
mod stack;
mod traps;
mod waiting;

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use colophon_core::plugin::{Blame, PluginFailure, ResolverAnswer};
use colophon_plugin_host::{
    Asked, Capacity, FollowedCall, Follower, Generation, Granted, Limits, LoadRefused, Registry,
    Sandbox, Settings,
};
use tokio::time::timeout;

use crate::guest::resolver;
use crate::world::{Shelf, center, resolve};

/// Nothing takes so long but a guest that is not stopped at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// A guest that loads, and what it gets whenever it is called.
struct Row<'a> {
    name: &'a str,
    guest: Vec<u8>,
    granted: Granted,
    gets: Gets,
    /// What its author reads.
    says: &'a str,
}

/// How a call ends.
#[derive(Debug, Clone, Copy)]
enum Gets {
    OutOfFuel,
    TimedOut,
    Limit(&'static str),
    /// A trap in this function.
    Trap(&'static str),
    Unusable,
    Reported,
    HostUnavailable,
}

impl Gets {
    fn is(self, failure: &PluginFailure) -> bool {
        match (self, failure) {
            (Self::Limit(wanted), PluginFailure::LimitReached { limit }) => wanted == *limit,
            (Self::Trap(wanted), PluginFailure::Trapped { function, .. }) => wanted == *function,
            (Self::OutOfFuel, PluginFailure::OutOfFuel)
            | (Self::TimedOut, PluginFailure::TimedOut)
            | (Self::Unusable, PluginFailure::Unusable { .. })
            | (Self::Reported, PluginFailure::Reported { .. })
            | (Self::HostUnavailable, PluginFailure::HostUnavailable) => true,
            _ => false,
        }
    }

    fn blame(self) -> Blame {
        match self {
            Self::HostUnavailable => Blame::Host,
            Self::OutOfFuel
            | Self::TimedOut
            | Self::Limit(_)
            | Self::Trap(_)
            | Self::Unusable
            | Self::Reported => Blame::Plugin,
        }
    }

    /// The failure is this one, is blamed on whom it should be, and says what happened.
    #[track_caller]
    fn holds(self, name: &str, failure: &PluginFailure, says: &str) {
        assert!(self.is(failure), "{name}: {failure:?} and not {self:?}");
        assert_eq!(failure.blame(), self.blame(), "{name}");
        assert!(failure.to_string().contains(says), "{name}: {failure}");
    }
}

/// A plug-in that is not loaded, and what its author is told.
struct Refused<'a> {
    name: &'a str,
    guest: Vec<u8>,
    granted: Granted,
    because: Because,
    says: &'a str,
}

/// Why it is not loaded.
#[derive(Debug, Clone, Copy)]
enum Because {
    TooLarge,
    Precompiled,
    NotAComponent,
    NoPlace,
    UnknownImport,
    NotGranted,
    Mismatch,
    UnknownExport,
    NotDescribed,
    NoRole,
    Failed(Gets),
    SelfTest,
}

impl Because {
    fn is(self, refused: &LoadRefused) -> bool {
        match (self, refused) {
            (Self::Failed(gets), LoadRefused::Failed(failure)) => {
                gets.is(failure) && gets.blame() == failure.blame()
            }
            (Self::TooLarge, LoadRefused::TooLarge { .. })
            | (Self::Precompiled, LoadRefused::Precompiled)
            | (Self::NotAComponent, LoadRefused::NotAComponent(_))
            | (Self::NoPlace, LoadRefused::NoPlace(_))
            | (Self::UnknownImport, LoadRefused::UnknownImport { .. })
            | (Self::NotGranted, LoadRefused::NotGranted { .. })
            | (Self::Mismatch, LoadRefused::Mismatch { .. })
            | (Self::UnknownExport, LoadRefused::UnknownExport { .. })
            | (Self::NotDescribed, LoadRefused::NotDescribed)
            | (Self::NoRole, LoadRefused::NoRole)
            | (Self::SelfTest, LoadRefused::SelfTest { .. }) => true,
            _ => false,
        }
    }
}

/// What calls took, as the sandbox reports it.
#[derive(Default)]
struct Taken(Mutex<Vec<(u64, usize, usize)>>);

impl Follower for Taken {
    fn followed(&self, call: &FollowedCall<'_>) {
        let taken = (call.fuel, call.memory_bytes, call.host_calls);
        self.0.lock().expect("nobody panics").push(taken);
    }
}

/// A host with one place for each center, so that a place that is not given back is missed at once,
/// and a neighbor who has done nothing.
struct House {
    sandbox: Arc<Sandbox>,
    neighbor: Arc<Generation>,
}

impl House {
    async fn open() -> Self {
        let settings = Settings {
            capacity: Capacity {
                instances: 2,
                instances_per_center: 1,
            },
            ..Settings::default()
        };
        let sandbox = Sandbox::start(&settings).expect("a sandbox");
        let neighbor = sandbox.load(&neighbor(), plain()).await.expect("it loads");
        Self { sandbox, neighbor }
    }

    fn plugins(&self, shelf: Shelf) -> Registry {
        let neighbor = Arc::clone(&self.neighbor);
        Registry::new(Arc::clone(&self.sandbox), Arc::new(shelf), [neighbor])
    }

    /// The guest gets what its row says, again and again, and takes no more than it may.
    async fn stops(&self, row: Row<'_>) {
        self.stops_beside(row, Shelf::empty()).await;
    }

    async fn stops_beside(&self, row: Row<'_>, shelf: Shelf) {
        let name = row.name;
        let limits = row.granted.limits;
        let loaded = match self.sandbox.load(&row.guest, row.granted).await {
            Ok(loaded) => loaded,
            Err(refused) => panic!("{name}: {}", whole(&refused)),
        };
        let taken = Arc::new(Taken::default());
        let plugins = self.plugins(shelf);
        let followed = Asked::followed_by(loaded, taken.clone());
        plugins.publish(&center("north"), [followed]);
        for _ in 0..3 {
            let Ok(answer) = timeout(PATIENCE, resolve(&plugins, "north", "1")).await else {
                panic!("{name}: it was not stopped")
            };
            match answer {
                Ok(answer) => panic!("{name}: {answer:?}"),
                Err(failure) => row.gets.holds(name, &failure, row.says),
            }
            self.serves_the_neighbor(name, &plugins).await;
        }
        let taken = taken.0.lock().expect("nobody panics");
        assert_eq!(taken.len(), 3, "{name}");
        for (fuel, memory_bytes, host_calls) in taken.iter() {
            assert!(*fuel <= limits.fuel, "{name}: {fuel} of fuel");
            assert!(
                *memory_bytes <= limits.memory_bytes,
                "{name}: {memory_bytes} bytes"
            );
            let host_calls_max = limits.host_calls as usize;
            assert!(*host_calls <= host_calls_max, "{name}: {host_calls} calls");
        }
    }

    /// The plug-in is not loaded, for the reason that its row says, and the next one is.
    async fn refuses(&self, row: Refused<'_>) {
        let name = row.name;
        let loading = self.sandbox.load(&row.guest, row.granted);
        let Ok(loaded) = timeout(PATIENCE, loading).await else {
            panic!("{name}: it was not stopped")
        };
        let Err(refused) = loaded else {
            panic!("{name}: it was loaded")
        };
        let told = whole(&refused);
        assert!(row.because.is(&refused), "{name}: {told}");
        assert!(told.contains(row.says), "{name}: {told}");
        self.serves_the_neighbor(name, &self.plugins(Shelf::empty()))
            .await;
        let next = self.sandbox.load(&neighbor(), plain()).await;
        assert!(next.is_ok(), "{name}: nothing is loaded after it");
    }

    async fn serves_the_neighbor(&self, name: &str, plugins: &Registry) {
        let answer = resolve(plugins, "south", "1").await;
        let Ok(ResolverAnswer::Found(place)) = answer else {
            panic!("{name}: the neighbor got {answer:?}")
        };
        assert_eq!(place.path, "own/place", "{name}");
    }
}

/// Finds everything at `own/place`.
fn neighbor() -> Vec<u8> {
    resolver(
        r#"(data (i32.const 3100) "own/place")
           (func $resolve (param i32) (result i32)
             (call $found (i32.const 3100) (i32.const 9)))"#,
    )
}

/// What a plug-in has that asks for nothing but the catalog.
fn plain() -> Granted {
    Granted::catalog(Limits::default())
}

/// The same with so much fuel.
fn with_fuel(fuel: u64) -> Granted {
    Granted::catalog(Limits {
        fuel,
        ..Limits::default()
    })
}

/// An error with its causes, as an author reads it.
fn whole(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", whole(source)),
        None => error.to_string(),
    }
}
