//! `validation.xml`: what a title version consists of, down to the last byte.

use base64ct::{Base64, Encoding};

use crate::container::Method;
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
    /// SHA-256 of the stored bytes; of a segmented entry, SHA-256 of its list of digests.
    pub(crate) sha256: [u8; 32],
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
    pub(crate) fn to_xml(&self) -> Vec<u8> {
        let root = Element::new(Namespace::TITLE, "validation")
            .with_attribute("profile", "1")
            .with_attribute("form", self.form.as_str())
            .with_attribute("version", self.version.to_string())
            .with_attribute("salt", Base64::encode_string(self.salt.as_bytes()))
            .with_attribute("commitment", Base64::encode_string(&self.commitment));
        self.entries
            .iter()
            .map(entry_element)
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

fn entry_element(entry: &ListedEntry) -> Element {
    let element = Element::new(Namespace::TITLE, "entry")
        .with_attribute("path", entry.path.as_str())
        .with_attribute("method", entry.method.to_string())
        .with_attribute("size", entry.size.to_string())
        .with_attribute("stored", entry.stored.to_string())
        .with_attribute("sha256", Base64::encode_string(&entry.sha256));
    match entry.protection.as_word() {
        None => element,
        Some(word) => element.with_attribute("protection", word),
    }
}

fn parse(root: &Element) -> Option<Validation> {
    Some(Validation {
        form: Form::from_word(root.attribute("form")?)?,
        version: VersionId::parse(root.attribute("version")?).ok()?,
        salt: VersionSalt::from_bytes(decode(root.attribute("salt")?)?),
        commitment: decode(root.attribute("commitment")?)?,
        entries: root.elements().map(parse_entry).collect::<Option<_>>()?,
    })
}

fn parse_entry(element: &Element) -> Option<ListedEntry> {
    let entry = ListedEntry {
        path: EntryPath::parse(element.attribute("path")?).ok()?,
        protection: Protection::from_word(element.attribute("protection"))?,
        method: Method::from_number(element.attribute("method")?.parse().ok()?)?,
        size: element.attribute("size")?.parse().ok()?,
        stored: element.attribute("stored")?.parse().ok()?,
        sha256: decode(element.attribute("sha256")?)?,
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
