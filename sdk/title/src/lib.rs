//! The title file: a container that keeps digital content encrypted, bound to its metadata
//! and, copy by copy, to its buyer.
//!
//! `SPEC.md` beside this crate is the normative description. In short: a title file is a ZIP
//! archive whose *prefix* is one byte string for all copies of a title version and whose
//! *tail*, a few kilobytes, is made per copy.
//!
//! - [`seal()`] makes a title file at rest out of an inspected [`Source`](source::Source).
//! - [`StoredTitle`] is such a file, parsed once; [`personalize()`] makes the tail of a copy.
//! - [`OpenTitle`] is the reader's side: it checks, decrypts and gives the publication back.
//!
//! What is left to others: files and networks (everything is read through
//! [`Read`](std::io::Read) and [`Seek`](std::io::Seek)), the clock, chance, where keys are
//! kept, and which level a buyer gets. A copy at level 1 is the source itself and has nothing
//! to do with this crate.

mod bookplate;
pub mod container;
mod container_xml;
mod content;
mod encryption;
mod etag;
mod inflate;
mod keys;
mod level;
mod media_type;
mod metadata;
mod names;
mod open;
mod path;
mod personalize;
mod progress;
mod protection;
mod refused;
mod seal;
mod segment;
pub mod signature;
pub mod source;
mod stored;
mod structure;
mod tail;
pub mod trust;
mod validation;
pub mod xml;

pub use bookplate::Bookplate;
pub use etag::etag;
pub use keys::{ContentKey, CopyId, CopyKey, MalformedVersionId, PROFILE, VersionId, VersionSalt};
pub use level::{Form, Level};
pub use media_type::{MalformedMediaType, MediaType};
pub use metadata::{Metadata, MetadataRefused};
pub use open::{EntryReader, OpenTitle, PublicationError};
pub use path::{EntryPath, PathRefused};
pub use personalize::{CopyTerms, PersonalizeError, Tail, personalize};
pub use progress::Progress;
pub use refused::TitleRefused;
pub use seal::{SealError, SealTerms, SealedFile, seal};
pub use signature::{
    SignatureReport, SignatureStatus, Signer, SignerRole, SignerRoles, SigningFailed,
};
pub use stored::StoredTitle;
pub use trust::TrustRoots;
