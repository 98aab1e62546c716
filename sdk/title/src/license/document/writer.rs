//! Writing a license down in canonical form, in one go.
//!
//! Every element is in the namespace of licenses and no attribute is in any. So the root declares
//! that namespace and nothing else has to be declared, attributes stand in the order of their
//! names, and what is written is the canonical form without a tree to make it from.

use std::fmt::Display;
use std::io::Write as _;

use base64ct::{Base64, Encoding};

use crate::license::{Line, Reference};
use crate::xml::{Namespace, escape_attribute, escape_text};

/// What stands in a shape for a value. No UTF-8 has this byte.
const VALUE: u8 = 0xff;

/// What is enough for most licenses, and little for all.
const USUAL_BYTES: usize = 3072;

/// A document as it was written.
pub(in crate::license) struct Written {
    /// The document, in canonical form.
    pub(in crate::license) octets: Vec<u8>,
    /// The document with its values left out: elements, attributes and the format's own words.
    /// Two documents of one shape differ in nothing but values, each of a type that has one text
    /// and is read back from it. So if one of them reads back as what was written, all do.
    pub(in crate::license) shape: Vec<u8>,
}

/// A document under way.
pub(in crate::license) struct Writer(Written);

/// What an attribute or an element without children says.
#[derive(Clone, Copy)]
pub(in crate::license) enum Value<'v> {
    /// Nothing: no such attribute, and an element that holds nothing.
    Absent,
    /// One of the format's own words, which belongs to the shape of a document.
    Word(&'v str),
    /// A text that was parsed: see [`Line`] and [`Reference`].
    Text(&'v str),
    /// Bytes, in base64.
    Bytes(&'v [u8]),
    /// A number or something else that shows itself in letters, digits and points alone.
    Shown(&'v dyn Display),
}

/// An attribute by its name.
pub(in crate::license) type Attribute<'v> = (&'static str, Value<'v>);

impl<'v> From<&'v Line> for Value<'v> {
    fn from(line: &'v Line) -> Value<'v> {
        Value::Text(line.as_str())
    }
}

impl<'v> From<Option<&'v Line>> for Value<'v> {
    fn from(line: Option<&'v Line>) -> Value<'v> {
        line.map_or(Value::Absent, Value::from)
    }
}

impl<'v> From<&'v Reference> for Value<'v> {
    fn from(reference: &'v Reference) -> Value<'v> {
        Value::Text(reference.as_str())
    }
}

/// Of something that may be absent.
pub(in crate::license) fn shown<T: Display>(value: Option<&T>) -> Value<'_> {
    value.map_or(Value::Absent, |value| Value::Shown(value))
}

impl Writer {
    /// Writes a document: its root element with what is inside.
    pub(in crate::license) fn document<const N: usize>(
        root: &'static str,
        attributes: [Attribute<'_>; N],
        inside: impl FnOnce(&mut Writer),
    ) -> Written {
        let mut writer = Writer(Written {
            octets: Vec::with_capacity(USUAL_BYTES),
            shape: Vec::with_capacity(USUAL_BYTES),
        });
        writer.put(&["<", root, " xmlns=\"", Namespace::LICENSE.uri, "\""]);
        writer.rest(root, attributes, inside);
        writer.0
    }

    /// Writes an element with what is inside.
    pub(in crate::license) fn element<const N: usize>(
        &mut self,
        local: &'static str,
        attributes: [Attribute<'_>; N],
        inside: impl FnOnce(&mut Writer),
    ) {
        self.put(&["<", local]);
        self.rest(local, attributes, inside);
    }

    /// Writes an element that holds a value and no other elements.
    pub(in crate::license) fn leaf<const N: usize>(
        &mut self,
        local: &'static str,
        attributes: [Attribute<'_>; N],
        value: Value<'_>,
    ) {
        self.element(local, attributes, |writer| writer.value(value, escape_text));
    }

    /// Each of several things, in their order.
    pub(in crate::license) fn all<T>(&mut self, items: &[T], write: impl Fn(&mut Writer, &T)) {
        items.iter().for_each(|item| write(self, item));
    }

    /// What follows the name in the tag of an element.
    fn rest<const N: usize>(
        &mut self,
        local: &'static str,
        mut attributes: [Attribute<'_>; N],
        inside: impl FnOnce(&mut Writer),
    ) {
        attributes.sort_unstable_by_key(|(name, _)| *name);
        for (name, value) in attributes {
            if !matches!(value, Value::Absent) {
                self.put(&[" ", name, "=\""]);
                self.value(value, escape_attribute);
                self.put(&["\""]);
            }
        }
        self.put(&[">"]);
        inside(self);
        self.put(&["</", local, ">"]);
    }

    fn value(&mut self, value: Value<'_>, escape: fn(&str, &mut Vec<u8>)) {
        let Written { octets, shape } = &mut self.0;
        match value {
            Value::Absent => return,
            Value::Word(word) => {
                let begins = octets.len();
                escape(word, octets);
                shape.extend_from_slice(octets.get(begins..).unwrap_or_default());
                return;
            }
            Value::Text(text) => escape(text, octets),
            Value::Bytes(bytes) => put_base64(bytes, octets),
            // Writing to memory does not fail.
            Value::Shown(shown) => write!(octets, "{shown}").unwrap_or_default(),
        }
        shape.push(VALUE);
    }

    fn put(&mut self, pieces: &[&str]) {
        for piece in pieces {
            self.0.octets.extend_from_slice(piece.as_bytes());
            self.0.shape.extend_from_slice(piece.as_bytes());
        }
    }
}

/// Appends bytes in base64.
pub(in crate::license) fn put_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let begins = out.len();
    out.resize(begins + Base64::encoded_len(bytes), 0);
    let room = out.get_mut(begins..).unwrap_or_default();
    let written = Base64::encode(bytes, room);
    debug_assert!(written.is_ok(), "there is room for all of it");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Caps, read_canonical};

    #[test]
    fn what_is_written_is_canonical_whatever_the_order_and_the_characters() {
        let line = Line::parse("a < \"b\" & ]]> c\u{2028}d \u{1F40B}").unwrap();
        let written =
            Writer::document("z", [("b", (&line).into()), ("a", Value::Word("w"))], |w| {
                w.leaf("y", [("n", Value::Shown(&-7_i64))], (&line).into());
                w.element("x", [("none", Value::Absent)], |w| {
                    w.leaf("k", [], Value::Bytes(&[0, 1, 2, 3]));
                    w.leaf("empty", [], Value::Bytes(&[]));
                });
            });
        let root = read_canonical(&written.octets, &Caps::DOCUMENT).unwrap();
        let attributes = [root.attribute("a"), root.attribute("b")];
        assert_eq!(attributes, [Some("w"), Some(line.as_str())]);
        let inside: Vec<_> = root.elements().collect();
        assert_eq!(inside[0].attribute("n"), Some("-7"));
        assert_eq!(inside[0].text(), Some(line.as_str()));
        let texts: Vec<_> = inside[1].elements().map(|key| key.text()).collect();
        assert_eq!(texts, [Some("AAECAw=="), Some("")]);
    }

    #[test]
    fn a_shape_is_all_but_the_values() {
        let shape = |root, word, text: &str, bytes: &[u8]| {
            let line = Line::parse(text).unwrap();
            let value = [("word", Value::Word(word)), ("text", (&line).into())];
            Writer::document(root, value, |w| w.leaf("k", [], Value::Bytes(bytes))).shape
        };
        let one = shape("a", "w", "x", &[1]);
        assert_eq!(shape("a", "w", "another", &[2, 3]), one);
        assert_ne!(shape("b", "w", "x", &[1]), one);
        assert_ne!(shape("a", "v", "x", &[1]), one);
        // A value is never taken for a word, whatever word that is.
        assert_ne!(shape("a", "\u{ff}", "x", &[1]), shape("a", "", "x", &[1]));
    }
}
