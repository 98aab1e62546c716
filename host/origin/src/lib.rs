//! Content stores: where title files live, and the memory cache they are served from.
//!
//! [`DirectoryStore`] keeps objects as files below configured root directories; it opens them for
//! reading, takes in new ones atomically, and lists them. [`CachedOrigin`] is what the download
//! flow sees: it loads popular objects into memory once, checks them against the catalog, parses
//! them, and reads large ones from disk as they are asked for.
//!
//! This crate knows nothing of receipts, levels or buyers, holds no content key, and decides
//! nothing: the catalog says which bytes are right, and this crate serves those or says why not.

mod beneath;
mod cache;
mod content;
mod counts;
mod directory;
mod listing;
mod load;
pub mod memory;
mod reachability;
mod resident;
mod staged;
mod stored_file;
mod verdicts;
mod workers;
mod write_behind;

pub use cache::{CacheSettings, CachedOrigin};
pub use counts::CacheCounts;
pub use directory::{DirectoryStore, OpenError};
pub use listing::{Listing, StoredObject};
pub use staged::{StageError, Staged};
pub use stored_file::{ReadError, StoredFile};
