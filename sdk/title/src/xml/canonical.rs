//! Writing the tree in canonical form.

use std::cmp::Ordering;

use super::element::{Attribute, Element, Node};

/// A namespace declaration that is written on an ancestor, or must be on this element.
type Binding<'a> = (&'a str, &'a str);

/// What is enough for most documents that are made per copy, and little for all.
const USUAL_BYTES: usize = 1024;

impl Element {
    /// The element's octets in Exclusive XML Canonicalization 1.0 without comments, with the
    /// element as the apex.
    ///
    /// The namespace declarations are exactly those that the names in it need, each on the
    /// outermost element that needs it. So this is both the whole document of which the
    /// element is the root, and what a verifier digests when a reference selects the element
    /// inside a larger document.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(USUAL_BYTES);
        write_element(self, &mut Vec::new(), &mut out);
        out
    }
}

fn write_element<'a>(element: &'a Element, scope: &mut Vec<Binding<'a>>, out: &mut Vec<u8>) {
    let outer = scope.len();
    let declarations = declarations(element, scope);
    out.push(b'<');
    write_name(element, out);
    for (prefix, uri) in &declarations {
        put(
            if prefix.is_empty() {
                " xmlns"
            } else {
                " xmlns:"
            },
            out,
        );
        put(prefix, out);
        put("=\"", out);
        escape_attribute(uri, out);
        out.push(b'"');
    }
    for attribute in in_canonical_order(&element.attributes) {
        out.push(b' ');
        write_qualified(&attribute.name.prefix, &attribute.name.local, out);
        put("=\"", out);
        escape_attribute(&attribute.value, out);
        out.push(b'"');
    }
    out.push(b'>');
    scope.extend(declarations);
    for child in &element.children {
        match child {
            Node::Element(child) => write_element(child, scope, out),
            Node::Text(text) => escape_text(text, out),
        }
    }
    scope.truncate(outer);
    write_end(element, out);
}

fn write_end(element: &Element, out: &mut Vec<u8>) {
    put("</", out);
    write_name(element, out);
    out.push(b'>');
}

/// The declarations the element's own names need and no ancestor has written, by prefix.
fn declarations<'a>(element: &'a Element, scope: &[Binding<'a>]) -> Vec<Binding<'a>> {
    let own = std::iter::once(&element.name);
    let prefixed = element
        .attributes
        .iter()
        .map(|attribute| &attribute.name)
        .filter(|name| !name.prefix.is_empty() && name.prefix != "xml");
    let mut needed: Vec<Binding<'a>> = own
        .chain(prefixed)
        .map(|name| (name.prefix.as_ref(), name.namespace.as_ref()))
        .filter(|(prefix, uri)| !same(in_scope(prefix, scope), uri))
        .collect();
    needed.sort_unstable();
    needed.dedup();
    needed
}

/// What a prefix stands for where the ancestors' declarations hold.
fn in_scope<'a>(prefix: &str, scope: &[Binding<'a>]) -> &'a str {
    scope
        .iter()
        .rev()
        .find(|(bound, _)| same(bound, prefix))
        .map_or("", |(_, uri)| uri)
}

/// Whether two names are equal. Nearly always both are the format's own one constant, which shows
/// without looking at its letters.
fn same(one: &str, other: &str) -> bool {
    std::ptr::eq(one, other) || one == other
}

/// By namespace, then by local name; attributes in no namespace come first.
fn in_canonical_order(attributes: &[Attribute]) -> Vec<&Attribute> {
    let mut ordered: Vec<&Attribute> = attributes.iter().collect();
    ordered.sort_by(|one, other| {
        let (one, other) = (&one.name, &other.name);
        let namespaces = match same(&one.namespace, &other.namespace) {
            true => Ordering::Equal,
            false => one.namespace.cmp(&other.namespace),
        };
        namespaces.then_with(|| one.local.cmp(&other.local))
    });
    ordered
}

fn write_name(element: &Element, out: &mut Vec<u8>) {
    write_qualified(&element.name.prefix, &element.name.local, out);
}

fn write_qualified(prefix: &str, local: &str, out: &mut Vec<u8>) {
    if !prefix.is_empty() {
        put(prefix, out);
        out.push(b':');
    }
    put(local, out);
}

fn put(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
}

/// Text between elements, with what stands for something else replaced.
pub(crate) fn escape_text(text: &str, out: &mut Vec<u8>) {
    escape(text, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

/// The value of an attribute likewise.
pub(crate) fn escape_attribute(value: &str, out: &mut Vec<u8>) {
    escape(value, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#x9;"),
        b'\n' => Some("&#xA;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

/// Everything that is replaced is one byte long, which no longer character has in it.
fn escape(text: &str, out: &mut Vec<u8>, replacement: impl Fn(u8) -> Option<&'static str>) {
    // Most texts hold nothing to replace, which shows without a stop at every byte.
    let replaces = |any, byte| any | replacement(byte).is_some();
    if !text.bytes().fold(false, replaces) {
        put(text, out);
        return;
    }
    let mut rest = text;
    while let Some((at, with)) = rest
        .bytes()
        .enumerate()
        .find_map(|(at, byte)| replacement(byte).map(|with| (at, with)))
    {
        let (plain, from) = rest.split_at(at);
        put(plain, out);
        put(with, out);
        rest = from.get(1..).unwrap_or_default();
    }
    put(rest, out);
}
