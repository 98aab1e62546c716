//! Why a source was refused.

use crate::xml::XmlRefused;
use crate::{EntryPath, MediaType, PathRefused};

/// Why a source was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceRefused {
    /// The source could not be read, or an entry's content is other than declared.
    #[error("the source could not be read")]
    Read(#[from] std::io::Error),
    /// There is nothing in it.
    #[error("the source is empty")]
    Empty,
    /// Larger than accepted.
    #[error("the source has more than {bytes_max} bytes")]
    TooLarge {
        /// The limit, in bytes.
        bytes_max: u64,
    },
    /// The bytes are not of the media type claimed.
    #[error("the source is not {claimed}{}", seems(found.as_ref()))]
    NotWhatItClaims {
        /// What it claims to be.
        claimed: MediaType,
        /// What the bytes show instead, if anything known.
        found: Option<MediaType>,
    },
    /// No path can be made of the file name.
    #[error("the file name cannot be used")]
    FileName(#[from] PathRefused),
    /// It is protected already: a title file, or a signed, licensed or encrypted publication.
    #[error("the source is protected already: it has {path}")]
    AlreadyProtected {
        /// What shows it.
        path: String,
    },
    /// The archive is damaged or crafted.
    #[error("the archive is damaged or unsafe")]
    Archive(#[from] ArchiveRefused),
    /// The archive is sound, but not a publication.
    #[error("not a sound EPUB publication")]
    Publication(#[from] PublicationRefused),
}

/// Why an archive was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveRefused {
    /// The directory, or the record at the end that leads to it, is not in order.
    #[error("the archive's directory is not in order")]
    Directory,
    /// The archive cannot be parsed.
    #[error("the archive cannot be parsed")]
    Damaged(#[source] zip::result::ZipError),
    /// More entries than accepted.
    #[error("the archive has more than {entries_max} entries")]
    TooManyEntries {
        /// The limit.
        entries_max: usize,
    },
    /// The directory or its extra fields take more than accepted.
    #[error("the archive's directory has more than {bytes_max} bytes")]
    DirectoryTooLarge {
        /// The limit, in bytes.
        bytes_max: u64,
    },
    /// The first entry does not begin where the file begins.
    #[error("something precedes the archive")]
    JunkInFront,
    /// An entry could be extracted to where it must not be.
    #[error("the archive has an unsafe path: {name}")]
    Path {
        /// The name, escaped.
        name: String,
        /// What is wrong with it.
        #[source]
        source: PathRefused,
    },
    /// A path is longer than accepted.
    #[error("{path} has more than {bytes_max} bytes")]
    PathTooLong {
        /// The path.
        path: EntryPath,
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// Two entries have one name, byte for byte.
    #[error("two entries have one name")]
    DuplicateNames,
    /// An entry would be extracted over another on some system.
    #[error("{path} has the name of another entry")]
    Duplicate {
        /// The second of the two.
        path: EntryPath,
    },
    /// A link or device.
    #[error("{path} is neither a file nor a folder")]
    SpecialFile {
        /// The entry.
        path: EntryPath,
    },
    /// An entry is encrypted by means of ZIP.
    #[error("{path} is encrypted")]
    Encrypted {
        /// The entry.
        path: EntryPath,
    },
    /// An entry is compressed by another method than deflation.
    #[error("{path} is compressed by a method that publications may not use")]
    Method {
        /// The entry.
        path: EntryPath,
    },
    /// Declared sizes contradict each other.
    #[error("the sizes declared of {path} contradict each other")]
    Size {
        /// The entry.
        path: EntryPath,
    },
    /// An entry is larger than accepted.
    #[error("{path} has more than {bytes_max} bytes")]
    EntryTooLarge {
        /// The entry.
        path: EntryPath,
        /// The limit, in bytes.
        bytes_max: u64,
    },
    /// All entries together are larger than accepted.
    #[error("the entries have more than {bytes_max} bytes")]
    TooLarge {
        /// The limit, in bytes.
        bytes_max: u64,
    },
    /// An entry inflates to a suspicious multiple of its size.
    #[error("{path} inflates like a bomb")]
    Ratio {
        /// The entry.
        path: EntryPath,
    },
    /// The archive inflates to a suspicious multiple of its size.
    #[error("the archive inflates like a bomb")]
    TotalRatio,
    /// An entry shares bytes with another, or with the directory.
    #[error("{path} shares bytes with something else")]
    Overlap {
        /// The entry.
        path: EntryPath,
    },
    /// An entry's own header says something else than the directory.
    #[error("the header of {path} is not what the directory says")]
    LocalHeader {
        /// The entry.
        path: EntryPath,
    },
}

/// Why an archive is not a publication.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublicationRefused {
    /// There is no `mimetype`.
    #[error("there is no mimetype entry")]
    NoMimetype,
    /// `mimetype` says something else than EPUB.
    #[error("the mimetype entry says something else")]
    WrongMimetype,
    /// There is no `META-INF/container.xml`.
    #[error("there is no META-INF/container.xml")]
    NoContainer,
    /// `container.xml` names no package document.
    #[error("container.xml names no package document")]
    NoPackageNamed,
    /// A package document that is named is not there.
    #[error("the package document {path} is not there")]
    NoPackage {
        /// As it is named.
        path: String,
    },
    /// More renditions than accepted.
    #[error("container.xml names more than {packages_max} package documents")]
    TooManyPackages {
        /// The limit.
        packages_max: usize,
    },
    /// A document is of another kind than its place demands.
    #[error("{path} is not such a document")]
    OtherDocument {
        /// The entry.
        path: EntryPath,
    },
    /// A document cannot be read.
    #[error("{path} cannot be read")]
    Document {
        /// The entry.
        path: EntryPath,
        /// What is wrong with it.
        #[source]
        source: DocumentRefused,
    },
    /// Something is encrypted that is no obfuscated font.
    #[error("the publication is encrypted by somebody else: {algorithm}")]
    ForeignEncryption {
        /// The URI of the method.
        algorithm: String,
    },
}

/// Why a document of a publication was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentRefused {
    /// Longer than accepted.
    #[error("longer than {bytes_max} bytes")]
    TooLong {
        /// The limit, in bytes.
        bytes_max: u64,
    },
    /// Neither UTF-8 nor UTF-16 nor ISO 8859-1.
    #[error("in an unknown encoding")]
    Encoding,
    /// The DOCTYPE declares something of its own.
    #[error("the DOCTYPE has an internal subset")]
    InternalSubset,
    /// More attributes than any such document needs.
    #[error("more than {attributes_max} attributes")]
    TooManyAttributes {
        /// The limit.
        attributes_max: usize,
    },
    /// Not well-formed, or beyond the caps.
    #[error("not acceptable as XML")]
    Xml(#[from] XmlRefused),
}

impl SourceRefused {
    /// A short name that stays the same, for logs and test vectors.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            SourceRefused::Read(_) => "source-read",
            SourceRefused::Empty => "source-empty",
            SourceRefused::TooLarge { .. } => "source-too-large",
            SourceRefused::NotWhatItClaims { .. } => "not-what-it-claims",
            SourceRefused::FileName(_) => "file-name",
            SourceRefused::AlreadyProtected { .. } => "already-protected",
            SourceRefused::Archive(refused) => refused.reason(),
            SourceRefused::Publication(refused) => refused.reason(),
        }
    }
}

impl ArchiveRefused {
    fn reason(&self) -> &'static str {
        match self {
            ArchiveRefused::Directory => "archive-directory",
            ArchiveRefused::Damaged(_) => "archive-damaged",
            ArchiveRefused::TooManyEntries { .. } => "archive-too-many-entries",
            ArchiveRefused::DirectoryTooLarge { .. } => "archive-directory-too-large",
            ArchiveRefused::JunkInFront => "archive-junk-in-front",
            ArchiveRefused::Path { .. } => "archive-path",
            ArchiveRefused::PathTooLong { .. } => "archive-path-too-long",
            ArchiveRefused::DuplicateNames | ArchiveRefused::Duplicate { .. } => {
                "archive-duplicate"
            }
            ArchiveRefused::SpecialFile { .. } => "archive-special-file",
            ArchiveRefused::Encrypted { .. } => "archive-encrypted",
            ArchiveRefused::Method { .. } => "archive-method",
            ArchiveRefused::Size { .. } => "archive-size",
            ArchiveRefused::EntryTooLarge { .. } => "archive-entry-too-large",
            ArchiveRefused::TooLarge { .. } => "archive-too-large",
            ArchiveRefused::Ratio { .. } | ArchiveRefused::TotalRatio => "archive-bomb",
            ArchiveRefused::Overlap { .. } => "archive-overlap",
            ArchiveRefused::LocalHeader { .. } => "archive-local-header",
        }
    }
}

