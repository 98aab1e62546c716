//! What the elements of a license are made of.

use super::writer::{Value, Writer};
use crate::license::{Line, Object};
use crate::xml::{Element, Namespace};

const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

pub(super) fn object(writer: &mut Writer, object: &Object) {
    let attributes = [
        ("type", (&object.id_type).into()),
        ("id", (&object.id).into()),
    ];
    writer.leaf("object", attributes, object.name.as_ref().into());
}

pub(super) fn read_object(element: &Element) -> Option<Object> {
    let name = match element.text()? {
        "" => None,
        name => Some(parse(name)?),
    };
    Some(Object {
        id_type: parse(element.attribute("type")?)?,
        id: parse(element.attribute("id")?)?,
        name,
    })
}

pub(super) fn digest(writer: &mut Writer, sha256: &[u8; 32]) {
    let algorithm = [("algorithm", Value::Word(SHA256))];
    writer.leaf("digest", algorithm, Value::Bytes(sha256));
}

pub(super) fn public_key(writer: &mut Writer, spki_der: &[u8]) {
    writer.leaf("public-key", [], Value::Bytes(spki_der));
}

/// A line of text that may be absent.
pub(super) fn line(writer: &mut Writer, local: &'static str, text: Option<&Line>) {
    if let Some(text) = text {
        writer.leaf(local, [], text.into());
    }
}

pub(super) fn child<'e>(element: &'e Element, local: &str) -> Option<&'e Element> {
    element.element(Namespace::LICENSE, local)
}

pub(in crate::license) fn read_all<T>(
    element: &Element,
    local: &str,
    read: impl Fn(&Element) -> Option<T>,
) -> Option<Vec<T>> {
    element
        .elements()
        .filter(|child| child.is(Namespace::LICENSE, local))
        .map(read)
        .collect()
}

pub(super) fn parse(text: &str) -> Option<Line> {
    Line::parse(text).ok()
}

/// The text of an element that may be absent: nothing if it is there and cannot be read.
pub(super) fn optional_line(element: &Element, local: &str) -> Option<Option<Line>> {
    match child(element, local) {
        Some(found) => parse(found.text()?).map(Some),
        None => Some(None),
    }
}

pub(super) fn optional_attribute(element: &Element, local: &str) -> Option<Option<Line>> {
    match element.attribute(local) {
        Some(text) => parse(text).map(Some),
        None => Some(None),
    }
}

pub(super) fn optional_number<N: std::str::FromStr>(
    element: &Element,
    local: &str,
) -> Option<Option<N>> {
    match element.attribute(local) {
        Some(text) => text.parse().ok().map(Some),
        None => Some(None),
    }
}
