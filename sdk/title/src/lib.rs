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
//! ```
//! use std::io::Cursor;
//!
//! use colophon_crypto::{Key32, Portable, Randomness};
//! use colophon_title::source::{Limits, Source};
//! use colophon_title::*;
//!
//! # struct Dice(u8);
//! # impl Randomness for Dice {
//! #     fn fill(&mut self, out: &mut [u8]) {
//! #         for byte in out {
//! #             self.0 = self.0.wrapping_mul(5).wrapping_add(7);
//! #             *byte = self.0;
//! #         }
//! #     }
//! # }
//! # let mut random = Dice(4);
//! // Once per title version: inspect a source and seal it.
//! let text = Cursor::new("It was a dark and stormy night.");
//! let media_type = MediaType::parse("text/plain")?;
//! let mut source = Source::inspect(text, &media_type, "night.txt", &Limits::default())?;
//! let key = ContentKey::generate(&mut random);
//! let terms = SealTerms {
//!     version: VersionId::generate(&mut random),
//!     salt: VersionSalt::generate(&mut random),
//!     key: &key,
//!     form: Form::Sealed,
//!     metadata: &Metadata {
//!         book_id: "9780000000019".to_owned(),
//!         book_id_type: "ISBN".to_owned(),
//!         title: source.description().title.clone(),
//!         authors: vec!["Edward B.".to_owned()],
//!         publisher: None,
//!         language: None,
//!         copyright: None,
//!         media_type: source.media_type().clone(),
//!         cover: None,
//!         required_signatures: SignerRoles::default(),
//!     },
//!     signers: &[],
//!     issued_at_unix_s: 1_767_323_045,
//! };
//! let mut at_rest = Cursor::new(Vec::new());
//! let no_progress = &mut |_| ();
//! seal(&Portable, &mut random, &mut source, &terms, &mut at_rest, no_progress)?;
//!
//! // Once per copy: only the tail is new.
//! let title = StoredTitle::read(&Portable, &mut at_rest)?;
//! let copy_key = CopyKey::new(Key32::new([1; 32]));
//! let purchase: [&[u8]; 5] = [b"main", b"shop", b"order 17", b"9780000000019", b"ISBN"];
//! let terms = CopyTerms {
//!     level: Level::IndividuallySealed,
//!     bookplate: Some("Paul C."),
//!     copy_id: CopyId::of(&Portable, &copy_key, &purchase),
//!     issued_at_unix_s: 1_767_323_045,
//!     signers: &[],
//!     license: None,
//! };
//! let tail = personalize(&Portable, &title, &key, &terms)?;
//! let mut copy = at_rest.into_inner();
//! copy.truncate(title.prefix_length() as usize);
//! copy.extend_from_slice(&tail.bytes);
//!
//! // At the reader.
//! let mut opened = OpenTitle::open(&Portable, Cursor::new(copy), &TrustRoots::new())?;
//! assert_eq!(opened.bookplate().map(|bookplate| bookplate.owner.as_str()), Some("Paul C."));
//! let mut text = Cursor::new(Vec::new());
//! opened.write_publication(&mut text)?;
//! assert_eq!(text.into_inner(), b"It was a dark and stormy night.");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is left to others: files and networks (everything is read through
//! [`Read`](std::io::Read) and [`Seek`](std::io::Seek)), the clock, chance, where keys are
//! kept, and which level a buyer gets. A copy at level 1 is the source itself and has nothing
//! to do with this crate.

mod bookplate;
pub mod container;
mod container_xml;
mod content;
mod dsig;
mod encryption;
mod etag;
mod group;
mod ids;
mod inflate;
mod keys;
mod level;
pub mod license;
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
pub use ids::{CopyId, MalformedVersionId, VersionId, VersionSalt};
pub use keys::{ContentKey, CopyKey, PROFILE};
pub use level::{Form, Level};
pub use media_type::{MalformedMediaType, MediaType};
pub use metadata::{Metadata, MetadataRefused};
pub use open::{AdoptionError, EntryReader, LockedTitle, OpenTitle, PublicationError};
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