impl PublicationRefused {
    fn reason(&self) -> &'static str {
        match self {
            PublicationRefused::NoMimetype => "no-mimetype",
            PublicationRefused::WrongMimetype => "wrong-mimetype",
            PublicationRefused::NoContainer => "no-container",
            PublicationRefused::NoPackageNamed => "no-package-named",
            PublicationRefused::NoPackage { .. } => "no-package",
            PublicationRefused::TooManyPackages { .. } => "too-many-packages",
            PublicationRefused::OtherDocument { .. } => "other-document",
            PublicationRefused::Document { source, .. } => source.reason(),
            PublicationRefused::ForeignEncryption { .. } => "foreign-encryption",
        }
    }
}

impl DocumentRefused {
    fn reason(self) -> &'static str {
        match self {
            DocumentRefused::TooLong { .. } | DocumentRefused::TooManyAttributes { .. } => {
                "document-caps"
            }
            DocumentRefused::Encoding => "document-encoding",
            DocumentRefused::InternalSubset => "document-internal-subset",
            DocumentRefused::Xml(refused) => match refused {
                XmlRefused::TooLong { .. }
                | XmlRefused::TooManyElements { .. }
                | XmlRefused::TooDeep { .. }
                | XmlRefused::TooManyAttributes { .. } => "document-caps",
                XmlRefused::Doctype => "document-doctype",
                XmlRefused::Entity => "document-entity",
                XmlRefused::Encoding => "document-encoding",
                XmlRefused::Malformed { .. } | XmlRefused::NotCanonical => "document-malformed",
            },
        }
    }
}

fn seems(found: Option<&MediaType>) -> String {
    found
        .map(|found| format!(", but seems to be {found}"))
        .unwrap_or_default()
}
