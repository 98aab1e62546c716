//! XML as this format knows it: a tree of elements and text, and one way to write it down.
//!
//! What Colophon writes is written in the form that Exclusive XML Canonicalization 1.0 gives
//! (without comments), and is refused on reading unless it is byte for byte its own
//! re-emission ([`read_canonical`]). So two programs cannot read one document differently, a
//! signature over a document needs no general canonicalizer, and an element can be taken out
//! of its document and still has the octets that a verifier would canonicalize it to.
//!
//! XML of other people's making is read with [`read`] and never written back.
//!
//! No document may hold a DOCTYPE, so there are no entities but the five predefined ones.
//! [`Caps`] bounds everything else.

mod canonical;
mod characters;
mod element;
mod parse;

pub(crate) use canonical::{escape_attribute, escape_text};
pub use characters::is_text;
pub use element::{Attribute, Element, Name, Namespace, Node};
pub use parse::{read, read_canonical};

/// What a document may cost to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Length of the document in bytes.
    pub bytes_max: usize,
    /// Elements in the document.
    pub elements_max: usize,
    /// Elements inside each other, the root counted.
    pub depth_max: usize,
    /// Attributes of one element, namespace declarations counted.
    pub attributes_max: usize,
}

impl Caps {
    /// For documents whose size has nothing to do with the size of the title.
    pub const DOCUMENT: Caps = Caps {
        bytes_max: 1 << 20,
        elements_max: 1 << 16,
        depth_max: 64,
        attributes_max: 256,
    };

    /// For `encryption.xml` and `validation.xml`, which have a few elements with a few
    /// attributes for every entry of the container.
    pub const LIST: Caps = Caps {
        bytes_max: 1 << 24,
        elements_max: 1 << 18,
        attributes_max: 16,
        ..Caps::DOCUMENT
    };
}

/// Why a document was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlRefused {
    /// Longer than [`Caps::bytes_max`].
    #[error("longer than {bytes_max} bytes")]
    TooLong {
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// More elements than [`Caps::elements_max`].
    #[error("more than {elements_max} elements")]
    TooManyElements {
        /// The limit.
        elements_max: usize,
    },
    /// Elements nested deeper than [`Caps::depth_max`].
    #[error("elements nested deeper than {depth_max}")]
    TooDeep {
        /// The limit.
        depth_max: usize,
    },
    /// An element with more attributes than [`Caps::attributes_max`].
    #[error("an element with more than {attributes_max} attributes")]
    TooManyAttributes {
        /// The limit.
        attributes_max: usize,
    },
    /// A document type declaration.
    #[error("a document type declaration")]
    Doctype,
    /// An entity other than the predefined ones.
    #[error("an entity that is not predefined")]
    Entity,
    /// Not UTF-8.
    #[error("not UTF-8")]
    Encoding,
    /// Not well-formed, or not well-formed with regard to namespaces.
    #[error("not well-formed near byte {position}")]
    Malformed {
        /// About where, in bytes from the beginning.
        position: u64,
    },
    /// Well-formed, but not written in the canonical form.
    #[error("not in canonical form")]
    NotCanonical,
}

#[cfg(test)]
mod tests;
