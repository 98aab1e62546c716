//! What the catalog knows of a title.

use std::fmt;
use std::sync::Arc;

use colophon_receipt::{BookId, BookIdType, CenterId, Currency};
use colophon_title::{Level, MediaType, SignerRoles, VersionId};
use thiserror::Error;

use crate::id::{RowVersion, TitleId};
use crate::title_rights::TitleRights;

/// A Book ID together with its type: what a retailer names a title by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Book {
    /// `ISBN`, `DOI`, `PATH` and so on; compared byte for byte.
    pub id_type: BookIdType,
    /// The id within that type.
    pub id: BookId,
}

/// A relative path of plain segments, the only kind that names an object in a content store.
///
/// Segments are separated by `/`; none is empty, `.` or `..`, and none holds a control
/// character, a backslash or a colon.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectPath(Arc<str>);

/// Why a text is not an [`ObjectPath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathRefused {
    /// Empty, or longer than 1024 bytes.
    #[error("a path has 1 to 1024 bytes")]
    Length,
    /// Starts with `/`, or has an empty, `.` or `..` segment.
    #[error("a path is relative and has no empty, '.' or '..' segment")]
    Segment,
    /// Holds a control character, a backslash or a colon.
    #[error("a path holds no control character, backslash or colon")]
    Character,
}

impl ObjectPath {
    /// Accepts a relative path that cannot leave the root it is joined to.
    pub fn parse(text: &str) -> Result<Self, PathRefused> {
        if text.is_empty() || text.len() > 1024 {
            return Err(PathRefused::Length);
        }
        if text
            .chars()
            .any(|c| c.is_control() || c == '\\' || c == ':')
        {
            return Err(PathRefused::Character);
        }
        if text
            .split('/')
            .any(|segment| matches!(segment, "" | "." | ".."))
        {
            return Err(PathRefused::Segment);
        }
        Ok(Self(text.into()))
    }

    /// The path as text, segments separated by `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectPath({})", self.0)
    }
}

/// The name of a configured content-store root: `[a-z0-9-]{1,63}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreRoot(Arc<str>);

impl StoreRoot {
    /// Accepts a slug of 1 to 63 characters.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let fits = (1..=63).contains(&text.len()) && text.chars().all(plain);
        fits.then(|| Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a title lives: a content-store root and the title's folder below it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    /// The content-store root, by its configured name.
    pub root: StoreRoot,
    /// The title's folder below the root; its forms are objects in it.
    pub path: ObjectPath,
}

/// One stored file of a title, as it is kept in the content store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredForm {
    /// The title version in it; random for every ingest, so it also names the bytes.
    pub version: VersionId,
    /// The object below the title's root.
    pub object: ObjectPath,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of the whole stored file.
    pub sha256: [u8; 32],
}

/// The forms a title is kept in; which of them exist decides at which levels it can be sold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forms {
    /// The source itself, for level 1.
    pub clear: Option<StoredForm>,
    /// Encrypted, sealed at delivery, for levels 2 and 3.
    pub sealed: Option<StoredForm>,
    /// Encrypted under a key of its own, licensed at delivery, for level 5.
    pub licensed: Option<StoredForm>,
}

impl Forms {
    /// The form that a copy at `level` is made of.
    pub fn at(&self, level: Level) -> Option<&StoredForm> {
        match level {
            Level::Clear => self.clear.as_ref(),
            Level::SourceSealed | Level::IndividuallySealed => self.sealed.as_ref(),
            Level::FullyIndividualized => self.licensed.as_ref(),
        }
    }
}

/// An amount in the minor unit of its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Money {
    /// Minor units (cents, yen), never negative.
    pub minor: u64,
    /// ISO 4217 code.
    pub currency: Currency,
}

/// Whether a title may be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// On sale, or sold before and still to be delivered.
    Ready,
    /// Taken out: nothing is delivered any more.
    Withdrawn,
}

/// Everything the download flow needs to know of a title, read once and cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TitleFacts {
    /// The center whose catalog holds the title.
    pub center: CenterId,
    /// The title's identity in the catalog.
    pub title_id: TitleId,
    /// What the catalog calls it by.
    pub book: Book,
    /// Where it lives.
    pub location: Location,
    /// Counts the record's changes.
    pub row_version: RowVersion,
    /// The title as its metadata states it.
    pub title: String,
    /// Authors in the order of the title page.
    pub authors: Vec<String>,
    /// BCP 47 language tag, where known.
    pub language: Option<String>,
    /// Media type of the content, before any protection.
    pub media_type: MediaType,
    /// The least protection the center sells this title with.
    pub min_level: Level,
    /// Signatures every sealed copy must carry.
    pub signatures: SignerRoles,
    /// The forms it is kept in.
    pub forms: Forms,
    /// Whether it may be delivered.
    pub availability: Availability,
    /// The catalog's price, if it states one.
    pub price: Option<Money>,
    /// Center-defined attributes that plug-ins can see.
    pub attributes: Vec<(String, String)>,
    /// What its licenses grant, and by whose leave.
    pub rights: TitleRights,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_could_leave_their_root_are_no_object_paths() {
        let long = "x".repeat(1025);
        let refused = [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../b",
            "a/..",
            "./a",
            "a/./b",
            "a//b",
            "a/",
            "a\\b",
            "C:x",
            "a\0b",
            "a\nb",
            "\u{85}",
            &long,
        ];
        for text in refused {
            assert!(ObjectPath::parse(text).is_err(), "{text:?}");
        }
        for text in ["a", "a/b.epub", "...", "..a/b", "本/x", "a b"] {
            assert_eq!(ObjectPath::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn store_roots_are_slugs() {
        for text in ["", "A", "a/b", "a.b", "ä", &"a".repeat(64)] {
            assert!(StoreRoot::parse(text).is_none(), "{text:?}");
        }
        assert!(StoreRoot::parse("main-2").is_some());
    }
}
