//! The catalog: titles, their forms and their content keys.

mod read;
mod write;

use colophon_core::catalog::{Availability, Book, Forms, Location, Money, TitleFacts};
use colophon_core::id::{RowVersion, TitleId};
use colophon_core::time::Timestamp;
use colophon_core::title_rights::TitleRights;
use colophon_receipt::CenterId;
use colophon_title::license::{Delegation, RightsTemplate};
use colophon_title::{ContentKey, Level, MediaType, Metadata, SignerRoles, VersionId};

use crate::failure::Damaged;
use crate::secrets::Column;

pub(crate) const CONTENT_KEY: Column = Column {
    table: "content_keys",
    name: "key",
};

/// What a title's metadata says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TitleDetails {
    /// The title.
    pub title: String,
    /// Authors in the order of the title page.
    pub authors: Vec<String>,
    /// The publisher.
    pub publisher: Option<String>,
    /// BCP 47 language tag.
    pub language: Option<String>,
    /// The copyright notice that readers show.
    pub copyright: Option<String>,
    /// Media type of the content, before any protection.
    pub media_type: MediaType,
}

impl From<&Metadata> for TitleDetails {
    fn from(metadata: &Metadata) -> Self {
        Self {
            title: metadata.title.clone(),
            authors: metadata.authors.clone(),
            publisher: metadata.publisher.clone(),
            language: metadata.language.clone(),
            copyright: metadata.copyright.clone(),
            media_type: metadata.media_type.clone(),
        }
    }
}

/// The forms a title is kept in, with the keys of those that are encrypted.
pub struct KeptForms {
    /// The forms.
    pub forms: Forms,
    /// The content key of each encrypted form's title version.
    pub keys: Vec<(VersionId, ContentKey)>,
}

/// A title to be entered into the catalog.
pub struct NewTitle {
    /// The center whose catalog it goes into.
    pub center: CenterId,
    /// Its identity.
    pub title_id: TitleId,
    /// What retailers call it by.
    pub book: Book,
    /// Where it lives.
    pub location: Location,
    /// What its metadata says.
    pub details: TitleDetails,
    /// The least protection it is sold with.
    pub min_level: Level,
    /// Signatures every sealed copy must carry.
    pub signatures: SignerRoles,
    /// Whether it may be delivered.
    pub availability: Availability,
    /// Its price.
    pub price: Option<Money>,
    /// How the price comes about, in the center's own words.
    pub price_structure: Option<String>,
    /// Center-defined attributes that plug-ins can see; names are unique.
    pub attributes: Vec<(String, String)>,
    /// What its licenses grant, and by whose leave.
    pub rights: TitleRights,
    /// Its forms.
    pub kept: KeptForms,
}

/// What becomes of an optional value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Edit<T> {
    /// It stays.
    #[default]
    Keep,
    /// It goes.
    Remove,
    /// It becomes this.
    Set(T),
}

/// A change of a title; what is `None` stays as it is.
#[derive(Default)]
pub struct TitleChange {
    /// Another place.
    pub location: Option<Location>,
    /// Other metadata.
    pub details: Option<TitleDetails>,
    /// Another least protection.
    pub min_level: Option<Level>,
    /// Other signatures.
    pub signatures: Option<SignerRoles>,
    /// Put on sale or withdrawn.
    pub availability: Option<Availability>,
    /// Another price.
    pub price: Edit<Money>,
    /// Another price structure.
    pub price_structure: Edit<String>,
    /// Other attributes, in place of all it has.
    pub attributes: Option<Vec<(String, String)>>,
    /// Other rights in its licenses, with what they are granted by: both, always.
    pub rights: Option<TitleRights>,
    /// Other forms, in place of all it has. A form whose title version the title has already keeps
    /// its key without being given one.
    pub kept: Option<KeptForms>,
    /// The state of the title that the change was decided on: if somebody has changed it since,
    /// nothing is done. Without one, whatever the state is.
    pub seen: Option<RowVersion>,
}

/// The rights of a title as they stand in its row, each part read for itself: a part that is
/// damaged can be replaced without being read.
#[derive(Debug)]
pub struct KeptRights {
    /// Rights of the title's own.
    pub own: Result<Option<RightsTemplate>, Damaged>,
    /// The delegation they are granted under.
    pub delegation: Result<Option<Delegation>, Damaged>,
    /// The state of the title they are part of.
    pub seen: RowVersion,
}

impl KeptRights {
    /// Whether licenses can be made with them: they can be read, and no delegation stands alone.
    pub fn is_usable(&self) -> bool {
        match (&self.own, &self.delegation) {
            (Ok(own), Ok(delegation)) => own.is_some() || delegation.is_none(),
            (Err(_), _) | (_, Err(_)) => false,
        }
    }
}

/// A title whose rights another licensor holds.
#[derive(Debug)]
pub struct DelegatedTitle {
    /// The title.
    pub book: Book,
    /// The leave it is sold by.
    pub delegation: Result<Delegation, Damaged>,
}

/// A title as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TitleRecord {
    /// What the download flow knows of it.
    pub facts: TitleFacts,
    /// The publisher.
    pub publisher: Option<String>,
    /// The copyright notice.
    pub copyright: Option<String>,
    /// How the price comes about.
    pub price_structure: Option<String>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Which titles are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TitleFilter {
    /// Part of the title, of an author's name or of the Book ID, in any case.
    pub text: Option<String>,
    /// Only titles sold with at least this protection.
    pub min_level: Option<Level>,
    /// Only titles on sale, or only those withdrawn.
    pub availability: Option<Availability>,
}

/// Where a page of titles begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TitleCursor {
    sort_name: String,
    title_id: [u8; 16],
}

/// Some titles in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TitlePage {
    /// The titles.
    pub titles: Vec<TitleRecord>,
    /// Where the next page begins, if there may be one.
    pub next: Option<TitleCursor>,
}
