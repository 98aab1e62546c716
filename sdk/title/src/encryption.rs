//! `encryption.xml`: what OCF wants to know of encrypted and obfuscated resources.

use std::collections::BTreeSet;

use crate::container::Method;
use crate::protection::Protection;
use crate::source::ObfuscatedFont;
use crate::validation::ListedEntry;
use crate::xml::{Caps, Element, Namespace, read};
use crate::{EntryPath, TitleRefused, names};

const MESSAGE_ALGORITHM: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
const SEGMENTS_ALGORITHM: &str = "urn:colophon:title:1:aes256-gcm-segments";
/// What `RetrievalMethod` says that it retrieves.
const KEY_TYPE: &str = "urn:colophon:title:1:content-key";
/// Font obfuscation is no encryption of ours; the font stays as it is.
const OBFUSCATIONS: [&str; 2] = [
    "http://www.idpf.org/2008/embedding",
    "http://ns.adobe.com/pdf/enc#RC",
];

/// The content of `encryption.xml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encryption {
    /// The encrypted resources, in the order of the file.
    pub(crate) resources: Vec<EncryptedResource>,
    /// The fonts that the publisher obfuscated, in the publisher's order.
    pub(crate) fonts: Vec<ObfuscatedFont>,
}

/// What `encryption.xml` says of one encrypted resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EncryptedResource {
    path: EntryPath,
    protection: Protection,
    method: Method,
    size: u64,
}

impl EncryptedResource {
    /// What there is to say of a listed entry; nothing of a clear one.
    pub(crate) fn of(entry: &ListedEntry) -> Option<EncryptedResource> {
        (entry.protection != Protection::Clear).then(|| EncryptedResource {
            path: entry.path.clone(),
            protection: entry.protection,
            method: entry.method,
            size: entry.size,
        })
    }
}

/// Whether a URI names one of the two known ways to obfuscate fonts.
pub(crate) fn is_obfuscation(algorithm: &str) -> bool {
    OBFUSCATIONS.contains(&algorithm)
}

impl Encryption {
    pub(crate) fn to_xml(&self) -> Vec<u8> {
        let root = Element::new(Namespace::CONTAINER, "encryption");
        let resources = self.resources.iter().map(resource_element);
        let fonts = self.fonts.iter().map(font_element);
        resources
            .chain(fonts)
            .fold(root, Element::with_child)
            .canonical()
    }

    /// Reads an `encryption.xml`, which must be in the form [`Encryption::to_xml`] gives.
    pub(crate) fn from_xml(document: &[u8]) -> Result<Encryption, TitleRefused> {
        let entry = names::ENCRYPTION;
        let root =
            read(document, &Caps::LIST).map_err(|source| TitleRefused::Xml { entry, source })?;
        let mut encryption = Encryption {
            resources: Vec::new(),
            fonts: Vec::new(),
        };
        for element in root.elements() {
            encryption.take(element)?;
        }
        if encryption.to_xml() == document {
            Ok(encryption)
        } else {
            Err(TitleRefused::Document { entry })
        }
    }

    /// Holds the list of encrypted resources against that of `validation.xml`, in which
    /// obfuscated fonts must be clear.
    pub(crate) fn check(&self, listed: &[ListedEntry]) -> Result<(), TitleRefused> {
        let differs = |path: &EntryPath| TitleRefused::Encryption { path: path.clone() };
        let mut expected = listed.iter().filter_map(EncryptedResource::of);
        for resource in &self.resources {
            if expected.next().as_ref() != Some(resource) {
                return Err(differs(&resource.path));
            }
        }
        if let Some(missing) = expected.next() {
            return Err(differs(&missing.path));
        }
        let clear = listed
            .iter()
            .filter(|entry| entry.protection == Protection::Clear);
        let mut clear: BTreeSet<&EntryPath> = clear.map(|entry| &entry.path).collect();
        let stray = self.fonts.iter().find(|font| !clear.remove(&font.path));
        stray.map_or(Ok(()), |font| Err(differs(&font.path)))
    }

