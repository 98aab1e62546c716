//! `validation.xml`: what a title version consists of, down to the last byte.

use base64ct::{Base64, Encoding};

use crate::container::Method;
use crate::group::groups;
use crate::protection::Protection;
use crate::xml::{Caps, Element, Namespace, read};
use crate::{EntryPath, Form, TitleRefused, VersionId, VersionSalt, names};

/// The content of `validation.xml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validation {
    pub(crate) form: Form,
    pub(crate) version: VersionId,
    pub(crate) salt: VersionSalt,
    pub(crate) commitment: [u8; 32],
    /// Every entry before `validation.xml`, in the order of the file.
    pub(crate) entries: Vec<ListedEntry>,
    /// One digest for each group that the entries divide into.
    pub(crate) digests: Vec<[u8; 32]>,
}

/// Entries that share a digest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListedGroup<'v> {
    pub(crate) entries: &'v [ListedEntry],
    /// SHA-256 of the stored bytes of all entries, joined; of a segmented entry and its list of
    /// digests, of the list alone.
    pub(crate) sha256: &'v [u8; 32],
}

/// What `validation.xml` says of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedEntry {
    pub(crate) path: EntryPath,
    pub(crate) protection: Protection,
    /// How the content was compressed, before encryption if there is any.
    pub(crate) method: Method,
    /// Length of the content, in bytes.
    pub(crate) size: u64,
    /// Length as stored, in bytes.
    pub(crate) stored: u64,
}

impl ListedEntry {
    /// How the container stores the entry: what is encrypted was compressed before.
    pub(crate) fn container_method(&self) -> Method {
        match self.protection {
            Protection::Clear => self.method,
            Protection::Message | Protection::Segments => Method::Stored,
        }
    }

    /// What the container takes for the entry's uncompressed length.
    pub(crate) fn container_size(&self) -> u64 {
        match self.container_method() {
            Method::Stored => self.stored,
            Method::Deflated => self.size,
        }
    }
}

impl Validation {
    /// The groups, in the order of the file.
    pub(crate) fn groups(&self) -> impl Iterator<Item = ListedGroup<'_>> {
        groups(&self.entries)
            .zip(&self.digests)
            .map(|(entries, sha256)| ListedGroup { entries, sha256 })
    }

    pub(crate) fn to_xml(&self) -> Vec<u8> {
        let root = Element::new(Namespace::TITLE, "validation")
            .with_attribute("profile", "1")
            .with_attribute("form", self.form.as_str())
            .with_attribute("version", self.version.to_string())
            .with_attribute("salt", Base64::encode_string(self.salt.as_bytes()))
            .with_attribute("commitment", Base64::encode_string(&self.commitment));
        self.groups()
            .map(group_element)
            .fold(root, Element::with_child)
            .canonical()
    }

    /// Reads a `validation.xml`, which must be in the form [`Validation::to_xml`] gives.
    pub(crate) fn from_xml(document: &[u8]) -> Result<Validation, TitleRefused> {
        let entry = names::VALIDATION;
        let root =
            read(document, &Caps::LIST).map_err(|source| TitleRefused::Xml { entry, source })?;
        if root
            .attribute("profile")
            .is_some_and(|profile| profile != "1")
        {
            return Err(TitleRefused::Profile { entry });
        }
        match parse(&root) {
            Some(validation) if validation.to_xml() == document => Ok(validation),
            Some(_) | None => Err(TitleRefused::Document { entry }),
        }
    }
}

fn group_element(group: ListedGroup<'_>) -> Element {
    let element = Element::new(Namespace::TITLE, "group")
        .with_attribute("sha256", Base64::encode_string(group.sha256));
    let entries = group.entries.iter().map(entry_element);
    entries.fold(element, Element::with_child)
}

fn entry_element(entry: &ListedEntry) -> Element {
    let element = Element::new(Namespace::TITLE, "entry")
        .with_attribute("path", entry.path.as_str())
        .with_attribute("method", entry.method.to_string())
        .with_attribute("size", entry.size.to_string())
        .with_attribute("stored", entry.stored.to_string());
    match entry.protection.as_word() {
        None => element,
        Some(word) => element.with_attribute("protection", word),
    }
}

