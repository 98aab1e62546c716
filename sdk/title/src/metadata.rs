//! What a title says of itself, and what its copies are bound to: `metadata.xml`.

use crate::signature::SignerRole;
use crate::xml::{Caps, Element, Namespace, is_text, read};
use crate::{EntryPath, MediaType, SignerRoles, TitleRefused, names};

/// The metadata of a title version.
///
/// Every text is at least one character long and holds only characters that XML can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The id retailers name the title by.
    pub book_id: String,
    /// The type of the id, such as `ISBN`.
    pub book_id_type: String,
    /// The title.
    pub title: String,
    /// The authors, in order.
    pub authors: Vec<String>,
    /// The publisher.
    pub publisher: Option<String>,
    /// The language (BCP 47).
    pub language: Option<String>,
    /// The copyright notice, which readers show.
    pub copyright: Option<String>,
    /// The media type of the content; not that of the title file.
    pub media_type: MediaType,
    /// The cover image, an entry of the publication.
    pub cover: Option<EntryPath>,
    /// The signatures every copy must have.
    pub required_signatures: SignerRoles,
}

/// A field of metadata that cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is empty or holds a character XML cannot hold")]
pub struct MetadataRefused {
    /// The field, by its name in `metadata.xml`.
    pub field: &'static str,
}

impl Metadata {
    /// Whether everything in it can be written.
    pub(crate) fn check(&self) -> Result<(), MetadataRefused> {
        let required = [
            ("book-id", Some(&self.book_id)),
            ("book-id type", Some(&self.book_id_type)),
            ("title", Some(&self.title)),
            ("publisher", self.publisher.as_ref()),
            ("language", self.language.as_ref()),
            ("copyright", self.copyright.as_ref()),
        ];
        let authors = self.authors.iter().map(|author| ("author", Some(author)));
        for (field, text) in required.into_iter().chain(authors) {
            if text.is_some_and(|text| text.is_empty() || !is_text(text)) {
                return Err(MetadataRefused { field });
            }
        }
        Ok(())
    }

    pub(crate) fn to_xml(&self) -> Vec<u8> {
        let book_id = text_element("book-id", &self.book_id)
            .with_attribute("type", self.book_id_type.as_str());
        let mut children = vec![book_id, text_element("title", &self.title)];
        children.extend(
            self.authors
                .iter()
                .map(|author| text_element("author", author)),
        );
        let optional = [
            ("publisher", self.publisher.as_deref()),
            ("language", self.language.as_deref()),
            ("copyright", self.copyright.as_deref()),
            ("media-type", Some(self.media_type.as_str())),
            ("cover", self.cover.as_ref().map(EntryPath::as_str)),
        ];
        let optional = optional
            .into_iter()
            .filter_map(|(name, text)| Some((name, text?)));
        children.extend(optional.map(|(name, text)| text_element(name, text)));
        for role in SignerRole::ALL {
            if self.required_signatures.contains(role) {
                children.push(text_element("required-signature", role.as_str()));
            }
        }
        let root = Element::new(Namespace::TITLE, "metadata").with_attribute("profile", "1");
        children
            .into_iter()
            .fold(root, Element::with_child)
            .canonical()
    }

    /// Reads a `metadata.xml`, which must be in the form [`Metadata::to_xml`] gives.
    pub(crate) fn from_xml(document: &[u8]) -> Result<Metadata, TitleRefused> {
        let entry = names::METADATA;
        let root = read(document, &Caps::DOCUMENT)
            .map_err(|source| TitleRefused::Xml { entry, source })?;
        if root
            .attribute("profile")
            .is_some_and(|profile| profile != "1")
        {
            return Err(TitleRefused::Profile { entry });
        }
        match parse(&root) {
            Some(metadata) if metadata.check().is_ok() && metadata.to_xml() == document => {
                Ok(metadata)
            }
            Some(_) | None => Err(TitleRefused::Document { entry }),
        }
    }
}

fn text_element(local: &'static str, text: &str) -> Element {
    Element::new(Namespace::TITLE, local).with_text(text)
}

fn parse(root: &Element) -> Option<Metadata> {
    let text = |local: &str| {
        let element = root.element(Namespace::TITLE, local)?;
        element.text().map(str::to_owned)
    };
    let all = |local: &'static str| {
        let named = root
            .elements()
            .filter(move |element| element.is(Namespace::TITLE, local));
        named.filter_map(Element::text)
    };
    let mut required_signatures = SignerRoles::default();
    for word in all("required-signature") {
        required_signatures.insert(SignerRole::from_word(word)?);
    }
    Some(Metadata {
        book_id: text("book-id")?,
        book_id_type: root
            .element(Namespace::TITLE, "book-id")?
            .attribute("type")?
            .to_owned(),
        title: text("title")?,
        authors: all("author").map(str::to_owned).collect(),
        publisher: text("publisher"),
        language: text("language"),
        copyright: text("copyright"),
        media_type: MediaType::parse(&text("media-type")?).ok()?,
        cover: match text("cover") {
            None => None,
            Some(path) => Some(EntryPath::parse(&path).ok()?),
        },
        required_signatures,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        "[ -~\\t\\n\\r\u{e4}\u{2028}\u{1F40B}]{1,24}"
    }

    fn metadata() -> impl Strategy<Value = Metadata> {
        let texts = (text(), text(), text(), prop::collection::vec(text(), 0..3));
        let optional = || prop::option::of(text());
        let cover = prop::option::of("[a-z]{1,8}/[ a-z\u{e4}&<\"]{1,8}");
        (texts, optional(), optional(), optional(), cover, 0_u8..8).prop_map(
            |(
                (book_id, book_id_type, title, authors),
                publisher,
                language,
                copyright,
                cover,
                roles,
            )| {
                let role =
                    |(bit, role): (usize, SignerRole)| (roles >> bit & 1 == 1).then_some(role);
                let mut required_signatures = SignerRoles::default();
                for role in SignerRole::ALL.into_iter().enumerate().filter_map(role) {
                    required_signatures.insert(role);
                }
                Metadata {
                    book_id,
                    book_id_type,
                    title,
                    authors,
                    publisher,
                    language,
                    copyright,
                    media_type: MediaType::epub(),
                    cover: cover.map(|path| EntryPath::parse(&path).expect("a plain path")),
                    required_signatures,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(metadata in metadata()) {
            prop_assert_eq!(metadata.check(), Ok(()));
            let document = metadata.to_xml();
            prop_assert_eq!(Metadata::from_xml(&document).expect("read back"), metadata);
        }

        #[test]
        fn one_changed_byte_gives_other_metadata_or_none(
            metadata in metadata(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut document = metadata.to_xml();
            let at = at.index(document.len());
            prop_assume!(document[at] != byte);
            document[at] = byte;
            if let Ok(read) = Metadata::from_xml(&document) {
                prop_assert_ne!(read, metadata);
            }
        }
    }
}
