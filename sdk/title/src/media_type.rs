//! Media types.

use std::fmt;
use std::str::FromStr;

/// A media type without parameters, such as `application/pdf`, in lower case.
///
/// ```
/// use colophon_title::MediaType;
///
/// let pdf: MediaType = "Application/PDF".parse()?;
/// assert_eq!(pdf.as_str(), "application/pdf");
/// assert!(!pdf.is_epub());
/// assert!("pdf".parse::<MediaType>().is_err());
/// # Ok::<(), colophon_title::MalformedMediaType>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaType(String);

/// Not a media type of the form `type/subtype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a media type of the form type/subtype")]
pub struct MalformedMediaType;

impl MediaType {
    /// The media type of EPUB publications.
    pub const EPUB: &'static str = "application/epub+zip";
    /// The media type of title files that hold anything but an EPUB.
    pub const CONTAINER: &'static str = "application/vnd.colophon.title+zip";

    /// Parses `type/subtype`; capitals become lower case.
    ///
    /// # Errors
    ///
    /// [`MalformedMediaType`] for anything but two restricted names of RFC 6838.
    pub fn parse(text: &str) -> Result<MediaType, MalformedMediaType> {
        match text.split_once('/') {
            Some((kind, subtype)) if is_restricted_name(kind) && is_restricted_name(subtype) => {
                Ok(MediaType(text.to_ascii_lowercase()))
            }
            Some(_) | None => Err(MalformedMediaType),
        }
    }

    /// EPUB.
    #[must_use]
    pub fn epub() -> MediaType {
        MediaType(MediaType::EPUB.to_owned())
    }

    /// A title file that holds anything but an EPUB.
    #[must_use]
    pub fn container() -> MediaType {
        MediaType(MediaType::CONTAINER.to_owned())
    }

    /// Whether this is EPUB, which keeps its media type when it is sealed.
    #[must_use]
    pub fn is_epub(&self) -> bool {
        self.0 == MediaType::EPUB
    }

    /// The media type of a title file whose content is of this type.
    #[must_use]
    pub fn of_title_file(&self) -> &'static str {
        if self.is_epub() {
            MediaType::EPUB
        } else {
            MediaType::CONTAINER
        }
    }

    /// The media type as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_restricted_name(name: &str) -> bool {
    let first = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    let rest = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte));
    first && rest && name.len() <= 127
}

impl FromStr for MediaType {
    type Err = MalformedMediaType;

    fn from_str(text: &str) -> Result<MediaType, MalformedMediaType> {
        MediaType::parse(text)
    }
}

impl TryFrom<&str> for MediaType {
    type Error = MalformedMediaType;

    fn try_from(text: &str) -> Result<MediaType, MalformedMediaType> {
        MediaType::parse(text)
    }
}

impl AsRef<str> for MediaType {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
