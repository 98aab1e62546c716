//! Runs the fulfillment centers' plug-ins in a WebAssembly sandbox.
//!
//! This is the only host crate that knows wasmtime. It keeps core's [`Plugins`] port: a request
//! [begins](Registry) with one generation of its center's chain of plug-ins, each component gets a
//! fresh instance on its first call, and the instance is gone when the request is, unless it may be
//! [used again](WarmTerms). A plug-in has
//! no ambient authority: what it can call is what it was [granted](Granted), bound to its own
//! center. Time, fuel, memory, stack, host calls and what it may hand over are [limited](Limits);
//! every failure says [who has to mend it](colophon_core::plugin::Blame).
//!
//! What plug-ins answer is held against the contract in `wit/1.0` here. Whether a path may be
//! used or a level exists is core's to say.
//!
//! ```no_run
//! # async fn start(catalog: std::sync::Arc<dyn colophon_core::ports::Catalog>)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! use colophon_plugin_host::{CATALOG_PLUGIN, Granted, Limits, Registry, Sandbox, Settings};
//!
//! let sandbox = Sandbox::start(&Settings::default())?;
//! let built_in = sandbox.load(CATALOG_PLUGIN, Granted::catalog(Limits::default())).await?;
//! let plugins = Registry::new(sandbox, catalog, vec![built_in]);
//! # Ok(()) }
//! ```
//!
//! [`Plugins`]: colophon_core::plugin::Plugins

// What tests from outside share with those inside names the crate as they do.
#[cfg(test)]
extern crate self as colophon_plugin_host;

pub mod bench;
mod bindings;
mod call;
mod chain;
mod clock;
mod contract;
mod digested;
mod generation;
mod granted;
mod host_calls;
mod limits;
mod lines;
pub mod manifest;
mod observation;
mod record;
mod registry;
mod replay;
mod rooms;
mod sandbox;
mod share;
mod state;
mod used;
mod waiting;
mod warm;

pub use chain::{Asked, Chain, FollowedCall, Follower, Place};
pub use contract::{CONTRACT, Capability, Role};
pub use digested::Digested;
pub use generation::{Description, Generation, LoadRefused};
pub use granted::{Granted, GrantedStatements, GrantedValues, Services};
pub use limits::{Capacity, Limits};
pub use lines::{Line, LineLevel, LineQueue, Lines};
pub use record::{Decided, MalformedRecord, NotReplayable, RECORD_BYTES_MAX, Record, Recorder};
pub use registry::Registry;
pub use replay::{Divergence, HostQuestion, Replay, Shadow};
pub use sandbox::{
    ChildFailed, CompileLimits, CompilerFailed, CompilerProgram, FolderRefused, PrecompiledFolder,
    Sandbox, Settings, StartFailed, TooMuch, compile_for_parent,
};
pub use used::{Use, Used};
pub use warm::{Chance, WarmTerms};

/// The catalog plug-in, which a center has unless it brings its own.
pub const CATALOG_PLUGIN: &[u8] = include_bytes!(env!("COLOPHON_CATALOG_PLUGIN"));
