//! The tree.

use std::borrow::Cow;

/// A namespace with the prefix this format uses for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// The prefix; empty where it is the default namespace.
    pub prefix: &'static str,
    /// The name of the namespace.
    pub uri: &'static str,
}

impl Namespace {
    /// Colophon's own documents.
    pub const TITLE: Namespace = Namespace {
        prefix: "",
        uri: "urn:colophon:title:1",
    };
    /// Licenses.
    pub const LICENSE: Namespace = Namespace {
        prefix: "",
        uri: "urn:colophon:license:1",
    };
    /// OCF's documents: `container.xml`, `encryption.xml`, `signatures.xml`.
    pub const CONTAINER: Namespace = Namespace {
        prefix: "",
        uri: "urn:oasis:names:tc:opendocument:xmlns:container",
    };
    /// XML Encryption.
    pub const ENCRYPTION: Namespace = Namespace {
        prefix: "enc",
        uri: "http://www.w3.org/2001/04/xmlenc#",
    };
    /// XML Signature.
    pub const SIGNATURE: Namespace = Namespace {
        prefix: "ds",
        uri: "http://www.w3.org/2000/09/xmldsig#",
    };
    /// OCF's note on how an encrypted resource was compressed.
    pub const COMPRESSION: Namespace = Namespace {
        prefix: "comp",
        uri: "http://www.idpf.org/2016/encryption#compression",
    };

    /// What most documents use, so that reading them allocates nothing for their names.
    pub(super) const KNOWN: [Namespace; 6] = [
        Namespace::TITLE,
        Namespace::LICENSE,
        Namespace::CONTAINER,
        Namespace::ENCRYPTION,
        Namespace::SIGNATURE,
        Namespace::COMPRESSION,
    ];
}

/// The name of an element or attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The prefix it is written with; empty if none.
    pub prefix: Cow<'static, str>,
    /// The namespace; empty if none.
    pub namespace: Cow<'static, str>,
    /// The name within the namespace.
    pub local: Cow<'static, str>,
}

impl Name {
    /// A name in one of the format's namespaces.
    #[must_use]
    pub fn new(namespace: Namespace, local: &'static str) -> Name {
        Name {
            prefix: Cow::Borrowed(namespace.prefix),
            namespace: Cow::Borrowed(namespace.uri),
            local: Cow::Borrowed(local),
        }
    }

    /// Whether this is the name `local` in `namespace`, whatever the prefix.
    #[must_use]
    pub fn is(&self, namespace: Namespace, local: &str) -> bool {
        self.namespace == namespace.uri && self.local == local
    }
}

/// An attribute. Namespace declarations are not attributes; they follow from the names used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The name.
    pub name: Name,
    /// The value, as meant: without references.
    pub value: String,
}

/// What an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text, as meant: without references. Two texts never follow each other in a tree that
    /// was read.
    Text(String),
}

/// An element with all it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The name.
    pub name: Name,
    /// The attributes, in any order.
    pub attributes: Vec<Attribute>,
    /// Elements and text, in order.
    pub children: Vec<Node>,
}

impl Element {
    /// An empty element.
    #[must_use]
    pub fn new(namespace: Namespace, local: &'static str) -> Element {
        Element {
            name: Name::new(namespace, local),
            attributes: Vec::new(),
            children: Vec::new(),
        }
    }

    /// The element with one attribute more, in no namespace.
    #[must_use]
    pub fn with_attribute(mut self, local: &'static str, value: impl Into<String>) -> Element {
        let name = Name {
            prefix: "".into(),
            namespace: "".into(),
            local: local.into(),
        };
        self.attributes.push(Attribute {
            name,
            value: value.into(),
        });
        self
    }

    /// The element with text after what it holds.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Element {
        let text = text.into();
        // Canonical form knows no empty text, so the tree must not either.
        if !text.is_empty() {
            self.children.push(Node::Text(text));
        }
        self
    }

    /// The element with another element after what it holds.
    #[must_use]
    pub fn with_child(mut self, child: Element) -> Element {
        self.children.push(Node::Element(child));
        self
    }

    /// Whether the element's name is `local` in `namespace`.
    #[must_use]
    pub fn is(&self, namespace: Namespace, local: &str) -> bool {
        self.name.is(namespace, local)
    }

    /// The value of an attribute in no namespace.
    #[must_use]
    pub fn attribute(&self, local: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name.namespace.is_empty() && attribute.name.local == local)
            .map(|attribute| attribute.value.as_str())
    }

    /// The elements directly inside, text left out.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first element of this name directly inside.
    #[must_use]
    pub fn element(&self, namespace: Namespace, local: &str) -> Option<&Element> {
        self.elements().find(|element| element.is(namespace, local))
    }

    /// The element's text, if it holds nothing but text; empty for an empty element.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self.children.as_slice() {
            [] => Some(""),
            [Node::Text(text)] => Some(text),
            _ => None,
        }
    }
}
