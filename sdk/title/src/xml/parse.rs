//! Reading the tree.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

use super::characters::{is_ncname, is_text};
use super::element::{Attribute, Element, Name, Namespace, Node};
use super::{Caps, XmlRefused};

const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

/// Reads a document that must be byte for byte its own canonical re-emission.
///
/// # Errors
///
/// [`XmlRefused::NotCanonical`] if it is not; everything [`read`] refuses besides.
pub fn read_canonical(document: &[u8], caps: &Caps) -> Result<Element, XmlRefused> {
    let root = read(document, caps)?;
    if root.canonical() == document {
        Ok(root)
    } else {
        Err(XmlRefused::NotCanonical)
    }
}

/// Reads a document of any origin. Comments and processing instructions are left out.
///
/// # Errors
///
/// [`XmlRefused`], see its variants.
pub fn read(document: &[u8], caps: &Caps) -> Result<Element, XmlRefused> {
    if document.len() > caps.bytes_max {
        return Err(XmlRefused::TooLong {
            bytes_max: caps.bytes_max,
        });
    }
    let text = std::str::from_utf8(document).map_err(|_| XmlRefused::Encoding)?;
    let mut reader = Reader::from_str(text.strip_prefix('\u{FEFF}').unwrap_or(text));
    let mut tree = Tree {
        caps,
        elements: 0,
        open: Vec::new(),
        scope: Vec::new(),
        root: None,
    };
    loop {
        let position = reader.buffer_position();
        let malformed = XmlRefused::Malformed { position };
        match reader.read_event().map_err(|_| malformed)? {
            Event::Start(tag) => tree.start(&tag, malformed)?,
            Event::Empty(tag) => {
                tree.start(&tag, malformed)?;
                tree.end(malformed)?;
            }
            Event::End(_) => tree.end(malformed)?,
            Event::Text(text) => tree.text(&normalized(&text.into_inner()), malformed)?,
            Event::CData(text) => {
                tree.character_data(&normalized(&text.into_inner()), malformed)?
            }
            Event::GeneralRef(reference) => {
                let character = resolve(&reference)?.ok_or(malformed)?;
                tree.character_data(character.encode_utf8(&mut [0; 4]), malformed)?;
            }
            Event::DocType(_) => return Err(XmlRefused::Doctype),
            Event::Decl(_) if position == 0 => {}
            Event::Decl(_) => return Err(malformed),
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return tree.finish(malformed),
        }
    }
}

/// A document half read.
struct Tree<'c> {
    caps: &'c Caps,
    elements: usize,
    /// The elements that have begun, the outermost first, each with how many bindings were in
    /// scope outside of it.
    open: Vec<(Element, usize)>,
    scope: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    root: Option<Element>,
}

impl Tree<'_> {
    fn start(&mut self, tag: &BytesStart<'_>, malformed: XmlRefused) -> Result<(), XmlRefused> {
        if self.root.is_some() {
            return Err(malformed);
        }
        if self.open.len() >= self.caps.depth_max {
            return Err(XmlRefused::TooDeep {
                depth_max: self.caps.depth_max,
            });
        }
        self.elements += 1;
        if self.elements > self.caps.elements_max {
            return Err(XmlRefused::TooManyElements {
                elements_max: self.caps.elements_max,
            });
        }
        let outer = self.scope.len();
        let written = self.declare(tag, malformed)?;
        let tag_name = tag.name();
        let name = self.element_name(tag_name.0).ok_or(malformed)?;
        let mut attributes = Vec::with_capacity(written.len());
        for (key, value) in written {
            let name = self.attribute_name(key).ok_or(malformed)?;
            attributes.push(Attribute { name, value });
        }
        if has_twins(&attributes) {
            return Err(malformed);
        }
        self.open.push((
            Element {
                name,
                attributes,
                children: Vec::new(),
            },
            outer,
        ));
        Ok(())
    }

    /// Takes the namespace declarations of a tag into scope and gives its other attributes.
    fn declare<'t>(
        &mut self,
        tag: &'t BytesStart<'_>,
        malformed: XmlRefused,
    ) -> Result<Vec<(&'t str, String)>, XmlRefused> {
        let outer = self.scope.len();
        let mut others = Vec::new();
        // Twins are looked for below, by namespace and name.
        for (count, attribute) in tag.attributes().with_checks(false).enumerate() {
            let attributes_max = self.caps.attributes_max;
            if count >= attributes_max {
                return Err(XmlRefused::TooManyAttributes { attributes_max });
            }
            let attribute = attribute.map_err(|_| malformed)?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|_| XmlRefused::Entity)?
                .into_owned();
            if attribute.value.contains('<') || !is_text(&value) {
                return Err(malformed);
            }
            let key = attribute.key.0;
            let Some(prefix) = declared_prefix(key) else {
                others.push((key, value));
                continue;
            };
            let twice = self
                .scope
                .iter()
                .skip(outer)
                .any(|(bound, _)| bound == prefix);
            if twice || !may_bind(prefix, &value) {
                return Err(malformed);
            }
            self.scope.push(known(prefix, &value));
        }
        Ok(others)
    }

    fn end(&mut self, malformed: XmlRefused) -> Result<(), XmlRefused> {
        let (element, outer) = self.open.pop().ok_or(malformed)?;
        self.scope.truncate(outer);
        match self.open.last_mut() {
            Some((parent, _)) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str, malformed: XmlRefused) -> Result<(), XmlRefused> {
        let blank = text.chars().all(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
        if self.open.is_empty() && blank {
            return Ok(());
        }
        // `]]>` may not stand in text: it would end a section that never began.
        if text.contains("]]>") {
            Err(malformed)
        } else {
            self.character_data(text, malformed)
        }
    }

    fn character_data(&mut self, text: &str, malformed: XmlRefused) -> Result<(), XmlRefused> {
        let (parent, _) = self.open.last_mut().ok_or(malformed)?;
        if !is_text(text) {
            return Err(malformed);
        }
        match parent.children.last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            Some(Node::Element(_)) | None if text.is_empty() => {}
            Some(Node::Element(_)) | None => parent.children.push(Node::Text(text.to_owned())),
        }
        Ok(())
    }

    fn finish(self, malformed: XmlRefused) -> Result<Element, XmlRefused> {
        if self.open.is_empty() {
            self.root.ok_or(malformed)
        } else {
            Err(malformed)
        }
    }

    fn element_name(&self, written: &str) -> Option<Name> {
        let (prefix, local) = split_name(written)?;
        let (prefix, namespace) = match self.bound(prefix) {
            Some(binding) => binding.clone(),
            None if prefix.is_empty() => ("".into(), "".into()),
            None => return None,
        };
        Some(Name {
            prefix,
            namespace,
            local: Cow::Owned(local.to_owned()),
        })
    }

    fn attribute_name(&self, written: &str) -> Option<Name> {
        let (prefix, local) = split_name(written)?;
        let (prefix, namespace) = match prefix {
            // A default namespace does not reach attributes.
            "" => ("".into(), "".into()),
            "xml" => ("xml".into(), XML_NAMESPACE.into()),
            prefix => self.bound(prefix)?.clone(),
        };
        Some(Name {
            prefix,
            namespace,
            local: Cow::Owned(local.to_owned()),
        })
    }

    fn bound(&self, prefix: &str) -> Option<&(Cow<'static, str>, Cow<'static, str>)> {
        self.scope.iter().rev().find(|(bound, _)| bound == prefix)
    }
}

