//! Writes Colophon plug-ins in Rust.
//!
//! A plug-in is a WebAssembly component that plays one or more of four roles for a fulfillment
//! center: a [`Resolver`] finds where a title lives, a [`Policy`] decides whether a sale may be
//! served, a [`Naming`] names the downloaded file, a [`Retailers`] tells whose id a receipt
//! claims. Implement the traits of the roles it plays,
//! [`Plugin`] for what all share, and [`export!`] them:
//!
//! ```
//! use colophon_plugin::{Attributes, Context, Failure, Naming, Plugin};
//!
//! struct Shouting;
//!
//! impl Plugin for Shouting {}
//!
//! impl Naming for Shouting {
//!     fn file_name(_: Context, facts: Attributes) -> Result<String, Failure> {
//!         let title = facts.iter().find(|(name, _)| name == "title");
//!         let (_, title) = title.ok_or(Failure::Invalid("no title".into()))?;
//!         Ok(title.to_uppercase())
//!     }
//! }
//!
//! colophon_plugin::export!(Shouting: naming);
//! ```
//!
//! Built for `wasm32-wasip2` as a `cdylib`, this is a component ready to be loaded. On any other
//! target it is ordinary Rust, so that rules are tested with `cargo test`; only calls into the
//! host panic there.
//!
//! # What it can ask of the host
//!
//! | module | what for | the manifest asks for it by |
//! |---|---|---|
//! | [`catalog`] | look a title up in the center's catalog | `catalog = true` |
//! | [`config`] | values that the operator has set | `config = ["zone"]` |
//! | [`sql`] | the center's own mapping database | `[sql.statements.book_by_id]` |
//! | [`http`] | services on the web | `http.allow = ["https://api.example/v1/"]` |
//! | [`kv`] | small values that outlive a request | `kv.quota = "64KiB"` |
//! | [`log`] | lines for the operator | `log = true` |
//!
//! The operator grants what the manifest asks for (`MANIFEST.md` beside this crate has both
//! papers); a component that imports more is not loaded.
//! Keep what decides in functions of plain values and call the host around them: then the rules
//! are tested without a host.
//!
//! What each type and limit means is documented in the contract itself, `wit/1.0`; its comments
//! are repeated on the generated types here.
//!
//! # Without the standard library
//!
//! The standard library imports a good part of WASI whether it is used or not, and a host links
//! none of it. A plug-in is therefore `no_std` with `alloc`, and takes the feature `lean`, which
//! supplies the allocator and the panic handler. With the feature `panic-log` a panic writes its
//! message for the operator before it traps; every component then imports [`log`], so its manifest
//! has to say `log = true`.
//!
//! ```text
//! #![cfg_attr(target_family = "wasm", no_std)]
//! extern crate alloc;
//! ```

#![no_std]

extern crate alloc;

mod bindings;
mod export;
#[cfg(all(feature = "lean", target_family = "wasm"))]
mod lean;
#[cfg(all(feature = "panic-log", target_family = "wasm"))]
mod panicking;

use alloc::string::String;
use alloc::vec::Vec;

pub use bindings::host::colophon::host::{catalog, config, http, kv, log, sql};
pub use bindings::host::colophon::types::common::{
    Attributes, Book, Context, Failure, Location, Money, Reason,
};
pub use bindings::naming::exports::colophon::naming::naming::Guest as Naming;
pub use bindings::policy::exports::colophon::policy::policy::{
    Guest as Policy, Offer, Outcome, Terms, Verdict,
};
pub use bindings::resolver::exports::colophon::resolver::resolver::{Answer, Guest as Resolver};
pub use bindings::retailers::exports::colophon::retailers::retailers::{
    Answer as RetailerAnswer, Entry as RetailerEntry, Guest as Retailers, Inquiry,
};

/// This SDK and its version, as plug-ins report it.
pub const SDK: &str = concat!("colophon-plugin ", env!("CARGO_PKG_VERSION"));

/// The version of the contract that this SDK speaks.
pub const CONTRACT: &str = "1.0.0";

/// What every plug-in says of itself beyond name and version, which [`export!`] takes from the
/// plug-in's `Cargo.toml`.
pub trait Plugin {
    /// Names of the capabilities it needs.
    fn needs() -> Vec<String> {
        Vec::new()
    }

    /// Checks the plug-in's own rules on examples; an error keeps it from being loaded. Calls into
    /// the host fail as unavailable here, and nothing is set in [`config`].
    ///
    /// # Errors
    /// What went wrong, for the plug-in's author.
    fn self_test() -> Result<(), String> {
        Ok(())
    }
}

/// What [`export!`] expands to refers to.
#[doc(hidden)]
pub mod exported {
    pub use alloc::string::String;
    pub use alloc::vec::Vec;

    pub use crate::bindings::meta::exports::colophon::meta::plugin::{Guest as Meta, Info};
    pub use crate::bindings::{meta, naming, policy, resolver, retailers};
}