/// That entries are in the groups they belong into is seen when the list is written again.
fn parse(root: &Element) -> Option<Validation> {
    let entries = root
        .elements()
        .flat_map(|group| group.elements())
        .map(parse_entry);
    let digests = root
        .elements()
        .map(|group| decode::<32>(group.attribute("sha256")?));
    Some(Validation {
        form: Form::from_word(root.attribute("form")?)?,
        version: VersionId::parse(root.attribute("version")?).ok()?,
        salt: VersionSalt::from_bytes(decode(root.attribute("salt")?)?),
        commitment: decode(root.attribute("commitment")?)?,
        entries: entries.collect::<Option<_>>()?,
        digests: digests.collect::<Option<_>>()?,
    })
}

fn parse_entry(element: &Element) -> Option<ListedEntry> {
    let entry = ListedEntry {
        path: EntryPath::parse(element.attribute("path")?).ok()?,
        protection: Protection::from_word(element.attribute("protection"))?,
        method: Method::from_number(element.attribute("method")?.parse().ok()?)?,
        size: element.attribute("size")?.parse().ok()?,
        stored: element.attribute("stored")?.parse().ok()?,
    };
    entry
        .protection
        .permits(entry.method, entry.size, entry.stored)
        .then_some(entry)
}

/// Base64 of exactly `N` bytes.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let decoded = Base64::decode(text, &mut bytes).ok()?;
    (decoded.len() == N).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::encryption::{EncryptedResource, Encryption};
    use crate::segment::Segments;

    fn entry() -> impl Strategy<Value = ListedEntry> {
        let path = "[a-z]{1,4}/[ a-z\u{e4}%&<>'\"#?]{1,12}";
        let length = || prop_oneof![0_u64..1 << 14, 0_u64..1 << 20].prop_map(|length| length + 1);
        (path, 0_u8..5, length(), length()).prop_map(|(path, kind, size, deflated)| {
            let large = size + (1 << 30);
            let segmented = Segments::of(large).expect("few segments").stored_length();
            let (protection, method, size, stored) = match kind {
                0 => (Protection::Clear, Method::Stored, size, size),
                1 => (Protection::Clear, Method::Deflated, size, deflated),
                2 => (Protection::Message, Method::Stored, size, size + 28),
                3 => (Protection::Message, Method::Deflated, size, deflated + 28),
                _ => (Protection::Segments, Method::Stored, large, segmented),
            };
            let path = EntryPath::parse(&path).expect("a plain path");
            ListedEntry {
                path,
                protection,
                method,
                size,
                stored,
            }
        })
    }

    fn validation() -> impl Strategy<Value = Validation> {
        let entries = prop::collection::vec(entry(), 0..9);
        (
            any::<bool>(),
            any::<[u8; 16]>(),
            any::<[u8; 16]>(),
            any::<[u8; 32]>(),
            entries,
        )
            .prop_map(|(sealed, version, salt, commitment, entries)| Validation {
                form: if sealed { Form::Sealed } else { Form::Licensed },
                version: VersionId::from_bytes(version),
                salt: VersionSalt::from_bytes(salt),
                commitment,
                digests: (1..)
                    .map(|number| [number; 32])
                    .take(groups(&entries).count())
                    .collect(),
                entries,
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(validation in validation()) {
            let document = validation.to_xml();
            prop_assert_eq!(Validation::from_xml(&document).expect("read back"), validation);
        }

        #[test]
        fn one_changed_byte_gives_another_list_or_none(
            validation in validation(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut document = validation.to_xml();
            let at = at.index(document.len());
            prop_assume!(document[at] != byte);
            document[at] = byte;
            if let Ok(read) = Validation::from_xml(&document) {
                prop_assert_ne!(read, validation);
            }
        }

        #[test]
        fn encryption_xml_says_the_same_of_every_encrypted_entry(validation in validation()) {
            let resources = validation.entries.iter().filter_map(EncryptedResource::of).collect();
            let encryption = Encryption { resources, fonts: Vec::new() };
            let read = Encryption::from_xml(&encryption.to_xml()).expect("read back");
            prop_assert_eq!(&read, &encryption);
            prop_assert!(read.check(&validation.entries).is_ok());
            let encrypted =
                validation.entries.iter().position(|entry| entry.protection != Protection::Clear);
            if let Some(index) = encrypted {
                let mut fewer = validation.entries.clone();
                fewer.remove(index);
                prop_assert!(read.check(&fewer).is_err());
                let mut other = validation.entries;
                other[index].size += 1;
                prop_assert!(read.check(&other).is_err());
            }
        }
    }
}