/// A name of at most one colon, as prefix and local part.
fn split_name(written: &str) -> Option<(&str, &str)> {
    let (prefix, local) = written.split_once(':').unwrap_or(("", written));
    let plain = is_ncname(local) && (written.len() == local.len() || is_ncname(prefix));
    plain.then_some((prefix, local))
}

/// The prefix that an attribute of this name declares, if it is a namespace declaration.
fn declared_prefix(attribute: &str) -> Option<&str> {
    if attribute == "xmlns" {
        Some("")
    } else {
        attribute.strip_prefix("xmlns:")
    }
}

fn may_bind(prefix: &str, uri: &str) -> bool {
    let reserved =
        matches!(prefix, "xml" | "xmlns") || matches!(uri, XML_NAMESPACE | XMLNS_NAMESPACE);
    !reserved && (prefix.is_empty() || (is_ncname(prefix) && !uri.is_empty()))
}

/// The binding, without an allocation of its own where the format's usual names are used.
fn known(prefix: &str, uri: &str) -> (Cow<'static, str>, Cow<'static, str>) {
    let known = Namespace::KNOWN.iter();
    let prefix = known
        .clone()
        .find(|namespace| namespace.prefix == prefix)
        .map_or_else(
            || Cow::Owned(prefix.to_owned()),
            |namespace| namespace.prefix.into(),
        );
    let uri = known
        .clone()
        .find(|namespace| namespace.uri == uri)
        .map_or_else(
            || Cow::Owned(uri.to_owned()),
            |namespace| namespace.uri.into(),
        );
    (prefix, uri)
}

/// Whether two attributes have one name, perhaps written with two prefixes. The number of
/// attributes is capped before this is asked.
fn has_twins(attributes: &[Attribute]) -> bool {
    if attributes.len() < 2 {
        return false;
    }
    let mut names: Vec<(&str, &str)> = attributes
        .iter()
        .map(|attribute| {
            (
                attribute.name.namespace.as_ref(),
                attribute.name.local.as_ref(),
            )
        })
        .collect();
    names.sort_unstable();
    names
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a == b))
}

/// Line ends as XML reads them: each becomes one line feed.
fn normalized(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The character a reference stands for; none if it is malformed.
fn resolve(reference: &BytesRef<'_>) -> Result<Option<char>, XmlRefused> {
    if reference.is_char_ref() {
        return Ok(reference.resolve_char_ref().ok().flatten());
    }
    match reference.xml10_content().as_ref() {
        "amp" => Ok(Some('&')),
        "lt" => Ok(Some('<')),
        "gt" => Ok(Some('>')),
        "quot" => Ok(Some('"')),
        "apos" => Ok(Some('\'')),
        _ => Err(XmlRefused::Entity),
    }
}
