//! What a document says of itself.

use std::io::{Read, Seek};

use colophon_title::license::LicenseReport;
use colophon_title::source::Source;
use colophon_title::{
    Bookplate, EntryPath, Level, LockedTitle, MediaType, Metadata, OpenTitle, SignatureReport,
    SignatureStatus, SignerRoles,
};

/// What is shown of a document before its first page.
///
/// Texts come from the file and may hold anything; whoever prints them on a terminal passes
/// them through [`reading::printable`](crate::reading::printable).
#[derive(Debug, Clone)]
pub struct About {
    /// The title.
    pub title: String,
    /// The authors, in order.
    pub authors: Vec<String>,
    /// Whom this copy was made for, or what the shop bound to it instead.
    pub owner: Option<String>,
    /// The publisher.
    pub publisher: Option<String>,
    /// The language (BCP 47 where the book is in order).
    pub language: Option<String>,
    /// The copyright notice.
    pub copyright: Option<String>,
    /// The id the title is sold by and its type; a title file has both.
    pub book_id: Option<(String, String)>,
    /// What the content is.
    pub media_type: MediaType,
    /// The protection level of this copy.
    pub level: Level,
    /// The cover image, an entry of the publication.
    pub cover: Option<EntryPath>,
    /// The signatures found, all intact.
    pub signatures: Vec<SignatureReport>,
    /// Whether it is known who made the copy.
    pub origin: Origin,
    /// What its holder may do with the copy, and who says so, where it comes with a license.
    pub license: Option<LicenseReport>,
}

/// Whether it is known who made a copy. A seal proves nothing here: whoever knows the format
/// can make one. Only signatures under a trusted root do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Every signature the title must have is there and trusted, and at least one is.
    Proven,
    /// Nothing trusted answers for the copy.
    Unproven {
        /// The signatures the title must have that are missing or not trusted.
        missing: SignerRoles,
    },
    /// An unprotected file: it is whatever it is.
    Unprotected,
}

impl About {
    pub(super) fn of_title<R: Read + Seek>(title: &OpenTitle<'_, R>) -> About {
        let license = title.license().cloned();
        About::of_copy(title.metadata(), title.bookplate(), title.signatures())
            .at(title.level(), license)
    }

    pub(super) fn of_locked<R: Read + Seek>(title: &LockedTitle<'_, R>) -> About {
        let license = title.license().clone();
        About::of_copy(title.metadata(), title.bookplate(), title.signatures())
            .at(Level::FullyIndividualized, Some(license))
    }

    fn of_copy(
        metadata: &Metadata,
        bookplate: Option<&Bookplate>,
        signatures: &[SignatureReport],
    ) -> About {
        let trusted: SignerRoles = signatures
            .iter()
            .filter(|report| report.status == SignatureStatus::Valid)
            .map(|report| report.role)
            .collect();
        let missing = metadata.required_signatures.without(trusted);
        let origin = if !trusted.is_empty() && missing.is_empty() {
            Origin::Proven
        } else {
            Origin::Unproven { missing }
        };
        About {
            title: metadata.title.clone(),
            authors: metadata.authors.clone(),
            owner: bookplate.map(|bookplate| bookplate.owner.clone()),
            publisher: metadata.publisher.clone(),
            language: metadata.language.clone(),
            copyright: metadata.copyright.clone(),
            book_id: Some((metadata.book_id.clone(), metadata.book_id_type.clone())),
            media_type: metadata.media_type.clone(),
            level: Level::SourceSealed,
            cover: metadata.cover.clone(),
            signatures: signatures.to_vec(),
            origin,
            license: None,
        }
    }

    fn at(self, level: Level, license: Option<LicenseReport>) -> About {
        About {
            level,
            license,
            ..self
        }
    }

    pub(super) fn of_source<R: Read + Seek>(source: &Source<R>) -> About {
        let description = source.description();
        About {
            title: description.title.clone(),
            authors: description.authors.clone(),
            owner: None,
            publisher: description.publisher.clone(),
            language: description.language.clone(),
            copyright: description.rights.clone(),
            book_id: None,
            media_type: source.media_type().clone(),
            level: Level::Clear,
            cover: description.cover.clone(),
            signatures: Vec::new(),
            origin: Origin::Unprotected,
            license: None,
        }
    }
}
