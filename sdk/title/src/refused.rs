//! Why a title file was refused.

use crate::EntryPath;
use crate::container::ContainerRefused;
use crate::license::LicenseRefused;
use crate::signature::SignatureRefused;
use crate::xml::XmlRefused;

/// Why a title file was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TitleRefused {
    /// The file could not be read.
    #[error("the title file could not be read")]
    Read(#[source] std::io::Error),
    /// What was read could not be written to where it should go.
    #[error("the content could not be written")]
    Write(#[source] std::io::Error),
    /// The archive is not in the one form it can have.
    #[error("the container is damaged or was altered")]
    Container(#[from] ContainerRefused),
    /// There is no `validation.xml`: not a title file.
    #[error("not a title file: it has no META-INF/colophon/validation.xml")]
    NoValidation,
    /// A document is not well-formed, exceeds its caps or is not in canonical form.
    #[error("{entry} cannot be read")]
    Xml {
        /// The entry.
        entry: &'static str,
        /// What is wrong with it.
        #[source]
        source: XmlRefused,
    },
    /// A document does not say what such a document says, or says it in another way.
    #[error("{entry} is not in the form it is written in")]
    Document {
        /// The entry.
        entry: &'static str,
    },
    /// The document is of a profile this version does not know.
    #[error("{entry} is of another profile than 1")]
    Profile {
        /// The entry.
        entry: &'static str,
    },
    /// An entry before `validation.xml` is not in its list.
    #[error("{path} is not listed in validation.xml")]
    Unlisted {
        /// The entry.
        path: EntryPath,
    },
    /// An entry listed in `validation.xml` is not there.
    #[error("{path} is listed in validation.xml, but is not there")]
    Missing {
        /// The entry.
        path: EntryPath,
    },
    /// The entries are not in the order of the list, or the list is not in the prescribed one.
    #[error("{path} is out of order")]
    Order {
        /// The first entry out of order.
        path: EntryPath,
    },
    /// The directory says something else of an entry than `validation.xml`.
    #[error("length or method of {path} are not those in validation.xml")]
    Facts {
        /// The entry.
        path: EntryPath,
    },
    /// `mimetype` or `container.xml` is not that of the content's media type.
    #[error("{path} does not fit the content's media type")]
    MediaType {
        /// The entry.
        path: EntryPath,
    },
    /// `encryption.xml` and `validation.xml` disagree about an entry.
    #[error("encryption.xml and validation.xml disagree about {path}")]
    Encryption {
        /// The entry.
        path: EntryPath,
    },
    /// `encryption.xml` names an algorithm that is not in the profile.
    #[error("encryption.xml names an unknown algorithm")]
    Algorithm,
    /// An entry after `validation.xml` that is not permitted there, or not together with the
    /// others.
    #[error("{path} is not permitted at the end of this title file")]
    Tail {
        /// The entry.
        path: EntryPath,
    },
    /// The copy has neither a seal nor a license: a file at rest, or one whose seal was removed.
    #[error("the title file carries neither a seal nor a license")]
    NoKey,
    /// A file at rest was expected, but this one is a copy.
    #[error("the title file is a copy, not a file at rest")]
    NotAtRest,
    /// The content key is in the license, which is needed to open the copy.
    #[error("the title file opens with its license on an activated device only")]
    LicenseRequired,
    /// A copy at level 5 was expected, but the key of this one is in its seal.
    #[error("the title file is sealed and needs no persona")]
    NotLicensed,
    /// The license is not one that can be believed.
    #[error("the license was refused")]
    License(#[from] LicenseRefused),
    /// The license is that of another copy or of another title.
    #[error("the license belongs to another copy")]
    OtherLicense,
    /// The license is for another persona, or what it holds for this one does not open.
    #[error("the license is for another persona")]
    OtherPersona,
    /// The seal does not fit: metadata, validation or bookplate are not those it was made for.
    #[error("the seal is broken: metadata, bookplate or content were changed")]
    Seal,
    /// The content key is not the one `validation.xml` commits to.
    #[error("the key is not that of this title version")]
    Commitment,
    /// The signatures are broken.
    #[error("the signatures are broken")]
    Signatures(#[from] SignatureRefused),
    /// The stored bytes of an entry, or of one that shares a digest with it, are not those
    /// that were listed.
    #[error("{path}, or an entry listed with it, was changed")]
    Digest {
        /// The entry that was to be read.
        path: EntryPath,
    },
    /// An entry's checksum is wrong.
    #[error("the checksum of {path} is wrong")]
    Checksum {
        /// The entry.
        path: EntryPath,
    },
    /// An entry does not decrypt.
    #[error("{path} does not decrypt")]
    Decryption {
        /// The entry.
        path: EntryPath,
    },
    /// An entry does not inflate to what was listed.
    #[error("{path} does not inflate to its listed length")]
    Inflation {
        /// The entry.
        path: EntryPath,
    },
    /// The publication has no such entry.
    #[error("the publication has no entry {path}")]
    NoSuchEntry {
        /// What was asked for.
        path: EntryPath,
    },
}

impl TitleRefused {
    /// A short name that stays the same, for logs and test vectors.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            TitleRefused::Read(_) => "read",
            TitleRefused::Write(_) => "write",
            TitleRefused::Container(refused) => refused.reason(),
            TitleRefused::NoValidation => "no-validation",
            TitleRefused::Xml {
                source: XmlRefused::NotCanonical,
                ..
            }
            | TitleRefused::Document { .. } => "document-form",
            TitleRefused::Xml { .. } => "document-xml",
            TitleRefused::Profile { .. } => "profile",
            TitleRefused::Unlisted { .. } => "entry-unlisted",
            TitleRefused::Missing { .. } => "entry-missing",
            TitleRefused::Order { .. } => "entry-order",
            TitleRefused::Facts { .. } => "entry-facts",
            TitleRefused::MediaType { .. } => "media-type",
            TitleRefused::Encryption { .. } => "encryption-differs",
            TitleRefused::Algorithm => "encryption-algorithm",
            TitleRefused::Tail { .. } => "tail",
            TitleRefused::NoKey => "no-key",
            TitleRefused::NotAtRest => "not-at-rest",
            TitleRefused::LicenseRequired => "license-required",
            TitleRefused::NotLicensed => "not-licensed",
            TitleRefused::License(refused) => refused.reason(),
            TitleRefused::OtherLicense => "license-other-copy",
            TitleRefused::OtherPersona => "license-other-persona",
            TitleRefused::Seal => "seal",
            TitleRefused::Commitment => "commitment",
            TitleRefused::Signatures(refused) => refused.reason(),
            TitleRefused::Digest { .. } => "digest",
            TitleRefused::Checksum { .. } => "checksum",
            TitleRefused::Decryption { .. } => "decryption",
            TitleRefused::Inflation { .. } => "inflation",
            TitleRefused::NoSuchEntry { .. } => "no-such-entry",
        }
    }
}
