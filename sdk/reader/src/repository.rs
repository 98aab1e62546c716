//! Runs secure repositories.
//!
//! A [`Repository`] is the component that was made for one persona on this machine, compiled. Each
//! title is opened in an instance of its own, a [`ProtectedTitle`], which sees the bytes of that
//! file and nothing else of the system. It gives out what the title says of itself, permissions,
//! and content once the right to view was exercised; keys stay within it.
//!
//! [`CountStore`] keeps what is counted and its witness. The runner holds the two ends of the
//! repository's promises that the repository cannot hold itself: it writes counts down before it
//! lets a right be used, and it tells the true time, place and revocation lists. Whoever replaces
//! the runner can lie about these; the keys he does not get from it.

mod activated;
mod bindings;
mod content;
mod count_store;
mod failure;
mod limits;
mod runtime;
mod title;

pub use activated::{Activated, ActivationRefused};
pub use content::ProtectedEntry;
pub use count_store::CountStore;
pub use failure::{RepositoryFailure, Story};
pub use runtime::{Device, Repository, Trust};
pub use title::{Circumstances, Described, Permission, ProtectedTitle};
