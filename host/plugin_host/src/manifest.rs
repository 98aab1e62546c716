//! What a plug-in asks for on paper, and what its host's operator grants.
//!
//! An author writes a [`Manifest`] (`plugin.toml`) beside the component, an operator a [`Grant`]
//! for it. Nothing is granted that is not asked for, and nothing that is asked for is left out in
//! silence: [`Manifest::permitted`] gives what both say, or names the line that the grant lacks.
//!
//! ```
//! use colophon_plugin_host::manifest::{Grant, Manifest};
//!
//! let manifest = Manifest::parse(
//!     r#"
//!     id = "acme-catalog"
//!     version = "1.4.0"
//!     api = "1.0"
//!     roles = ["resolver"]
//!     log = true
//!     [sql.statements.book_by_id]
//!     text = "select root, path from books where id_type = $1 and id = $2"
//!     params = ["text", "text"]
//!     max_rows = 1
//!     timeout_ms = 50
//!     "#,
//! )?;
//! let grant = Grant::parse(
//!     r#"
//!     plugin = "acme-catalog"
//!     log = true
//!     [sql]
//!     database = "sqlite:///srv/mapping.db"
//!     statements = ["book_by_id"]
//!     "#,
//! )?;
//! assert!(manifest.permitted(&grant)?.sql.is_some());
//!
//! let nothing = Grant::parse("plugin = \"acme-catalog\"")?;
//! let refused = manifest.permitted(&nothing).unwrap_err();
//! assert_eq!(refused.to_string(), "the grant lacks 'log = true', which the manifest asks for");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod asked;
mod granting;
mod heads;
mod narrowing;
mod permitting;
mod reading;
#[cfg(test)]
mod tests;
mod unasked;
mod warming;
mod within;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use colophon_core::capability::{
    AllowedAddress, FieldName, Name, PrivateNetworks, SecretUse, SqlStatement,
};

pub use self::heads::{TableHead, first_table};
pub use self::narrowing::{Narrowed, Part, Proposed, Unused};
pub use self::permitting::NotPermitted;
pub(crate) use self::reading::{FUEL_MAX, HOST_CALLS_MAX, MEMORY_BYTES_MAX, TIME_MS_MAX};
pub use self::reading::{Mend, Misplaced, PaperRefused};
pub use self::warming::WarmGrant;
pub use self::within::Wider;
pub use self::writing::NotWritten;
use crate::contract::Role;
use crate::limits::Limits;
use crate::warm::WarmTerms;

/// What an author says of a plug-in: who it is, what it plays, what it asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Its name, the same for all its versions; its values are kept under it.
    pub id: Name,
    /// Its version, as its author counts.
    pub version: String,
    /// The roles that the component exports.
    pub roles: BTreeSet<Role>,
    /// Whether it looks titles up in the center's catalog.
    pub catalog: bool,
    /// Whether it writes lines for the operator.
    pub log: bool,
    /// Keys of the values that it reads.
    pub config: BTreeSet<Name>,
    /// The secrets that it has put into requests, each bound to its place.
    pub secrets: BTreeMap<Name, SecretUse>,
    /// The statements that it runs.
    pub statements: BTreeMap<Name, SqlStatement>,
    /// The addresses that it asks.
    pub http: Vec<AllowedAddress>,
    /// What it keeps.
    pub kv: Option<KvTerms>,
    /// The limits that it needs to be others than usual.
    pub limits: SomeLimits,
    /// Whether its instances bear being used again: they neither keep what they must not, nor fill
    /// up.
    pub warm: bool,
}

/// What an operator grants to one plug-in.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// The plug-in it is for.
    pub plugin: Name,
    /// Whether it may look titles up.
    pub catalog: bool,
    /// Whether it may write lines.
    pub log: bool,
    /// The values that it may read.
    pub config: BTreeMap<Name, String>,
    /// The secrets that it may have put into requests, and where they may go.
    pub secrets: BTreeMap<Name, SecretGrant>,
    /// The mapping database, and the statements that it may run there.
    pub sql: Option<SqlGrant>,
    /// The addresses that it may ask.
    pub http: Vec<AllowedAddress>,
    /// Networks of one's own that some of those addresses may lead into.
    pub private: Vec<PrivateNetworks>,
    /// What it may keep.
    pub kv: Option<KvTerms>,
    /// How far its limits may go.
    pub limits: SomeLimits,
    /// How far its instances are used again.
    pub warm: Option<WarmGrant>,
}

/// A secret as an operator grants it: a new version of the plug-in that sends it elsewhere is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretGrant {
    /// The file with the secret.
    pub file: PathBuf,
    /// What the addresses begin with that it may be sent to.
    pub address: AllowedAddress,
    /// The field that it may stand in.
    pub field: FieldName,
}

/// A mapping database as an operator grants it.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlGrant {
    /// Where it is.
    pub database: DatabaseText,
    /// Names of the manifest's statements.
    pub statements: BTreeSet<Name>,
}

/// The address of a database, which may hold a password and is therefore never shown.
#[derive(Clone, PartialEq)]
pub struct DatabaseText(String);

impl DatabaseText {
    /// The address, for whoever opens the database.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseText")
    }
}

/// What may be kept, and whether it may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvTerms {
    /// Bytes of all keys and values.
    pub quota_bytes: u64,
    /// Whether values may be put and taken away, and not only read.
    pub write: bool,
}

/// Limits, where something is said of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SomeLimits {
    /// Bytes of linear memory.
    pub memory_bytes: Option<usize>,
    /// Time of one call, in milliseconds.
    pub time_ms: Option<u64>,
    /// Time of one host call, in milliseconds.
    pub host_call_ms: Option<u64>,
    /// Fuel of one call.
    pub fuel: Option<u64>,
    /// Host calls of one request.
    pub host_calls: Option<u32>,
}

/// What a plug-in may use: what its manifest asks for, all of which its operator grants.
#[derive(Debug, Clone, PartialEq)]
pub struct Permitted {
    /// Whose values and lines these are.
    pub plugin: Name,
    /// How much of everything.
    pub limits: Limits,
    /// Whether it may look titles up.
    pub catalog: bool,
    /// Whether it may write lines.
    pub log: bool,
    /// The values it may read, if it asks for any.
    pub config: Option<BTreeMap<Name, String>>,
    /// What it may keep.
    pub kv: Option<KvTerms>,
    /// The statements it may run, and where.
    pub sql: Option<SqlTerms>,
    /// What it may ask on the web.
    pub http: Option<HttpTerms>,
    /// How far its instances are used again.
    pub warm: Option<WarmTerms>,
}

/// The statements that a plug-in may run, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlTerms {
    /// Where the mapping database is.
    pub database: DatabaseText,
    /// The statements by name.
    pub statements: BTreeMap<Name, SqlStatement>,
}

/// What a plug-in may ask on the web.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpTerms {
    /// The addresses.
    pub allow: Vec<AllowedAddress>,
    /// Networks of the operator's own that some of them may lead into.
    pub private: Vec<PrivateNetworks>,
    /// The secrets that it may have put into requests.
    pub secrets: BTreeMap<Name, SecretTerms>,
}

/// A secret that a plug-in may have put into requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretTerms {
    /// The file with the secret.
    pub file: PathBuf,
    /// The one place that it goes to.
    pub bound: SecretUse,
}