    fn take(&mut self, element: &Element) -> Result<(), TitleRefused> {
        let malformed = || TitleRefused::Document {
            entry: names::ENCRYPTION,
        };
        let algorithm = element
            .element(Namespace::ENCRYPTION, "EncryptionMethod")
            .and_then(|method| method.attribute("Algorithm"))
            .ok_or_else(malformed)?;
        let path = referenced_path(element).ok_or_else(malformed)?;
        if is_obfuscation(algorithm) {
            self.fonts.push(ObfuscatedFont {
                path,
                algorithm: algorithm.to_owned(),
            });
            return Ok(());
        }
        let protection = match algorithm {
            MESSAGE_ALGORITHM => Protection::Message,
            SEGMENTS_ALGORITHM => Protection::Segments,
            _ => return Err(TitleRefused::Algorithm),
        };
        let (method, size) = compression(element).ok_or_else(malformed)?;
        self.resources.push(EncryptedResource {
            path,
            protection,
            method,
            size,
        });
        Ok(())
    }
}

fn resource_element(resource: &EncryptedResource) -> Element {
    let algorithm = match resource.protection {
        Protection::Clear | Protection::Message => MESSAGE_ALGORITHM,
        Protection::Segments => SEGMENTS_ALGORITHM,
    };
    let retrieval = Element::new(Namespace::SIGNATURE, "RetrievalMethod")
        .with_attribute("URI", names::VALIDATION)
        .with_attribute("Type", KEY_TYPE);
    let compression = Element::new(Namespace::COMPRESSION, "Compression")
        .with_attribute("Method", resource.method.to_string())
        .with_attribute("OriginalLength", resource.size.to_string());
    let property = xenc("EncryptionProperty").with_child(compression);
    xenc("EncryptedData")
        .with_child(xenc("EncryptionMethod").with_attribute("Algorithm", algorithm))
        .with_child(Element::new(Namespace::SIGNATURE, "KeyInfo").with_child(retrieval))
        .with_child(cipher_data(&resource.path))
        .with_child(xenc("EncryptionProperties").with_child(property))
}

fn font_element(font: &ObfuscatedFont) -> Element {
    xenc("EncryptedData")
        .with_child(xenc("EncryptionMethod").with_attribute("Algorithm", font.algorithm.as_str()))
        .with_child(cipher_data(&font.path))
}

fn cipher_data(path: &EntryPath) -> Element {
    let reference = xenc("CipherReference").with_attribute("URI", to_uri(path));
    xenc("CipherData").with_child(reference)
}

fn xenc(local: &'static str) -> Element {
    Element::new(Namespace::ENCRYPTION, local)
}

fn referenced_path(element: &Element) -> Option<EntryPath> {
    let uri = element
        .element(Namespace::ENCRYPTION, "CipherData")?
        .element(Namespace::ENCRYPTION, "CipherReference")?
        .attribute("URI")?;
    from_uri(uri)
}

fn compression(element: &Element) -> Option<(Method, u64)> {
    let compression = element
        .element(Namespace::ENCRYPTION, "EncryptionProperties")?
        .element(Namespace::ENCRYPTION, "EncryptionProperty")?
        .element(Namespace::COMPRESSION, "Compression")?;
    let method = Method::from_number(compression.attribute("Method")?.parse().ok()?)?;
    Some((
        method,
        compression.attribute("OriginalLength")?.parse().ok()?,
    ))
}

/// A path as a relative URI reference: what RFC 3986 does not allow in a path is written in
/// percent form, with capitals.
fn to_uri(path: &EntryPath) -> String {
    let mut uri = String::with_capacity(path.as_str().len());
    for byte in path.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=@/".contains(&byte) {
            uri.push(byte.into());
        } else {
            let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
            uri.push('%');
            uri.push(digit(byte >> 4).to_ascii_uppercase());
            uri.push(digit(byte & 15).to_ascii_uppercase());
        }
    }
    uri
}

fn from_uri(uri: &str) -> Option<EntryPath> {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    EntryPath::parse(std::str::from_utf8(&bytes).ok()?).ok()
}
