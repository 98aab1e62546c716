//! What the elements of a license are made of.

use base64ct::{Base64, Encoding};

use crate::license::{Line, Object};
use crate::xml::{Element, Namespace};

const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

pub(super) fn object(object: &Object) -> Element {
    let element = el("object")
        .with_attribute("type", object.id_type.as_str())
        .with_attribute("id", object.id.as_str());
    match &object.name {
        Some(name) => element.with_text(name.as_str()),
        None => element,
    }
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

pub(super) fn digest(sha256: &[u8; 32]) -> Element {
    el("digest")
        .with_attribute("algorithm", SHA256)
        .with_text(Base64::encode_string(sha256))
}

pub(super) fn public_key(spki_der: &[u8]) -> Element {
    el("public-key").with_text(Base64::encode_string(spki_der))
}

pub(in crate::license) fn el(local: &'static str) -> Element {
    Element::new(Namespace::LICENSE, local)
}

pub(super) fn line(local: &'static str, text: &Line) -> Element {
    el(local).with_text(text.as_str())
}

pub(super) fn with_line(element: Element, local: &'static str, text: Option<&Line>) -> Element {
    match text {
        Some(text) => element.with_child(line(local, text)),
        None => element,
    }
}

pub(in crate::license) fn with_all<T>(
    element: Element,
    items: &[T],
    write: impl Fn(&T) -> Element,
) -> Element {
    items.iter().map(write).fold(element, Element::with_child)
}

pub(super) fn with_number<N: ToString>(
    element: Element,
    local: &'static str,
    number: Option<N>,
) -> Element {
    match number {
        Some(number) => element.with_attribute(local, number.to_string()),
        None => element,
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
